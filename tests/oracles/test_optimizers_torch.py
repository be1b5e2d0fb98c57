"""Optimizers against PyTorch: fifty steps of the same problem, every dial a traced number."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liuli import optimizers, schedules
from tests.oracles.descending import START, STEPS, X, Y, agree, by_hand, ours, steps

torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
pytestmark = pytest.mark.oracle


@pytest.fixture(autouse=True, scope="module")
def double():
    """Some of PyTorch's slots are of its default dtype."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def theirs(make, before_step=lambda w, backward: None, after_step=lambda optimizer: None):
    """The parameters after each step, with the optimizer that ``make`` makes of the parameters."""
    x, y = torch.tensor(X), torch.tensor(Y)
    kernel, bias = (torch.tensor(START[name].copy(), requires_grad=True) for name in ("kernel", "bias"))

    def backward():
        optimizer.zero_grad()
        loss = ((torch.tanh(x @ kernel + bias) - y) ** 2).mean()
        loss.backward()
        return loss

    optimizer, path = make([kernel, bias]), []
    for _ in range(STEPS):
        backward()
        before_step([kernel, bias], backward)
        optimizer.step()
        after_step(optimizer)
        path.append(np.concatenate([kernel.detach().numpy().ravel(), bias.detach().numpy()]))
    return np.stack(path)


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
    "amsgrad": (
        optimizers.Adam(0.2, beta_2=0.8, amsgrad=True),
        lambda w: torch.optim.Adam(w, 0.2, betas=(0.9, 0.8), eps=1e-7, amsgrad=True),
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
    "weight_decay of kernels alone": (
        optimizers.AdamW(0.02, weight_decay=0.3, exclude_from_weight_decay=("bias",)),
        lambda w: torch.optim.AdamW(
            [{"params": w[:1]}, {"params": w[1:], "weight_decay": 0.0}], 0.02, eps=1e-7, weight_decay=0.3
        ),
    ),
    "rmsprop": (optimizers.RMSprop(0.01, epsilon=0.05), lambda w: torch.optim.RMSprop(w, 0.01, alpha=0.9, eps=0.05)),
    "rmsprop, other dials": (
        optimizers.RMSprop(0.02, rho=0.5, epsilon=1e-2),
        lambda w: torch.optim.RMSprop(w, 0.02, alpha=0.5, eps=1e-2),
    ),
    "rmsprop with momentum": (
        optimizers.RMSprop(0.002, momentum=0.8),
        lambda w: torch.optim.RMSprop(w, 0.002, alpha=0.9, eps=1e-7, momentum=0.8),
    ),
    "rmsprop, centered": (
        optimizers.RMSprop(0.01, momentum=0.5, epsilon=1e-2, centered=True),
        lambda w: torch.optim.RMSprop(w, 0.01, alpha=0.9, eps=1e-2, momentum=0.5, centered=True),
    ),
    "adadelta": (optimizers.Adadelta(1.0, epsilon=1e-4), lambda w: torch.optim.Adadelta(w, 1.0, rho=0.95, eps=1e-4)),
    "adagrad": (
        optimizers.Adagrad(0.1, initial_accumulator_value=0.3, epsilon=0.0),
        lambda w: torch.optim.Adagrad(w, 0.1, initial_accumulator_value=0.3, eps=0.0),
    ),
    "adamax": (optimizers.Adamax(0.02), lambda w: torch.optim.Adamax(w, 0.02, eps=1e-7)),
    "nadam": (optimizers.Nadam(0.02, epsilon=1e-2), lambda w: torch.optim.NAdam(w, 0.02, eps=1e-2)),
    "nadam, other dials": (
        optimizers.Nadam(0.005, beta_1=0.8, beta_2=0.95, epsilon=1e-3, momentum_decay=0.3),
        lambda w: torch.optim.NAdam(w, 0.005, betas=(0.8, 0.95), eps=1e-3, momentum_decay=0.3),
    ),
    "radam": (optimizers.RAdam(0.02, epsilon=0.0), lambda w: torch.optim.RAdam(w, 0.02, eps=0.0)),
    "radam, other dials": (
        optimizers.RAdam(0.02, beta_1=0.8, beta_2=0.95, epsilon=0.0),
        lambda w: torch.optim.RAdam(w, 0.02, betas=(0.8, 0.95), eps=0.0),
    ),
    "rprop": (optimizers.Rprop(0.01), lambda w: torch.optim.Rprop(w, 0.01)),
    "rprop, other dials": (
        optimizers.Rprop(0.05, eta_minus=0.3, eta_plus=1.5, least_step=1e-3, largest_step=0.1),
        lambda w: torch.optim.Rprop(w, 0.05, etas=(0.3, 1.5), step_sizes=(1e-3, 0.1)),
    ),
    "asgd": (optimizers.ASGD(0.1, lambd=0.1, alpha=0.6), lambda w: torch.optim.ASGD(w, 0.1, lambd=0.1, alpha=0.6)),
    "adafactor": (
        optimizers.Adafactor(0.3, beta_2_decay=-0.7),
        lambda w: torch.optim.Adafactor(w, 0.3, beta2_decay=-0.7, eps=(1e-30, 1e-3)),
    ),
    "adafactor, other dials": (
        optimizers.Adafactor(0.003, -0.6, 1e-30, 0.5, 1.5, False),
        lambda w: torch.optim.Adafactor(w, 0.003, beta2_decay=-0.6, eps=(1e-30, 0.5), d=1.5),
    ),
    "multi": (
        optimizers.MultiOptimizer(optimizers.Adam(0.02), ("ker",), (optimizers.SGD(0.1, momentum=0.9),)),
        lambda w: Both(torch.optim.SGD(w[:1], 0.1, momentum=0.9), torch.optim.Adam(w[1:], 0.02, eps=1e-7)),
    ),
    "loss scale": (optimizers.LossScaleOptimizer("sgd"), lambda w: torch.optim.SGD(w, 0.01)),
}


