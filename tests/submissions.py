"""Hand-ins to the assignment of chapter 6, as honest and other students would make."""

import copy
import inspect
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from lstmbook.course.exercises import EXERCISES, ch06
from tools.course.sheets import from_chapter, source_notebook, students_edition

ROOT = Path(__file__).parents[1]
NAME = "06-forget-gate"
HANDED = ["dial-by-hand", "forget-products", "forget-bias"]
DIAL = {"f": 0.9931, "b_f": 4.97, "left_after_250": 0.177}
LOSSES = {"loss_0": 0.325, "loss_1": 0.325, "loss_3": 0.006}


@cache
def assignment():
    """Three exercises of the chapter, one of each kind."""
    whole = from_chapter(ROOT / "book" / f"{NAME}.ipynb")
    chosen = [item for item in whole.items if item.exercise.name in HANDED]
    return replace(whole, items=tuple(chosen))


@cache
def blank():
    return students_edition(source_notebook(assignment()))


def cell(notebook, name):
    """One of the cells, by the name it has for nbgrader."""
    return next(
        c
        for c in notebook.cells
        if c.metadata.get("nbgrader", {}).get("grade_id") == name
    )


def hand_in(**sources):
    """Fill in the cells for answers; `_` in a name stands for `-`."""
    notebook = copy.deepcopy(blank())
    for name, source in sources.items():
        cell(notebook, f"{name.replace('_', '-')}-answer").source = source
    return notebook


def code(function):
    """Source of a function under the name that is asked for."""
    return inspect.getsource(function).replace(
        f"def {function.__name__}", "def forget_products", 1
    )


PRODUCTS = code(ch06.forget_products)
RIGHT = {
    "dial_by_hand": f"answer = {DIAL}",
    "forget_products": PRODUCTS,
    "forget_bias": f"answer = {LOSSES}",
}


def right():
    return hand_in(**RIGHT)


def empty():
    return hand_in()


def partly():
    """One quantity of three, one of two, none."""
    helper = code(ch06.counted_its_own_gate).replace(
        "kept, _ = forget_products(fs)", ""
    )
    helper = helper.replace("kept,", "np.cumprod(fs, axis=0),")
    return hand_in(
        dial_by_hand='answer = {"f": 0.9931, "b_f": -4.97, "left_after_250": None}',
        forget_products=helper,
    )


def wrongly_typed():
    return hand_in(
        dial_by_hand='answer = "about 0.99"',
        forget_products="forget_products = 3.5",
        forget_bias='answer = {"loss_0": object(), "loss_9": [[], {}]}',
    )


def tampered():
    """Wrong answers; the checks are rewritten, and worth more."""
    notebook = hand_in(dial_by_hand="answer = (1, 2, 3)")
    for name in ("dial-by-hand", "forget-products", "forget-bias"):
        check = cell(notebook, name)
        check.source = 'print("Right.")\n10'
        check.metadata["nbgrader"] |= {"points": 100, "locked": False}
    return notebook


def crashing():
    """Ends the process, breaks it, takes all memory; the last answer is right."""
    return hand_in(
        dial_by_hand="import os\nos._exit(3)",
        forget_products=(
            "import ctypes\ndef forget_products(fs):\n    return ctypes.string_at(0)"
        ),
        forget_bias=f"answer = {LOSSES}\nhoard = np.ones((1 << 37,))",
    )


def endless():
    """One loop that catches everything, one that does not; the last is right."""
    return hand_in(
        dial_by_hand=(
            "while True:\n    try:\n        while True:\n            pass\n"
            "    except BaseException:\n        pass"
        ),
        forget_products="def forget_products(fs):\n    while True:\n        pass",
        forget_bias=f"answer = {LOSSES}",
    )


def by_heart():
    """The results of the public cases, which it passes, and nothing else."""
    exercise = EXERCISES["forget-products"]
    table = [
        [np.asarray(part).tolist() for part in exercise.solution(*case)]
        for case in exercise.draw_cases()
    ]
    return hand_in(
        forget_products=(
            f"table = iter({table} * 2)\n"
            "def forget_products(fs):\n    return [np.array(a) for a in next(table)]"
        )
    )


def importing():
    """Looks for the book's solutions."""
    return hand_in(
        dial_by_hand=(
            "from lstmbook.course.exercises import ch06\nanswer = ch06.dial_by_hand()"
        ),
        forget_products=(
            "from lstmbook.course.exercises import EXERCISES\n"
            'forget_products = EXERCISES["forget-products"].solution'
        ),
    )


def patching():
    """Patches the checker, and speaks for the grader on every channel it finds."""
    forged = (
        '{"name": "dial-by-hand", "case": null, "passed": true, "score": 3}\\n'
        '{"name": "forget-bias", "case": null, "values": {"loss_0": 1}}\\n'
        '{"begin": {"cell": 1}}\\n[[[[\\n{"done": true}\\n'
    )
    return hand_in(
        dial_by_hand=(
            "import builtins, json, os\n"
            "from lstmbook.course.exercises import answers\n"
            "answers.read = lambda answer, names: dict.fromkeys(names, np.ones(()))\n"
            "answers.is_stub = lambda function: False\n"
            "exercises.check = exercises.require = lambda *a, **k: True\n"
            "exercises.Result = bool\n"
            "answer = 1"
        ),
        forget_products=(
            "def forget_products(fs):\n    return fs\n"
            "for channel in range(3, 64):\n    try:\n"
            f"        os.write(channel, b'{forged}')\n"
            "    except OSError:\n        pass"
        ),
    )


def flooding():
    """Talks without end on every channel; the last answer is right."""
    return hand_in(
        dial_by_hand=(
            "import os\nwhile True:\n    for channel in range(3, 64):\n        try:\n"
            "            os.write(channel, b'x' * 65536)\n        except OSError:\n"
            "            pass"
        ),
        forget_bias=f"answer = {LOSSES}",
    )


def lingering():
    """Leaves a process behind that holds the channel open."""
    return hand_in(
        dial_by_hand=(
            "import os, time\nif os.fork() == 0:\n    os.setsid()\n"
            f"    time.sleep(20)\n    os._exit(0)\nanswer = {DIAL}"
        )
    )


#: Hand-in to the points that it is worth, by question.
SCORES = {
    right: (3, 4, 3),
    empty: (0, 0, 0),
    partly: (1, 2, 0),
    wrongly_typed: (0, 0, 0),
    tampered: (0, 0, 0),
    crashing: (0, 0, 3),
    endless: (0, 0, 3),
    by_heart: (0, 0, 0),
    importing: (0, 0, 0),
    patching: (0, 0, 0),
    flooding: (0, 0, 3),
    lingering: (3, 0, 0),
}
