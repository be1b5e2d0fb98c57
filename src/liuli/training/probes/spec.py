"""What to measure while training, and how often."""

from __future__ import annotations

from liuli.core.specs import Spec, setting, spec


@spec
class Probes(Spec, family="training"):
    """What is measured inside the training loop: in every ``every``-th step and the one after it.

    Of every layer's output: mean, spread, the share of exact zeros, of saturated elements, of dead units, the effective
    rank, the norm of the gradient that arrives there. Of every parameter: its norm, that of its gradient, that of the
    update. Of the whole: the gradient noise scale, the samples with the greatest loss.

    every:       steps from one measurement to the next.
    window:      a unit is dead that was 0 for every sample in so many measured steps.
    worst:       how many samples with the greatest loss are kept of each measured step.
    noise:       whether to measure the noise scale, for which the last measured gradient is kept.
    rank:        whether to measure the effective rank, of the outputs of the first 64 samples.
    histograms:  bins of the histogram of each output and its gradient; 0 makes none.

    Example:
        >>> import numpy as np, liuli as ll
        >>> model = ll.Model(ll.Sequential([ll.layers.Dense(4, "relu"), ll.layers.Dense(1)]), "mse")
        >>> x = np.linspace(-1, 1, 64)[:, None]
        >>> history = model.fit(x, x**2, epochs=8, probes=ll.Probes(every=4), verbose=0)
        >>> len(history.probes), history.probes["dense_1/mean"].shape
        (8, (8,))

    Reference: Schneider, Dangel and Hennig, *Cockpit: A Practical Debugging Tool for the Training of Deep Neural
    Networks*, NeurIPS 2021.
    """

    every: int = setting(default=16, least=1)
    window: int = setting(default=32, least=1)
    worst: int = setting(default=4, least=0)
    noise: bool = True
    rank: bool = True
    histograms: int = setting(default=0, least=0)

    @property
    def span(self) -> int:
        """How many steps are measured one after the other: two, since noise is the difference of two gradients."""
        return min(self.every, 2 if self.noise else 1)


def as_probes(asked: Probes | int | bool | None) -> Probes | None:
    """What a caller means: a number of steps, or True for those that are usual."""
    if asked is None or asked is False:
        return None
    if isinstance(asked, Probes):
        return asked
    return Probes() if asked is True else Probes(every=asked)
