"""Journals -> frames, and the rows of the summary."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ablations.store.journal import Journal
from analysis.frames.jobs import Frames, Selected, load
from analysis.report.table import common_settings, summary_rows
from fakeface.gan.series import D_G_Z_AFTER, D_G_Z_BEFORE, D_X, LOSS_D
from fakeface.scores import ScoreKind
from tests.analysis_journals import METRIC, PROTOCOL, begin, end, losses


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The journal's clock in milliseconds, which a test may move."""
    now = [1_000_000]
    monkeypatch.setattr("ablations.store.journal.time.time_ns", lambda: now[0] * 1_000_000)
    yield now


def finished(folder: Path, score: float = 10.0, **job: Any) -> None:
    journal = begin(folder, **job)
    losses(journal, [1, 2, 3], [1.0, 0.5, 0.25], [2.0, 3.0, 4.0])
    journal.append("evaluation", step=3, values={METRIC: score, "other": 1.0}, **PROTOCOL)
    end(journal, "finished", "healthy", "balanced", 3)


def scored(folder: Path, protocol: str, score: float) -> None:
    """One more score at the last step, under another protocol."""
    with Journal(folder / "journal.jsonl") as journal:
        details = {"num_samples": 500}
        journal.append(
            "evaluation", step=3, protocol=protocol, metric=METRIC, values={METRIC: score}, details=details
        )


def frames_of(folder: Path, *runs: str, protocol: str | None = None) -> Frames:
    return load(
        [Selected(run, 0, folder / run, {ScoreKind.FINAL: protocol} if protocol else {}) for run in runs]
    )


def test_metrics_are_one_row_a_value_and_keep_nan_and_infinity(tmp_path: Path):
    with begin(tmp_path / "a") as journal:
        losses(journal, [1, 2, 3], [0.5, math.nan, math.inf], [1, 2, 3])
    frames = load([Selected("a", 7, tmp_path / "a")])
    assert list(frames.metrics.columns) == ["run", "seed", "step", "metric", "value"]
    assert len(frames.metrics) == 6
    expected = pd.Series([0.5, math.nan, math.inf], pd.Index([1, 2, 3], name="step"), name="value")
    pd.testing.assert_series_equal(frames.curve("a", 7, LOSS_D), expected)
    assert frames.curve("a", 7, D_X).empty and frames.curve("b", 0, LOSS_D).empty


def test_runs_keep_the_order_in_which_they_are_given(tmp_path: Path):
    for run in ("z", "a", "m"):
        finished(tmp_path / run)
    frames = frames_of(tmp_path, "z", "a", "m")
    assert frames.runs == ("z", "a", "m") == tuple(frames.outcomes.sort_values("run")["run"])


def test_every_selected_job_has_one_row_of_outcomes(tmp_path: Path):
    finished(tmp_path / "done")
    journal = begin(tmp_path / "nan")
    losses(journal, [1], [math.nan], [1.0])
    end(journal, "diverged", "noise", None, 1)
    begin(tmp_path / "killed").close()
    outcomes = frames_of(tmp_path, "done", "nan", "killed", "never").outcomes
    assert list(outcomes["exit"]) == ["finished", "diverged", "interrupted", "new"]
    assert list(outcomes["steps"]) == [3, 1, 0, 0]
    assert list(outcomes["samples"].iloc[:3]) == ["healthy", None, None], "a diverged generator makes none"
    assert pd.isna(outcomes["total_steps"].iloc[3])
    assert list(outcomes["onset_samples"].iloc[:2]) == [1, 1]


def test_time_at_work_leaves_out_the_time_between_sessions(tmp_path: Path, clock: list[int]):
    with begin(tmp_path / "a") as journal:
        clock[0] += 5_000
        losses(journal, [1], [1.0], [1.0])
        clock[0] += 3_600_000
        journal.append("session", from_step=1, stack={}, git={})
        clock[0] += 7_000
        losses(journal, [2], [1.0], [1.0])
    frames = frames_of(tmp_path, "a")
    assert frames.outcomes["seconds"].tolist() == [12.0] and len(frames.sessions) == 2


