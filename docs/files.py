"""Writes docs/files.md, every file of the product with its docstring's first sentence: python docs/files.py"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def first_sentence(path: Path) -> str:
    """Of a module's docstring, in one line."""
    text = " ".join((ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0].split())
    return re.split(r"(?<=[a-z)`\"])\. ", text)[0].rstrip(".").replace("|", "\\|")


def render() -> str:
    """The whole document."""
    lines = [
        "# Files",
        "",
        "Every file and what it holds, by folder. `python docs/files.py` writes this page from the docstrings.",
    ]
    for package in ("ablations", "analysis", "fakeface"):
        for folder in sorted({path.parent for path in (ROOT / package).rglob("*.py")}):
            files = [path for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]
            if files:
                lines += ["", f"## {folder.relative_to(ROOT)}/", "", "| file | contents |", "|---|---|"]
                lines += [f"| `{path.name}` | {first_sentence(path)} |" for path in files]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (ROOT / "docs" / "files.md").write_text(render())
