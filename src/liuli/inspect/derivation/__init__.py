"""Back-propagation written out: the equations of each kind of layer, loss and activation, and how they are shown.

A rule per layer class, found in ``rules.RULES``; a layer without one is covered by ``general``.
"""
