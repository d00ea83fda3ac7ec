"""Experiments over many seeds, and the results that the book stores.

An experiment is a grid of settings and a plain function that takes the settings and a
seed, and returns a record. :mod:`~lstmbook.course.experiments.runner` runs it; on the
command line

.. code-block:: sh

   python -m lstmbook.course.experiments list
   python -m lstmbook.course.experiments run forget-bias --dry-run

Results are small CSV files, a row for each run, in the book's folder ``data``:

>>> from lstmbook.course import experiments
>>> rows = experiments.load("adding-orthogonal")
>>> rows[0]["init"], rows[0]["length"], rows[0]["seed"]
('default', 50, 0)
"""

from pathlib import Path
from urllib.request import urlopen

from lstmbook.course.exercises.answers import nearest
from lstmbook.course.experiments import (
    ablation,
    adding,
    characters,
    evidence,
    forecasting,
    gates,
    net1997,
    outer,
    paper1997,
    parts,
    streams,
    tracking,
)
from lstmbook.course.experiments.runner import (
    Experiment,
    cluster,
    expected_seconds,
    parse,
    processes,
    read,
    run,
    todo,
)
from lstmbook.course.experiments.summary import Summary, summarize

__all__ = [
    "DATA",
    "EXPERIMENTS",
    "Experiment",
    "Summary",
    "cluster",
    "expected_seconds",
    "find",
    "load",
    "processes",
    "read",
    "run",
    "stored",
    "summarize",
    "todo",
]

#: Name to experiment.
EXPERIMENTS = {
    experiment.name: experiment
    for family in (
        ablation,
        adding,
        characters,
        evidence,
        forecasting,
        gates,
        net1997,
        outer,
        paper1997,
        parts,
        streams,
        tracking,
    )
    for experiment in family.EXPERIMENTS
}

#: Where a clone of the repository keeps the results.
DATA = Path(__file__).parents[3] / "book" / "data"
ONLINE = "https://raw.githubusercontent.com/lstmbook/lstmbook/main/book/data"


def find(name):
    """Return an experiment by its name.

    Parameters
    ----------
    name : str
        Such as ``"forget-bias"``.

    Returns
    -------
    Experiment

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    if name not in EXPERIMENTS:
        raise ValueError(
            f"no experiment is called {name!r}; {nearest(name, EXPERIMENTS)}"
        )
    return EXPERIMENTS[name]


def load(name):
    """Load the stored results of an experiment.

    Outside a clone of the repository, as on Colab, they are downloaded.

    Parameters
    ----------
    name : str
        Of the experiment.

    Returns
    -------
    list of dict
        As :func:`lstmbook.course.experiments.runner.read` returns them.

    Raises
    ------
    ValueError
        If there is no such experiment.
    OSError
        If there is neither a clone nor a network.
    """
    file = f"{find(name).name}.csv"
    if DATA.is_dir():
        return read(DATA / file)
    return parse(stored(file).decode("utf-8"))


def stored(file):
    """Read a file of the book's folder ``data``.

    Outside a clone of the repository, as on Colab, it is downloaded.

    Parameters
    ----------
    file : str
        Its name.

    Returns
    -------
    bytes

    Raises
    ------
    OSError
        If there is neither a clone nor a network.
    """
    if DATA.is_dir():
        return (DATA / file).read_bytes()
    url = f"{ONLINE}/{file}"
    try:
        with urlopen(url) as answer:
            return answer.read()
    except OSError as error:
        raise OSError(
            f"the results {file} could not be fetched from {url} ({error}); "
            "a clone of the repository has them in book/data"
        ) from error
