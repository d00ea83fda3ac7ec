"""What all recurrent cells share: the products, the loop over time, the memory.

Legend, kept everywhere in this package::

    T  time steps               D  inputs                xs  (T, N, D), time-major
    N  sequences in the batch   H  units                 hs  (T, N, H)
    G  layers of the cell       d_ + name  the cotangent, dL/dname

One caution: ``d_hs``, the input of ``backward``, is the partial derivative ∂L/∂h_t,
with all later states held fixed. ``backward`` computes the total derivatives from it.

Parameters are stored fused, one block of H columns for each layer of the cell, in
the order of the fields of its ``Gates``::

    W_x (D, G·H)   W_h (H, G·H)   b (G·H,)

and each block is available as a view under its name in the equations: ``cell.W_xf``,
``cell.W_hf``, ``cell.b_f``.

A cell supplies two pure elementwise functions, ``step`` and ``step_backward``. This
module does everything else once for all cells: all inputs are projected before the
loop, only the product with ``W_h`` stays inside, and each weight gradient is one
product after it. This also makes it fast.
"""

from __future__ import annotations  # so that help() prints them as written here

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from lstmbook import tree
from lstmbook.checks import (
    check_array,
    check_dtype,
    check_finite,
    check_lengths,
    check_rng,
    check_size,
)
from lstmbook.parameters import parameters

__all__ = ["Cell", "FusedCell", "Grads", "HiddenState", "Recurrent", "Trace"]


class HiddenState(NamedTuple):
    """State of a cell whose only memory is its output."""

    h: np.ndarray  #: (N, H)


@dataclass(frozen=True, eq=False)
class Trace:
    """Record of a forward pass, read-only.

    Parameters
    ----------
    xs : ndarray, shape (T, N, D)
        The inputs, not a copy.
    history : State of ndarray, shape (T + 1, N, H)
        Row 0 is the initial state, row t + 1 the state after step t.
    gates : Gates of ndarray, shape (T, N, H)
        Outputs of the layers; zero where a sequence has finished.
    lengths : ndarray of int, shape (N,), or None
        Steps of each sequence.
    """

    xs: np.ndarray
    history: Any
    gates: Any
    lengths: np.ndarray | None = None

    __repr__ = tree.summary

    @property
    def hs(self):
        """The hidden state after each step, (T, N, H): the cell's output."""
        return self.states.h

    @property
    def initial(self):
        """The state before the first step, arrays (N, H)."""
        return _rows(self.history, 0)

    @property
    def states(self):
        """The states after each step, arrays (T, N, H)."""
        return _rows(self.history, slice(1, None))

    @property
    def final(self):
        """The state after the last step, arrays (N, H)."""
        return _rows(self.history, -1)


class Grads(NamedTuple):
    """Gradients of a loss with respect to all inputs of a forward pass."""

    cell: Recurrent  #: of the cell's own type, one gradient for each parameter
    xs: np.ndarray  #: (T, N, D)
    state: Any  #: of the initial state, arrays (N, H)

    def __repr__(self) -> str:
        return tree.summary(self)


