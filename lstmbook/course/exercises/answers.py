"""Read an answer in whatever sensible form it is given, and run one that is code."""

import ctypes
import difflib
import dis
import inspect
import itertools
import linecache
import threading
import traceback
from collections.abc import Iterator, Mapping

import numpy as np

__all__ = ["LIMIT", "AnswerError", "is_stub", "nearest", "read", "run"]

#: Seconds that an answer in code may take for one set of arguments.
LIMIT = 10.0

# What a body of nothing but a docstring and `...`, `pass` or `return` compiles to.
_NOTHING = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}


class AnswerError(Exception):
    """An answer that cannot be compared; the message says why, to a student."""


class _TimeUpError(BaseException):
    """Raised in the midst of an answer; no `except Exception` there stops it."""


def read(answer, names):
    """Sort an answer by the names of its quantities.

    Parameters
    ----------
    answer : object
        A number, an array, a list, a tuple in the order of the names, a dictionary
        by name; numbers of any type, PyTorch's tensors among them.
    names : tuple of str
        Of the quantities asked for.

    Returns
    -------
    dict of str to numpy.ndarray or None
        In the order of the names; None where there is no answer yet.

    Raises
    ------
    AnswerError
        If a name is unknown, values are missing or too many, or one is no number.
    """
    answer = _plain(answer)
    if isinstance(answer, tuple) and set(
        getattr(answer, "_fields", ())
    ) == set(names):
        answer = answer._asdict()
    if answer is None or answer is ...:
        answer = {}
    elif not isinstance(answer, Mapping):
        answer = _by_position(answer, names)
    for name in answer:
        if name not in names:
            raise AnswerError(
                f"There is no quantity {name!r}; {nearest(str(name), names)}"
            )
    return {name: _array(name, answer.get(name)) for name in names}


def _plain(answer):
    """Turn tensors into arrays and iterators into lists, at any depth."""
    if hasattr(answer, "detach"):  # a tensor; PyTorch itself stays unimported
        # In double precision because NumPy has no bfloat16.
        return answer.detach().cpu().double().numpy()
    if isinstance(answer, Mapping):
        return {name: _plain(value) for name, value in answer.items()}
    if isinstance(
        answer, Iterator
    ):  # an endless one must not fill the memory
        answer = list(itertools.islice(answer, 100_000))
    if isinstance(answer, tuple) and hasattr(answer, "_fields"):
        return answer._make(map(_plain, answer))
    if isinstance(answer, list | tuple):
        return [_plain(value) for value in answer]
    return answer


def _by_position(answer, names):
    if len(names) == 1:
        return {names[0]: answer}
    values = list(answer) if np.ndim(_or_object(answer)) else [answer]
    if len(values) != len(names):
        got = "1 value" if len(values) == 1 else f"{len(values)} values"
        raise AnswerError(
            f"Got {got}; expected {len(names)}: {', '.join(names)}"
        )
    return dict(zip(names, values, strict=True))


def _or_object(answer):
    """Hold a ragged list as an array of objects, to ask how long it is."""
    try:
        return np.asarray(answer)
    except ValueError:
        return np.empty(len(answer), dtype=object)


def _array(name, value):
    if value is None or value is ...:
        return None
    try:
        array = np.real_if_close(np.asarray(value))
        if np.iscomplexobj(array):
            raise TypeError
        return array.astype(float)
    except (TypeError, ValueError, OverflowError):
        kind = type(value).__name__
        raise AnswerError(
            f"{name} is a {kind}; expected a number or an array of numbers"
        ) from None


def is_stub(function):
    """Whether a function is still as the chapter prints it, with nothing in it."""
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    return {step.opname for step in dis.get_instructions(code)} <= _NOTHING


def run(function, arguments, names):
    """Call an answer in code, and read what it returns.

    It is cut off after :data:`LIMIT` seconds, in any thread and on any system, at its
    next step of Python: a long call into compiled code is waited for. Only an answer
    that catches everything, by a bare ``except``, can go on.

    Parameters
    ----------
    function : callable
        The answer.
    arguments : tuple
        What to call it with.
    names : tuple of str
        Of the quantities that it should return.

    Returns
    -------
    dict of str to numpy.ndarray or None
        As from :func:`read`.

    Raises
    ------
    AnswerError
        If it raises an error, calls ``sys.exit``, is interrupted, takes too long or
        returns what cannot be read. The message names the line.
    """
    try:
        return _limited(lambda: read(function(*arguments), names))
    except AnswerError:
        raise
    except _TimeUpError as error:
        what = f"Stopped after {LIMIT:g} seconds: an endless loop?"
        raise AnswerError(what + _where(error, function)) from None
    except KeyboardInterrupt as error:
        raise AnswerError("Interrupted." + _where(error, function)) from None
    except SystemExit as error:
        what = "The answer ends the program (sys.exit): leave that out."
        raise AnswerError(what + _where(error, function)) from None
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise AnswerError(what + _where(error, function)) from None


def _limited(call):
    done = threading.Event()
    caller = ctypes.c_ulong(threading.get_ident())
    throw = ctypes.pythonapi.PyThreadState_SetAsyncExc

    def watch():
        if not done.wait(LIMIT):
            throw(caller, ctypes.py_object(_TimeUpError))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        return call()
    finally:  # it is thrown at most once, and has arrived when the watcher is gone
        done.set()
        watcher.join()


def _where(error, function):
    """Name the line of the answer's own code in which an error arose."""
    home = getattr(inspect.unwrap(function), "__globals__", None)
    steps = [*traceback.walk_tb(error.__traceback__)]
    for frame, number in reversed(steps):
        if frame.f_globals is home:
            line = linecache.getline(frame.f_code.co_filename, number).strip()
            return f"\n  line {number}: {line}"
    return ""


def nearest(name, names):
    """Suggest what a mistyped name may have meant.

    Parameters
    ----------
    name : str
        The mistyped name.
    names : iterable of str
        All names there are.

    Returns
    -------
    str
        A suggestion, or all names.
    """
    close = difflib.get_close_matches(name, names, n=1)
    return (
        f"did you mean {close[0]!r}?"
        if close
        else f"there are {', '.join(names)}"
    )
