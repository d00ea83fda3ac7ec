"""The appendix Relatives still works when the registry grows."""

from pathlib import Path

import nbformat

from lstmbook import CELLS, LSTM

PAGE = Path(__file__).parents[1] / "book" / "relatives.ipynb"


def test_a_new_cell_in_the_registry_breaks_no_cell_of_the_page(monkeypatch):
    class Newcomer(LSTM):
        pass

    monkeypatch.setitem(CELLS, "newcomer", Newcomer)
    cells = nbformat.read(PAGE, as_version=4).cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    assert any("CELLS[" in source for source in sources)
    space = {}
    for source in sources:
        if "plt.subplots" not in source and "%pip" not in source:
            exec(source, space)