class Recurrent:
    """Base class of everything that runs over sequences: cells, stacks, directions.

    All are used in the same way: a model, a gradient check or a stack takes any
    ``Recurrent``. For a Stack or a Bidirectional, D is the number of inputs of the
    first layer, and H the width of the whole output.
    """

    @property
    def input_size(self) -> int:
        """D, the number of inputs."""
        raise NotImplementedError

    @property
    def hidden_size(self) -> int:
        """H, the width of the output."""
        raise NotImplementedError

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the parameters, and so of inputs, states and cotangents."""
        raise NotImplementedError

    @property
    def reads_from_end(self) -> bool:
        """Whether a part reads from the end, so that no state can be carried over."""
        return False

    def forward(
        self, xs: np.ndarray, state: Any = None, lengths: ArrayLike | None = None
    ) -> tuple[np.ndarray, Any]:
        """Run over a batch of sequences.

        Parameters
        ----------
        xs : ndarray, shape (T, N, D)
            Inputs, of the parameters' dtype. The trace keeps them without a copy:
            neither they nor the parameters may change before :meth:`backward`.
        state : State of ndarray, shape (N, H), optional
            The initial state; zeros by default. A cell has a ``State``, a Stack a
            tuple with a state for each layer, and a Bidirectional a
            ``BidirectionalState``.
        lengths : array_like of int, shape (N,), optional
            Steps of each sequence, 1 … T. The padding comes after the sequence, never
            before or inside it, and may hold any finite numbers; a finished sequence's
            state stays as it is. :func:`lstmbook.data.lengths_from_mask` makes
            lengths from a boolean mask.

        Returns
        -------
        hs : ndarray, shape (T, N, H)
            The hidden state (the book's short-term memory) after each step, read-only.
            For a Stack, the last layer's; for a Bidirectional, both side by side,
            ``forward_cell`` first. The padding repeats each direction's final state.
        trace : Trace, StackTrace, BidirectionalTrace or ReversedTrace
            All that :meth:`backward` needs, and all that can be looked at.

        Raises
        ------
        TypeError
            If a dtype is not the parameters', or ``state`` is of another kind.
        ValueError
            If a shape does not fit, a value is not finite, or lengths are out of range.
        """
        return self.unroll(self.check_inputs(xs), state, lengths)

    def unroll(
        self, xs: np.ndarray, state: Any = None, lengths: ArrayLike | None = None
    ) -> tuple[np.ndarray, Any]:
        """Run as :meth:`forward` does, on inputs that have been checked.

        In a stack they are the outputs of the layer below, with NaN where its numbers
        have overflowed. The outputs are then NaN too, as those of a single cell would
        be.
        """
        raise NotImplementedError

    def backward(self, trace: Any, d_hs: np.ndarray, d_final: Any = None) -> Grads:
        """Backpropagation through time.

        Parameters
        ----------
        trace : Trace, StackTrace, BidirectionalTrace or ReversedTrace
            From :meth:`forward` of the same parameters.
        d_hs : ndarray, shape (T, N, H)
            Cotangent of the output at each step.
        d_final : State of ndarray, shape (N, H), optional
            Cotangent of the final state, in addition to ``d_hs``; zeros by default. It
            has the form of ``state`` in :meth:`forward`.

        Returns
        -------
        Grads
            Of the parameters (an object of this type), the inputs and the initial
            state.

        Raises
        ------
        TypeError
            If a dtype is not the parameters', or ``trace`` or ``d_final`` is of
            another kind.
        ValueError
            If a shape does not fit.
        """
        raise NotImplementedError

    def last(self, hs: np.ndarray) -> np.ndarray:
        """Take each sequence's final output.

        A finished sequence's state stays as it is, so row −1 holds every sequence's own
        last step. A direction that reads from the end finishes at step 1.

        Parameters
        ----------
        hs : ndarray, shape (T, N, H)
            From :meth:`forward`.

        Returns
        -------
        ndarray, shape (N, H)
            The hidden state in ``trace.final``.
        """
        raise NotImplementedError

    def last_backward(self, d_last: np.ndarray, steps: int) -> np.ndarray:
        """Cotangent of all outputs, given that of :meth:`last`.

        Parameters
        ----------
        d_last : ndarray, shape (N, H)
            Cotangent of each sequence's final output.
        steps : int
            T.

        Returns
        -------
        ndarray, shape (T, N, H)
            Zero where :meth:`last` read nothing.
        """
        raise NotImplementedError

    def check_inputs(self, xs: ArrayLike) -> np.ndarray:
        """Return inputs as an array of the parameters' dtype, (T, N, D), all finite.

        Parameters
        ----------
        xs : array_like, shape (T, N, D)
            What was passed.

        Returns
        -------
        ndarray, shape (T, N, D)

        Raises
        ------
        TypeError
            If the dtype is not the parameters'.
        ValueError
            If the shape does not fit, or a value is not finite.
        """
        raise NotImplementedError

    def check_trace(self, trace: Any, name: str) -> None:
        """Raise if a trace cannot come from this object's forward pass.

        Parameters
        ----------
        trace : Trace, StackTrace, BidirectionalTrace or ReversedTrace
            What was passed.
        name : str
            What expects it, for the message.

        Raises
        ------
        TypeError
            If its kind or its dtype is different.
        ValueError
            If its sizes are different.
        """
        raise NotImplementedError


class FusedCell(Recurrent):
    """What all cells share: fused parameters, their checks, states and traces.

    :class:`Cell` adds the recurrent weights W_h and the loop;
    :class:`~lstmbook.linear.LinearCell` has no W_h, and needs no loop. A subclass names
    its ``State`` and ``Gates`` (NamedTuples; a state's first field is ``h``).
    """

    W_x: np.ndarray
    b: np.ndarray

    State: ClassVar[type[Any]] = HiddenState
    Gates: ClassVar[type[Any]]
    #: The value to which :meth:`init` sets a layer's biases, if not 0.
    initial_biases: ClassVar[dict] = {}

    if TYPE_CHECKING:  # the views that `parameters` makes

        def __init__(self, *args: np.ndarray, **kwargs: np.ndarray) -> None: ...
        def __getattr__(self, name: str) -> np.ndarray: ...

    def __post_init__(self):
        """Check that the parameters match."""
        for field in _fields(self):
            if not isinstance(value := getattr(self, field.name), np.ndarray):
                passed = type(value).__name__
                raise TypeError(f"{field.name} is a {passed}; expected a NumPy array")
        dtype, G = self.dtype, len(self.Gates._fields)
        if dtype not in (np.float32, np.float64):
            raise TypeError(f"W_x has dtype {dtype}; expected float32 or float64")
        H = self.hidden_size
        for field in _fields(self):
            letters, shape = {
                "W_x": (f"D {G}·H", (None, G * H)),
                "W_h": (f"H {G}·H", (H, G * H)),
                "b": (f"{G}·H", (G * H,)),
            }.get(field.name, ("H", (H,)))
            value, owner = (
                getattr(self, field.name),
                f"{type(self).__name__} with H = {H}",
            )
            check_array(field.name, value, owner, dtype, letters, shape)

    @classmethod
    def init(
        cls,
        rng: np.random.Generator,
        input_size: int,
        hidden_size: int,
        dtype: DTypeLike = np.float64,
    ) -> Self:
        """Draw a new cell: weights U(±1/√H), biases and other parameters zero.

        The biases named in ``initial_biases`` are exceptions. PyTorch draws its weights
        from the same distribution, and its biases too.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of the weights.
        input_size, hidden_size : int
            D and H.
        dtype : dtype
            float64 by default.

        Returns
        -------
        Cell

        Raises
        ------
        TypeError
            If ``rng`` is not a generator, or ``dtype`` not float32 or float64.
        ValueError
            If a size is not an integer of at least 1.
        """
        check_rng(rng)
        dtype = check_dtype(dtype)
        D = check_size("input_size", input_size)
        H = check_size("hidden_size", hidden_size)
        width = len(cls.Gates._fields) * H
        bound = 1 / np.sqrt(H)
        drawn = {"W_x": D, "W_h": H}
        cell = cls(
            *(
                rng.uniform(-bound, bound, (drawn[name], width)).astype(dtype)
                if name in drawn
                else np.zeros(width if name == "b" else H, dtype)
                for name in (field.name for field in _fields(cls))
            )
        )
        for layer, bias in cls.initial_biases.items():
            getattr(cell, f"b_{layer}")[:] = bias
        return cell

    @property
    def input_size(self):
        """D, the number of inputs."""
        return self.W_x.shape[0]

    @property
    def hidden_size(self):
        """H, the number of units."""
        return self.b.size // len(self.Gates._fields)

    @property
    def dtype(self):
        """The dtype of the parameters, and so of inputs, states and cotangents."""
        return self.W_x.dtype

    def __repr__(self):
        """Sizes, not arrays."""
        return (
            f"{type(self).__name__}(input_size={self.input_size}, "
            f"hidden_size={self.hidden_size}, dtype={self.dtype})"
        )

    def random_state(self, rng, batch_size):
        """Draw a valid state, for tests.

        A cell whose states are restricted, such as one with a normaliser above 0,
        overrides it.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of the numbers.
        batch_size : int
            N.

        Returns
        -------
        State of ndarray, shape (N, H)
            Standard normal numbers.
        """
        shape = batch_size, self.hidden_size
        parts = (rng.standard_normal(shape) for _ in self.State._fields)
        return self.State(*(part.astype(self.dtype) for part in parts))

    def _zero_state(self, *shape):
        shape = (*shape, self.hidden_size)
        return self.State(*(np.zeros(shape, self.dtype) for _ in self.State._fields))

    def _layers(self, fused):
        """Views of the layers' blocks in a fused array."""
        G = len(self.Gates._fields)
        return self.Gates(*np.split(fused, G, axis=-1))

    def last(self, hs):
        """Each sequence's final output, as :meth:`Recurrent.last`."""
        return hs[-1]

    def last_backward(self, d_last, steps):
        """Cotangent of the outputs, as :meth:`Recurrent.last_backward`."""
        d_hs = np.zeros((steps, *d_last.shape), d_last.dtype)
        d_hs[-1] = d_last
        return d_hs

    def check_inputs(self, xs):
        """Return inputs that fit, as :meth:`Recurrent.check_inputs`."""
        D = self.input_size
        name = f"{type(self).__name__}(input_size={D})"
        xs = check_array("xs", xs, name, self.dtype, f"T N {D}", (None, None, D))
        check_finite("xs", xs)
        return xs

    def check_state(self, state, N, name="state"):
        """Return a state of the cell's own kind, with arrays (N, H).

        Parameters
        ----------
        state : State of array_like, shape (N, H)
            A state or its cotangent.
        N : int
            Sequences in the batch.
        name : str
            The argument's name, for the message; a ``"state"`` must also be finite.

        Returns
        -------
        State of ndarray, shape (N, H)

        Raises
        ------
        TypeError
            If it belongs to another kind of cell, or a dtype is not the cell's.
        ValueError
            If a shape does not fit, or a state is not finite.
        """
        if not isinstance(state, self.State):
            passed, expected = type(state).__name__, self.State.__name__
            raise TypeError(
                f"{name} is a {passed}; {type(self).__name__} expects {expected}"
            )
        H, owner = self.hidden_size, f"{type(self).__name__} with N = {N}"
        checked = [
            check_array(f"{name}.{field}", a, owner, self.dtype, f"{N} {H}", (N, H))
            for field, a in zip(state._fields, state, strict=True)
        ]
        if name == "state":
            for field, array in zip(state._fields, checked, strict=True):
                check_finite(f"{name}.{field}", array)
        return self.State(*checked)

    def check_trace(self, trace, name):
        """Raise if a trace does not fit, as :meth:`Recurrent.check_trace`."""
        passed = trace.gates if isinstance(trace, Trace) else trace
        if passed is trace or type(passed) is not self.Gates:
            raise TypeError(
                f"trace holds {type(passed).__name__}; "
                f"{name} expects a Trace of {self.Gates.__name__}"
            )
        if trace.xs.dtype != self.dtype:
            raise TypeError(
                f"trace has dtype {trace.xs.dtype}; {name} expects {self.dtype}"
            )
        sizes = trace.xs.shape[-1], trace.history.h.shape[-1]
        if sizes != (self.input_size, self.hidden_size):
            raise ValueError(
                f"trace has (D, H) = {sizes}; {name} expects its own forward pass, "
                f"({self.input_size}, {self.hidden_size})"
            )


@parameters
class Cell(FusedCell):
    """Base of all cells: the parameters, and the passes forward and backward in time.

    A subclass names its ``State`` and ``Gates`` (NamedTuples; a state's first field is
    ``h``) and defines ``step`` and ``step_backward``. Fields that it adds are further
    parameters, of shape (H,), for which it defines ``own_grads``.

    Parameters
    ----------
    W_x : ndarray, shape (D, G·H)
        Input weights.
    W_h : ndarray, shape (H, G·H)
        Recurrent weights.
    b : ndarray, shape (G·H,)
        Biases.

    Raises
    ------
    TypeError
        If the parameters are not all arrays of float32, or all of float64.
    ValueError
        If their shapes do not match.
    """

    W_x: np.ndarray
    W_h: np.ndarray
    b: np.ndarray

    @property
    def hidden_size(self):
        """H, the number of units."""
        return len(self.W_h) if self.W_h.ndim else 0

    def step(self, x, h, prev):
        """One step, elementwise: the cell's equations.

        Parameters
        ----------
        x : Gates of ndarray, shape (N, H)
            ``x.f`` is x_t W_xf + b_f, and so on for each layer.
        h : Gates of ndarray, shape (N, H)
            ``h.f`` is h₋ W_hf. Separate from ``x`` because the GRU needs it.
        prev : State of ndarray, shape (N, H)
            The state before the step.

        Returns
        -------
        tuple of (State, Gates)
            The state after the step, and the outputs of the layers.
        """
        raise NotImplementedError

    def step_backward(self, prev, gates, now, d):
        """One step back, elementwise.

        Parameters
        ----------
        prev, now : State of ndarray, shape (N, H)
            The state before and after the step.
        gates : Gates of ndarray, shape (N, H)
            Outputs of the layers; 0 where a sequence has finished. What is returned
            for such a sequence is not used.
        d : State of ndarray, shape (N, H)
            Cotangent of ``now``.

        Returns
        -------
        tuple of (Gates, Gates, State)
            Cotangents of ``x`` and of ``h`` (one object where they are equal), and of
            ``prev`` without the path through W_h, which the base class adds; 0 if
            there is no other path to ``prev.h``.
        """
        raise NotImplementedError

    def own_grads(self, trace, d_x, d_h):
        """Gradients of the fields that a subclass adds.

        Parameters
        ----------
        trace : Trace
            Of the forward pass.
        d_x, d_h : Gates of ndarray, shape (T, N, H)
            Cotangents of ``x`` and ``h`` of all steps.

        Returns
        -------
        dict of str to ndarray, shape (H,)
        """
        return {}

    def unroll(self, xs, state=None, lengths=None):
        """Run over checked inputs, as :meth:`Recurrent.unroll`."""
        xs = xs.view()
        xs.setflags(write=False)
        (T, N, D), H = xs.shape, self.hidden_size
        lengths = None if lengths is None else check_lengths(lengths, T, N)

        history = self._zero_state(T + 1, N)
        if state is not None:
            for past, start in zip(history, self.check_state(state, N), strict=True):
                past[0] = start
        # Each layer's projections are contiguous and share memory with its outputs: a
        # step reads the projection and overwrites it with the output.
        G = len(self.Gates._fields)
        by_layer = self.W_x.reshape(D, G, H).swapaxes(0, 1)
        projected = xs.reshape(T * N, D) @ by_layer
        projected += self.b.reshape(G, 1, H)
        if lengths is not None:
            # Cells never see the padding's values: an exponential could overflow.
            projected[:, (np.arange(T)[:, None] >= lengths).ravel()] = 0
        gates = self.Gates(*projected.reshape(G, T, N, H))
        h_fused = np.empty((N, G * H), self.dtype)
        h = self._layers(h_fused)

        prev = _rows(history, 0)
        steps = zip(_steps(gates), _steps(_rows(history, slice(1, None))), strict=True)
        for t, (x, after) in enumerate(steps):
            # For small products the method has half the operator's overhead.
            prev.h.dot(self.W_h, out=h_fused)
            now, gates_t = self.step(x, h, prev)
            if lengths is not None:
                on = (lengths > t)[:, None]
                now = _choose(on, now, prev)
                gates_t = tree.map(lambda gate, on=on: gate * on, gates_t)
            _copy(gates_t, x)
            _copy(now, after)
            prev = after
        for _, array in tree.leaves((history, gates)):
            array.setflags(write=False)
        trace = Trace(xs, history, gates, lengths)
        return trace.hs, trace

    def backward(self, trace: Any, d_hs: np.ndarray, d_final: Any = None) -> Grads:
        """Backpropagation through time (:eq:`eq-bptt`, :eq:`eq-d-h-prev`).

        As :meth:`Recurrent.backward`. The gradients of the parameters are
        :eq:`eq-grad-W-x`, :eq:`eq-grad-W-h` and :eq:`eq-grad-b`, those of the inputs
        :eq:`eq-grad-x`.
        """
        name = f"{type(self).__name__}(hidden_size={self.hidden_size})"
        self.check_trace(trace, name)
        T, N, H = trace.hs.shape
        d_hs = check_array("d_hs", d_hs, name, self.dtype, f"{T} {N} {H}", (T, N, H))
        d = (
            self._zero_state(N)
            if d_final is None
            else self.check_state(d_final, N, "d_final")
        )

        # A copy: BLAS is up to twice as fast on it as on a transposed view.
        W_h_T = np.ascontiguousarray(self.W_h.T)
        d_x = d_h = np.empty((T, N, self.b.size), self.dtype)
        now = trace.final
        back = slice(None, None, -1)
        steps = zip(
            range(T - 1, -1, -1),
            d_hs[back],
            _steps(_rows(trace.gates, back)),
            _steps(_rows(trace.history, slice(-2, None, -1))),
            strict=True,
        )
        for t, d_h_read, gates, prev in steps:
            # Two sources: the loss reads h directly, and so do the steps after it.
            d = self.State(d.h + d_h_read, *d[1:])
            d_x_t, d_h_t, d_prev = self.step_backward(prev, gates, now, d)
            np.concatenate(d_x_t, axis=-1, out=d_x[t])
            if d_h_t is not d_x_t:
                d_h = d_x.copy() if d_h is d_x else d_h
                np.concatenate(d_h_t, axis=-1, out=d_h[t])
            if trace.lengths is not None:
                d_x[t, trace.lengths <= t] = d_h[t, trace.lengths <= t] = 0
            d_prev = self.State(d_prev.h + d_h[t].dot(W_h_T), *d_prev[1:])
            if trace.lengths is not None:
                d_prev = _choose((trace.lengths > t)[:, None], d_prev, d)
            d, now = d_prev, prev

        def flat(array):
            return array.reshape(T * N, -1)

        grads = type(self)(
            W_x=flat(trace.xs).T @ flat(d_x),
            W_h=flat(trace.history.h[:-1]).T @ flat(d_h),
            b=flat(d_x).sum(axis=0),
            **self.own_grads(trace, self._layers(d_x), self._layers(d_h)),
        )
        return Grads(grads, d_x @ self.W_x.T, d)


def _rows(parts, rows):
    """Index each array in a NamedTuple along time."""
    return parts._make([array[rows] for array in parts])


def _steps(parts):
    """Iterate over a NamedTuple of arrays (T, N, H): NamedTuples of views (N, H)."""
    return map(parts._make, zip(*parts, strict=True))


def _copy(values, into):
    for array, value in zip(into, values, strict=True):
        array[...] = value


def _choose(on, running, finished):
    """Per sequence, one state while it runs and the other once it has finished."""
    return tree.map(lambda a, b: np.where(on, a, b), running, finished)


def _fields(cell) -> tuple:
    """Fields of a cell or of its class; every cell that has parameters has them."""
    return dataclasses.fields(cell)
