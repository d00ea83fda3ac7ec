"""The command line: ``python -m lstmbook.course.experiments --help``."""

import argparse
import sys
from concurrent.futures import BrokenExecutor
from pathlib import Path

from lstmbook.course.experiments import DATA, EXPERIMENTS, find, processes, run, todo

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
        are invalid, 130 after an interrupt.
    """
    options = _parser().parse_args(arguments)
    if options.action == "list":
        _list()
        return 0
    if not options.out.is_dir():
        _say(f"error: --out is {options.out}, which is not a folder")
        return 2
    failed = 0
    for experiment in options.names or EXPERIMENTS.values():
        path = options.out / f"{experiment.name}.csv"
        seeds = range(options.seeds or experiment.seeds)
        try:
            tasks = todo(experiment, seeds, path)
            total = len(experiment.grid) * len(seeds)
            print(f"{experiment.name}: {total} runs, {len(tasks)} to do, {path}")
            if options.dry_run:
                for settings, seed in tasks:
                    print("  " + _spell({**settings, "seed": seed}))
            elif tasks:
                failed += _run(experiment, seeds, path, options.workers)
        except ValueError as error:
            _say(f"error: {error}")
            return 2
        except (KeyboardInterrupt, BrokenExecutor) as reason:
            broken = isinstance(reason, BrokenExecutor)
            _say(
                f"{'a worker died' if broken else 'interrupted'}: "
                f"{path} has every finished run, and the same command continues "
                "from there"
            )
            return 1 if broken else 130
    return 1 if failed else 0


def _run(experiment, seeds, path, workers):
    """Run, say what failed, and return how many."""
    with processes(workers) as executor:
        rows = run(experiment, seeds, path, executor)
    failed = [row for row in rows if row["error"]]
    for row in failed:
        named = {name: row[name] for name in (*experiment.grid[0], "seed")}
        _say(f"failed: {_spell(named)}: {row['error']}")
    if failed:
        _say("the same command tries what failed again")
    return len(failed)


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
        "leaves a valid file. One command to a file at a time: two would lose records.",
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
