"""Losses of a whole: of the overlap of two masks, of directions, of pairs of embeddings, of alignments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from liuli import losses
from liuli.inspect.derivation.activation_rules import log_softmax, sigmoid, softmax
from liuli.inspect.derivation.lines import Expression
from liuli.inspect.derivation.notation import fraction
from liuli.inspect.derivation.terms import LEAST, Array, Rule, Setting, Shares, Term
from liuli.losses import Loss


def _overlap(s: Setting) -> Term:
    """1 - N / D of sums over each sample: dL/da = -(N' D - N D') / D^2. What a mask leaves out is in no sum."""
    f, y = s.loss, np.asarray(s.target, np.float64)
    alpha, beta = (0.5, 0.5) if isinstance(f, losses.Dice) else (f.alpha, f.beta)
    keep = np.ones(()) if s.mask is None else np.reshape(s.mask, s.mask.shape + (1,) * (y.ndim - 2)).astype(float)
    axes = tuple(range(1, y.ndim))
    least = LEAST / 2 if isinstance(f, losses.Dice) else LEAST  # Dice has everything twice
    m = "" if s.mask is None else r"m \odot "

    def sums() -> tuple[Array, Array]:
        a = s.prediction()
        found, false, missed = ((keep * v).sum(axes, keepdims=True) for v in (y * a, (1 - y) * a, y * (1 - a)))
        return found + least, found + alpha * false + beta * missed + least

    def slope() -> Array:
        above, below = sums()
        return -keep * (y * below - above * (y + alpha * (1 - y) - beta * y)) / below**2

    def value() -> Array:
        above, below = sums()
        return 1 - above / below

    t, a = s.t, s.a
    N = rf"N = \sum {m}{t} \odot {a} + \varepsilon"
    D = rf"D = N + {alpha:.4g} \sum {m}(1 - {t}) \odot {a} + {beta:.4g} \sum {m}{t} \odot (1 - {a})"
    inner = rf"({t} + {alpha:.4g} \, (1 - {t}) - {beta:.4g} \, {t})"
    shares, where = Shares(*s.per_batch), rf"{N}, \quad {D}"
    return Term(
        shares.summed(r"(1 - \frac{N}{D})", value, where=where),
        shares.along(rf"{m}\frac{{{t} \odot D - N \odot {inner}}}{{D^{{2}}}}", slope, -1.0, where),
    )


def _cosine(s: Setting) -> Term:
    """-<t, a> / (|t| |a|): what of t does not point along a turns it."""
    y, a = (v[:, None] if v.ndim == 1 else v for v in (np.asarray(s.target, np.float64), s.prediction()))
    (u, _), (v, length) = _unit(y), _unit(a)
    cosine = (u * v).sum(-1, keepdims=True)
    rows = int(np.prod(a.shape[1:-1]))
    shares = s.shares(rows)
    over = rf"\frac{{{s.t}}}{{|{s.t}|}}"
    along = rf"\frac{{{s.a}}}{{|{s.a}|}}"
    return Term(
        shares.summed(rf"\langle {over}, {along}\rangle", lambda: -cosine[..., 0], -1.0),
        shares.along(
            rf"\frac{{1}}{{|{s.a}|}} ({over} - \langle {over}, {along}\rangle \odot {along})",
            lambda: (-(u - cosine * v) / length).reshape(s.prediction().shape),
            -1.0,
        ),
    )


def _unit(x: Array) -> tuple[Array, Array]:
    """x / |x| and |x|; of zeros, 1."""
    square = (x**2).sum(-1, keepdims=True)
    length = np.sqrt(np.where(square > 0, square, 1.0))
    return x / length, length


def _pairs(s: Setting) -> tuple[Array, Array]:
    """Which anchors and others are alike, and which not."""
    same = s.target[:, None] == s.target[None, :]
    return same & ~np.eye(len(same), dtype=bool), ~same


def _squares(x: Array) -> Array:
    return ((x[:, None] - x[None]) ** 2).sum(-1)


def _mean_of(keep: Array) -> Array:
    """Weights of a mean over all but the first axis of those to keep; of none, zeros."""
    count = keep.reshape(len(keep), -1).sum(1)
    return keep / np.maximum(count, 1).reshape(-1, *[1] * (keep.ndim - 1))


def _by_distances(s: Setting, value: Callable[[], Array], slope: Callable[[], Array], body: str, G: str) -> Term:
    """dL/dx_i = 2 sum_j (G_ij + G_ji) (x_i - x_j), G = dL/d(d^2)."""

    def gradient() -> Array:
        x, g = s.prediction(), s.per_sample * slope()
        both = g + g.T
        return 2 * (both.sum(1, keepdims=True) * x - both @ x)

    a = s.a
    formula = rf"2 \sum_{{j}} (G_{{ij}} + G_{{ji}}) ({a}[i] - {a}[j])"
    where = rf"d_{{ij}} = |{a}[i] - {a}[j]|, \quad G_{{ij}} = {fraction(*s.per_batch)}{G}"
    return Term(Shares(*s.per_batch).summed(body, value, where=where), Expression(formula, gradient, where))


def _contrastive(s: Setting) -> Term:
    """Alike: d^2; not: max(0, margin - d)^2, whose slope in d^2 is -max(0, margin - d) / d."""
    f, (alike, unlike) = s.loss, _pairs(s)
    weights = f.factor * _mean_of(alike | unlike)

    def value() -> Array:
        square = _squares(s.prediction())
        apart = np.maximum(0.0, f.margin - np.sqrt(square)) ** 2
        return weights * np.where(alike, square, apart)

    def slope() -> Array:
        d = np.sqrt(_squares(s.prediction()))
        pull = np.divide(np.maximum(0.0, f.margin - d), d, out=np.zeros_like(d), where=d > 0)
        return weights * np.where(alike, 1.0, -pull)

    same, other, k = r"[t_{i} = t_{j}]", r"[t_{i} \ne t_{j}]", rf"\frac{{{f.factor:.4g}}}{{{max(len(alike) - 1, 1)}}}"
    short = rf"\max(0, {f.margin:.4g} - d_{{ij}})"
    body = rf"{k} ({same} \, d_{{ij}}^{{2}} + {other} \, {short}^{{2}})"
    return _by_distances(s, value, slope, body, rf"{k} ({same} - {other} \frac{{{short}}}{{d_{{ij}}}})")


def _triplets(s: Setting) -> tuple[Array, Array]:
    """(anchor, j, k): how much each triplet counts, and d_ij - d_ik + margin of it."""
    f, (alike, unlike), x = s.loss, _pairs(s), s.prediction()
    d = _squares(x) if f.squared else np.sqrt(_squares(x))
    near, far = d[:, :, None], np.broadcast_to(d[:, None, :], (len(d),) * 3)
    every = alike[:, :, None] & unlike[:, None, :]
    if f.mining == "all":
        return _mean_of(every), near - far + f.margin
    if f.mining == "hard":
        j, k = _best(d, alike), _best(-d, unlike)
        return j[:, :, None] * k[:, None, :], near - far + f.margin
    beyond = unlike[:, None, :] & (far > near)
    nearest = np.where(beyond.any(-1, keepdims=True), _best(-far, beyond), _best(far, every))
    whole = alike & unlike.any(1, keepdims=True)
    return _mean_of(whole)[:, :, None] * nearest, near - far + f.margin


def _best(values: Array, keep: Array) -> Array:
    """The share of each element in the largest along the last axis among those to keep; of equal ones, even."""
    top = np.where(keep, values, -np.inf)
    found = keep & (top == top.max(-1, keepdims=True))
    return found / np.maximum(found.sum(-1, keepdims=True), 1)


def _triplet(s: Setting) -> Term:
    """max(0, d_ij - d_ik + margin) of the triplets that count: those alike come nearer, the others go."""
    f = s.loss

    def value() -> Array:
        weights, short = _triplets(s)
        return weights * np.maximum(0.0, short)

    def slope() -> Array:
        weights, short = _triplets(s)
        active = weights * (short > 0)
        by_distance = active.sum(2) - active.sum(1)  # of d_ij as the near and as the far side
        d = np.sqrt(_squares(s.prediction()))
        by_root = np.divide(by_distance, 2 * d, out=np.zeros_like(d), where=d > 0)
        return by_distance if f.squared else by_root

    d, power = ("d^{2}", "") if f.squared else ("d", r"\frac{1}{2 d_{ij}} ")
    short = rf"{d}_{{ij}} - {d}_{{ik}} + {f.margin:.4g}"
    body = rf"w_{{ijk}} \max(0, {short})"
    h = rf"{power}\sum_{{k}} (h_{{ijk}} - h_{{ikj}}), \quad h_{{ijk}} = w_{{ijk}} [{short} > 0]"
    return _by_distances(s, value, slope, body, h)


def _by_cosines(s: Setting, value: Callable[[], Array], slope: Callable[[], Array], body: str, where: str) -> Term:
    """dL/dx = (g - <g, u> u) / |x|, g = (G + G^T) u, u = x / |x|, G = dL/ds."""

    def gradient() -> Array:
        u, length = _unit(s.prediction())
        g = s.per_sample * slope()
        back = (g + g.T) @ u
        return (back - (back * u).sum(-1, keepdims=True) * u) / length

    formula = rf"\frac{{1}}{{|{s.a}|}} (g - \langle g, u\rangle \odot u)"
    said = rf"u = \frac{{{s.a}}}{{|{s.a}|}}, \quad s = u u^{{\top}}, \quad g = (G + G^{{\top}}) u, \quad {where}"
    return Term(Shares(*s.per_batch).summed(body, value, where=said), Expression(formula, gradient, said))


def _info_nce(s: Setting) -> Term:
    """log sum_k exp(s_ik / T) - s_ij / T, the mean over all j alike: G = (softmax - share) / T."""
    T, (alike, unlike) = s.loss.temperature, _pairs(s)
    share, some = _mean_of(alike), alike.any(1, keepdims=True)

    def scores() -> Array:
        u = _unit(s.prediction())[0]
        return np.where(alike | unlike, u @ u.T / T, -np.inf)

    def value() -> Array:
        logs = np.where(alike, log_softmax(scores()), 0.0)
        return -(share * logs).sum(1)

    factor = fraction(s.per_batch[0], s.per_batch[1] * T)
    t = f"{T:.4g}"
    log = rf"\log \sum_{{k \ne i}} \exp(\frac{{s_{{ik}}}}{{{t}}})"
    body = rf"[n_{{i}} > 0] ({log} - \sum_{{j}} p_{{ij}} \frac{{s_{{ij}}}}{{{t}}})"
    letters = [
        r"p_{ij} = \frac{[t_{i} = t_{j}, i \ne j]}{n_{i}}",
        r"n_{i} = \sum_{j} [t_{i} = t_{j}, i \ne j]",
        rf"G = {factor}[n > 0] \odot (\mathrm{{softmax}}(\frac{{s}}{{{t}}}) - p)",
    ]
    G = r", \quad ".join(letters)
    return _by_cosines(s, value, lambda: some * (softmax(scores()) - share) / T, body, G)


def _circle(s: Setting) -> Term:
    """log(1 + sum_j exp(near_ij) sum_k exp(far_ik)), near and far parabolas of d = 1 - s."""
    f, (alike, unlike) = s.loss, _pairs(s)
    alike = alike if f.remove_diagonal else alike | np.eye(len(alike), dtype=bool)
    whole = alike.any(1, keepdims=True) & unlike.any(1, keepdims=True)

    def parts() -> tuple[Array, Array, Array, Array]:
        u = _unit(s.prediction())[0]
        d = np.maximum(1 - u @ u.T, 0.0)
        near = np.where(alike, f.gamma * (d + f.margin) * (d - f.margin), -np.inf)
        far = np.where(unlike, f.gamma * np.maximum(0.0, 1 + f.margin - d) * (1 - f.margin - d), -np.inf)
        return d, np.where(whole, near, 0.0), np.where(whole, far, 0.0), 1.0 * (u @ u.T < 1)

    def both() -> Array:
        _, near, far, _ = parts()
        return np.logaddexp.reduce(near, 1, keepdims=True) + np.logaddexp.reduce(far, 1, keepdims=True)

    def value() -> Array:
        return np.where(whole, np.logaddexp(0.0, both()), 0.0)[:, 0]

    def slope() -> Array:
        d, near, far, inside = parts()
        more = 1 + f.margin - d
        of_far = -f.gamma * ((more > 0) * (1 - f.margin - d) + np.maximum(0.0, more))
        steep = softmax(near) * 2 * f.gamma * d + softmax(far) * of_far
        return -1.0 * whole * sigmoid(both()) * steep * inside

    g, m, c = f"{f.gamma:.4g}", f"{f.margin:.4g}", fraction(*s.per_batch)
    body = r"\log(1 + \exp(P_{i} + Q_{i}))"
    letters = [
        r"d = 1 - s",
        rf"P_{{i}} = \log \sum_{{j: t_{{j}} = t_{{i}}}} \exp({g} (d_{{ij}} + {m}) (d_{{ij}} - {m}))",
        rf"Q_{{i}} = \log \sum_{{k: t_{{k}} \ne t_{{i}}}} \exp({g} \max(0, 1 + {m} - d_{{ik}}) (1 - {m} - d_{{ik}}))",
        rf"G = -{c}\sigma(P + Q) \odot \frac{{\partial (P + Q)}}{{\partial d}}",
    ]
    return _by_cosines(s, value, slope, body, r", \quad ".join(letters))


def _ctc(s: Setting) -> Term:
    """-log p(t) over all alignments; dL/dz = p - q, q the share of each class at each step in the alignments of t."""
    kept = np.ones(s.prediction().shape[:2], bool) if s.mask is None else np.asarray(s.mask, bool)

    def each() -> list[tuple[float, Array]]:
        rows = zip(s.target, s.prediction(), kept, strict=True)
        return [_aligned(y, log_softmax(z[on])) for y, z, on in rows]

    def slope() -> Array:
        found = np.zeros(s.prediction().shape)
        for i, (_, q) in enumerate(each()):
            found[i, kept[i]] = softmax(s.prediction()[i, kept[i]]) - q
        return found

    def value() -> Array:
        return np.array([-log for log, _ in each()])

    shares, p = Shares(*s.per_batch), rf"\mathrm{{softmax}}({s.a})"
    over, product = rf"\pi \to {s.t}, \, \pi_{{\tau}} = c", r"\prod_{\tau'} p_{\tau' \pi_{\tau'}}"
    q = rf"q_{{\tau c}} = \frac{{1}}{{p({s.t})}} \sum_{{{over}}} {product}"
    total = rf"p({s.t}) = \sum_{{\pi \to {s.t}}} \prod_{{\tau}} p_{{\tau \pi_{{\tau}}}}, \quad p = {p}"
    m = "" if s.mask is None else r"m \odot "
    return Term(
        shares.summed(rf"\log p({s.t})", value, -1.0, total),
        shares.along(rf"{m}({p} - q)", slope, 1.0, rf"{q}, \quad {total}"),
    )


def _aligned(y: Array, log_p: Array) -> tuple[float, Array]:
    """log p(y) and the shares (steps, classes) of the classes, by sums forward and backward over the states."""
    labels = np.asarray(y)[np.asarray(y) > 0].astype(int)
    states = np.zeros(2 * len(labels) + 1, int)
    states[1::2] = labels
    skips = np.r_[False, False, (states[2:] > 0) & (states[2:] != states[:-2])][: len(states)]
    ahead = _reached(log_p[:, states], skips)
    back = np.r_[skips[2:], False, False][: len(states)][::-1]  # seen from the end
    both = ahead + _reached(log_p[::-1, states[::-1]], back)[::-1, ::-1] - log_p[:, states]
    total = np.logaddexp.reduce(both[0])
    if total == -np.inf:  # more labels than steps: no alignment, and no gradient
        return float(total), np.exp(log_p)
    q = np.zeros(log_p.shape)
    np.add.at(q.T, states, np.exp(both - total).T)
    return float(total), q


def _reached(log_p: Array, skips: Array) -> Array:
    """For each step and state the logarithm of the probability of all ways to it from the first two states."""
    found = np.full(log_p.shape, -np.inf)
    found[0, :2] = log_p[0, :2]
    for step in range(1, len(log_p)):
        before = found[step - 1]
        one = np.r_[-np.inf, before[:-1]]
        two = np.where(skips, np.r_[-np.inf, -np.inf, before[:-2]][: len(before)], -np.inf)
        found[step] = np.logaddexp(np.logaddexp(before, one), two) + log_p[step]
    return found


LOSSES: dict[type[Loss], Rule] = {
    losses.Dice: _overlap,
    losses.Tversky: _overlap,
    losses.CosineSimilarity: _cosine,
    losses.Contrastive: _contrastive,
    losses.TripletMargin: _triplet,
    losses.InfoNCE: _info_nce,
    losses.Circle: _circle,
    losses.CTC: _ctc,
}
