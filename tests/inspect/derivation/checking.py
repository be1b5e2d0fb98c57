"""A derivation that is looked at from all sides."""

import numpy as np

import liuli as ll
from liuli.core.trees import paths
from liuli.inspect import derive


def checked(net, loss, x, y, training=False, **kwargs):
    """The derivation, each line of which is right, and which leaves out no tap and no parameter."""
    found = derive(ll.Model(net, loss, **kwargs), x, y, training=training)
    for line in found.lines:
        scale = max(np.abs(line.value).max(), 1e-3)
        np.testing.assert_allclose(line.compute(), line.value, rtol=0, atol=1e-5 * scale, err_msg=line.path)
    assert len(found.errors) == len(found.lines) and max(found.errors.values()) < 1e-5
    sides = {side: {line.path for line in found.lines if line.section == side} for side in ("forward", "backward")}
    inside = {path for path in found.trace if not path.startswith(("input_", "part_"))}  # a part is of what was made
    assert sides["forward"] == inside
    with_gradient = {path for path, seen in found.trace.items() if seen.gradient is not None and "part_" not in path}
    assert sides["backward"] == with_gradient | set(paths(found.trace.params))
    assert str(found) and found._repr_html_().startswith("<div") and found.to_latex().endswith(r"\end{align*}")
    return found
