"""The command line: ``python -m lstmbook.course.experiments --help``."""

import argparse
import sys
from concurrent.futures import BrokenExecutor, CancelledError
from pathlib import Path

from lstmbook.course.experiments import (
    DATA,
    EXPERIMENTS,
    cluster,
    expected_seconds,
    find,
    processes,
    read,
    run,
    todo,
)

COMMAND = "python -m lstmbook.course.experiments"


def main(arguments=None):
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the process by default.

    Returns
    -------
    int
        0; 1 if a run failed or a worker died, 2 if the arguments or the file of results
        are invalid or the scheduler cannot be reached, 130 after an interrupt.
    """
    options = _parser().parse_args(arguments)
    if options.action == "list":
        _list()
        return 0
    if not options.out.is_dir():
        _say(f"error: --out is {options.out}, which is not a folder")
        return 2
    try:
        plan = _plan(options)
        if options.dry_run or not plan:
            return 0
        return 1 if _run(plan, options) else 0
    except (ImportError, OSError, ValueError) as error:
        _say(f"error: {error}")
        return 2
    except (KeyboardInterrupt, BrokenExecutor, CancelledError) as reason:
        interrupted = isinstance(reason, KeyboardInterrupt)
        what = "interrupted" if interrupted else "a worker died, or the scheduler"
        _say(
            f"{what}: {options.out} has every finished run, and the same command "
            "continues from there"
        )
        return 130 if interrupted else 1


def _plan(options):
    """Show how many runs there are and how long they take; return those to do."""
    plan, unknown, seconds = [], [], 0.0
    for experiment in options.names or EXPERIMENTS.values():
        path = options.out / f"{experiment.name}.csv"
        seeds = range(options.seeds or experiment.seeds)
        tasks = todo(experiment, seeds, path)
        total = len(experiment.grid) * len(seeds)
        print(f"{experiment.name}: {total} runs, {len(tasks)} to do, {path}")
        if not tasks:
            continue
        plan.append((experiment, seeds, path))
        stored = [file for file in (DATA / path.name, path) if file.exists()]
        rows = [row for file in stored for row in read(file)]
        expected = expected_seconds(tasks, rows)
        seconds += expected or 0
        if expected is None:
            unknown.append(experiment.name)
        if options.dry_run:
            for settings, seed in tasks:
                print("  " + _spell({**settings, "seed": seed}))
    if plan:
        if seconds:
            print(f"about {_duration(seconds)} on one core, by earlier records")
        if unknown:
            print(f"not known how long, without records: {', '.join(unknown)}")
    return plan


def _duration(seconds):
    hours, minutes = divmod(max(1, round(seconds / 60)), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _run(plan, options):
    """Run all, say what failed, and return how many."""
    print("Ctrl-C stops at any time; the same command continues", flush=True)
    failed = 0
    for experiment, seeds, path in plan:
        # A pool for each: one that broke is not used again.
        with _executor(options) as executor:
            rows = run(experiment, seeds, path, executor)
        for row in (row for row in rows if row["error"]):
            named = {name: row[name] for name in (*experiment.grid[0], "seed")}
            _say(f"failed: {experiment.name} {_spell(named)}: {row['error']}")
            failed += 1
    if failed:
        _say("the same command tries what failed again")
    return failed


def _executor(options):
    if options.scheduler:
        return cluster(options.scheduler, options.workers)
    return processes(options.workers)


def _list():
    for experiment in EXPERIMENTS.values():
        runs = len(experiment.grid) * experiment.seeds
        print(f"{experiment.name}: {experiment.about}")
        print(f"    {runs} runs: {COMMAND} run {experiment.name}")


def _spell(settings):
    return " ".join(f"{name}={value}" for name, value in settings.items())


def _say(text):
    print(text, file=sys.stderr)


def _parser():
    parser = argparse.ArgumentParser(
        prog=COMMAND,
        description="Run the book's experiments with many seeds. What is already in "
        "the file of results is not run again.",
    )
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="show all experiments and the commands to run them")
    runner = actions.add_parser(
        "run",
        help="run experiments, or resume them",
        description="Run experiments, or resume interrupted ones. Ctrl-C "
        "leaves a valid file. A second command on the same file is refused.",
    )
    runner.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        type=_experiment,
        help="an experiment; all of them where none is named",
    )
    runner.add_argument(
        "--seeds",
        metavar="N",
        type=_positive,
        help="run seeds 0 to N-1 (default: as many as the book has)",
    )
    runner.add_argument(
        "--workers",
        metavar="N",
        type=_positive,
        default=2,
        help="processes, of one thread each (default: %(default)s)",
    )
    runner.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="run on the workers of a Dask scheduler, such as tcp://10.0.0.5:8786, or "
        "on a new Dask cluster on this machine: local",
    )
    runner.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        default=DATA,
        help="folder for NAME.csv (default: book/data of the repository)",
    )
    runner.add_argument(
        "--dry-run", action="store_true", help="show what would be run, but run nothing"
    )
    return parser


def _experiment(name):
    try:
        return find(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"it is {text!r}; expected 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
