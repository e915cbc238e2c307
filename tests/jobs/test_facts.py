"""What components say of a run is remembered while no source changes, and never for a user's modules."""

import os
from pathlib import Path

import numpy as np
import pytest

from ablations.jobs import components, facts
from ablations.jobs.plan import Job, make_plan
from ablations.spec import SpecError, load_spec
from fakeface.data import ImageSet

IMAGES = ImageSet(np.zeros((128, 32, 32, 3), dtype=np.uint8), "digest", "synthetic", "synthetic", ())
SPEC = "name: small\nseeds: [0, 1]\nruns:\n  baseline: {}\n  sgd: {optimizer: {name: sgd, momentum: 0.5}}\n"


@pytest.fixture(autouse=True)
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that reached the components, since what they say is remembered in a file."""
    questions: list[str] = []

    class Components:
        def __getattr__(self, name: str) -> object:
            questions.append(name)
            return getattr(components, name)

    monkeypatch.setattr(facts, "FILE", tmp_path / "cache" / "facts.json")
    monkeypatch.setattr(facts, "_components", Components)
    return questions


def plan(folder: Path, text: str = SPEC) -> list[Job]:
    file = folder / "runs.yaml"
    file.write_text(text)
    spec = load_spec(file)
    return make_plan(spec, spec.runs, lambda _: IMAGES)


def test_a_remembered_plan_is_the_plan(tmp_path: Path, asked: list[str]):
    first = plan(tmp_path)
    assert set(asked) == {"problems_of", "resolved_settings", "training_code", "scoring_protocols"}
    asked.clear()
    again = plan(tmp_path)
    assert not asked
    assert again == first
    assert [job.identity for job in again] == [job.identity for job in first]


def test_changed_settings_and_sources_are_asked_about(
    tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
):
    plan(tmp_path)
    asked.clear()
    plan(tmp_path, SPEC.replace("0.5", "0.6"))
    assert asked.count("training_code") == asked.count("problems_of") == 1
    monkeypatch.setattr(facts, "_source_digest", lambda: "another")
    asked.clear()
    plan(tmp_path)
    assert asked.count("training_code") == 2


def test_a_refused_run_is_refused_again(tmp_path: Path):
    for _ in range(2):
        with pytest.raises(SpecError, match="no betas"):
            plan(tmp_path, SPEC.replace("momentum: 0.5", "betas: [0.5, 0.9]"))


def test_what_a_users_modules_register_is_not_remembered(tmp_path: Path, asked: list[str]):
    (tmp_path / "mine.py").write_text("VALUE = 1\n")
    for _ in range(2):
        asked.clear()
        plan(tmp_path, f"imports: [mine.py]\n{SPEC}")
        assert "training_code" in asked
    assert not (tmp_path / "cache").exists()
    plan(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"code": 1}'])
def test_a_damaged_file_counts_as_none(tmp_path: Path, content: bytes):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "facts.json").write_bytes(content)
    assert len(plan(tmp_path)) == 4


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path):
    tmp_path.joinpath("cache").mkdir(mode=0o500)
    assert len(plan(tmp_path)) == 4
