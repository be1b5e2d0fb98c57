"""The graph: the one interpreter, the one place where layers are called.

A graph is a value: nodes in an order in which each comes after its inputs. A graph is itself a layer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from liuli.core.errors import LiuliError, ShapeError, SpecError
from liuli.core.fields import nearest
from liuli.core.keys import fold
from liuli.core.specs import Spec, spec, with_fields
from liuli.layers.base import Apply, Context, Layer, Params, State, Symbol
from liuli.layers.input import InputLayer
from liuli.networks.functional import draw
from liuli.regularizers import Regularizer

_MOST = 3  # layers that are called as one


@spec
class Node(Spec, family="networks"):
    """A named layer in a graph, and the names of the values that it takes.

    name:    the name of its parameters and of its first value; a second use of a shared layer makes ``name@2``.
    layer:   what it does.
    inputs:  the values that it takes, in order.

    Example:
        >>> from liuli import layers
        >>> from liuli.networks import Node
        >>> Node("hidden", layers.Dense(8), ("input_1",)).name
        'hidden'
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...] = ()

    def part_name(self, field: str, index: int | None, part: Spec) -> str:
        return ""


@spec
class Graph(Layer, family="networks"):
    """A network of layers: any acyclic graph, with shared layers, several inputs and several outputs.

    inputs:   the names of the values that enter; or, when drawing, ``ll.Input`` values.
    outputs:  the names of the values that leave; or, when drawing, what layers made of the inputs.
    nodes:    the layers in order; found by itself when drawing.

    Raises:
        SpecError: two nodes claim one name, or a value is used before it is made.

    Example:
        >>> import liuli as ll
        >>> x = ll.Input((32,)); h = ll.layers.Dense(64, "relu", name="hidden")(x)
        >>> net = ll.Graph(x, ll.layers.Add()([h, ll.layers.Dense(64)(h)]))
        >>> list(net.names)
        ['input_1', 'hidden', 'dense_1', 'add_1']
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()

    takes_integers: ClassVar[bool] = True

    if TYPE_CHECKING:  # what the constructor takes besides what the fields hold

        def __init__(
            self,
            inputs: Symbol | Sequence[Symbol | str] = (),
            outputs: Symbol | Sequence[Symbol | str] = (),
            nodes: Sequence[Node] = (),
            *,
            name: str | None = None,
            trainable: bool = True,
            activity_regularizer: Regularizer | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        if not self.nodes and _drawn(self.inputs) and _drawn(self.outputs):
            names = draw(_several(self.inputs), _several(self.outputs))
            object.__setattr__(self, "nodes", tuple(Node(name, layer, made_of) for name, layer, made_of in names.nodes))
            object.__setattr__(self, "inputs", names.inputs)
            object.__setattr__(self, "outputs", names.outputs)
        super().__post_init__()

    def check(self) -> None:
        made: set[str] = set()
        layers: dict[str, Layer] = {}
        for value, node in self.calls():
            if not re.fullmatch(r"[A-Za-z_][\w.-]*", node.name):
                raise SpecError(
                    "Graph", got=f"the name {node.name!r}", expected="letters, digits, _ . -", fix="name='hidden'"
                )
            if layers.setdefault(node.name, node.layer) != node.layer:
                raise SpecError(
                    node.name, got="two different layers of this name", expected="one", fix="rename one of them"
                )
            if missing := [name for name in node.inputs if name not in made]:
                raise SpecError(
                    value,
                    got=f"the input {missing[0]!r}",
                    expected="a value made before it",
                    fix=nearest(missing[0], made),
                )
            made.add(value)
        if not self.outputs or not set(self.outputs + self.inputs) <= made:
            raise SpecError(
                "Graph", got=f"outputs {self.outputs}", expected=f"names among {sorted(made)}", fix="Graph(x, y)"
            )

    def part_name(self, field: str, index: int | None, part: Spec) -> str:
        return part.name if isinstance(part, Node) else field

    # Looking at it -----------------------------------------------------------------------------------

    @property
    def output_count(self) -> int:
        return len(self.outputs)

    @property
    def names(self) -> dict[str, Layer]:
        """Every layer by the name of its node; a shared layer once."""
        return {node.name: node.layer for node in self.nodes}

    def calls(self) -> Iterator[tuple[str, Node]]:
        """Every call in order: the name of the value that it makes, and the node."""
        uses: dict[str, int] = {}
        for node in self.nodes:
            uses[node.name] = uses.get(node.name, 0) + 1
            yield (node.name if uses[node.name] == 1 else f"{node.name}@{uses[node.name]}"), node

    @property
    def is_line(self) -> bool:
        """Whether each node takes exactly the one before it: a Sequential."""
        values = list(self.calls())
        line = all(node.inputs == (before,) for (before, _), (_, node) in pairwise(values))
        return line and self.outputs == (values[-1][0],) and len(self.names) == len(values)

    def __repr__(self) -> str:
        if not self.is_line:
            calls = ", ".join(f"{value} = {node.layer!r}({', '.join(node.inputs)})" for value, node in self.calls())
            return f"Graph({calls})"
        layers = [node.layer for node in self.nodes if node.layer != InputLayer()]
        return f"Sequential([{', '.join(map(repr, layers))}])"

    def plot(self, ax: Any = None, language: str = "en") -> Any:
        """The network drawn on a Matplotlib axis: boxes and arrows, from the entrances above to the exits below."""
        from liuli.networks.drawing import network

        return network(self, ax=ax, language=language)

    def _repr_html_(self) -> str:
        from liuli.networks.drawing import picture

        return picture(self)

    # Running it --------------------------------------------------------------------------------------

    def init(self, key: jax.Array, x: Any) -> tuple[Params, State]:
        params: Params = {}
        state: State = {}

        def call(value: str, node: Node, xs: Any) -> Any:
            entering = jax.eval_shape(lambda v: ready(v, node.layer, None), xs)
            if node.name not in params:
                params[node.name], state[node.name] = node.layer.init(fold(key, node.name), entering)
            run = node.layer.apply
            return jax.eval_shape(
                lambda p, s, v: run(p, s, v, Context(path=value)), params[node.name], state[node.name], entering
            )[0]

        self.walk(x, _explained(call))
        return _filled(params), _filled(state)

    def apply(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[Any, State]:
        y, _, state = self.run(params, state, x, ctx)
        return y, state

    def run(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[Any, Any, State]:
        """Like ``apply``, and the mask of the output between the two."""
        new, merged = dict(state), self._merged() if ctx.watch is None or not ctx.inside else {}
        masks: dict[str, Any] = dict(zip(self.inputs, _several(ctx.mask), strict=False))

        def call(value: str, node: Node, xs: Any) -> Any:
            xs = ready(xs, node.layer, ctx.dtype)
            mask = masks.get(value) if not node.inputs else _one(tuple(masks.get(name) for name in node.inputs))
            inner = ctx.at(value, mask)
            own = _cast(params.get(node.name, {}), ctx.dtype)
            how = merged.get(value, _Call(node.layer.apply))
            if isinstance(node.layer, Graph):
                y, masks[value], after = node.layer.run(own, new.get(node.name, {}), xs, inner)
            else:
                y, after = how.run(own, new.get(node.name, {}), xs, inner if ctx.inside else inner.unwatched())
                masks[value] = node.layer.output_mask(xs, mask)
            if after:
                new[node.name] = after
            if how.ends:
                several = isinstance(y, tuple)
                y = tuple(inner.tap(f"y_{i}", v) for i, v in enumerate(y)) if several else inner.tap("y", y)
            if (penalty := node.layer.activity_penalty(y)) is not None:
                inner.penalize(penalty)
            return y

        y = self.walk(x, call, {value: how.more for value, how in merged.items()})
        return y, _one(tuple(masks.get(name) for name in self.outputs)), new

    def _merged(self) -> dict[str, _Call]:
        """How layers are called that are one operation with those after them, which then pass on what it makes."""
        made = dict(self.calls())
        order = {name: i for i, name in enumerate(made)}
        read = Counter([*self.outputs, *(name for node in made.values() for name in node.inputs)])
        reader = {name: value for value, node in made.items() for name in node.inputs if read[name] == 1}
        found: dict[str, _Call] = {}
        for value in made:
            for chain in _chains(value, reader, made) if value not in found else ():
                others = tuple(name for before, at in pairwise(chain) for name in made[at].inputs if name != before)
                run = made[value].layer.merged(*(made[name].layer for name in chain[1:]))
                if run and len(others) <= 1 and all(order[name] < order[value] for name in others):
                    steps = ((made[at].inputs.index(before), at) for before, at in pairwise(chain))
                    passes = {at: _Call(_passed(index), ends=at == chain[-1]) for index, at in steps}
                    found |= {value: _Call(run, others, ends=False)} | passes
                    break
        return found

    @property
    def adjusts(self) -> bool:  # type: ignore[override]
        return any(layer.adjusts for layer in self.names.values())

    def adjust(self, params: Params, state: State, x: Any, ctx: Context) -> tuple[Params, State]:
        params, state = dict(params), dict(state)
        for value, node in self.calls():
            if node.layer.adjusts and value == node.name:
                before = with_fields(self, {"outputs": node.inputs})
                xs, mask, _ = before.run(params, state, x, ctx)
                own = params.get(node.name, {}), state.get(node.name, {})
                own = node.layer.adjust(*own, ready(xs, node.layer, ctx.dtype), ctx.at(value, mask))
                params, state = {**params, node.name: own[0]}, {**state, node.name: own[1]}
        return _filled(params), _filled(state)

    def restarted(self, state: State) -> State:
        return {name: self.names[name].restarted(own) for name, own in state.items()}

    def walk(
        self, x: Any, call: Callable[[str, Node, Any], Any], more: Mapping[str, tuple[str, ...]] | None = None
    ) -> Any:
        """Call every node in order on the values of its inputs; one output as it is, several as a tuple.

        ``more`` says which nodes take which further values after their inputs.
        """
        several = _several(x)
        if len(several) != len(self.inputs):
            raise ShapeError(
                "inputs",
                got=f"{len(several)} arrays",
                expected=f"{len(self.inputs)}: {', '.join(self.inputs)}",
                fix="x=(...)",
            )
        entering = dict(zip(self.inputs, several, strict=True))
        values: dict[str, Any] = {}
        for value, node in self.calls():
            names = (*node.inputs, *(more or {}).get(value, ()))
            values[value] = call(value, node, _one(tuple(values[n] for n in names)) if names else entering[value])
        return _one(tuple(values[name] for name in self.outputs))

    # What follows from the layers --------------------------------------------------------------------

    def penalty(self, params: Params) -> jax.Array | float:
        return sum((layer.penalty(params[name]) for name, layer in self.names.items() if name in params), 0.0)

    def constrained(self, params: Params) -> Params:
        return {name: self.names[name].constrained(own) for name, own in params.items()}


def output_shapes(net: Graph, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The shapes and dtypes of the outputs for inputs like ``inputs``; nothing is computed."""
    return _output_shapes(net, tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in inputs), jnp.result_type(float))


