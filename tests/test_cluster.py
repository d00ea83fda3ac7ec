"""The runner on Dask clusters, interrupted runners, and two runners on one file."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import CancelledError
from pathlib import Path

import dask
import pytest
from distributed import Client, LocalCluster

from lstmbook.course import experiments
from lstmbook.course.experiments import EXPERIMENTS
from lstmbook.course.experiments.__main__ import main
from tests.test_experiments import DRAW, Inline, tiny, without

ROOT = Path(__file__).parents[1]
unix = pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")


@pytest.fixture(scope="module")
def two_workers():
    """A scheduler and two workers in processes of their own."""
    # Dask gives a run four chances; here two, so that the tests are quick.
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(2, threads_per_worker=1, dashboard_address=":0") as cluster,
    ):
        yield cluster.scheduler_address


def mark(folder, seed):
    """Leave a note of each attempt. Seed 1 waits, at the first, until it is killed."""
    attempts = Path(folder) / f"{seed}"
    first = not attempts.exists()
    with attempts.open("a") as file:
        file.write(f"{os.getpid()}\n")
    if first and seed == 1:
        time.sleep(600)
    time.sleep(0.05)
    return {"value": seed * 10}


def dies(seed):
    os._exit(1)


def stumbles(seed):
    if seed == 1:
        raise ArithmeticError("loss is nan")
    return {"value": "tqdm" in sys.modules and sys.modules["tqdm"] is None}


def test_a_cluster_makes_the_same_records(two_workers, tmp_path):
    inline = experiments.run(DRAW, range(3), tmp_path / "inline.csv", Inline())
    with experiments.processes(1) as executor:
        pool = experiments.run(DRAW, range(3), tmp_path / "pool.csv", executor)
    with experiments.cluster(two_workers) as executor:
        dask = experiments.run(DRAW, range(3), tmp_path / "dask.csv", executor)
    own = "seconds", "torch"
    assert without(dask, *own) == without(inline, *own) == without(pool, *own)


@unix
def test_a_worker_that_is_killed_loses_only_its_own_run(two_workers, tmp_path):
    path = tmp_path / "tiny.csv"
    experiment = tiny(mark, grid=({"folder": str(tmp_path)},))
    with Client(two_workers) as client:
        pids = set(client.run(os.getpid).values())
    assert len(pids) == 2
    killer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, pathlib, signal, sys, time\n"
            "attempts = pathlib.Path(sys.argv[1])\n"
            "while not (attempts.exists() and attempts.read_text().endswith('\\n')):\n"
            "    time.sleep(0.05)\n"
            "time.sleep(0.3)\n"
            "os.kill(int(attempts.read_text()), signal.SIGKILL)\n",
            str(tmp_path / "1"),
        ]
    )
    try:
        with experiments.cluster(two_workers) as executor:
            rows = experiments.run(experiment, range(6), path, executor)
    finally:
        killer.wait(60)
    assert [row["value"] for row in rows] == [10 * seed for seed in range(6)]
    assert not any(row["error"] for row in rows)
    attempts = [len((tmp_path / f"{s}").read_text().splitlines()) for s in range(6)]
    assert attempts[1] == 2
    # On the same worker another run may have been about to begin.
    assert sum(attempts) <= 8


def test_a_run_that_kills_every_worker_is_a_failure(tmp_path, two_workers):
    path = tmp_path / "tiny.csv"
    with experiments.cluster(two_workers) as executor:
        (row,) = experiments.run(tiny(dies), [1], path, executor)
        assert row["value"] is None and "KilledWorker" in row["error"]
        assert [s for _, s in experiments.todo(tiny(dies), [1], path)] == [1]
        rows = experiments.run(tiny(stumbles), [0], tmp_path / "next.csv", executor)
    assert rows[0]["error"] is None


def test_a_failure_is_recorded_and_no_worker_shows_a_bar(tmp_path, two_workers):
    path = tmp_path / "tiny.csv"
    with experiments.cluster(two_workers) as executor:
        rows = experiments.run(tiny(stumbles), range(3), path, executor)
    assert [row["value"] for row in rows] == [True, None, True]
    assert "ArithmeticError('loss is nan')" in rows[1]["error"]


def test_an_interrupted_cluster_goes_on(two_workers, tmp_path, monkeypatch):
    path, whole = tmp_path / "tiny.csv", tmp_path / "whole.csv"
    experiments.run(DRAW, range(3), whole, Inline())

    def interrupted(items, **_):
        for k, item in enumerate(items):
            if k == 5:
                raise KeyboardInterrupt
            yield item

    with monkeypatch.context() as patch:
        patch.setattr(experiments.runner, "progress", interrupted)
        with (
            pytest.raises(KeyboardInterrupt),
            experiments.cluster(two_workers) as executor,
        ):
            experiments.run(DRAW, range(3), path, executor)
    assert len(experiments.read(path)) == 5
    assert [file.name for file in tmp_path.glob("tiny*")] == ["tiny.csv"]
    with experiments.cluster(two_workers) as executor:
        rows = experiments.run(DRAW, range(3), path, executor)
    own = "seconds", "torch"
    assert without(rows, *own) == without(experiments.read(whole), *own)


def test_a_scheduler_that_goes_away_leaves_a_valid_file(tmp_path):
    path = tmp_path / "tiny.csv"

    class Gone(Inline):
        def submit(self, function, /, *args):
            future = super().submit(function, *args)
            if self.calls == 3:
                future.result = lambda: (_ for _ in ()).throw(CancelledError)
            return future

    with pytest.raises(CancelledError):
        experiments.run(DRAW, range(3), path, Gone())
    assert all(row["error"] is None for row in experiments.read(path))


# --- the command line


def test_a_local_cluster_by_one_flag(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "tiny", tiny(stumbles, seeds=1))
    arguments = ["run", "tiny", "--scheduler", "local", "--workers", "1"]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    assert experiments.read(tmp_path / "tiny.csv")[0]["value"] is True


def test_a_scheduler_by_its_address(tmp_path, two_workers, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "tiny", tiny(stumbles, seeds=1))
    arguments = ["run", "tiny", "--scheduler", two_workers, "--out", str(tmp_path)]
    assert main(arguments) == 0
    assert experiments.read(tmp_path / "tiny.csv")[0]["value"] is True


def test_without_dask_the_message_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "tiny", tiny(stumbles, seeds=1))
    monkeypatch.setitem(sys.modules, "distributed", None)
    arguments = ["run", "tiny", "--scheduler", "local", "--out", str(tmp_path)]
    assert main(arguments) == 2
    assert "pip install 'lstmbook[cluster]'" in capsys.readouterr().err


# --- two runners


def test_two_runners_do_not_share_a_file(tmp_path):
    path = tmp_path / "tiny.csv"

    class Second(Inline):
        def submit(self, function, /, *args):
            with pytest.raises(BlockingIOError, match=r"tiny\.csv is being written by"):
                experiments.run(DRAW, range(1), path, Inline())
            return super().submit(function, *args)

    rows = experiments.run(DRAW, range(2), path, Second())
    assert len(rows) == 8 and [f.name for f in tmp_path.iterdir()] == ["tiny.csv"]
    # The lock is free again, and one that was left behind is no obstacle.
    (tmp_path / "tiny.csv.lock").touch()
    assert len(experiments.run(DRAW, range(3), path, Inline())) == 12


HOLD = (
    "import sys, time\n"
    "from pathlib import Path\n"
    "from lstmbook.course.experiments import runner\n"
    "with runner._locked(Path(sys.argv[1])):\n"
    "    print('held', flush=True)\n"
    "    time.sleep(600)\n"
)


@unix
def test_a_runner_in_another_process_is_refused_until_it_dies(tmp_path, capsys):
    path = tmp_path / "forget-bias.csv"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, cwd=ROOT
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        try:
            assert main(["run", "forget-bias", "--out", str(tmp_path)]) == 2
        finally:
            holder.send_signal(signal.SIGKILL)
    assert "is being written by another runner" in capsys.readouterr().err
    assert not path.exists()
    with experiments.runner._locked(path):
        pass
