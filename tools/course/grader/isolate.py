"""Start the inner process, listen to it, and end it when its time is up."""

import json
import os
import pickle
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .child import LATE

CHILD = Path(__file__).parent / "child.py"
DONE = b'{"done": true}\n'
LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Limits:
    """What a submission may use."""

    cell_seconds: float = 60.0  #: for one cell
    call_seconds: float = 10.0  #: for one call of a function that it hands in
    seconds: float = 600.0  #: in all
    memory: int = 4 << 30  #: bytes of address space
    said: int = 16 << 20  #: bytes of answers
    user: int | None = None  #: id of the user it runs as, where the grader is root
    restarts: int = 3  #: fresh starts after a crash, past the cell that caused it

    @property
    def silence(self) -> float:
        """Seconds without a word after which it is ended."""
        return 2 * max(self.cell_seconds, self.call_seconds) + 10


@dataclass
class Answers:
    """What a submission answers, by exercise and case; and what went wrong."""

    replies: dict[tuple[str, int | None], dict]
    errors: dict[int, str]  #: by the number of the cell


def run(
    cells: list[str],
    names: dict[str, tuple[str, ...]],
    cases: dict[str, list[tuple]],
    library: Path,
    limits: Limits,
) -> Answers:
    """
    Run a submission and collect its answers.

    Parameters
    ----------
    cells
        Sources of its code cells.
    names
        Exercise to the quantities asked for.
    cases
        Exercise in code to the arguments of each call.
    library
        Folder of the students' package.
    limits
        Time, memory, user.

    Returns
    -------
    Answers
    """
    task: dict[str, Any] = {
        "cells": cells,
        "names": names,
        # Pickled one by one: no call sees what another did to its arguments.
        "cases": {n: [pickle.dumps(c) for c in args] for n, args in cases.items()},
        "library": str(library),
        "cell_seconds": limits.cell_seconds,
        "call_seconds": limits.call_seconds,
        "skip": [],
    }
    answers = Answers({}, {})
    deadline = time.monotonic() + limits.seconds
    for _ in range(1 + limits.restarts):
        events, how = _attempt(task, limits, deadline)
        running = None
        for event in events:
            running = _note(event, answers, running)
        if running == "done" or running is None or how == "late":
            break
        task["skip"].append(running)
        _blame(running, answers, how)
    if how == "late" and running not in (None, "done"):
        _blame(running, answers, "it ran out of time")
    return answers


def _note(event: dict, answers: Answers, running: Any) -> Any:
    """Take in one line of what the inner process says; return what it is doing."""
    if "begin" in event:
        return event["begin"]
    if "done" in event:
        return "done"
    if "cell" in event:
        answers.errors[event["cell"]] = str(event.get("error"))[:600]
    elif "name" in event:
        answers.replies[event["name"], event.get("case")] = event
    return running


def _blame(running: Any, answers: Answers, how: str) -> None:
    what = f"The process ended here: {how}."
    if running[0] == "cell":
        answers.errors[running[1]] = what
    else:
        answers.replies[running[1], running[2]] = {"error": what}


def _attempt(task: dict, limits: Limits, deadline: float) -> tuple[list[dict], str]:
    """Run the inner process once: what it said, and how it ended."""
    home = Path(tempfile.mkdtemp(prefix="submission-"))
    reading, writing = os.pipe()
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(home),
        "TMPDIR": str(home),
        "MPLBACKEND": "Agg",
        "LANG": "C.UTF-8",
        **dict.fromkeys(LIBRARIES, "1"),
    }
    try:
        if limits.user is not None:
            os.chown(home, limits.user, limits.user)
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(writing,),
            cwd=home,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: _restrict(limits),
            **_as_user(limits.user),
        )
        os.close(writing)
        assert process.stdin is not None
        try:
            process.stdin.write(pickle.dumps(task | {"channel": writing}))
            process.stdin.close()
        except BrokenPipeError:
            pass
        said, in_time = _listen(reading, limits, deadline)
        _end(process)
        return _lines(said), _how(process.returncode) if in_time else "late"
    finally:
        os.close(reading)
        shutil.rmtree(home, ignore_errors=True)


def _as_user(user: int | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {"user": user, "group": user, "extra_groups": []}


def _restrict(limits: Limits) -> None:
    """Limit memory, processor time and files, in the new process."""
    for what, most in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, int(limits.seconds) + 5),
        (resource.RLIMIT_FSIZE, 64 << 20),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    if limits.user is not None:  # processes are counted by user
        resource.setrlimit(resource.RLIMIT_NPROC, (64, 64))


def _listen(reading: int, limits: Limits, deadline: float) -> tuple[bytes, bool]:
    """Read until the other side closes, says too much or nothing, or time is up."""
    said = bytearray()
    while len(said) < limits.said:
        left = deadline - time.monotonic()
        if left <= 0:
            return bytes(said), False
        if not select.select([reading], [], [], min(left, limits.silence))[0]:
            return bytes(said), left > limits.silence
        part = os.read(reading, 1 << 16)
        if not part:
            break
        said += part
        if said.endswith(DONE):  # a process left behind may hold the channel open
            break
    return bytes(said), True


def _end(process: subprocess.Popen) -> None:
    """End the process and all that it started in its session."""
    try:
        process.wait(timeout=0.2)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _how(code: int) -> str:
    if code == LATE:
        return "it did not stop when its time was up"
    if code == -signal.SIGKILL:
        return "it was killed, or used too much memory"
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _lines(said: bytes) -> list[dict]:
    """Parse what was said; what is no event of ours is left out."""
    events = []
    for line in said.decode("utf-8", "replace").splitlines():
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if _well_formed(event):
            events.append(event)
    return events


def _well_formed(event: Any) -> bool:
    if not isinstance(event, dict):
        return False
    begin = event.get("begin")
    if begin is not None:
        kinds = {"cell": [str, int], "call": [str, str, int]}
        if not isinstance(begin, list) or not begin or not isinstance(begin[0], str):
            return False
        return [type(part) for part in begin] == kinds.get(begin[0])
    if "cell" in event:
        return isinstance(event["cell"], int)
    if "name" in event:
        case = event.get("case")
        return isinstance(event["name"], str) and isinstance(case, int | None)
    return "done" in event


def arrays(reply: dict) -> dict[str, np.ndarray | None] | str:
    """
    Turn a reply into arrays.

    Parameters
    ----------
    reply
        One of `Answers.replies`.

    Returns
    -------
    dict of str to numpy.ndarray or None, or str
        The arrays by quantity, or what is wrong with the reply.
    """
    if "error" in reply:
        return str(reply["error"])[:600]
    try:
        return {
            str(name): None
            if value is None
            else np.array(value["data"], dtype=float).reshape(value["shape"])
            for name, value in reply["values"].items()
        }
    except Exception:  # it may be anything at all
        return "The answer could not be read."
