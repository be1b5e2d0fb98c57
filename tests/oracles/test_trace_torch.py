"""Traced values and gradients against PyTorch's autograd with retain_grad, on the same weights."""

import numpy as np
import pytest

import liuli as ll
from liuli import layers
from liuli.core.trees import paths

torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
pytestmark = pytest.mark.oracle
F = torch.nn.functional

RNG = np.random.default_rng(0)
FEATURES, IMAGES, SEQUENCES = RNG.normal(size=(6, 5)), RNG.normal(size=(4, 6, 5, 2)), RNG.normal(size=(4, 3, 2))
LABELS, NUMBERS = RNG.integers(0, 3, size=6), RNG.normal(size=(6, 3))
YES = RNG.integers(0, 2, size=(6, 3)).astype(float)


class Seen(dict):
    """Tensors by the path that they have in liuli, their gradients kept."""

    def keep(self, path, tensor):
        tensor.retain_grad()
        self[path] = tensor
        return tensor


def weights_of(model):
    """The parameters as tensors, by path."""
    return {path: torch.tensor(np.asarray(a), requires_grad=True) for path, a in paths(model.params).items()}


def dense(seen, w, value, x, f):
    """A Dense layer; the value's name before @ is the layer's."""
    name = value.partition("@")[0]
    z = seen.keep(f"{value}/z", x @ w[f"{name}/kernel"] + w[f"{name}/bias"])
    return seen.keep(f"{value}/y", f(z))


def entering(seen, x, name="input_1", dtype=torch.float32):
    return seen.keep(f"{name}/y", torch.tensor(x, dtype=dtype, requires_grad=True))


def agree(trace, seen, w, loss):
    """Every tap and every parameter has the value and the gradient that PyTorch finds."""
    loss.backward()
    assert set(trace) == set(seen)
    assert trace.loss == pytest.approx(loss.item(), rel=1e-5)
    mine = {**trace, **paths(trace.params)}
    for path, tensor in {**seen, **w}.items():
        near(mine[path].value, tensor.detach().numpy(), path)
        near(mine[path].gradient, tensor.grad.numpy(), path)


def near(got, want, path):
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * max(np.abs(want).max(), 1e-3), err_msg=path)


def softmax_cross_entropy(y, label):
    return -torch.log(y[torch.arange(len(y)), torch.tensor(label)]).mean()