class Both:
    """Two optimizers as one."""

    def __init__(self, *each):
        self.each = each

    def zero_grad(self):
        for optimizer in self.each:
            optimizer.zero_grad()

    def step(self):
        for optimizer in self.each:
            optimizer.step()


@pytest.mark.parametrize("case", CASES)
def test_steps(case):
    optimizer, make = CASES[case]
    agree(optimizer, theirs(make))


CLIPS = {
    "clipvalue": (0.03, lambda w, _: torch.nn.utils.clip_grad_value_(w, 0.03)),
    "clipnorm": (0.05, lambda w, _: [scale(torch.linalg.vector_norm(p.grad), 0.05, [p]) for p in w]),
    "global_clipnorm": (
        0.05,
        lambda w, _: scale(torch.linalg.vector_norm(torch.cat([p.grad.ravel() for p in w])), 0.05, w),
    ),
    "adaptive_clip": (0.1, lambda w, _: [by_unit(p, 0.1) for p in w]),
}


def scale(norm, most, w):
    for p in w:
        p.grad *= min(1.0, most / norm.item())


def by_unit(p, most):
    """Each column of a matrix, or the whole vector, at most ``most`` times its weights."""
    for unit, g in zip(p.detach().T, p.grad.T, strict=True) if p.ndim == 2 else [(p.detach(), p.grad)]:
        size = max(torch.linalg.vector_norm(unit).item(), 1e-3)
        g *= min(1.0, most * size / torch.linalg.vector_norm(g).item())


@pytest.mark.parametrize("how", CLIPS)
def test_clipping(how):
    most, clip = CLIPS[how]
    agree(optimizers.SGD(0.1, **{how: most}), theirs(lambda w: torch.optim.SGD(w, 0.1), before_step=clip))
    free = theirs(lambda w: torch.optim.SGD(w, 0.1))
    assert np.abs(free - ours(optimizers.SGD(0.1, **{how: most}))).max() > 1e-3, "nothing was clipped"
    np.testing.assert_allclose(free, ours(optimizers.SGD(0.1, **{how: 1e9})), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("how", CLIPS)
def test_clipping_a_gradient_of_zero(how):
    with jax.enable_x64(True):
        optimizer, w = optimizers.SGD(0.1, **{how: 0.5}), {"w": jnp.zeros(3)}
        np.testing.assert_array_equal(optimizer.apply({"w": jnp.zeros(3)}, w, optimizer.init(w), 0)[0]["w"], 0.0)


def test_momentum_and_decay_together():
    """PyTorch's SGD has no decoupled decay: the formula itself, in NumPy."""
    rate, momentum, decay = 0.1, 0.9, 0.2

    def move(name, w, g, t, slots):
        slots["v"] = momentum * slots.get("v", 0.0) + g
        return w - rate * (slots["v"] + decay * w)

    agree(optimizers.SGD(rate, momentum=momentum, weight_decay=decay), by_hand(move))


def test_a_schedule_sets_the_rate_of_each_step():
    schedule = schedules.ExponentialDecay(0.1, 10, 0.5)

    def make(w):
        optimizer = torch.optim.SGD(w, 0.1, momentum=0.9)
        optimizer.decay = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5**0.1)
        return optimizer

    want = theirs(make, after_step=lambda optimizer: optimizer.decay.step())
    agree(optimizers.SGD(schedule, momentum=0.9), want)


def test_sharpness_aware_minimization():
    """Climb rho along the gradient, take the gradient there, go back, step."""

    def climb(w, backward):
        norm = torch.linalg.vector_norm(torch.cat([p.grad.ravel() for p in w]))
        before = [p.detach().clone() for p in w]
        with torch.no_grad():
            for p in w:
                p += 0.05 * p.grad / norm
        backward()
        with torch.no_grad():
            for p, old in zip(w, before, strict=True):
                p.copy_(old)

    base = optimizers.SGD(0.02, momentum=0.5)
    agree(optimizers.SAM(base, 0.05), theirs(lambda w: torch.optim.SGD(w, 0.02, momentum=0.5), before_step=climb))


def test_the_average_of_asgd():
    """PyTorch keeps it in ``ax``."""
    found = []

    def keep(optimizer):
        found.append(np.concatenate([p["ax"].detach().numpy().ravel() for p in optimizer.state.values()]))

    theirs(lambda w: torch.optim.ASGD(w, 0.1, t0=10), after_step=keep)
    optimizer = optimizers.ASGD(0.1, t0=10)
    means = [optimizer.averaged(w, slots) for w, slots in steps(optimizer)]
    got = np.stack([np.concatenate([np.ravel(m["kernel"]), np.ravel(m["bias"])]) for m in means])
    np.testing.assert_allclose(got, np.stack(found), rtol=1e-10)
