"""The runner of experiments, and the results that the book stores."""

import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pytest

from lstmbook import CELLS, LSTM, RNN, Stack
from lstmbook.course import experiments
from lstmbook.course.experiments import (
    EXPERIMENTS,
    Experiment,
    adding,
    parts,
    runner,
    summarize,
)
from lstmbook.course.experiments.__main__ import _duration, main
from lstmbook.diagnostics import gradient_by_lag
from lstmbook.initialisation import chrono_biases
from lstmbook.model import Model
from lstmbook.tasks.notepad import MARKS, notepad

# --- a tiny experiment


def draw(scale, kind, seed):
    """A tiny experiment: all random numbers come from the seed."""
    rng = np.random.default_rng(seed)
    value = scale * rng.standard_normal()
    return {"value": value, "high": bool(value > 0), "never": None, "kind2": kind * 2}


def stumble(seed):
    if seed == 1:
        raise ArithmeticError("loss is nan,\nat update 3")
    return {"value": seed}


def stop(seed):
    if seed == 2:
        raise KeyboardInterrupt
    return {"value": seed}


def die(seed):
    os._exit(1)


def stray(seed):
    return {"vaule": seed}


def threads(seed):
    return {"value": ",".join(os.environ[name] for name in runner.THREADS)}


def tiny(function, **changes):
    settings = {"name": "tiny", "about": "?", "grid": ({},), "results": ("value",)}
    return Experiment(function=function, **{**settings, **changes})


DRAW = tiny(
    draw,
    grid=tuple({"scale": s, "kind": k} for k in ("b", "a") for s in (2, 0.5)),
    results=("value", "high", "never", "kind2"),
)


class Inline(Executor):
    """Runs tasks in this process, and counts them."""

    calls = 0

    def submit(self, function, /, *args):
        self.calls += 1
        future = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(function(*args))
        except KeyboardInterrupt as interrupt:
            future.set_exception(interrupt)
        return future


def without(rows, *names):
    return [{k: v for k, v in row.items() if k not in names} for row in rows]


def test_records(tmp_path):
    path = tmp_path / "tiny.csv"
    rows = experiments.run(DRAW, range(3), path, Inline())
    assert rows == experiments.read(path) and list(rows[0]) == DRAW.columns
    # In the order of the grid, seeds in order.
    runs = [(row["kind"], row["scale"], row["seed"]) for row in rows]
    assert runs == [(k, s, n) for k in "ba" for s in (2, 0.5) for n in range(3)]
    for row in rows:
        expected = draw(row["scale"], row["kind"], row["seed"])
        assert {name: row[name] for name in expected} == expected
        assert row["error"] is None and row["seconds"] >= 0
        assert row["numpy"] == np.__version__
        assert row["python"] == sys.version.split()[0]
        assert row["lstmbook"] == experiments.runner.__version__
        came = sys.modules.get("torch")
        assert row["torch"] == (str(came.__version__) if came else None)


def test_numbers_come_as_numbers(tmp_path):
    path = tmp_path / "tiny.csv"
    row = experiments.run(DRAW, [7], path, Inline())[1]
    kinds = {name: type(row[name]) for name in ("scale", "kind", "seed", "value")}
    assert kinds == {"scale": float, "kind": str, "seed": int, "value": float}
    assert type(row["high"]) is bool and row["never"] is None
    assert type(experiments.run(DRAW, [7], path, Inline())[0]["scale"]) is int