def test_scoring_kept_weights_later_is_not_time_at_work(tmp_path: Path, clock: list[int]):
    journal = begin(tmp_path / "a")
    clock[0] += 5_000
    losses(journal, [1], [1.0], [1.0])
    end(journal, "finished", "healthy", "balanced", 1)
    clock[0] += 3_600_000
    with Journal(tmp_path / "a" / "journal.jsonl") as journal:
        journal.append("evaluation", step=1, values={METRIC: 1.0}, **PROTOCOL)
    frames = frames_of(tmp_path, "a")
    assert frames.outcomes["seconds"].tolist() == frames.evaluations["seconds"].tolist() == [5.0]


def test_provenance_comes_from_the_journal_and_the_name_from_the_selection(tmp_path: Path):
    finished(tmp_path / "a", settings={"init": "dcgan"})
    frames = load([Selected("a", 3, tmp_path / "a")])
    job, session = frames.jobs.iloc[0], frames.sessions.iloc[0]
    assert (job["run"], job["seed"], job["profile"], job["data_digest"]) == ("a", 3, "quick", "dd")
    assert job["settings"] == {"init": "dcgan"}
    assert (session["commit"], session["dirty"], session["threads"]) == ("c0ffee", True, 2)


def test_quality_is_the_registered_value_only(tmp_path: Path):
    finished(tmp_path / "a", score=12.5)
    quality = frames_of(tmp_path, "a").quality()
    assert quality[["metric", "value", "num_samples"]].to_numpy().tolist() == [[METRIC, 12.5, 2000]]


def test_values_of_another_protocol_are_not_compared(tmp_path: Path, clock: list[int]):
    for run in ("a", "b"):
        finished(tmp_path / run)
    clock[0] += 1
    scored(tmp_path / "a", "bb", 99.0)
    assert list(frames_of(tmp_path, "a", "b").quality()["value"]) == [10.0, 10.0]
    assert list(frames_of(tmp_path, "a").quality()["value"]) == [99.0], "of equals, the newest protocol"


def test_quality_is_under_the_requested_protocol(tmp_path: Path, clock: list[int]):
    for run in ("a", "b", "c"):
        finished(tmp_path / run)
    clock[0] += 1
    for run in ("a", "b"):
        scored(tmp_path / run, "bb", 99.0)

    def quality(*runs: str, protocol: str) -> list[float]:
        return list(frames_of(tmp_path, *runs, protocol=protocol).quality()["value"])

    assert quality("a", "b", "c", protocol="aa") == [10.0, 10.0, 10.0]
    assert quality("a", "b", "c", protocol="bb") == [99.0, 99.0], "not the one with the most scores"
    assert quality("a", protocol="aa") == [10.0], "nor the newest"


def test_a_damaged_line_is_noted_and_the_rest_is_read(tmp_path: Path):
    finished(tmp_path / "a")
    path = tmp_path / "a" / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = b"00000000 {}\n"
    path.write_bytes(b"".join(lines))
    frames = frames_of(tmp_path, "a")
    assert [text.endswith(": 4") for text in frames.notes["text"]] == [True]
    assert frames.outcomes["exit"].tolist() == ["finished"]
    assert summary_rows(frames)[0].loss_d is None


def test_a_row_has_the_last_values_and_what_sets_its_run_apart(tmp_path: Path):
    finished(tmp_path / "a", settings={"train.steps": 3})
    finished(tmp_path / "b", settings={"train.steps": 3, "init": "dcgan"}, score=20.0)
    frames = frames_of(tmp_path, "a", "b", "never")
    a, b, never = summary_rows(frames)
    assert (b.loss_d, b.loss_g, b.quality, b.steps, b.total_steps) == (0.25, 4.0, 20.0, 3, 3)
    assert b.d_x is None, "never measured"
    assert b.outcome == ("finished", "healthy", "balanced") and b.evidence["samples"] == "why samples"
    assert (a.changes, b.changes) == ({}, {"init": "dcgan"}) and common_settings(frames) == {"train.steps": 3}
    assert (never.outcome, never.quality, never.minutes) == (("new",), None, None)


def test_d_of_g_is_the_one_measured_beside_d_of_x(tmp_path: Path):
    with begin(tmp_path / "a") as journal:
        journal.append("metrics", steps=[1], values={D_X: [0.9], D_G_Z_BEFORE: [0.2], D_G_Z_AFTER: [0.1]})
    (row,) = summary_rows(frames_of(tmp_path, "a"))
    assert (row.d_x, row.d_g_z) == (0.9, 0.2)
