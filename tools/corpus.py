"""Write the corpus of chapter 17: modules of Python's standard library, compressed.

    python -m tools.corpus

The modules differ from one version of Python to the next, so the corpus was made once,
by the version named in ``lstmbook/tasks/library.json.xz``, and is part of the package.
Run by another version, this script writes another corpus, and the stored results of
chapter 17 would no longer belong to it.
"""

import json
import lzma
import platform
import re
import sysconfig
from pathlib import Path

OUT = Path(__file__).parents[1] / "lstmbook" / "tasks" / "library.json.xz"

#: Tables rather than programs.
TABLES = {
    "_compat_pickle",
    "_sysconfigdata__linux_x86_64-linux-gnu",
    "opcode",
    "stringprep",
}
#: Word for word, much of these is also in ``wave``, ``posixpath`` or ``gzip``.
COPIES = {"aifc", "bz2", "lzma", "ntpath", "sunau"}


def modules(folder):
    """Modules of middling size, in plain ASCII, under the licence of Python alone.

    Parameters
    ----------
    folder : Path
        Of the standard library.

    Returns
    -------
    dict
        Name to text.
    """
    texts = {path.stem: path.read_text() for path in sorted(folder.glob("*.py"))}
    return {
        name: text
        for name, text in texts.items()
        if 6_000 <= len(text) <= 40_000
        and re.fullmatch(r"[\n -~]*", text)
        and not re.search(r"copyright|licen[cs]e", text, re.IGNORECASE)
        and name not in TABLES | COPIES
    }


def main():
    """Write the file."""
    texts = modules(Path(sysconfig.get_path("stdlib")))
    corpus = {"python": platform.python_version(), "modules": texts}
    data = json.dumps(corpus).encode()
    OUT.write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
    characters = sum(map(len, texts.values()))
    print(f"{OUT}: {len(texts)} modules, {characters:,} characters")


if __name__ == "__main__":
    main()
