"""Runs the examples of a page and writes what they print into it: python docs/examples.py docs/extending.md

A fence with a file's name writes that file, or adds to it: ```python my_variants.py. A `console` fence runs its
commands, the lines that begin with `$ `, one after another in one empty folder. The rest of such a fence is what they
printed; a line `...` stands for any number of lines. What they print now replaces it only if more than numbers differ.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VARIES = re.compile(r"\b[0-9a-f]{12}\b|~[\d.]+ (?:s|min|h)\b|[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
"""Identities, durations and other numbers, which differ from machine to machine."""
TERMINAL = {"COLUMNS": "120", "NO_COLOR": "1"}
"""Environment of the commands."""


def in_a_shell(command: str, folder: Path) -> str:
    """Run a command in a folder, and return what it prints. Raises RuntimeError if it fails."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, shell=True, cwd=folder, env={**os.environ, **TERMINAL, "PATH": path}, text=True, check=False,
        capture_output=True,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"$ {command}\n{done.stdout}{done.stderr}")
    return done.stdout


def run_examples(page: str, folder: Path, run: Callable[[str, Path], str] = in_a_shell) -> str:
    """The page with what its commands print in `folder`, which is empty and gets the page's files.

    Raises:
        RuntimeError: a command fails.
    """
    seen: set[str] = set()

    def replace(fence: re.Match[str]) -> str:
        language, name, text = fence[1], fence[2].strip(), fence[3]
        if name:
            with (folder / name).open("a" if name in seen else "w") as file:
                file.write(("\n\n" if name in seen else "") + text)
            seen.add(name)
        if language != "console":
            return fence[0]
        return f"```console\n{_printed(text, folder, run)}```"

    return FENCE.sub(replace, page)


def _printed(text: str, folder: Path, run: Callable[[str, Path], str]) -> str:
    examples = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    lines = []
    for example in examples:
        command, _, before = example.partition("\n")
        now = re.sub(r"[ \t]+$", "", run(command, folder).replace(str(folder), "."), flags=re.MULTILINE)
        lines.append(f"$ {command}\n{before if alike(before, now) else now}")
    return "".join(lines)


def alike(before: str, now: str) -> bool:
    """Whether two outputs are the same but for what varies, widths of columns, and lines for which `...` stands."""

    def words(text: str) -> list[str]:
        return [" ".join(VARIES.sub("0", line).split()) for line in text.strip().splitlines()]

    pattern = "\n".join(".*" if line == "..." else re.escape(line) for line in words(before))
    return re.fullmatch(pattern, "\n".join(words(now)), re.DOTALL) is not None


if __name__ == "__main__":
    for page in map(Path, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as folder:
            page.write_text(run_examples(page.read_text(), Path(folder).resolve()))
