"""Say whether this Python is one that lstmbook supports.

The range stands in pyproject.toml (``requires-python``) and nowhere else. This
script must run under any Python, the unsupported ones too, so it is written in
what Python 2.7 and 3.14 have in common and needs no TOML reader.

``python tools/python_range.py``         exit 0 in silence, or one line and exit 1
``python tools/python_range.py --ends``  oldest and newest minor version, as JSON
"""

from __future__ import print_function

import io
import json
import os
import re
import sys

PYPROJECT = os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "pyproject.toml"
)
LINE = re.compile(
    r"""^requires-python\s*=\s*["']\s*>=\s*3\.(\d+)\s*,\s*<\s*3\.(\d+)\s*["']""",
    re.MULTILINE,
)


def read_range(text):
    """Return the first supported and the first unsupported minor version of 3."""
    found = LINE.search(text)
    if not found:
        raise ValueError('pyproject.toml: no line requires-python = ">=3.A,<3.B"')
    return int(found.group(1)), int(found.group(2))


def ends(text):
    """Return the oldest and the newest supported version, such as "3.11"."""
    first, beyond = read_range(text)
    return ["3.%d" % first, "3.%d" % (beyond - 1)]


def refusal(text, version):
    """Return None where `version` (major, minor, micro) will do, else why not."""
    first, beyond = read_range(text)
    if (3, first) <= tuple(version[:2]) < (3, beyond):
        return None
    return (
        "lstmbook needs Python >=3.%d,<3.%d; this is %s "
        "(choose another with: make PYTHON=python3.%d ...)"
        % (first, beyond, ".".join(str(part) for part in version[:3]), beyond - 1)
    )


def main(arguments):
    """Run the command and return its exit status."""
    with io.open(PYPROJECT, encoding="utf-8") as file:
        text = file.read()
    if arguments == ["--ends"]:
        print(json.dumps(ends(text)))
        return 0
    if arguments:
        print("usage: python tools/python_range.py [--ends]", file=sys.stderr)
        return 2
    why_not = refusal(text, sys.version_info)
    if why_not:
        print(why_not, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