def test_a_setting_may_be_none(tmp_path):
    experiment = tiny(
        lambda clip, seed: {"value": clip is None},
        grid=({"clip": None}, {"clip": 1.5}),
    )
    path, executor = tmp_path / "tiny.csv", Inline()
    experiments.run(experiment, range(2), path, executor)
    rows = experiments.run(experiment, range(2), path, executor)
    assert executor.calls == 4
    assert [(row["clip"], row["value"]) for row in rows[1:3]] == [
        (None, True),
        (1.5, False),
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_make_no_difference(tmp_path, workers):
    inline = experiments.run(DRAW, range(3), tmp_path / "inline.csv", Inline())
    with experiments.processes(workers) as executor:
        rows = experiments.run(DRAW, range(3), tmp_path / "tiny.csv", executor)
    own = "seconds", "torch"  # a worker has not imported what these tests have
    assert without(rows, *own) == without(inline, *own)


def test_any_executor_will_do(tmp_path):
    with ThreadPoolExecutor(3) as executor:
        rows = experiments.run(DRAW, range(2), tmp_path / "tiny.csv", executor)
    assert len(rows) == 8


def test_each_worker_has_one_thread(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with experiments.processes(1) as executor:
        rows = experiments.run(tiny(threads), [0], tmp_path / "tiny.csv", executor)
    assert rows[0]["value"] == "1,1,1,1"
    # The caller's own number of threads is unchanged.
    assert os.environ["OMP_NUM_THREADS"] == "7" and "MKL_NUM_THREADS" not in os.environ


# --- interrupted, failed, resumed


def test_an_interrupt_leaves_what_was_done(tmp_path):
    path = tmp_path / "tiny.csv"
    with ThreadPoolExecutor(1) as executor, pytest.raises(KeyboardInterrupt):
        experiments.run(tiny(stop), range(5), path, executor)
    rows = experiments.read(path)
    assert {row["seed"] for row in rows} <= {0, 1, 3, 4}
    left = [seed for _, seed in experiments.todo(tiny(stop), range(5), path)]
    assert set(left) == set(range(5)) - {row["seed"] for row in rows}


def test_an_interrupt_cancels_what_has_not_begun(tmp_path):
    release, begun = threading.Event(), []

    def function(seed):
        begun.append(seed)
        if seed == 0:
            raise KeyboardInterrupt
        release.wait(60)
        return {"value": seed}

    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(KeyboardInterrupt):
            experiments.run(tiny(function), range(9), tmp_path / "t.csv", executor)
        release.set()
    assert len(begun) <= 2


def test_it_goes_on_where_it_was(tmp_path):
    path, whole, executor = tmp_path / "tiny.csv", tmp_path / "whole.csv", Inline()
    experiments.run(DRAW, range(3), whole, Inline())
    head, *lines = whole.read_text().splitlines(keepends=True)
    # Five of twelve, in the order in which they finished, and half of a sixth.
    path.write_text("".join([head, *lines[7:2:-1], lines[0][:-4]]))
    assert len(experiments.read(path)) == 5
    rows = experiments.run(DRAW, range(3), path, executor)
    assert executor.calls == 7
    assert without(rows, "seconds") == without(experiments.read(whole), "seconds")


def test_a_record_may_break_off_within_a_letter(tmp_path):
    path = tmp_path / "tiny.csv"
    whole = experiments.run(DRAW, range(1), path, Inline())
    with path.open("ab") as file:
        file.write("2,b,1,0.5,„".encode()[:-1])
    assert experiments.read(path) == whole
    assert len(experiments.run(DRAW, range(2), path, Inline())) == 8


@pytest.mark.parametrize("text", ["", "scale,ki"])
def test_a_file_without_a_whole_header_is_begun_anew(tmp_path, text):
    path = tmp_path / "tiny.csv"
    path.write_text(text)
    assert len(experiments.run(DRAW, range(2), path, Inline())) == 8


def test_a_complete_file_is_left_alone(tmp_path):
    path, executor = tmp_path / "tiny.csv", Inline()
    experiments.run(DRAW, range(3), path, Inline())
    before = path.read_bytes()
    experiments.run(DRAW, range(2), path, executor)  # extra records are kept
    assert executor.calls == 0 and path.read_bytes() == before
    experiments.run(DRAW, range(4), path, executor)
    assert executor.calls == 4
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.csv"]


def test_records_are_on_disk_as_they_come(tmp_path):
    path, seen = tmp_path / "tiny.csv", []

    class Watching(Inline):
        def submit(self, function, /, *args):
            # Lazily: a run starts once the one before is written.
            future = super().submit(function, *args)
            future.result = lambda: (
                seen.append(len(experiments.read(path))) or (Future.result(future))
            )
            return future

    experiments.run(tiny(stumble), range(4), path, Watching())
    assert seen == [0, 1, 2, 3]


def test_a_failure_is_recorded_and_tried_again(tmp_path):
    path, executor = tmp_path / "tiny.csv", Inline()
    rows = experiments.run(tiny(stumble), range(3), path, Inline())
    assert [row["value"] for row in rows] == [0, None, 2]
    assert "ArithmeticError('loss is nan" in rows[1]["error"]
    assert len(path.read_text().splitlines()) == 4  # a record is a line
    assert [s for _, s in experiments.todo(tiny(stumble), range(3), path)] == [1]
    mended = tiny(lambda seed: {"value": seed})
    rows = experiments.run(mended, range(3), path, executor)
    assert executor.calls == 1
    assert [(row["value"], row["error"]) for row in rows] == [
        (n, None) for n in range(3)
    ]


def test_a_record_has_the_results_that_were_announced(tmp_path):
    (row,) = experiments.run(tiny(stray), [0], tmp_path / "tiny.csv", Inline())
    assert "tiny returned ['vaule']; expected ['value']" in row["error"]


def test_a_worker_that_dies_leaves_a_valid_file(tmp_path):
    path = tmp_path / "tiny.csv"
    with pytest.raises(BrokenProcessPool), experiments.processes(1) as executor:
        experiments.run(tiny(die), range(2), path, executor)
    # No record, because the runs themselves did not fail.
    assert experiments.read(path) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("scale,", "Scale,", "has the columns Scale, kind, .*; tiny expects scale, "),
        ("\n2,b", "\n4,b", r"has a run of 4, b, which tiny has not in its grid"),
        ("\n2,b", "\nb", r"line \d+ of the results does not have the 13 cells"),
        ("\n2,b", "\n2,b,b", r"line \d+ of the results does not have the 13 cells"),
    ],
)
def test_another_file_is_refused(tmp_path, old, new, message):
    path = tmp_path / "tiny.csv"
    experiments.run(DRAW, range(1), path, Inline())
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        experiments.run(DRAW, range(1), path, Inline())
    assert path.read_bytes() == before


