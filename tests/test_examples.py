"""The examples in the documentation run, and print what the pages say."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
run_examples = runpy.run_path(str(ROOT / "docs/examples.py"))["run_examples"]
PAGES = [path for path in sorted(ROOT.glob("docs/*.md")) if "```console" in path.read_text()]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_the_examples_of_a_page_print_what_it_says(page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    assert run_examples(text, tmp_path) == text, f"write it again: python docs/examples.py docs/{page.name}"
