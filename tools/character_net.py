"""Train the net of chapter 17 and store it with its history.

    python -m tools.character_net

It takes about an hour on one core. ``book/data/character-net.npz`` holds the weights in
float16, ``book/data/character-net.json`` how they were made, the losses on the way, and
text that the net wrote after so many updates.
"""

import json
import math
import platform
import time
from pathlib import Path

import numpy as np
import torch

from lstmbook import __version__, tree
from lstmbook.course.experiments.characters import (
    bits_per_character,
    fit,
    to_model,
    write,
)
from lstmbook.course.nets import halved
from lstmbook.tasks.text import library

OUT = Path(__file__).parents[1] / "book" / "data" / "character-net"
SETTINGS = {
    "hidden": 256,
    "updates": 4_000,
    "rate": 3e-3,
    "seed": 0,
    "dropout": 0.2,
    "decay": 0.01,
}
SAMPLED = (0, 100, 300, 1_000)  # updates after which the net writes
EVERY = 250  # updates between two measurements


def main():
    """Train, store."""
    torch.set_num_threads(1)
    text = {
        part: "".join(modules.values()) for part, modules in library()._asdict().items()
    }
    start, losses = time.process_time(), []
    card = {
        "task": "the next character of Python 3.11.7's standard library",
        "characters": {part: len(t) for part, t in text.items()},
        "settings": SETTINGS,
        "history": [],
        "samples": {},
        "lstmbook": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    best = math.inf

    def look(done, core, readout, value):
        nonlocal best
        losses.append(value)
        if done in SAMPLED or done == SETTINGS["updates"]:
            rng = np.random.default_rng(0)
            card["samples"][done] = write(to_model(core, readout), rng, 300)
        if done % EVERY == 0 and done > 0:
            bits = bits_per_character(core, readout, text["validation"])
            seen = sum(losses[-EVERY:]) / EVERY / math.log(2)
            card["history"].append([done, round(seen, 4), round(bits, 4)])
            card["cpu_minutes"] = round((time.process_time() - start) / 60, 1)
            print(*card["history"][-1], card["cpu_minutes"], flush=True)
            if bits < best:
                best = bits
                card["kept_after"] = done
                tree.save(f"{OUT}.npz", halved(to_model(core, readout)))
            OUT.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")

    fit(text["train"], **SETTINGS, look=look)


if __name__ == "__main__":
    main()
