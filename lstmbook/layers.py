"""Combined cells: stacked, bidirectional, reversed.

Like a cell, each is a :class:`~lstmbook.recurrence.Recurrent` and can be used like one:
in a :class:`~lstmbook.model.Model`, in a gradient check, inside another.

>>> import numpy as np
>>> from lstmbook import LSTM, Bidirectional, Stack
>>> rng = np.random.default_rng(0)
>>> both = Bidirectional(LSTM.init(rng, 3, 4), LSTM.init(rng, 3, 4))
>>> stack = Stack((both, LSTM.init(rng, 8, 2)))  # 8: the outputs of both directions
>>> hs, trace = stack.forward(rng.standard_normal((5, 2, 3)))
>>> hs.shape, trace.layers[0].reverse.gates.f.shape
((5, 2, 2), (5, 2, 4))
"""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lstmbook import tree
from lstmbook.checks import check_array, check_lengths
from lstmbook.parameters import parameters
from lstmbook.recurrence import Grads, Recurrent

__all__ = [
    "Bidirectional",
    "BidirectionalState",
    "BidirectionalTrace",
    "Reversed",
    "ReversedTrace",
    "Stack",
    "StackTrace",
    "check_net",
]


@dataclass(frozen=True, eq=False)
class StackTrace:
    """Record of the forward pass of a :class:`Stack`.

    Parameters
    ----------
    layers : tuple of Trace
        Of each layer, from the inputs up.
    """

    layers: tuple

    __repr__ = tree.summary

    @property
    def hs(self):
        """Outputs of the last layer, (T, N, H)."""
        return self.layers[-1].hs

    @property
    def final(self):
        """The state of each layer after the last step, a tuple."""
        return tuple(trace.final for trace in self.layers)

    @property
    def lengths(self):
        """Steps of each sequence, (N,), or None."""
        return self.layers[0].lengths


@parameters
class Stack(Recurrent):
    """Layers on top of one another: the outputs of one are the inputs of the next.

    A state, its cotangent and its gradient are tuples with one state for each layer.
    Layers share no parameters: a layer listed twice becomes two at the first update.

    Parameters
    ----------
    layers : tuple of (Cell, Stack, Bidirectional or Reversed)
        From the inputs up.

    Raises
    ------
    TypeError
        If ``layers`` is not a tuple, holds something else, or dtypes differ.
    ValueError
        If it is empty, or a layer's input size is not the output size of the one below.
    """

    layers: tuple

    def __post_init__(self):
        """Check that the layers match."""
        if not isinstance(self.layers, tuple):
            passed = type(self.layers).__name__
            raise TypeError(f"layers is a {passed}; expected a tuple of layers")
        if not self.layers:
            raise ValueError("layers is empty; expected at least one layer")
        for k, layer in enumerate(self.layers):
            check_net(f"layers[{k}]", layer)
            _check_dtype(f"layers[{k}]", layer, "layers[0]", self.layers[0])
        for k in range(1, len(self.layers)):
            size, below = self.layers[k].input_size, self.layers[k - 1].hidden_size
            if size != below:
                raise ValueError(
                    f"layers[{k}] has input_size={size}; "
                    f"layers[{k - 1}] puts out hidden_size={below}"
                )

    @property
    def reads_from_end(self):
        """Whether any layer does."""
        return any(layer.reads_from_end for layer in self.layers)

    @property
    def input_size(self):
        """D, the number of inputs of the first layer."""
        return self.layers[0].input_size

    @property
    def hidden_size(self):
        """H, the width of the last layer's outputs."""
        return self.layers[-1].hidden_size

    @property
    def dtype(self):
        """The dtype of all layers."""
        return self.layers[0].dtype

    def __repr__(self):
        """Sizes, not arrays."""
        return f"Stack({self.layers!r})"

    def unroll(self, xs, state=None, lengths=None):
        """Run over checked inputs, as :meth:`Recurrent.unroll`."""
        hs, traces = xs, []
        starts = self._states(state, "state")
        for k, (layer, start) in enumerate(zip(self.layers, starts, strict=True)):
            with _naming(f"layers[{k}]"):
                hs, trace = layer.unroll(hs, start, lengths)
            traces.append(trace)
        return hs, StackTrace(tuple(traces))

    def backward(self, trace: Any, d_hs: np.ndarray, d_final: Any = None) -> Grads:
        """Backpropagation through the layers, from the last one down."""
        self.check_trace(trace, f"Stack of {len(self.layers)} layers")
        d_finals = self._states(d_final, "d_final")
        cells, states = [], []
        for k in reversed(range(len(self.layers))):
            with _naming(f"layers[{k}]"):
                # A layer's inputs are the outputs of the one below.
                cell, d_hs, state = self.layers[k].backward(
                    trace.layers[k], d_hs, d_finals[k]
                )
            cells.append(cell)
            states.append(state)
        return Grads(type(self)(tuple(cells[::-1])), d_hs, tuple(states[::-1]))

    def last(self, hs):
        """Each sequence's final output, as :meth:`Recurrent.last`."""
        return self.layers[-1].last(hs)

    def last_backward(self, d_last, steps):
        """Cotangent of the outputs, as :meth:`Recurrent.last_backward`."""
        return self.layers[-1].last_backward(d_last, steps)

    def check_inputs(self, xs):
        """Return inputs that fit, as :meth:`Recurrent.check_inputs`."""
        with _naming("layers[0]"):
            return self.layers[0].check_inputs(xs)

    def check_trace(self, trace, name):
        """Raise if a trace does not fit, as :meth:`Recurrent.check_trace`."""
        if not isinstance(trace, StackTrace):
            passed = type(trace).__name__
            raise TypeError(f"trace is a {passed}; {name} expects a StackTrace")
        if len(trace.layers) != len(self.layers):
            raise ValueError(
                f"trace has {len(trace.layers)} layers; "
                f"{name} expects its own forward pass, {len(self.layers)}"
            )
        for k, (layer, below) in enumerate(zip(self.layers, trace.layers, strict=True)):
            with _naming(f"layers[{k}]"):
                layer.check_trace(below, name)

    def _states(self, states, name):
        L = len(self.layers)
        if states is None:
            return (None,) * L
        # A NamedTuple is a single layer's state.
        if type(states) is not tuple or len(states) != L:
            passed = type(states).__name__
            passed += f" of {len(states)}" if isinstance(states, tuple | list) else ""
            raise TypeError(
                f"{name} is a {passed}; Stack of {L} layers expects a tuple of {L} "
                "states"
            )
        return states


