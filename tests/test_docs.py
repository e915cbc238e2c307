"""docs/design.md names files that exist."""

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]
render = runpy.run_path(str(ROOT / "docs/files.py"))["render"]


def test_every_file_and_folder_that_the_design_names_exists():
    names = re.findall(r"`([\w/.]+(?:\.(?:py|yaml|md)|/))`", (ROOT / "docs/design.md").read_text())
    folders = ("fakeface", "ablations", "analysis", "tests", "benchmarks", "docs")
    files = [f"/{path.relative_to(ROOT)}" for folder in folders for path in ROOT.glob(f"{folder}/**/*")]
    files += [f"/{path.name}" for path in ROOT.iterdir()]
    missing = {name for name in names if not any(file.endswith(f"/{name.rstrip('/')}") for file in files)}
    assert len(names) > 80
    assert missing == set()


def test_the_list_of_files_is_the_docstrings():
    assert (ROOT / "docs/files.md").read_text() == render(), "write it again: python docs/files.py"
