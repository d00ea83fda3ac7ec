"""Adding at long lags, with and without orthogonal weights, for chapter 3.

From the folder ``book``: ``python data/orthogonal_adding.py`` writes
``data/orthogonal_adding.csv`` (about four minutes on two cores).
"""

import csv
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from lstmbook import RNN
from lstmbook.losses import mse
from lstmbook.model import Model
from lstmbook.optim import Adam
from lstmbook.tasks.adding import adding
from lstmbook.train import train

UPDATES = 5000
RUNS = [
    (init, length, seed)
    for init in ("default", "orthogonal")
    for length in (50, 100)
    for seed in range(6)
]


def learn(run):
    """Train once and return the error on 5,000 fresh sequences."""
    init, length, seed = run
    rng = np.random.default_rng(seed)
    cell = RNN.init(rng, input_size=2, hidden_size=32, dtype=np.float32)
    if init == "orthogonal":
        gaussian = rng.standard_normal((32, 32))
        cell.W_h[:], _ = np.linalg.qr(gaussian)
    model = Model.init(rng, cell, 1)
    batches = (adding(rng, length, 32, np.float32) for _ in range(UPDATES))
    trained = train(model, batches, mse, Adam(1e-3), max_norm=1.0).model
    test = adding(np.random.default_rng(1000), length, 5_000, np.float32)
    return mse(trained.forward(test.xs)[0], test.targets)[0]


if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        errors = pool.map(learn, RUNS)
        path = Path(__file__).with_suffix(".csv")
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("init", "length", "seed", "updates", "error"))
            for run, error in zip(RUNS, errors, strict=True):
                rows.writerow((*run, UPDATES, f"{error:.4f}"))
                file.flush()
