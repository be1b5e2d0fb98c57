"""The model: the only mutable object. A recipe, parameters and state, and what can be done with them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jax
import numpy as np

from liuli.core.dials import Dials, with_dials
from liuli.core.errors import DataError, LiuliError, ShapeError
from liuli.core.precision import Precision, scope
from liuli.core.specs import Spec
from liuli.data.schema import Preprocessing
from liuli.layers import Mixing
from liuli.losses import Loss
from liuli.metrics import Metric
from liuli.networks.graph import Graph, output_shapes
from liuli.networks.summary import Summary, summarize
from liuli.optimizers import Optimizer
from liuli.training import arrays as checked
from liuli.training.batches import batching
from liuli.training.callbacks import Callback
from liuli.training.checkpoint import checkpoints, fingerprint, resume
from liuli.training.display import as_page
from liuli.training.history import History
from liuli.training.loop import evaluating, predicting, train, validator
from liuli.training.probes import Probes, Probing, as_probes
from liuli.training.programs import predictor
from liuli.training.progress import Verbosity, progress
from liuli.training.rate_finder import RateSearch, search
from liuli.training.recipe import Recipe, check_units
from liuli.training.resolve import make_recipe
from liuli.training.rows import on_device
from liuli.training.run import Run
from liuli.training.saving import load_model, save_model
from liuli.training.state import Built, TrainState, adjusted, initialize, owned


class Model:
    """A network with its loss, optimizer and metrics: fit, evaluate, predict, save, load.

    net:        the graph.
    loss:       by name or as an object; several outputs take a tuple, or a dict by output name.
    optimizer:  by name or as an object.
    metrics:    names or objects; several outputs take a dict by output name.
    seed:       of initial weights, shuffling and dropout: the same seed on the same machine gives the same bits.
    schema:     what turns raw rows into arrays; fitted by ``ll.data.Schema.fit``. Then rows and tables can be handed
                over as they are.
    precision:  ``"float32"``, ``"float64"``, ``"bfloat16"`` or ``"float16"``.

    Raises:
        SpecError: names are unknown, or the loss does not go with the last activation.

    Example:
        >>> import numpy as np, liuli as ll
        >>> from liuli import layers
        >>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> model = ll.Model(ll.Sequential([layers.Dense(1)]), loss="mse", optimizer=ll.optimizers.SGD(0.3))
        >>> history = model.fit(x, x.sum(1, keepdims=True), epochs=400, verbose=0)
        >>> model.predict(x).round(3).tolist()
        [[0.0], [1.0], [1.0], [2.0]]
    """

    def __init__(
        self,
        net: Graph,
        loss: str | Loss | Sequence[str | Loss] | Mapping[str, str | Loss],
        optimizer: str | Optimizer = "adam",
        metrics: Sequence[str | Metric] | Mapping[str, Sequence[str | Metric]] = (),
        *,
        loss_weights: Sequence[float] | Mapping[str, float] | None = None,
        seed: int = 0,
        schema: Preprocessing | None = None,
        precision: Precision = "float32",
    ) -> None:
        self.recipe = make_recipe(net, loss, optimizer, metrics, loss_weights, seed, schema, precision)
        self.dials = Dials(self.recipe)
        self.history = History()
        self._train: TrainState | None = None
        self._inputs: tuple[jax.ShapeDtypeStruct, ...] = ()
        if shapes := checked.declared_shapes(net):
            self.build(*shapes)

    # What it is made of ------------------------------------------------------------------------------

    @property
    def net(self) -> Graph:
        """The network, with its dials as they stand."""
        return with_dials(self.recipe, self.dials).network

    @property
    def inputs(self) -> tuple[jax.ShapeDtypeStruct, ...]:
        """The shape and dtype of each input, with a batch axis of 1."""
        self._ready()
        return self._inputs

    @property
    def params(self) -> dict[str, Any]:
        """The parameters: ``model.params["dense_1"]["kernel"]``. May be assigned, shape for shape."""
        return self._ready().params

    @property
    def state(self) -> dict[str, Any]:
        """What layers keep besides parameters: running means, fitted scales."""
        return self._ready().state

    def build(self, *shapes: tuple[int, ...], dtypes: Sequence[Any] | None = None) -> Model:
        """Make the initial weights for inputs of these shapes, the batch axis left out."""
        names = self.recipe.network.inputs
        if len(shapes) != len(names) or not all(isinstance(shape, tuple) for shape in shapes):
            raise ShapeError(
                "build", got=f"{shapes}", expected=f"a tuple for each of {', '.join(names)}", fix="build((28, 28, 1))"
            )
        kinds = dtypes or [self._dtype(name) for name in names]
        batch = checked.declared_batch(self.recipe.network) or 1
        inputs = tuple(jax.ShapeDtypeStruct((batch, *s), dtype) for s, dtype in zip(shapes, kinds, strict=True))
        with self._scope():
            check_units(self.recipe, self._output_shapes(inputs))
            self._take(initialize(self._exact, inputs), inputs)
        return self

    def reset_state(self) -> Model:
        """Let recurrent layers with ``stateful=True`` start anew; they go on from batch to batch until then."""
        self._train = dataclasses.replace(self._ready(), state=self.recipe.network.restarted(self.state))
        return self

    def summary(self) -> Summary:
        """The table of the layers: shapes, parameters, operations, memory. Prints."""
        self._ready()
        return summarize(self.net, self._inputs)

    # Learning and using ------------------------------------------------------------------------------

    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        epochs: int = 1,
        batch_size: int | None = None,
        validation: Any = None,
        shuffle: bool = True,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        augment: Sequence[Mixing] = (),
        callbacks: Sequence[Callback] = (),
        verbose: Verbosity = "auto",
        probes: Probes | int | bool | None = None,
        checkpoint: str | Path | None = None,
        resume_from_checkpoint: bool = False,
    ) -> History:
        """Train, and return the history. Training goes on from the weights as they are.

        x, y:           arrays (large ones are not copied on the CPU), a Dataset, or (with a schema) a table or rows.
        epochs:         passes over the data.
        batch_size:     rows a step; by default what ``ll.Input`` says, else 32, or all of fewer.
        validation:     a share of the rows (drawn by the seed), or (x, y), or a Dataset or table.
        shuffle:        whether every epoch has its own order.
        sample_weight:  the weight of each row.
        class_weight:   the weight of each class, by label.
        augment:        what mixes samples and their targets: ``[layers.MixUp()]``.
        callbacks:      what acts between compiled calls.
        verbose:        0 is silent; else a bar on a terminal, and lines elsewhere.
        probes:         what is measured inside the loop, into ``history.probes``; a number is ``Probes(every=...)``.
        checkpoint:     a file for the whole state of training, from which a killed run can go on.
        resume_from_checkpoint:  go on from that file where it exists; the result has the same bits as an unbroken run.

        Ctrl-C ends the training after the call that is running: the model is usable, ``history.stopped`` says so.

        Raises:
            DataError, ShapeError: the data do not fit the network or the loss; nothing has been trained then.
        """
        if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 0:
            raise DataError("epochs", got=repr(epochs), expected="a whole number", fix="epochs=10")
        inputs, targets = self._data(x, y)
        held = rows = None
        if validation is not None:
            inputs, targets, sample_weight, held, rows = self._held_out(validation, inputs, targets, sample_weight)
        weights = checked.as_weights(len(inputs[0]), sample_weight, class_weight, targets)
        size = checked.declared_batch(self.recipe.network) if batch_size is None else batch_size
        plan = batching(len(inputs[0]), size, shuffle, self.recipe.seed)
        checked.check_batches(self.recipe.network, len(inputs[0]), plan.batch_size)
        recipe = self._exact.replace(augment=tuple(augment))
        for part in ((inputs, targets), held):
            if part is not None:
                self._check(*part)
        with self._scope():
            run, shown = self._run(recipe, epochs, plan.rows), progress(verbose)
            wanted, data = as_probes(probes), (inputs, targets, weights)
            if wanted:
                run.measure(Probing(recipe, wanted, run.state, data, plan, rows))
            mark = functools.partial(fingerprint, recipe, plan, wanted, (*inputs, *targets))
            kept = checkpoints(checkpoint, resume_from_checkpoint, callbacks, mark)
            if kept and kept.restores and kept.path.exists():
                resume(run, kept)
            try:
                run.state = adjusted(recipe, run.state, inputs, plan.batch_size)
                data = on_device(data, in_batches=not plan.whole)
                train(run, data, plan, [*callbacks, *([kept] if kept else []), *shown], validator(self.recipe, held))
            finally:
                self._train, self._built, self.history = run.state, Built(run.state.params), run.history
                self.dials.update(run.dials)
        self.history.stopped = run.stopped
        return self.history

    def find_learning_rate(
        self,
        x: Any,
        y: Any = None,
        *,
        least: float = 1e-6,
        largest: float = 10.0,
        steps: int = 100,
        batch_size: int | None = None,
    ) -> RateSearch:
        """Try rates from ``least`` to ``largest``, one a step, on a copy of the weights: the model stays as it is.

        Reference: Smith, *Cyclical Learning Rates for Training Neural Networks*, WACV 2017, section 3.3.

        Raises:
            DataError, ShapeError: the data do not fit, or the rates are not in order.
            SpecError: the learning rate is a schedule.
        """
        inputs, targets = self._data(x, y)
        self._check(inputs, targets)
        plan = batching(len(inputs[0]), batch_size, True, self.recipe.seed)
        with self._scope():
            data = on_device((inputs, targets, None), in_batches=not plan.whole)
            return search(self._run(self._exact, 1, plan.rows), data, plan, least, largest, steps)

    def evaluate(self, x: Any, y: Any = None, *, batch_size: int = 1024, sample_weight: Any = None) -> dict[str, float]:
        """The loss and the metrics on data: ``{"loss": ..., "accuracy": ...}``."""
        inputs, targets = self._data(x, y)
        self._check(inputs, targets)
        weights = checked.as_weights(len(inputs[0]), sample_weight, None, targets)
        with self._scope():
            data = on_device((inputs, targets, weights), in_batches=True)
            return evaluating(self.recipe, data, batch_size)(self._ready(), dict(self.dials))

    def predict(self, x: Any, *, batch_size: int = 1024) -> Any:
        """Predictions for arrays or raw rows: probabilities, or values in raw units. Several outputs: a tuple."""
        inputs = self._rows(x)
        if self._train is None:
            self._build_for(inputs)
        checked.check_built(self.recipe.network, inputs, self._inputs)
        size = self._entrance.batch or min(batch_size, 1 << (len(inputs[0]) - 1).bit_length())
        with self._scope():
            now = self._built.state(self._ready())
            run = functools.partial(self._predictor, now.params, now.state, self.dials)
            outputs = predicting(run, inputs, size)
        outputs = tuple(map(self.recipe.schema.decode, outputs)) if self.recipe.schema else outputs
        return outputs[0] if len(outputs) == 1 else outputs

    # Keeping -----------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> Path:
        """Write the model to one file: specs as JSON, weights as safetensors; whole or not at all.

        Raises:
            FileError: the folder cannot be written, or the disk is full.
        """
        return save_model(path, self._exact, self._checked(self._ready()), self._inputs)

    @classmethod
    def load(cls, path: str | Path, registry: Iterable[type[Spec]] = ()) -> Model:
        """Read a model that :meth:`save` wrote. No code in the file runs.

        path:      the file.
        registry:  classes of your own that the network uses: ``registry=[MyLayer]``.

        Raises:
            FileError: the file is missing, damaged, or of a later version.
            SpecError: the network has a layer that is not registered.
        """
        return cls.of(*load_model(path, registry))

    @classmethod
    def of(
        cls, recipe: Recipe, state: TrainState, inputs: tuple[jax.ShapeDtypeStruct, ...], history: History | None = None
    ) -> Model:
        """A model that stands as given."""
        model = cls.__new__(cls)
        model.recipe, model.dials, model.history = recipe, Dials(recipe), history or History()
        model._take(state, inputs)
        return model

    def __repr__(self) -> str:
        return f"Model({self.net!r}, {', '.join(repr(o.loss) for o in self.recipe.outputs)}, {self._exact.optimizer!r})"

    def _repr_html_(self) -> str:
        return as_page(self)

    # Details -----------------------------------------------------------------------------------------

    @property
    def _exact(self) -> Recipe:
        return with_dials(self.recipe, self.dials)

    @functools.cached_property
    def _entrance(self) -> checked.Entrance:
        return checked.Entrance(self.recipe.network, self.recipe.precision)

    @functools.cached_property
    def _predictor(self) -> Callable[..., tuple[jax.Array, ...]]:
        return predictor(self.recipe)

    def _scope(self) -> AbstractContextManager[object]:
        return scope(self.recipe.precision)

    def _dtype(self, name: str) -> Any:
        declared = getattr(self.recipe.network.names[name], "dtype", None)
        return declared or ("float64" if self.recipe.precision == "float64" else "float32")

    def _ready(self) -> TrainState:
        if self._train is None:
            raise LiuliError(
                "model",
                got="no weights yet",
                expected="a built network",
                fix="start it with ll.Input(shape), or call build",
            )
        return self._train

    def _run(self, recipe: Recipe, epochs: int, rows: int) -> Run:
        """A training that starts from a copy of what the model is now."""
        return Run(recipe, owned(self._ready()), dict(self.dials), History(), epochs, rows, self._inputs)

    def _take(self, state: TrainState, inputs: tuple[jax.ShapeDtypeStruct, ...]) -> None:
        self._train, self._inputs = state, inputs
        self._built = Built(state.params)

    def _checked(self, state: TrainState) -> TrainState:
        with self._scope():
            return self._built.state(state)

    def _rows(self, x: Any) -> checked.Arrays:
        """Inputs as arrays, from raw rows where there is a schema."""
        schema = self.recipe.schema
        return self._entrance.arrays(schema.encode(x) if schema is not None else getattr(x, "x", x))

    def _data(self, x: Any, y: Any) -> tuple[checked.Arrays, checked.Arrays]:
        """Inputs and targets as checked arrays, from arrays, a Dataset, or what the schema takes."""
        schema = self.recipe.schema
        if schema is not None:
            y = schema.encode_target(x if y is None else y)
        elif y is None:
            y = getattr(x, "y", None)
        inputs = self._rows(x)
        targets = checked.as_targets(self.recipe.network, y, self.recipe.precision)
        named = {"x": inputs[0], **{f"y ({n})": t for n, t in zip(self.recipe.network.outputs, targets, strict=True)}}
        checked.check_lengths(named)
        return inputs, targets

    def prepare(self, x: Any, y: Any) -> tuple[checked.Arrays, checked.Arrays, Recipe, TrainState]:
        """A batch as checked arrays, the recipe with its dials in force, and the state: what looks inside starts from.

        Raises:
            DataError, ShapeError: the batch does not fit the network or the loss.
        """
        inputs, targets = self._data(x, y)
        self._check(inputs, targets)
        return inputs, targets, self._exact, self._ready()

    def _check(self, inputs: checked.Arrays, targets: checked.Arrays) -> None:
        """Build where that has not happened, and check that targets fit predictions."""
        if self._train is None:
            self._build_for(inputs)
        checked.check_built(self.recipe.network, inputs, self._inputs)
        self._train = self._checked(self._ready())
        outputs = zip(
            self.recipe.network.outputs, self.recipe.outputs, targets, self._output_shapes(self._inputs), strict=True
        )
        for name, output, y, shape in outputs:
            try:
                output.loss.validate_targets(y, (len(y), *shape.shape[1:]))
            except LiuliError as error:
                raise error.at(name) from None

    def _build_for(self, inputs: checked.Arrays) -> None:
        self.build(*(a.shape[1:] for a in inputs), dtypes=[a.dtype for a in inputs])

    def _output_shapes(self, inputs: tuple[jax.ShapeDtypeStruct, ...]) -> tuple[Any, ...]:
        with self._scope():
            return output_shapes(self.recipe.network, inputs)

    def _held_out(self, validation: Any, inputs: Any, targets: Any, weight: Any) -> tuple[Any, ...]:
        """Training arrays, validation arrays from a share of them or from other data, and the rows that are left."""
        if not isinstance(validation, float):
            held = self._data(*validation) if isinstance(validation, tuple) else self._data(validation, None)
            return inputs, targets, weight, held, None
        kept, held = checked.hold_out(validation, len(inputs[0]), self.recipe.seed)
        part = [tuple(a[rows] for a in arrays) for rows in (kept, held) for arrays in (inputs, targets)]
        return part[0], part[1], None if weight is None else np.asarray(weight)[kept], (part[2], part[3]), kept
