"""What a sweep costs: updates a second on one core, ``python -m benchmarks.sweep``.

An update is a batch through a model and back, clipping, and a step of Adam, at the
sizes that sweeps over many seeds use. Prints a table; ``--write`` puts it into the
appendix "Experiments on a cluster".
"""

import os

if __name__ == "__main__":  # a BLAS reads these once, when NumPy is loaded
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ["MKL_NUM_THREADS"] = "1"
    os.environ["VECLIB_MAXIMUM_THREADS"] = "1"

import argparse
import re
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.page import machine
from benchmarks.programs import NATIVE, OURS, TWIN, Size
from lstmbook import LSTM, interop, pytorch
from lstmbook.data import Batch
from lstmbook.losses import mse
from lstmbook.model import Model, value_and_grads
from lstmbook.optim import Adam, clip_by_global_norm

PAGE = Path(__file__).parents[1] / "book" / "clusters.md"
BLOCK = re.compile(r"(?<=<!-- sweep -->\n).*(?=<!-- /sweep -->)", re.DOTALL)
SIZES = (Size(20, 32, 2, 12), Size(50, 32, 4, 16), Size(100, 32, 2, 32))
ROUNDS = 100
RATE, MAX_NORM = 0.01, 1.0


def draw(size):
    """Draw a model and a batch in float32.

    Parameters
    ----------
    size : Size
        T, N, D and H.

    Returns
    -------
    model : Model
        Of an LSTM, with one output at the last step.
    batch : Batch
    """
    rng = np.random.default_rng(0)
    T, N, D, H = size
    model = Model.init(rng, LSTM.init(rng, D, H, np.float32), 1)
    xs, targets = rng.standard_normal((T, N, D)), rng.standard_normal((N, 1))
    return model, Batch(xs.astype(np.float32), targets.astype(np.float32))


def numpy_updates(model, batch):
    """Return a function that makes an update of our model and returns its loss.

    Parameters
    ----------
    model : Model
        Where to begin.
    batch : Batch
        The same at each update.

    Returns
    -------
    callable
    """
    adam = Adam(RATE)
    state = adam.init(model)

    def update():
        nonlocal model, state
        loss, grads, _ = value_and_grads(model, batch, mse)
        grads, _ = clip_by_global_norm(grads, MAX_NORM)
        model, state = adam.update(model, grads, state)
        return loss

    return update


def torch_updates(core, model, batch):
    """Return a function that makes an update in PyTorch and returns its loss.

    Parameters
    ----------
    core : torch.nn.Module
        The recurrent part, with the weights of ``model``.
    model : Model
        Whose readout is copied.
    batch : Batch
        The same at each update.

    Returns
    -------
    callable
    """
    net = pytorch.Model(core, model)
    xs, targets = torch.tensor(batch.xs), torch.tensor(batch.targets)
    adam = torch.optim.Adam(net.parameters(), RATE)

    def update():
        adam.zero_grad()
        loss = torch.nn.functional.mse_loss(net(xs), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), MAX_NORM)
        adam.step()
        return loss.item()

    return update


def programs(size):
    """Return the three programs on the same problem, by name.

    Parameters
    ----------
    size : Size
        T, N, D and H.

    Returns
    -------
    dict of str to callable
    """
    model, batch = draw(size)
    return {
        OURS: numpy_updates(model, batch),
        TWIN: torch_updates(pytorch.LSTM.from_numpy(model.cell), model, batch),
        NATIVE: torch_updates(interop.to_torch(model.cell), model, batch),
    }


def measure(size, rounds=ROUNDS):
    """Measure updates a second, the programs in turn.

    Parameters
    ----------
    size : Size
        T, N, D and H.
    rounds : int
        Updates of each program. The fastest counts: others wait for the machine.

    Returns
    -------
    dict of str to float
    """
    found = programs(size)
    for update in found.values():
        update()
    best = dict.fromkeys(found, np.inf)
    for _ in range(rounds):
        for name, update in found.items():
            start = time.perf_counter()
            update()
            best[name] = min(best[name], time.perf_counter() - start)
    return {name: 1 / seconds for name, seconds in best.items()}


def table(rows):
    """Write the table.

    Parameters
    ----------
    rows : dict of Size to dict of str to float
        Updates a second.

    Returns
    -------
    str
        In Markdown.
    """
    names = list(next(iter(rows.values())))
    lines = [
        f"| T, N, D, H | {' | '.join(names)} |",
        f"| --- | {' | '.join('---:' for _ in names)} |",
    ]
    for size, found in rows.items():
        cells = " | ".join(f"{round(found[name]):,}" for name in names)
        lines.append(f"| {', '.join(map(str, size))} | {cells} |")
    told = machine()
    lines += [
        "",
        f"Updates a second on one core, float32, the fastest of {ROUNDS}. "
        f"{told['Processor']}, NumPy {told['NumPy']}, PyTorch {told['PyTorch']}, "
        f"{told['Date']}.",
    ]
    return "\n".join(lines) + "\n"


def main(argv=None, sizes=SIZES, page=PAGE):
    """Measure, print, and write the table into the page if asked to.

    Parameters
    ----------
    argv : list of str, optional
        The command line's arguments by default.
    sizes : iterable of Size
        What to measure.
    page : Path
        Where the table stands, between two comments.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep")
    parser.add_argument("--write", action="store_true", help="write it into the page")
    write = parser.parse_args(argv).write
    torch.set_num_threads(1)
    text = table({size: measure(size) for size in sizes})
    print(text, end="")
    if write:
        old = page.read_text(encoding="utf-8")
        page.write_text(BLOCK.sub(lambda _: text, old), encoding="utf-8")


if __name__ == "__main__":
    main()
