"""docs/results.md says what the exports beside it hold."""

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.slow
def test_the_verdicts_and_numbers_of_the_page_are_those_of_the_exports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(str(DOCS))  # as `python docs/results.py` has it
    page = runpy.run_path(str(DOCS / "results.py"))["render"](tmp_path)
    assert page == (DOCS / "results.md").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {
        path.name for path in (DOCS / "results").glob("*.png")
    }