@pytest.mark.parametrize(
    ("last", "loss", "y", "theirs"),
    [
        ("softmax", "categorical_crossentropy", LABELS, softmax_cross_entropy),
        ("softmax", "sparse_categorical_crossentropy", LABELS, softmax_cross_entropy),
        ("sigmoid", "binary_crossentropy", YES, lambda p, y: F.binary_cross_entropy(p, torch.tensor(y).float())),
        ("linear", "mse", NUMBERS, lambda p, y: F.mse_loss(p, torch.tensor(y).float())),
        ("tanh", "mae", NUMBERS, lambda p, y: F.l1_loss(p, torch.tensor(y).float())),
    ],
)
def test_layers_in_a_line(last, loss, y, theirs):
    model = ll.Model(ll.Sequential([layers.Dense(4, "relu"), layers.Dense(3, last)]), loss=loss)
    trace = ll.inspect.trace(model, FEATURES, y)
    seen, w = Seen(), weights_of(model)
    f = {"softmax": lambda z: F.softmax(z, -1), "linear": lambda z: z * 1, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
    h = dense(seen, w, "dense_1", entering(seen, FEATURES), F.relu)
    p = dense(seen, w, "dense_2", h, f[last])
    agree(trace, seen, w, theirs(p, y))


def test_matched_softmax_gradient_is_p_minus_t():
    model = ll.Model(ll.Sequential([layers.Dense(3, "softmax")]), loss="categorical_crossentropy")
    trace = ll.inspect.trace(model, FEATURES, LABELS)
    t, p = np.eye(3)[LABELS], trace["dense_1/y"].value
    np.testing.assert_allclose(p.sum(-1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(trace["dense_1/z"].gradient, (p - t) / len(t), atol=1e-7)
    np.testing.assert_allclose(trace["dense_1/y"].gradient, -t / p / len(t), rtol=1e-5)


def test_residual_with_a_shared_layer():
    x = ll.Input((5,))
    shared = layers.Dense(5, "tanh")
    once = shared(x)
    y = layers.Dense(3)(layers.Add()([x, shared(once)]))
    model = ll.Model(ll.Graph(x, y), loss="mse")
    trace = ll.inspect.trace(model, FEATURES, NUMBERS)
    seen, w = Seen(), weights_of(model)
    start = entering(seen, FEATURES)
    first = dense(seen, w, "dense_1", start, torch.tanh)
    total = seen.keep("add_1/y", start + dense(seen, w, "dense_1@2", first, torch.tanh))
    p = dense(seen, w, "dense_2", total, lambda z: z * 1)
    agree(trace, seen, w, F.mse_loss(p, torch.tensor(NUMBERS).float()))


def test_penalties_are_in_the_loss():
    net = ll.Sequential([layers.Dense(3, kernel_regularizer=ll.regularizers.L1L2(0.1, 0.2))])
    model = ll.Model(net, loss="mse")
    trace = ll.inspect.trace(model, FEATURES, NUMBERS)
    seen, w = Seen(), weights_of(model)
    p = dense(seen, w, "dense_1", entering(seen, FEATURES), lambda z: z * 1)
    kernel = w["dense_1/kernel"]
    penalty = 0.1 * kernel.abs().sum() + 0.2 * kernel.square().sum()
    assert trace.penalty == pytest.approx(penalty.item(), rel=1e-5)
    agree(trace, seen, w, F.mse_loss(p, torch.tensor(NUMBERS).float()) + penalty)


def test_two_inputs_and_outputs():
    a, b = ll.Input((5,)), ll.Input((5,))
    h = layers.Concatenate()([a, b])
    net = ll.Graph([a, b], [layers.Dense(3, "softmax")(h), layers.Dense(3, "sigmoid")(h)])
    losses = ["categorical_crossentropy", "binary_crossentropy"]
    model = ll.Model(net, loss=losses, loss_weights=[0.5, 2.0])
    trace = ll.inspect.trace(model, (FEATURES, -2 * FEATURES), (LABELS, YES))
    seen, w = Seen(), weights_of(model)
    entered = entering(seen, FEATURES), entering(seen, -2 * FEATURES, "input_2")
    joined = seen.keep("concatenate_1/y", torch.cat(entered, -1))
    p = dense(seen, w, "dense_1", joined, lambda z: F.softmax(z, -1))
    q = dense(seen, w, "dense_2", joined, torch.sigmoid)
    loss = 0.5 * softmax_cross_entropy(p, LABELS) + 2.0 * F.binary_cross_entropy(q, torch.tensor(YES).float())
    agree(trace, seen, w, loss)


def test_convolution_and_batch_normalization_in_training():
    stack = [layers.Conv2D(3, 3), layers.BatchNormalization(), layers.Activation("relu"), layers.Flatten()]
    net = ll.Sequential([*stack, layers.Dense(3, "softmax")])
    model = ll.Model(
        net, loss="categorical_crossentropy", precision="float64"
    )  # the gradient of the first bias is zero
    trace = ll.inspect.trace(model, IMAGES, LABELS[:4], training=True)
    seen, w = Seen(), weights_of(model)
    x = entering(seen, IMAGES, dtype=torch.float64)
    z = F.conv2d(x.permute(0, 3, 1, 2), w["conv2d_1/kernel"].permute(3, 2, 0, 1), w["conv2d_1/bias"])
    y = seen.keep("conv2d_1/y", seen.keep("conv2d_1/z", z.permute(0, 2, 3, 1)) * 1)
    name = "batch_normalization_1"
    mean = seen.keep(f"{name}/mean", y.mean((0, 1, 2)))
    variance = seen.keep(f"{name}/variance", (y - mean).square().mean((0, 1, 2)))
    xhat = seen.keep(f"{name}/xhat", (y - mean) / torch.sqrt(variance + 1e-3))
    scaled = seen.keep(f"{name}/y", w[f"{name}/gamma"] * xhat + w[f"{name}/beta"])
    active = seen.keep("activation_1/y", F.relu(seen.keep("activation_1/z", scaled * 1)))
    p = dense(seen, w, "dense_1", seen.keep("flatten_1/y", active.reshape(4, -1)), lambda z: F.softmax(z, -1))
    agree(trace, seen, w, softmax_cross_entropy(p, LABELS[:4]))


def test_lstm_through_time():
    model = ll.Model(ll.Sequential([layers.LSTM(3), layers.Dense(3)]), loss="mse")
    trace = ll.inspect.trace(model, SEQUENCES, NUMBERS[:4])
    seen, w, steps = Seen(), weights_of(model), {"gates": [], "c": [], "h": []}
    x = entering(seen, SEQUENCES)
    h = c = torch.zeros(4, 3)
    for t in range(3):
        gates = x[:, t] @ w["lstm_1/kernel"] + h @ w["lstm_1/recurrent_kernel"] + w["lstm_1/bias"]
        gates.retain_grad()
        i, f, g, o = torch.split(gates, 3, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        c.retain_grad()
        h = torch.sigmoid(o) * torch.tanh(c)
        h.retain_grad()
        for tap, tensor in zip(steps, (gates, c, h), strict=True):
            steps[tap].append(tensor)
    p = dense(seen, w, "dense_1", seen.keep("lstm_1/y", h * 1), lambda z: z * 1)
    F.mse_loss(p, torch.tensor(NUMBERS[:4]).float()).backward()
    mine = {**trace, **paths(trace.params)}
    for path, tensor in {**seen, **w}.items():
        near(mine[path].gradient, tensor.grad.numpy(), path)
    for tap, tensors in steps.items():
        near(trace[f"lstm_1/{tap}"].value, torch.stack(tensors, 1).detach().numpy(), tap)
        near(trace[f"lstm_1/{tap}"].gradient, torch.stack([each.grad for each in tensors], 1).numpy(), tap)


def test_a_transformer_block():
    """Every value inside: projections, scores, weights, context, both sums and norms, the units between."""
    model = ll.Model(
        ll.Sequential([layers.TransformerEncoder(7, 2, activation="gelu"), layers.GlobalAveragePooling1D()]), loss="mse"
    )
    x, y = RNG.normal(size=(3, 5, 8)), RNG.normal(size=(3, 8))
    trace = ll.inspect.trace(model, x, y)
    seen, w = Seen(), weights_of(model)
    block = "transformer_encoder_1"

    def product(name, x):
        return x @ w[f"{block}/{name}/kernel"] + w[f"{block}/{name}/bias"]

    def norm(name, x):
        xhat = F.layer_norm(x, (8,), eps=model.net.names[block].layer_norm_epsilon)
        xhat = seen.keep(f"{block}/{name}/xhat", xhat)
        return seen.keep(f"{block}/{name}/y", xhat * w[f"{block}/{name}/gamma"] + w[f"{block}/{name}/beta"])

    start, a = entering(seen, x), f"{block}/self_attention"
    q, k, v = (
        seen.keep(f"{a}/{short}", product(f"self_attention/{name}", start).reshape(3, 5, 2, 4))
        for short, name in (("q", "query"), ("k", "key"), ("v", "value"))
    )
    scores = seen.keep(f"{a}/scores", torch.einsum("bqhd,bkhd->bhqk", q, k) / 2.0)
    weights = seen.keep(f"{a}/weights", F.softmax(scores, -1))
    context = seen.keep(f"{a}/context", torch.einsum("bhqk,bkhd->bqhd", weights, v))
    z = seen.keep(f"{a}/z", product("self_attention/attention_output", context.reshape(3, 5, 8)))
    z = seen.keep(f"{a}/y", z * 1)
    h = norm("self_attention_norm", seen.keep(f"{block}/self_attention_sum/y", start + z))
    between = seen.keep(f"{block}/intermediate/z", product("intermediate", h))
    between = seen.keep(f"{block}/intermediate/y", F.gelu(between))
    out = seen.keep(f"{block}/output/z", product("output", between))
    out = seen.keep(f"{block}/output/y", out * 1)
    out = norm("feedforward_norm", seen.keep(f"{block}/feedforward_sum/y", h + out))
    mean = seen.keep("global_average_pooling1d_1/y", seen.keep(f"{block}/y", out * 1).mean(1))
    agree(trace, seen, w, F.mse_loss(mean, torch.tensor(y).float()))