# --- the command line


def cli(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "lstmbook.course.experiments", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        **options,
    )


def test_list_shows_the_commands():
    done = cli("list")
    assert done.returncode == 0, done.stderr
    for experiment in EXPERIMENTS.values():
        assert f"{experiment.name}: {experiment.about}\n" in done.stdout
        assert (
            f"python -m lstmbook.course.experiments run {experiment.name}\n"
            in done.stdout
        )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "required: action"),
        (
            ["run", "forget-bais"],
            2,
            "called 'forget-bais'; did you mean 'forget-bias'?",
        ),
        (["run", "--seeds", "0"], 2, "--seeds: it is '0'; expected 1 or more"),
        (["run", "--seeds", "few"], 2, "--seeds: it is 'few'; expected 1 or more"),
        (["run", "--workers", "-1"], 2, "--workers: it is '-1'; expected 1 or more"),
        (["run", "--out", "nowhere"], 2, "--out is nowhere, which is not a folder"),
    ],
)
def test_errors_of_the_command_line(capsys, arguments, code, message):
    try:
        came = main(arguments)
    except SystemExit as leave:
        came = leave.code
    assert came == code and message in capsys.readouterr().err


def test_help(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["run", "--help"])
    text = capsys.readouterr().out
    options = "--seeds N", "--workers N", "--scheduler ADDRESS", "--out DIR"
    for option in ("NAME", *options, "--dry-run"):
        assert option in text


def test_dry_run_shows_the_plan_and_runs_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        "lstmbook.course.experiments.__main__.run", lambda *_: pytest.fail("it ran")
    )
    arguments = ["run", "forget-bias", "--seeds", "2", "--dry-run"]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    head, *plan, about = capsys.readouterr().out.splitlines()
    assert head == f"forget-bias: 18 runs, 18 to do, {tmp_path / 'forget-bias.csv'}"
    assert plan[0] == "  bias=0 mirrored=False rate=0.005 seed=0"
    assert plan[-1] == "  bias=chrono mirrored=True rate=0.005 seed=1"
    assert len(plan) == 18 and not list(tmp_path.iterdir())
    rows = experiments.load("forget-bias")
    minutes = sum(row["seconds"] for row in rows if row["seed"] < 2) / 60
    told = re.fullmatch(r"about (\d+) min on one core, by earlier records", about)
    assert int(told[1]) == pytest.approx(minutes, rel=0.3)


def test_expected_seconds_are_the_means_of_the_settings():
    rows = [
        {"a": 1, "seconds": 2},
        {"a": 1, "seconds": 4},
        {"a": 2, "seconds": 9},
        {"a": 2, "seconds": None},
    ]
    tasks = [({"a": 1}, 0), ({"a": 2}, 0), ({"a": 3}, 0)]
    assert experiments.expected_seconds(tasks, rows) == 3 + 9 + 5
    assert experiments.expected_seconds(tasks, []) is None
    assert experiments.expected_seconds([], []) == 0


@pytest.mark.parametrize(
    ("seconds", "shown"), [(3, "1 min"), (95, "2 min"), (5400, "1 h 30 min")]
)
def test_durations(seconds, shown):
    assert _duration(seconds) == shown


