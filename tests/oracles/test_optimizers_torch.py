"""Optimizers against PyTorch: fifty steps of the same problem in float64, every dial a traced number."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from liuli import optimizers, schedules
from liuli.core.dials import dials, with_dials
from liuli.core.specs import members

torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
pytestmark = pytest.mark.oracle

STEPS = 50
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 4)), RNG.normal(size=(20, 3)) * 5
START = {"kernel": RNG.normal(size=(4, 3)), "bias": np.zeros(3)}


def ours(optimizer):
    """The parameters after each step. Dials enter the compiled step as an argument."""
    with jax.enable_x64(True):
        x, y = jnp.asarray(X), jnp.asarray(Y)

        def loss(w):
            return jnp.square(jnp.tanh(x @ w["kernel"] + w["bias"][None]) - y).mean()

        @jax.jit
        def step(w, slots, values, count):
            transform = with_dials(optimizer, values).transform(count)
            update, slots = transform.update(jax.grad(loss)(w), slots, w)
            return optax.apply_updates(w, update), slots

        w = jax.tree.map(jnp.asarray, START)
        slots, path = optimizer.transform(0).init(w), []
        for count in range(STEPS):
            w, slots = step(w, slots, dials(optimizer), count)
            path.append(np.concatenate([np.ravel(w["kernel"]), np.ravel(w["bias"])]))
        return np.stack(path)


def theirs(make, before_step=lambda w: None, after_step=lambda optimizer: None):
    """The same from PyTorch, with the optimizer that ``make`` makes of the parameters."""
    x, y = torch.tensor(X), torch.tensor(Y)
    kernel, bias = (torch.tensor(START[name].copy(), requires_grad=True) for name in ("kernel", "bias"))
    optimizer, path = make([kernel, bias]), []
    for _ in range(STEPS):
        optimizer.zero_grad()
        ((torch.tanh(x @ kernel + bias) - y) ** 2).mean().backward()
        before_step([kernel, bias])
        optimizer.step()
        after_step(optimizer)
        path.append(np.concatenate([kernel.detach().numpy().ravel(), bias.detach().numpy()]))
    return np.stack(path)


def agrees(optimizer, make, **hooks):
    want = theirs(make, **hooks)
    assert np.abs(want[-1] - want[0]).max() > 1e-3, "nothing moved: the comparison means nothing"
    np.testing.assert_allclose(ours(optimizer), want, rtol=1e-10, atol=1e-12)


CASES = {
    "sgd": (optimizers.SGD(0.1), lambda w: torch.optim.SGD(w, 0.1)),
    "momentum": (optimizers.SGD(0.1, momentum=0.9), lambda w: torch.optim.SGD(w, 0.1, momentum=0.9)),
    "nesterov": (
        optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        lambda w: torch.optim.SGD(w, 0.1, momentum=0.9, nesterov=True),
    ),
    "adam": (optimizers.Adam(0.02), lambda w: torch.optim.Adam(w, 0.02, eps=1e-7)),
    "adam, other dials": (
        optimizers.Adam(0.02, beta_1=0.7, beta_2=0.95, epsilon=1e-3),
        lambda w: torch.optim.Adam(w, 0.02, betas=(0.7, 0.95), eps=1e-3),
    ),
    "adamw": (optimizers.AdamW(0.02), lambda w: torch.optim.AdamW(w, 0.02, eps=1e-7, weight_decay=0.004)),
    "adamw, strong": (
        optimizers.AdamW(0.02, weight_decay=0.3),
        lambda w: torch.optim.AdamW(w, 0.02, eps=1e-7, weight_decay=0.3),
    ),
    "adam with weight_decay": (
        optimizers.Adam(0.02, weight_decay=0.3),
        lambda w: torch.optim.AdamW(w, 0.02, eps=1e-7, weight_decay=0.3),
    ),
    "rmsprop": (optimizers.RMSprop(0.02), lambda w: torch.optim.RMSprop(w, 0.02, alpha=0.9, eps=1e-7)),
    "rmsprop, other dials": (
        optimizers.RMSprop(0.02, rho=0.5, epsilon=1e-2),
        lambda w: torch.optim.RMSprop(w, 0.02, alpha=0.5, eps=1e-2),
    ),
}


def test_every_optimizer_is_compared():
    assert {type(optimizer) for optimizer, _ in CASES.values()} == set(members("optimizers").values())


@pytest.mark.parametrize("case", CASES)
def test_steps(case):
    agrees(*CASES[case])


CLIPS = {
    "clipvalue": (0.3, lambda w: torch.nn.utils.clip_grad_value_(w, 0.3)),
    "clipnorm": (0.5, lambda w: [scale(torch.linalg.vector_norm(p.grad), 0.5, [p]) for p in w]),
    "global_clipnorm": (
        0.5,
        lambda w: scale(torch.linalg.vector_norm(torch.cat([p.grad.ravel() for p in w])), 0.5, w),
    ),
}


def scale(norm, most, w):
    for p in w:
        p.grad *= min(1.0, most / norm.item())


@pytest.mark.parametrize("how", CLIPS)
def test_clipping(how):
    most, clip = CLIPS[how]
    agrees(optimizers.SGD(0.1, **{how: most}), lambda w: torch.optim.SGD(w, 0.1), before_step=clip)
    free = theirs(lambda w: torch.optim.SGD(w, 0.1))
    assert np.abs(free - ours(optimizers.SGD(0.1, **{how: most}))).max() > 1e-3, "nothing was clipped"
    np.testing.assert_allclose(free, ours(optimizers.SGD(0.1, **{how: 1e9})), rtol=1e-12)


@pytest.mark.parametrize("how", CLIPS)
def test_clipping_a_gradient_of_zero(how):
    with jax.enable_x64(True):
        transform = optimizers.SGD(0.1, **{how: 0.5}).transform(0)
        update, _ = transform.update({"w": jnp.zeros(3)}, transform.init({"w": jnp.zeros(3)}), {"w": jnp.zeros(3)})
        np.testing.assert_array_equal(update["w"], 0.0)


def test_weight_decay_beside_momentum():
    """Decay is apart from the gradient: w loses rate * weight_decay * w, and none of it enters v."""
    rate, decay, momentum = 0.1, 0.05, 0.9
    w, v, x, y = {k: s.copy() for k, s in START.items()}, {"kernel": 0.0, "bias": 0.0}, X, Y
    for _ in range(STEPS):
        h = np.tanh(x @ w["kernel"] + w["bias"])
        slope = 2 * (h - y) * (1 - h**2) / y.size
        g = {"kernel": x.T @ slope, "bias": slope.sum(0)}
        v = {k: momentum * v[k] + g[k] for k in w}
        w = {k: w[k] - rate * (v[k] + decay * w[k]) for k in w}
    got = ours(optimizers.SGD(rate, momentum=momentum, weight_decay=decay))[-1]
    np.testing.assert_allclose(got, np.concatenate([w["kernel"].ravel(), w["bias"]]), rtol=1e-10)


def test_a_schedule_sets_the_rate_of_each_step():
    schedule = schedules.ExponentialDecay(0.1, 10, 0.5)

    def make(w):
        optimizer = torch.optim.SGD(w, 0.1, momentum=0.9)
        optimizer.decay = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5**0.1)
        return optimizer

    agrees(optimizers.SGD(schedule, momentum=0.9), make, after_step=lambda optimizer: optimizer.decay.step())
