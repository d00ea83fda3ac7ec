"""The appendix "Troubleshooting", written from the doctor's own messages.

``python -m tools.troubleshooting`` writes it; ``tests/test_doctor.py`` checks that it
is up to date.
"""

from itertools import groupby
from pathlib import Path

from lstmbook.doctor import AILMENTS, Finding

PAGE = Path("book/troubleshooting.md")
OPENING = """\
# Troubleshooting

What to do when the book does not run on your machine, problem by problem.

Ask the doctor first:

```sh
python -m lstmbook.doctor
```

It looks at three things in turn: the package alone, the notebooks, the whole project.
For each problem it prints the cure. With `--for package` or `--for notebooks` it stops
there. In the project's own environment write `.venv/bin/python` instead of `python`,
here and in the cures.

Below are all its messages, with examples for what differs from machine to machine.
Those marked "note" stop nothing. If your problem is not among them,
[open an issue](https://github.com/lstmbook/lstmbook/issues) with what the doctor
prints.
"""


def page() -> str:
    """Write out the appendix.

    Returns
    -------
    str
        MyST Markdown.
    """
    parts = [OPENING]
    for about, group in groupby(AILMENTS, lambda name: AILMENTS[name].about):
        parts.append(f"## {about}\n")
        for name in group:
            finding = Finding(name, AILMENTS[name].example)
            note = "" if finding.stops else " (note)"
            parts.append(f"**{finding.problem}**{note}\n{finding.cure}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
