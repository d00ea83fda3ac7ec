"""Run a submission's cells and answer for it: the program of the inner process.

It knows the questions and no answers. What it writes is what the submission claims;
the process that started it compares. Nothing here needs to be trusted.
"""

import json
import os
import pickle
import re
import signal
import sys
import traceback
from contextlib import contextmanager

RINGS = 3  # code that catches so many is ended with its process
LATE = 124


class TimeUpError(BaseException):
    """A cell, or a call, takes too long."""


def main():
    """Run what standard input asks for."""
    task = pickle.load(sys.stdin.buffer)
    channel = os.fdopen(task["channel"], "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)

    def say(**event):
        channel.write(json.dumps(event) + "\n")
        channel.flush()

    sys.path.insert(0, task["library"])
    from lstmbook.course import exercises
    from lstmbook.course.exercises import answers

    given = {}

    def record(name, answer=None, seed=None):
        given[name] = answer

    exercises.check = exercises.require = record
    namespace = {"__name__": "__main__", "display": lambda *args, **kwargs: None}
    for number, source in enumerate(task["cells"]):
        if ["cell", number] in task["skip"]:
            continue
        say(begin=["cell", number])
        error = _guard(lambda s=source: _run(s, namespace), task["cell_seconds"])
        if error:
            say(cell=number, error=error)
        for name in [n for n in given if n in task["names"]]:
            if not callable(given[name]):
                answer = given.pop(name)
                say(name=name, case=None, **_values(answers, answer, task, name))
    for name, cases in task["cases"].items():
        if name not in given:
            continue
        if answers.is_stub(given[name]):
            say(name=name, missing=True)
            continue
        for number, case in enumerate(cases):
            if ["call", name, number] in task["skip"]:
                continue
            say(begin=["call", name, number])

            def call(name=name, case=case):
                value = given[name](*pickle.loads(case))
                return _values(answers, value, task, name)

            found = []
            error = _guard(lambda: found.append(call()), task["call_seconds"])  # noqa: B023
            say(name=name, case=number, **({"error": error} if error else found[0]))
    say(done=True)


def _run(source, namespace):
    source = re.sub(r"^(\s*)[%!].*", r"\1pass", source, flags=re.MULTILINE)
    exec(compile(source, "<cell>", "exec"), namespace)


def _values(answers, answer, task, name):
    """Turn an answer into numbers that JSON carries."""
    try:
        values = answers.read(answer, task["names"][name])
    except answers.AnswerError as error:
        return {"error": str(error)}
    return {
        "values": {
            key: None
            if value is None
            else {"shape": list(value.shape), "data": value.ravel().tolist()}
            for key, value in values.items()
        }
    }


def _guard(action, seconds):
    """Run something for so long at most; say what went wrong."""
    try:
        with _alarm(seconds):
            action()
    except TimeUpError:
        return f"Stopped after {seconds:g} seconds: an endless loop?"
    except SystemExit:
        return "The answer ends the program (sys.exit): leave that out."
    except BaseException as error:
        where = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == "<cell>"
        ]
        line = f" (line {where[-1]} of its cell)" if where else ""
        return f"{type(error).__name__}: {error}"[:500] + line
    return ""


@contextmanager
def _alarm(seconds):
    rings = []

    def ring(signum, frame):
        rings.append(signum)
        if len(rings) > RINGS:
            os._exit(LATE)
        raise TimeUpError

    signal.signal(signal.SIGALRM, ring)
    # It rings again, for code that catches everything.
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.3)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    main()