def test_what_takes_an_unknown_time_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "tiny", tiny(draw_value, seeds=3))
    assert main(["run", "tiny", "--dry-run", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "not known how long, without records: tiny" in shown
    assert "on one core" not in shown


def test_a_column_has_one_meaning():
    with pytest.raises(ValueError, match="tiny has more than one column error, seed;"):
        tiny(draw_value, results=("error", "seed"))


def test_run_with_no_name_runs_all(tmp_path, capsys):
    assert main(["run", "--dry-run", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    for experiment in EXPERIMENTS.values():
        runs = len(experiment.grid) * experiment.seeds
        assert f"{experiment.name}: {runs} runs, {runs} to do" in shown


def test_run_runs_and_says_what_failed(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "tiny", tiny(stumble, seeds=3))
    arguments = ["run", "tiny", "--workers", "1", "--out", str(tmp_path)]
    assert main(arguments) == 1
    shown = capsys.readouterr()
    assert "tiny: 3 runs, 3 to do" in shown.out
    assert "failed: tiny seed=1: ArithmeticError" in shown.err
    assert "tries what failed again" in shown.err
    monkeypatch.setitem(EXPERIMENTS, "tiny", tiny(draw_value, seeds=3))
    assert main(arguments) == 0
    assert "tiny: 3 runs, 1 to do" in capsys.readouterr().out


def draw_value(seed):
    return {"value": seed}


def test_run_refuses_another_file(tmp_path, capsys):
    (tmp_path / "forget-bias.csv").write_text("a,b\n1,2\n")
    assert main(["run", "forget-bias", "--out", str(tmp_path)]) == 2
    assert "has the columns a, b; forget-bias expects" in capsys.readouterr().err


def test_run_says_that_a_worker_died(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "tiny", tiny(die, seeds=1))
    assert main(["run", "tiny", "--workers", "1", "--out", str(tmp_path)]) == 1
    shown = capsys.readouterr().err
    assert "a worker died" in shown and "the same command continues" in shown


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C of a Unix terminal")
def test_ctrl_c(tmp_path):
    path = tmp_path / "adding-orthogonal.csv"
    command = [sys.executable, "-m", "lstmbook.course.experiments", "run"]
    command += ["adding-orthogonal", "--out", str(tmp_path)]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell lets what it runs in the background ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        deadline = time.monotonic() + 60
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)
        os.killpg(process.pid, signal.SIGINT)
        _, shown = process.communicate(timeout=60)
    assert process.returncode == 130, shown
    assert "interrupted" in shown and "the same command continues" in shown
    assert experiments.read(path) == []


def linger(seed):
    print(os.getpid(), flush=True)
    time.sleep(600)


def test_workers_do_not_outlive_a_runner_that_is_killed(tmp_path):
    code = (
        "from lstmbook.course import experiments\n"
        "from tests import test_experiments as t\n"
        "if __name__ == '__main__':\n"
        "    with experiments.processes(1) as executor:\n"
        f"        path = {str(tmp_path / 'tiny.csv')!r}\n"
        "        experiments.run(t.tiny(t.linger), [0], path, executor)\n"
    )
    command = [sys.executable, "-c", code]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, text=True, cwd=root, **pipes) as process:
        worker = int(process.stdout.readline())
        process.kill()
        try:
            # The worker holds this pipe too: it ends when both are gone.
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            os.kill(worker, signal.SIGTERM)
            pytest.fail("the worker is still running")


# --- the experiments themselves


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
def test_an_experiment_is_what_it_says(experiment):
    names = [*experiment.grid[0], "seed"]
    assert list(signature(experiment.function).parameters) == names
    assert all([*settings, "seed"] == names for settings in experiment.grid)
    keys = [experiment.key({**settings, "seed": 0}) for settings in experiment.grid]
    assert len(set(keys)) == len(keys)
    assert len(set(experiment.columns)) == len(experiment.columns)


def test_an_unknown_experiment():
    with pytest.raises(ValueError, match="'forget-bais'; did you mean 'forget-bias'"):
        experiments.load("forget-bais")


def test_load_comes_from_the_network_outside_a_clone(tmp_path, monkeypatch):
    class Answer:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def read(self):
            return b"bias,seed\nchrono,3\n"

    asked = []
    monkeypatch.setattr(experiments, "DATA", tmp_path / "none")
    monkeypatch.setattr(
        experiments, "urlopen", lambda url: asked.append(url) or Answer()
    )
    assert experiments.load("forget-bias") == [{"bias": "chrono", "seed": 3}]
    assert asked[0].endswith("/lstmbook/lstmbook/main/book/data/forget-bias.csv")


def test_load_without_a_network_names_the_file_and_the_way_out(tmp_path, monkeypatch):
    def unreachable(url):
        raise URLError("no route to host")

    monkeypatch.setattr(experiments, "DATA", tmp_path / "nowhere")
    monkeypatch.setattr(experiments, "urlopen", unreachable)
    with pytest.raises(OSError, match=r"forget-bias\.csv .*no route.* clone"):
        experiments.load("forget-bias")


def start(kind=LSTM, hidden=8):
    rng = np.random.default_rng(0)
    return Model.init(rng, kind.init(rng, 2, hidden, dtype=np.float32), 1), rng


def test_learning_stops_when_it_is_solved(monkeypatch):
    # An easy goal, on short sequences.
    monkeypatch.setattr(adding, "SOLVED", 0.05)
    model, rng = start()
    looks = []
    found = adding.learn(
        model, rng, 1e-2, length=4, look=lambda *seen: looks.append(seen)
    )
    assert found["solved"] and found["mse"] < 0.05
    assert found["updates"] % 25 == 0 and 25 < found["updates"] < 1000
    updates, models, errors = zip(*looks, strict=True)
    assert list(updates) == list(range(25, found["updates"] + 1, 25))
    assert errors[-1] == found["mse"] and min(errors[:-1]) >= 0.05
    assert len({id(model) for model in models}) == len(models)
    short = adding.learn(*start(), 1e-2, length=4, limit=found["updates"] - 25)
    assert short["solved"] is False and short["updates"] is None
    assert short["mse"] >= 0.05


def test_a_training_that_stops_is_no_result():
    model, rng = start()
    model.W_y[:] = np.inf
    with (
        pytest.warns(UserWarning, match="training stopped"),
        pytest.raises(ArithmeticError, match="loss is"),
    ):
        adding.learn(model, rng, 1e-2, length=4)


@pytest.mark.parametrize("name", ["adding-cells", "adding-rates"])
def test_adding_trains_the_cell_it_names(monkeypatch, name):
    asked = []
    monkeypatch.setattr(adding, "learn", lambda *told: asked.append(told) or {})
    experiment = EXPERIMENTS[name]
    for settings in experiment.grid:
        found = experiment.function(**settings, seed=3)
        model, _, rate = asked[-1]
        assert type(model.cell) is CELLS[settings["cell"]]
        assert model.cell.hidden_size == 32 and model.cell.dtype == np.float32
        assert rate == settings["rate"]
        # Torch's second bias of the GRU's n is a parameter here too.
        assert (
            found["parameters"]
            == {"rnn": 1153, "gru": 3425, "lstm": 4513}[settings["cell"]]
        )


def test_rates_are_chosen_on_seeds_that_are_not_reported(monkeypatch):
    asked = []
    monkeypatch.setattr(adding, "cells", lambda *told: asked.append(told))
    for seed in range(EXPERIMENTS["adding-rates"].seeds):
        adding.tuning("gru", 0.003, seed)
    seeds = {seed for *_, seed in asked}
    assert len(seeds) == 3
    assert not seeds & set(range(EXPERIMENTS["adding-cells"].seeds))


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm"])
def test_arriving_is_the_share_of_gradient_by_lag(name):
    rng = np.random.default_rng(2)
    model = Model.init(rng, CELLS[name].init(rng, 3, 4), 1)
    xs = rng.standard_normal((7, 5, 3))
    _, trace = model.cell.forward(xs)
    d_h = np.repeat(model.W_y.T, 5, axis=0)
    if name == "lstm":
        slope = trace.gates.o[-1] * (1 - np.tanh(trace.states.c[-1]) ** 2)
        d_final = LSTM.State(0 * d_h, d_h * slope)
    else:
        d_final = model.cell.State(d_h)
    norms = gradient_by_lag(model.cell, trace, d_final)[-1]
    for lag in (1, 3, 6):
        share = np.median(norms[lag] / norms[0])
        assert adding.arriving(model, xs, lag) == pytest.approx(share, rel=1e-12)


def test_gradients_are_followed_along_training(monkeypatch):
    """Errors and shares are invented; first times and last values must be theirs."""
    shares = {}

    def arriving(model, xs, lag):
        return shares.get(id(model), 1e-9) * (1 if lag == 49 else 2)

    def learn(model, rng, rate, length, limit, look):
        assert (rate, length, limit) == (0.01, 50, 8_000)
        for updates, error, share in (
            (25, 0.2, 0.006),
            (50, 0.1, 0.02),
            (75, 0.08, 0.001),
            (100, 0.07, 0.05),
        ):
            model = Model(model.cell, model.W_y, model.b_y)
            kept.append(model)
            shares[id(model)] = share
            look(updates, model, error)
        return {"solved": False, "updates": None, "mse": 0.07}

    kept = []
    monkeypatch.setattr(adding, "arriving", arriving)
    monkeypatch.setattr(adding, "learn", learn)
    found = adding.gradients("rnn", 0.01, 0)
    assert set(found) == set(EXPERIMENTS["adding-gradients"].results)
    assert found["arrived_at"] == 50 and found["learned_at"] == 75
    assert found["before_49"] == 1e-9 and found["before_7"] == 2e-9
    assert found["after_49"] == 0.05 and found["after_42"] == 0.1


def test_forget_bias_begins_where_it_says(monkeypatch):
    asked = []
    monkeypatch.setattr(
        adding, "learn", lambda model, rng, rate: asked.append((model, rate))
    )
    grid = (*EXPERIMENTS["forget-bias"].grid, *EXPERIMENTS["forget-bias-rates"].grid)
    for settings in grid:
        adding.forget_bias(**settings, seed=5)
    first = asked[0][0].cell
    for settings, (model, rate) in zip(grid, asked, strict=True):
        cell, bias = model.cell, settings["bias"]
        if bias == "chrono":
            assert len(np.unique(cell.b_f)) == 32 and cell.b_f.min() >= 0
        else:
            assert (cell.b_f == bias).all()
        assert np.array_equal(cell.b_i, -cell.b_f if settings["mirrored"] else cell.b_g)
        assert (cell.b_g == 0).all() and (cell.b_o == 0).all()
        assert rate == settings["rate"]
        # Everything else is the same draw.
        assert np.array_equal(cell.W_x, first.W_x)
        assert np.array_equal(cell.W_h, first.W_h)


def test_note_ages_by_counting():
    xs = notepad(np.random.default_rng(0), 60, 7, clear=0.1).xs
    ages = parts.note_ages(xs)
    for n, stream in enumerate(xs.transpose(1, 0, 2)):
        written = None
        for t, (_, _, _, clear) in enumerate(stream):
            if t and stream[t - 1, MARKS["store"]]:
                written = t
            if clear:
                written = None
            assert ages[t, n] == (-1 if written is None else t - written)
    assert ages.min() == -1 and ages.max() > 10


@pytest.fixture
def begun(monkeypatch):
    """Models as the experiments on parts begin to train them, with a first batch."""
    seen = []

    def record(model, batches, rate, state=None):
        seen.append((model, next(iter(batches)), rate))
        losses = np.full(50, 0.5)
        return SimpleNamespace(model=model, optimizer_state=None, losses=losses)

    monkeypatch.setattr(parts, "train_adam", record)
    return seen


def test_nets_of_notes_have_equal_size_and_start_as_named(begun):
    for settings in EXPERIMENTS["notes-by-age"].grid:
        found = parts.notes_by_age(**settings, seed=3)
        assert list(found) == list(EXPERIMENTS["notes-by-age"].results)
        model, batch, rate = begun[-1]
        kind, hidden = parts.NETS[settings["net"]]
        assert type(model.cell) is kind and model.cell.hidden_size == hidden
        assert sum(a.size for a in vars(model.cell).values()) == 336
        assert model.cell.dtype == batch.xs.dtype == np.float32
        assert batch.xs.shape == (50, 32, 4) and rate == settings["rate"]
        gram = model.cell.W_h[:, :hidden].T @ model.cell.W_h[:, :hidden]
        is_orthogonal = np.abs(gram - np.eye(hidden)).max() < 1e-5
        assert is_orthogonal == (settings["net"] == "rnn, orthogonal")


def test_main_layers_differ_in_nothing_else(begun):
    for squashed in ("tanh", "sigmoid", "sigmoid, bias -3"):
        parts.main_layer(squashed, 0.02, 5, seed=1)
    (tanh, first, _), (sigmoid, second, _), (quiet, third, _) = begun
    assert [m.cell.b_g.tolist() for m in (tanh, sigmoid, quiet)] == [
        [0] * 8,
        [0] * 8,
        [-3] * 8,
    ]
    assert type(tanh.cell) is LSTM
    assert type(sigmoid.cell) is type(quiet.cell) is not LSTM
    for model, batch in ((sigmoid, second), (quiet, third)):
        assert np.array_equal(model.cell.W_x, tanh.cell.W_x)
        assert np.array_equal(model.W_y, tanh.W_y)
        assert np.array_equal(batch.xs, first.xs)


def test_first_of_twenty_begins_where_it_says_and_may_fail(begun, monkeypatch):
    monkeypatch.setattr(parts, "LIMIT", 250)
    found = parts.first_of_twenty(3, -2, 0.02, seed=1)
    assert found == {"updates": None, "loss_200": 0.5} and len(begun) == 5
    model, batch, rate = begun[0]
    assert (model.cell.b_f == 3).all() and (model.cell.b_i == -2).all()
    assert batch.xs.shape == (20, 32, 2) and rate == 0.02
    assert np.array_equal(batch.targets, batch.xs[0, :, :1])
    assert batch.xs[..., 1].sum() == 32


def test_first_of_twenty_says_when_it_was_solved(begun, monkeypatch):
    monkeypatch.setattr(parts, "SOLVED", 0.6)
    found = parts.first_of_twenty(3, 0, 0.02, seed=1)
    assert found == {"updates": 50, "loss_200": 0.5} and len(begun) == 4


# --- what the book stores


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
def test_stored_results_are_complete(experiment):
    path = experiments.DATA / f"{experiment.name}.csv"
    seeds = range(experiment.seeds)
    assert experiments.todo(experiment, seeds, path) == []
    rows = experiments.load(experiment.name)
    expected = [
        experiment.key({**settings, "seed": seed})
        for settings in experiment.grid
        for seed in seeds
    ]
    assert [experiment.key(row) for row in rows] == expected


@pytest.mark.slow
def test_a_stored_run_without_success():
    """Orthogonal start, 100 steps: where nothing is learned, processors agree.

    Runs that learn do so at a moment that rounding shifts; the error of those that do
    not is that of the best constant, whatever the rounding.
    """
    experiment = EXPERIMENTS["adding-orthogonal"]
    rows = experiments.load(experiment.name)
    stored = min(
        (row for row in rows if row["length"] == 100), key=lambda row: row["seconds"]
    )
    fresh = again(experiment, stored)
    assert fresh["mse"] == pytest.approx(stored["mse"], abs=0.005)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adding-cells", "forget-bias"])
def test_a_stored_success(name):
    """The cheapest of the runs that learned does so again, at about that update.

    The update is not the same on another processor: a float32 sum in another order
    shifts it, by a factor of less than two in the quickest runs.
    """
    rows = experiments.load(name)
    stored = min((r for r in rows if r["solved"]), key=lambda row: row["seconds"])
    fresh = again(EXPERIMENTS[name], stored)
    assert fresh["solved"] and fresh["mse"] < adding.SOLVED
    assert 1 / 2 < fresh["updates"] / stored["updates"] < 2


@pytest.mark.slow
def test_a_stored_start_of_a_gate():
    """The quickest run that was solved is solved again, at about that time."""
    rows = experiments.load("first-of-twenty")
    stored = min((r for r in rows if r["updates"]), key=lambda row: row["updates"])
    fresh = again(EXPERIMENTS["first-of-twenty"], stored)
    assert abs(fresh["updates"] - stored["updates"]) <= 100


@pytest.mark.slow
def test_a_stored_main_layer():
    """The largest error of the shorter runs: nothing was learned, whatever the CPU."""
    rows = [r for r in experiments.load("main-layer") if r["updates"] == 600]
    stored = max(rows, key=lambda row: row["rmse"])
    fresh = again(EXPERIMENTS["main-layer"], stored)
    assert fresh["rmse"] == pytest.approx(stored["rmse"], rel=0.2)


def again(experiment, row):
    settings = {name: row[name] for name in (*experiment.grid[0], "seed")}
    return experiment.function(**settings)


# --- summaries


@pytest.mark.parametrize(
    ("n", "rank", "coverage"),
    # 1 − 2 Σ_{j<k} C(n, j) / 2ⁿ, by hand.
    [
        (6, 1, 1 - 2 / 64),
        (9, 2, 1 - 2 * 10 / 512),
        (10, 2, 1 - 2 * 11 / 1024),
        (15, 4, 1 - 2 * (1 + 15 + 105 + 455) / 2**15),
        (20, 6, 1 - 2 * 21700 / 2**20),
    ],
)
def test_interval_of_the_median(n, rank, coverage):
    values = np.random.default_rng(n).permutation(np.arange(1, n + 1)).tolist()
    found = summarize(values)
    assert found == (n, 0, (n + 1) / 2, rank, n + 1 - rank, pytest.approx(coverage))
    assert coverage >= 0.95
    # The next pair inwards would not be enough.
    assert coverage - 2 * math.comb(n, rank) / 2**n < 0.95


def test_the_interval_holds_the_median_as_often_as_it_says():
    rng = np.random.default_rng(0)
    samples = rng.exponential(size=(4000, 10))
    found = [summarize(sample) for sample in samples]
    inside = np.mean([s.low <= math.log(2) <= s.high for s in found])
    deviation = math.sqrt(found[0].coverage * (1 - found[0].coverage) / 4000)
    assert abs(inside - found[0].coverage) < 4 * deviation


@pytest.mark.parametrize("n", [62, 63, 64, 67, 100, 1200])
def test_interval_of_many_runs(n):
    """Beyond what 64 bits hold: ranks and coverage in Python's own integers."""
    found = summarize(range(1, n + 1))
    rank = int(found.low)
    outside = 2 * sum(math.comb(n, j) for j in range(rank))
    assert found.high == n + 1 - rank
    assert found.coverage == pytest.approx(1 - outside / 2**n, abs=1e-12)
    assert found.coverage >= 0.95
    assert 20 * (outside + 2 * math.comb(n, rank)) > 2**n  # one less would not do


def test_what_is_no_number_is_no_failure():
    with pytest.raises(ValueError, match="values holds nan; expected numbers"):
        summarize([1, 2, 3, 4, 5, math.nan])


def test_failures_are_larger_than_all():
    values = [5, 3, None, 1, 4, 2, None, None, 6, 7]
    found = summarize(values)
    assert found[:5] == (10, 3, 5.5, 2.0, math.inf)
    assert summarize([None] * 6 + [1, 2, 3, 4])[1:5] == (6, math.inf, 2.0, math.inf)
    assert summarize([None] * 8)[1:5] == (8, math.inf, math.inf, math.inf)


def test_too_few_for_an_interval():
    with pytest.raises(ValueError, match="values has 5 runs; expected at least 6"):
        summarize(range(5))


# --- chrono initialisation


@pytest.mark.equation("eq-chrono")
def test_chrono_biases_follow_their_distribution():
    rng = np.random.default_rng(0)
    cells = [chrono_biases(LSTM.init(rng, 3, 50), rng, 100) for _ in range(200)]
    assert all((cell.b_i == -cell.b_f).all() for cell in cells)
    times = np.sort(np.exp(np.concatenate([cell.b_f for cell in cells])))
    assert times.min() >= 1 and times.max() <= 99
    # Kolmogorov and Smirnov: 1.63 / √n is exceeded once in a hundred draws.
    expected = (times - 1) / 98
    ranks = np.arange(len(times) + 1) / len(times)
    gap = max(np.abs(edge - expected).max() for edge in (ranks[1:], ranks[:-1]))
    assert gap < 1.63 / math.sqrt(len(times))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_chrono_biases_change_nothing_else(dtype):
    cell = LSTM.init(np.random.default_rng(0), 3, 4, dtype=dtype)
    cell.b[:] = np.arange(16)
    chrono = chrono_biases(cell, np.random.default_rng(1), 50)
    assert (cell.b == np.arange(16)).all() and chrono.dtype == dtype
    assert (chrono.b_g == cell.b_g).all() and (chrono.b_o == cell.b_o).all()
    assert (chrono.W_x == cell.W_x).all() and (chrono.W_h == cell.W_h).all()
    assert not np.shares_memory(chrono.W_x, cell.W_x)


def test_a_chrono_gate_keeps_as_long_as_it_says():
    """With its inputs at zero a unit keeps 1 − 1/(1 + u) of its memory at each step."""
    rng = np.random.default_rng(0)
    chrono = chrono_biases(LSTM.init(rng, 3, 6), rng, 100)
    chrono.W_x[:] = chrono.W_h[:] = 0
    _, trace = chrono.forward(np.zeros((2, 1, 3)))
    u = np.exp(chrono.b_f)
    np.testing.assert_allclose(trace.gates.f[1, 0], 1 - 1 / (1 + u), rtol=1e-14)
    np.testing.assert_allclose(trace.gates.i[1, 0], 1 / (1 + u), rtol=1e-14)


def test_chrono_biases_need_both_gates():
    rng = np.random.default_rng(0)
    with pytest.raises(
        TypeError, match=r"cell is a RNN with the layers .*; expected i"
    ):
        chrono_biases(RNN.init(rng, 2, 3), rng, 100)
    with pytest.raises(ValueError, match="longest is 2; expected more than 2 steps"):
        chrono_biases(LSTM.init(rng, 2, 3), rng, 2)
    with pytest.raises(ValueError, match="longest is inf; expected more than 2 steps"):
        chrono_biases(LSTM.init(rng, 2, 3), rng, np.inf)
    with pytest.raises(TypeError, match="cell is a Stack; expected a single cell"):
        chrono_biases(Stack((LSTM.init(rng, 2, 3),)), rng, 100)
