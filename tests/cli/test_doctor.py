"""`ablate doctor`: what is there, and what to do about what is not."""

import json
from pathlib import Path

import psutil
import pytest

from ablations.cli import doctor


@pytest.fixture(autouse=True)
def idle(monkeypatch: pytest.MonkeyPatch):
    """No other program on the cores."""
    monkeypatch.setattr(psutil, "cpu_percent", lambda **_: 0.0)


def remedies(output: str) -> dict[str, str]:
    return {row["part"]: row["remedy"] for row in json.loads(output) if row["remedy"]}


def test_where_all_is_well_it_says_what_is_there_and_leaves_nothing_behind(ablate, tmp_path: Path):
    found = json.loads(ablate("doctor", "--json").stdout)
    assert {row["part"] for row in found} >= {
        "versions",
        "cores",
        "memory",
        "data",
        "weights",
        "store",
        "MLflow",
    }
    assert "torch" in found[0]["found"]
    assert [path.name for path in tmp_path.iterdir()] == ["runs.yaml"]


def test_every_problem_has_a_remedy_and_status_1(ablate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(psutil, "cpu_percent", lambda **_: 100.0)
    (tmp_path / "results").mkdir(mode=0o500)
    settings = ("--set", "evaluation.extractor=inception", "--set", "evaluation.weights_path=nowhere.pt")
    found = remedies(ablate("doctor", "--json", *settings, check=1).stdout)
    assert "other programs" in found["cores"]
    assert "evaluation.weights_path" in found["weights"]
    assert "--store" in found.get("store", "--store"), "root may write anywhere"
    assert "evaluation.weights_path" in ablate("doctor", *settings, check=1).stdout


def test_a_specification_that_is_wrong_or_missing_is_one_finding_among_the_others(ablate, tmp_path: Path):
    assert (
        "none.yaml"
        in remedies(ablate("doctor", "--json", "--spec", "none.yaml", check=1).stdout)["specification"]
    )
    (tmp_path / "runs.yaml").write_text("runs: {a: {optimiser: sgd}}")
    assert "runs.yaml:1" in remedies(ablate("doctor", "--json", check=1).stdout)["specification"]


def test_a_folder_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    assert "--store" in doctor._why_no_store(tmp_path)