class BidirectionalState(NamedTuple):
    """The states of both directions."""

    forward: Any  #: of the cell that reads from the start
    reverse: Any  #: of the cell that reads from the end

    def __repr__(self) -> str:
        return tree.summary(self)


@dataclass(frozen=True, eq=False)
class BidirectionalTrace:
    """Record of the forward pass of a :class:`Bidirectional`.

    Parameters
    ----------
    hs : ndarray, shape (T, N, H)
        Outputs of both, side by side.
    forward, reverse : Trace
        Of each direction, in the order of its cell's steps: the first step of
        ``reverse`` is the last of each sequence.
    """

    hs: np.ndarray
    forward: Any
    reverse: Any

    __repr__ = tree.summary

    @property
    def final(self):
        """The states of both directions, each after its own last step."""
        return BidirectionalState(self.forward.final, self.reverse.final)

    @property
    def lengths(self):
        """Steps of each sequence, (N,), or None."""
        return self.forward.lengths


@parameters
class Bidirectional(Recurrent):
    """Two cells over the same sequences, one from the start and one from the end.

    Their outputs for a step stand side by side :cite:`schuster1997`, so that together
    they depend on the whole sequence. For the same reason a sequence can be neither
    split nor continued: one of the cells needs the second half before the first.

    The second direction is often called backward; here that word means the gradients'
    direction.

    Parameters
    ----------
    forward_cell : Cell, Stack, Bidirectional or Reversed
        Reads each sequence from its first step to its last.
    reverse_cell : Cell, Stack, Bidirectional or Reversed
        Reads each sequence from its own last step, wherever padding begins, to its
        first.

    Raises
    ------
    TypeError
        If either is something else, or their dtypes differ.
    ValueError
        If their numbers of inputs differ.
    """

    forward_cell: Any
    reverse_cell: Any

    def __post_init__(self):
        """Check that the cells match."""
        forward, reverse = self.forward_cell, self.reverse_cell
        check_net("forward_cell", forward)
        check_net("reverse_cell", reverse)
        _check_dtype("reverse_cell", reverse, "forward_cell", forward)
        if reverse.input_size != forward.input_size:
            raise ValueError(
                f"reverse_cell has input_size={reverse.input_size}; "
                f"forward_cell has input_size={forward.input_size}"
            )

    @property
    def reads_from_end(self):
        """True: one direction needs the next window before this one."""
        return True

    @property
    def input_size(self):
        """D, the number of inputs."""
        return self.forward_cell.input_size

    @property
    def hidden_size(self):
        """H, the width of both cells' outputs together."""
        return self.forward_cell.hidden_size + self.reverse_cell.hidden_size

    @property
    def dtype(self):
        """The dtype of both cells."""
        return self.forward_cell.dtype

    def __repr__(self):
        """Sizes, not arrays."""
        return f"Bidirectional({self.forward_cell!r}, {self.reverse_cell!r})"

    def unroll(self, xs, state=None, lengths=None):
        """Run over checked inputs, as :meth:`Recurrent.unroll`."""
        start = self._states(state, "state")
        with _naming("forward_cell"):
            hs_forward, forward = self.forward_cell.unroll(xs, start.forward, lengths)
        lengths = forward.lengths  # already checked
        with _naming("reverse_cell"):
            hs_reverse, reverse = self.reverse_cell.unroll(
                _reverse(xs, lengths), start.reverse, lengths
            )
        hs = np.concatenate([hs_forward, _reverse(hs_reverse, lengths)], axis=-1)
        hs.setflags(write=False)
        return hs, BidirectionalTrace(hs, forward, reverse)

    def backward(self, trace: Any, d_hs: np.ndarray, d_final: Any = None) -> Grads:
        """Backpropagation through both cells."""
        name = f"Bidirectional(hidden_size={self.hidden_size})"
        self.check_trace(trace, name)
        shape, lengths = trace.hs.shape, trace.lengths
        letters = " ".join(map(str, shape))
        d_hs = check_array("d_hs", d_hs, name, self.dtype, letters, shape)
        d_forward, d_reverse = self._halves(d_hs)
        d_end = self._states(d_final, "d_final")
        with _naming("forward_cell"):
            forward = self.forward_cell.backward(
                trace.forward, d_forward, d_end.forward
            )
        with _naming("reverse_cell"):
            reverse = self.reverse_cell.backward(
                trace.reverse, _reverse(d_reverse, lengths), d_end.reverse
            )
        return Grads(
            type(self)(forward.cell, reverse.cell),
            forward.xs + _reverse(reverse.xs, lengths),
            BidirectionalState(forward.state, reverse.state),
        )

    def last(self, hs):
        """Each direction's final output, as :meth:`Recurrent.last`."""
        forward, reverse = self._halves(hs)
        ends = self.forward_cell.last(forward), self.reverse_cell.last(reverse[::-1])
        return np.concatenate(ends, axis=-1)

    def last_backward(self, d_last, steps):
        """Cotangent of the outputs, as :meth:`Recurrent.last_backward`."""
        forward, reverse = self._halves(d_last)
        d_forward = self.forward_cell.last_backward(forward, steps)
        d_reverse = self.reverse_cell.last_backward(reverse, steps)[::-1]
        return np.concatenate([d_forward, d_reverse], axis=-1)

    def check_inputs(self, xs):
        """Return inputs that fit, as :meth:`Recurrent.check_inputs`."""
        with _naming("forward_cell"):
            return self.forward_cell.check_inputs(xs)

    def check_trace(self, trace, name):
        """Raise if a trace does not fit, as :meth:`Recurrent.check_trace`."""
        if not isinstance(trace, BidirectionalTrace):
            passed = type(trace).__name__
            raise TypeError(f"trace is a {passed}; {name} expects a BidirectionalTrace")
        with _naming("forward_cell"):
            self.forward_cell.check_trace(trace.forward, name)
        with _naming("reverse_cell"):
            self.reverse_cell.check_trace(trace.reverse, name)

    def _halves(self, array):
        """Each direction's part of the last axis."""
        return np.split(array, [self.forward_cell.hidden_size], axis=-1)

    def _states(self, states, name):
        if states is None:
            return BidirectionalState(None, None)
        if not isinstance(states, BidirectionalState):
            passed = type(states).__name__
            raise TypeError(
                f"{name} is a {passed}; Bidirectional expects BidirectionalState"
            )
        return states


