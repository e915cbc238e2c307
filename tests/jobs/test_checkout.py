"""Which commit and diff are recorded: those of a checkout of this product, and of nothing else."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from ablations.jobs.checkout import MAX_DIFF_BYTES, PRODUCT, git_state, store_diff

NOTHING = {"commit": None, "dirty": None, "diff": ""}


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@t")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "our checkout"
    for package in ("ablations", "fakeface"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text("before\n")
    (folder / "pyproject.toml").write_text(f'[project]\nname = "{PRODUCT}"\n')
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def test_the_name_is_that_of_the_product():
    assert f'name = "{PRODUCT}"' in (Path(__file__).parents[2] / "pyproject.toml").read_text()


def test_a_checkout_is_recorded_with_its_changes(checkout: Path, tmp_path: Path):
    commit = git(checkout, "rev-parse", "HEAD")
    assert git_state(checkout) == {"commit": commit, "dirty": False, "diff": ""}
    assert store_diff(git_state(checkout), tmp_path)["diff"] is None
    git(checkout, "config", "color.ui", "always")
    git(checkout, "config", "diff.external", "false")
    (checkout / "fakeface" / "__init__.py").write_text("after — \n")
    state = git_state(checkout)
    assert (state["commit"], state["dirty"]) == (commit, True)
    assert "\n-before\n+after — \n" in state["diff"]
    assert "\x1b" not in state["diff"]
    stored = store_diff(state, tmp_path)
    assert (tmp_path / stored["diff"]).read_text() == state["diff"]


def test_the_repository_that_calls_is_not_recorded(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))  # as in one of its hooks
    assert git_state(checkout)["commit"] is not None


def test_a_large_diff_is_noted_by_size_and_digest(checkout: Path):
    (checkout / "fakeface" / "__init__.py").write_text("x" * MAX_DIFF_BYTES)
    diff = git(checkout, "diff", "HEAD") + "\n"
    state = git_state(checkout)
    assert state["dirty"]
    assert len(state["diff"]) < 200
    assert f"{len(diff):,} bytes" in state["diff"]
    assert hashlib.sha256(diff.encode()).hexdigest() in state["diff"]


@pytest.mark.parametrize("how", ["no repository", "another project", "no project", "not tracked"])
def test_somebody_elses_repository_is_not_recorded(how: str, checkout: Path):
    project = checkout / "pyproject.toml"
    if how == "no repository":
        (checkout / ".git").rename(checkout / "git")
    elif how == "another project":
        project.write_text('[project]\nname = "secret"\n')
    elif how == "no project":
        project.write_text("[tool]\n")
    else:  # a copy of this product inside its own folder, say in a virtual environment
        git(checkout, "rm", "-rq", "--cached", "ablations")
        git(checkout, "commit", "-qm", "second")
    assert git_state(checkout) == NOTHING