@lru_cache(maxsize=64)
def _output_shapes(net: Graph, inputs: tuple[Any, ...], default: Any) -> tuple[Any, ...]:
    def run(*xs: jax.Array) -> Any:
        return net.apply(*net.init(jax.random.key(0), xs), xs, Context())[0]

    found = jax.eval_shape(run, *inputs)
    return found if isinstance(found, tuple) else (found,)


def _drawn(values: Any) -> bool:
    several = _several(values)
    return bool(several) and all(isinstance(v, Symbol) for v in several)


def _several(values: Any) -> tuple[Any, ...]:
    return tuple(values) if isinstance(values, Sequence) and not isinstance(values, str) else (values,)


def _one(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else values


def ready(xs: Any, layer: Layer, dtype: Any) -> Any:
    """Inputs in the dtype that the layer computes in: integers become floats unless it takes integers."""

    def cast(x: jax.Array) -> jax.Array:
        if jnp.issubdtype(x.dtype, jnp.inexact):
            return x if dtype is None else x.astype(dtype)
        return x if layer.takes_integers else x.astype(dtype or float)

    return jax.tree.map(cast, xs)


class _Call(NamedTuple):
    """How a layer is called. ``more`` are values that it takes after its own; ``ends``: what it gives is its own value,
    and not that of a layer after it whose work it did."""

    run: Apply
    more: tuple[str, ...] = ()
    ends: bool = True


def _passed(index: int) -> Apply:
    """What gives back the input at ``index``."""

    def run(params: Params, state: State, x: Any, ctx: Context) -> tuple[Any, State]:
        return (x[index] if isinstance(x, tuple) else x), state

    return run


def _chains(value: str, reader: Mapping[str, str], made: Mapping[str, Node]) -> list[tuple[str, ...]]:
    """Values from ``value`` on, each read by the next alone and with no penalty of its own; the longest first."""
    found, chain = [], (value,)
    while len(chain) < _MOST and chain[-1] in reader and made[chain[-1]].layer.activity_regularizer is None:
        chain = (*chain, reader[chain[-1]])
        found.append(chain)
    return found[::-1]


def _cast(params: Params, dtype: Any) -> Params:
    return params if dtype is None else jax.tree.map(lambda p: p.astype(dtype), params)


def _filled(tree: dict[str, Any]) -> dict[str, Any]:
    return {name: own for name, own in tree.items() if own}


def _explained(call: Callable[[str, Node, Any], Any]) -> Callable[[str, Node, Any], Any]:
    """``call``, whose errors say at which node of the graph they happened and what came in."""

    def explained(value: str, node: Node, xs: Any) -> Any:
        try:
            return call(value, node, xs)
        except LiuliError as error:
            raise error.at(value) from None
        except (TypeError, ValueError, OverflowError) as error:
            shapes = ", ".join(f"{x.dtype}{x.shape}" for x in jax.tree.leaves(xs))
            reason = str(error).splitlines()[0]
            raise ShapeError(
                value, got=f"{shapes} ({reason})", expected=f"an input that {node.layer!r} takes", fix=_FIX
            ) from error

    return explained


_FIX = "compare the shapes in net.summary() with what the layer's docstring says"