@dataclass(frozen=True, eq=False)
class ReversedTrace:
    """Record of the forward pass of a :class:`Reversed`.

    Parameters
    ----------
    hs : ndarray, shape (T, N, H)
        The outputs, each at its own step of the input.
    inner : Trace
        Of the layer inside, in the order of its steps: its first step is the last of
        each sequence.
    """

    hs: np.ndarray
    inner: Any

    __repr__ = tree.summary

    @property
    def final(self):
        """The state after the layer's own last step, which is step 1 of the input."""
        return self.inner.final

    @property
    def lengths(self):
        """Steps of each sequence, (N,), or None."""
        return self.inner.lengths


@parameters
class Reversed(Recurrent):
    """One layer that reads each sequence from its end to its start.

    It is the second half of a :class:`Bidirectional` on its own. Each output is at its
    own step of the input. States, their cotangents and gradients are those of the layer
    inside.

    Parameters
    ----------
    layer : Cell, Stack, Bidirectional or Reversed
        Reads each sequence from its own last step, wherever padding begins.

    Raises
    ------
    TypeError
        If it is something else.
    """

    layer: Any

    def __post_init__(self):
        """Check that there is a layer inside."""
        check_net("layer", self.layer)

    @property
    def reads_from_end(self):
        """True: it needs the next window of a stream before this one."""
        return True

    @property
    def input_size(self):
        """D, the number of inputs."""
        return self.layer.input_size

    @property
    def hidden_size(self):
        """H, the width of the outputs."""
        return self.layer.hidden_size

    @property
    def dtype(self):
        """The dtype of the layer inside."""
        return self.layer.dtype

    def __repr__(self):
        """Sizes, not arrays."""
        return f"Reversed({self.layer!r})"

    def unroll(self, xs, state=None, lengths=None):
        """Run over checked inputs, as :meth:`Recurrent.unroll`."""
        if lengths is not None:
            lengths = check_lengths(lengths, *xs.shape[:2])
        hs, inner = self.layer.unroll(_reverse(xs, lengths), state, lengths)
        hs = _reverse(hs, lengths)
        hs.setflags(write=False)
        return hs, ReversedTrace(hs, inner)

    def backward(self, trace: Any, d_hs: np.ndarray, d_final: Any = None) -> Grads:
        """Backpropagation through the layer inside."""
        name = f"Reversed(hidden_size={self.hidden_size})"
        self.check_trace(trace, name)
        shape, lengths = trace.hs.shape, trace.lengths
        letters = " ".join(map(str, shape))
        d_hs = check_array("d_hs", d_hs, name, self.dtype, letters, shape)
        grads = self.layer.backward(trace.inner, _reverse(d_hs, lengths), d_final)
        xs = _reverse(grads.xs, lengths)
        return Grads(type(self)(grads.cell), xs, grads.state)

    def last(self, hs):
        """Each sequence's final output, at step 1, as :meth:`Recurrent.last`."""
        return self.layer.last(hs[::-1])

    def last_backward(self, d_last, steps):
        """Cotangent of the outputs, as :meth:`Recurrent.last_backward`."""
        return self.layer.last_backward(d_last, steps)[::-1]

    def check_inputs(self, xs):
        """Return inputs that fit, as :meth:`Recurrent.check_inputs`."""
        return self.layer.check_inputs(xs)

    def check_trace(self, trace, name):
        """Raise if a trace does not fit, as :meth:`Recurrent.check_trace`."""
        if not isinstance(trace, ReversedTrace):
            passed = type(trace).__name__
            raise TypeError(f"trace is a {passed}; {name} expects a ReversedTrace")
        self.layer.check_trace(trace.inner, name)


def _reverse(array, lengths):
    """Reverse each sequence of an array (T, N, ·), leaving padding in place."""
    if lengths is None:
        return array[::-1]
    T, N, _ = array.shape
    t = np.arange(T)[:, None]
    # Lengths may be unsigned, but these differences can be negative.
    rows = np.where(t < lengths, lengths.astype(int) - 1 - t, t)
    return array[rows, np.arange(N)]


def check_net(name, net):
    """Raise if something is not a :class:`~lstmbook.recurrence.Recurrent`.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    net : Recurrent
        What was passed.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if not isinstance(net, Recurrent):
        passed = type(net).__name__
        raise TypeError(
            f"{name} is a {passed}; expected a cell, Stack, Bidirectional or Reversed"
        )


def _check_dtype(name, layer, first_name, first):
    if layer.dtype != first.dtype:
        raise TypeError(
            f"{name} has dtype {layer.dtype}; {first_name} has {first.dtype}"
        )


@contextmanager
def _naming(part):
    """Add to an error the part that raised it."""
    try:
        yield
    except (TypeError, ValueError) as error:
        error.add_note(f"This is about {part}.")
        raise
