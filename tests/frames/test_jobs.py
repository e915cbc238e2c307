"""Journals -> frames, summary rows and the sentences over them."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ablations.store.journal import Journal
from analysis.frames.jobs import Frames, Selected, load
from analysis.frames.quality import Measured, quality_name, scores_of
from analysis.report.quality import quality_view
from analysis.report.table import Row, headings, summary_rows
from analysis.report.words import caution, headline, summary
from analysis.wording import number
from fakeface.evaluation.measures import Estimate
from tests.analysis_journals import METRIC, PROTOCOL, begin, end, losses, score


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The journal's clock in milliseconds: what a test writes into it."""
    now = [1_000_000]
    monkeypatch.setattr("ablations.store.journal.time.time_ns", lambda: now[0] * 1_000_000)
    yield now


def finished(folder: Path, samples: str = "healthy", score: float = 10.0, **job: Any) -> None:
    journal = begin(folder, **job)
    losses(journal, [1, 2, 3], [1.0, 0.5, 0.25], [2.0, 3.0, 4.0])
    journal.append("evaluation", step=3, values={METRIC: score, "other": 1.0}, **PROTOCOL)
    end(journal, "finished", samples, "balanced", 3)


def row_of(frames: Frames, run: str) -> Row:
    return next(row for row in summary_rows(frames) if row.run == run)


def test_metrics_are_one_row_a_value_and_keep_nan_and_infinity(tmp_path: Path) -> None:
    with begin(tmp_path / "a") as journal:
        losses(journal, [1, 2, 3], [0.5, math.nan, math.inf], [1, 2, 3])
    frames = load([Selected("a", 7, tmp_path / "a")])
    assert list(frames.metrics.columns) == ["run", "seed", "step", "metric", "value"]
    assert len(frames.metrics) == 6
    curve = frames.curve("a", 7, "Loss_D")
    assert list(curve.index) == [1, 2, 3]
    assert curve[1] == 0.5 and math.isnan(curve[2]) and curve[3] == math.inf


def test_a_curve_that_was_never_recorded_is_empty(tmp_path: Path) -> None:
    finished(tmp_path / "a")
    frames = load([Selected("a", 0, tmp_path / "a")])
    assert frames.curve("a", 0, "grad_norm_G").empty
    assert frames.curve("b", 0, "Loss_D").empty


def test_runs_keep_the_order_of_the_specification(tmp_path: Path) -> None:
    selections = [Selected(run, 0, tmp_path / run) for run in ("z", "a", "m")]
    for selection in selections:
        finished(selection.folder)
    frames = load(selections)
    assert frames.runs == ("z", "a", "m")
    assert list(frames.outcomes.sort_values("run")["run"]) == ["z", "a", "m"]
    assert [row.run for row in summary_rows(frames)] == ["z", "a", "m"]


def test_every_selected_job_has_one_outcome_row_whatever_became_of_it(tmp_path: Path) -> None:
    finished(tmp_path / "done")
    journal = begin(tmp_path / "nan")
    losses(journal, [1], [math.nan], [1.0])
    end(journal, "diverged", "noise", None, 1)
    begin(tmp_path / "killed").close()
    names = ("done", "nan", "killed", "never")
    frames = load([Selected(name, 0, tmp_path / name) for name in names])
    assert list(frames.outcomes["exit"]) == ["finished", "diverged", "interrupted", "new"]
    assert list(frames.outcomes["steps"]) == [3, 1, 0, 0]
    assert frames.outcomes["samples"].iloc[2] is None
    assert pd.isna(frames.outcomes["total_steps"].iloc[3])
    assert list(frames.outcomes["onset_samples"].iloc[:2]) == [1, 1]


def test_time_at_work_leaves_out_the_time_between_sessions(tmp_path: Path, clock: list[int]) -> None:
    with begin(tmp_path / "a") as journal:
        clock[0] += 5_000
        losses(journal, [1], [1.0], [1.0])
        clock[0] += 3_600_000
        journal.append("session", from_step=1, stack={}, git={})
        clock[0] += 7_000
        losses(journal, [2], [1.0], [1.0])
    frames = load([Selected("a", 0, tmp_path / "a")])
    assert frames.outcomes["seconds"].tolist() == [12.0]
    assert len(frames.sessions) == 2


def test_scoring_kept_weights_again_is_no_work_on_the_job(tmp_path: Path, clock: list[int]) -> None:
    journal = begin(tmp_path / "a")
    clock[0] += 5_000
    losses(journal, [1], [1.0], [1.0])
    end(journal, "finished", "healthy", "balanced", 1)
    clock[0] += 3_600_000
    with Journal(tmp_path / "a" / "journal.jsonl") as journal:
        journal.append("evaluation", step=1, values={METRIC: 1.0}, **PROTOCOL)
    frames = load([Selected("a", 0, tmp_path / "a")])
    assert frames.outcomes["seconds"].tolist() == [5.0]
    assert frames.evaluations["seconds"].tolist() == [5.0]


def test_provenance_comes_from_the_journal_and_the_name_from_the_selection(tmp_path: Path) -> None:
    finished(tmp_path / "a", settings={"init": "dcgan"})
    frames = load([Selected("a", 3, tmp_path / "a")])
    job, session = frames.jobs.iloc[0], frames.sessions.iloc[0]
    assert (job["run"], job["seed"], job["profile"], job["data_digest"]) == ("a", 3, "quick", "dd")
    assert job["settings"] == {"init": "dcgan"}
    assert (session["commit"], session["dirty"], session["threads"]) == ("c0ffee", True, 2)


def test_quality_is_the_registered_value_only(tmp_path: Path) -> None:
    finished(tmp_path / "a", score=12.5)
    quality = load([Selected("a", 0, tmp_path / "a")]).quality()
    assert quality[["metric", "value", "num_samples"]].to_numpy().tolist() == [[METRIC, 12.5, 2000]]


def test_values_of_another_protocol_are_not_compared(tmp_path: Path, clock: list[int]) -> None:
    selections = [Selected(run, 0, tmp_path / run) for run in ("a", "b")]
    for selection in selections:
        finished(selection.folder, score=10.0)
    clock[0] += 1
    with Journal(tmp_path / "a" / "journal.jsonl") as journal:
        journal.append("evaluation", step=3, protocol="bb", metric=METRIC, values={METRIC: 99.0}, details={})
    assert list(load(selections).quality()["value"]) == [10.0, 10.0]
    assert list(load(selections[:1]).quality()["value"]) == [99.0], "of equals, the newest protocol"


def test_quality_is_under_the_protocol_that_a_job_asks_for(tmp_path: Path, clock: list[int]) -> None:
    for run in ("a", "b"):
        finished(tmp_path / run, score=10.0)
        clock[0] += 1
        with Journal(tmp_path / run / "journal.jsonl") as journal:
            details = {"num_samples": 500}
            journal.append(
                "evaluation", step=3, protocol="bb", metric=METRIC, values={METRIC: 99.0}, details=details
            )
    finished(tmp_path / "c", score=11.0)

    def asking(protocol: str) -> Frames:
        return load([Selected(run, 0, tmp_path / run, protocol) for run in ("a", "b", "c")])

    assert list(asking("aa").quality()["value"]) == [10.0, 10.0, 11.0]
    assert f"{METRIC} (N = 2,000)" in headings(quality_name(asking("aa")))
    assert [row.quality for row in summary_rows(asking("bb"))] == [99.0, 99.0, None], "the most have no say"
    assert f"{METRIC} (N = 500)" in headings(quality_name(asking("bb")))
    one = [Selected("a", 0, tmp_path / "a", "aa")]
    assert list(load(one).quality()["value"]) == [10.0], "the newest has no say either"


def test_a_damaged_line_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    finished(tmp_path / "a")
    path = tmp_path / "a" / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = b"00000000 {}\n"
    path.write_bytes(b"".join(lines))
    frames = load([Selected("a", 0, tmp_path / "a")])
    assert "damaged lines of its journal were left out: 4" in frames.notes["text"].tolist()
    assert frames.outcomes["exit"].tolist() == ["finished"]
    assert row_of(frames, "a").loss_d is None


def test_a_row_holds_the_last_values_and_what_sets_the_run_apart(tmp_path: Path) -> None:
    finished(tmp_path / "a", settings={"train.steps": 3})
    finished(tmp_path / "b", settings={"train.steps": 3, "init": "dcgan"}, samples="noise", score=20.0)
    frames = load([Selected(run, 0, tmp_path / run) for run in ("a", "b")])
    row = row_of(frames, "b")
    assert (row.loss_d, row.loss_g, row.quality, row.steps, row.total_steps) == (0.25, 4.0, 20.0, 3, 3)
    assert row.d_x is None, "never measured"
    assert row.outcome == ("finished", "noise", "balanced")
    assert row.evidence["samples"] == "why samples"
    assert row.changes == {"init": "dcgan"}
    assert row_of(frames, "a").changes == {}


def test_d_of_g_is_the_one_measured_beside_d_of_x(tmp_path: Path) -> None:
    with begin(tmp_path / "a") as journal:
        values = {"D(x)": [0.9], "D(G(z))_before": [0.2], "D(G(z))_after": [0.1]}
        journal.append("metrics", steps=[1], values=values)
    row = row_of(load([Selected("a", 0, tmp_path / "a")]), "a")
    assert (row.d_x, row.d_g_z) == (0.9, 0.2)


def test_cells_stand_under_their_headings(tmp_path: Path) -> None:
    finished(tmp_path / "a")
    frames = load([Selected("a", 0, tmp_path / "a"), Selected("b", 0, tmp_path / "b")])
    names = headings(quality_name(frames))
    cells = dict(zip(names, row_of(frames, "a").cells(), strict=True))
    assert cells[f"{METRIC} (N = 2,000)"] == "10.0"
    assert (cells["Loss_D"], cells["steps"], cells["outcome"]) == (
        "0.250",
        "3",
        "finished · healthy · balanced",
    )
    unbegun = dict(zip(names, row_of(frames, "b").cells(), strict=True))
    assert (unbegun["outcome"], unbegun["Loss_D"], unbegun["minutes"]) == ("new", "–", "–")


def test_a_job_that_stopped_early_says_of_how_many_steps(tmp_path: Path) -> None:
    journal = begin(tmp_path / "a", total_steps=1200)
    losses(journal, [1], [1.0], [1.0])
    end(journal, "crashed", None, None, 1)
    assert "1 of 1,200" in summary_rows(load([Selected("a", 0, tmp_path / "a")]))[0].cells()


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (math.nan, "NaN"), (math.inf, "+∞"), (-math.inf, "-∞"), (0.0, "0.000"), (0.00058, "5.8e-4"),
     (0.5, "0.500"), (645.93, "645.9"), (3204.4, "3,204")],
)  # fmt: skip
def test_numbers_are_written_as_people_read_them(value: float | None, text: str) -> None:
    assert number(value) == text


def test_the_headline_says_what_became_of_each_run(tmp_path: Path) -> None:
    for run, samples in (("base", "healthy"), ("sgd", "noise"), ("both", "noise")):
        finished(tmp_path / run, samples=samples)
    frames = load([Selected(run, 0, tmp_path / run) for run in ("base", "sgd", "both", "later")])
    assert headline(summary_rows(frames)) == (
        "Of 4 runs, `base` makes healthy samples; `sgd` and `both` end in noise; `later` has not begun"
    )


def test_the_headline_says_where_seeds_disagree_and_counts_many_runs(tmp_path: Path) -> None:
    for seed, samples in enumerate(("healthy", "noise")):
        finished(tmp_path / f"a{seed}", samples=samples)
    frames = load([Selected("a", seed, tmp_path / f"a{seed}") for seed in (0, 1)])
    assert headline(summary_rows(frames)) == "The run `a` differs between seeds"
    many = load([Selected(f"r{index}", 0, tmp_path / "a1") for index in range(5)])
    assert headline(summary_rows(many)) == "All 5 runs end in noise"


def test_the_summary_gives_best_and_worst_run_under_the_metric_s_name(tmp_path: Path) -> None:
    scores = {("a", 0): 30.0, ("a", 1): 40.0, ("b", 0): 5.0, ("b", 1): math.nan}
    for (run, seed), value in scores.items():
        finished(tmp_path / f"{run}{seed}", score=value)
    frames = load([Selected(run, seed, tmp_path / f"{run}{seed}") for run, seed in scores])
    text = summary(summary_rows(frames), quality_name(frames))
    assert text.startswith("4 jobs of 2 runs and 2 seeds, all finished.")
    assert "fd_test (N = 2,000) runs from 30.0–40.0 for `a` to 5.000 for `b`" in text
    assert text.endswith("Scores that are not finite rank last: `b`."), "half of b's seeds have no score"


def test_one_seed_is_described_and_not_judged(tmp_path: Path) -> None:
    selections = [Selected(run, seed, tmp_path / run) for run in ("a", "b") for seed in (0, 1)]
    for run in ("a", "b"):
        finished(tmp_path / run)
    assert "not judged" in caution(summary_rows(load(selections[::2])))
    assert caution(summary_rows(load(selections))) == ""


def measured(folder: Path, *, seed: int = 0, **values: Estimate | float) -> Journal:
    """A journal with two scores, the last one with these measures by their keys."""
    journal = begin(folder, seed=seed)
    losses(journal, [1, 2, 3], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0])
    journal.append("evaluation", step=1, values={METRIC: 90.0}, **PROTOCOL)
    journal.append("evaluation", step=3, values=score(**values), **PROTOCOL)
    return journal


WHOLE = {
    "fd": Estimate(50.0, low=45.0, high=55.0), "fd_infinity": Estimate(41.0, error=2.5),
    "kd": Estimate(0.2, error=0.05),
    "precision": 0.4, "recall": 0.1, "floor": 12.0,
}  # fmt: skip


def test_the_quality_table_holds_all_of_the_last_score_and_how_far_chance_reaches(tmp_path: Path) -> None:
    measured(tmp_path / "a", **WHOLE).close()
    frames = load([Selected("a", 0, tmp_path / "a")])
    assert frames.quality()["metric"].unique().tolist() == [METRIC], "the rest is no registered value"
    (row,) = scores_of(frames).last
    assert (row.run, row.seed, row.step) == ("a", 0, 3)
    assert row.measured["fd"] == Measured(50.0, 45.0, 55.0)
    view = quality_view(scores_of(frames))
    assert view is not None
    assert view.rows[0] == [
        "a", "0", "50.0 (45.0 to 55.0)", "41.0 ± 2.500", "0.200 ± 0.050", "0.400", "0.100", "12.0"
    ]  # fmt: skip


def test_numbers_that_a_score_lacks_are_dashes_and_nan_stays_nan(tmp_path: Path) -> None:
    measured(tmp_path / "few", fd=50.0, precision=0.4).close()
    measured(
        tmp_path / "nan", **dict.fromkeys(WHOLE, Estimate(math.nan, low=math.nan, high=math.nan))
    ).close()
    begin(tmp_path / "unscored").close()
    frames = load([Selected(run, 0, tmp_path / run) for run in ("few", "nan", "unscored", "never")])
    view = quality_view(scores_of(frames))
    assert view is not None
    few, nan, unscored = (row[2:] for row in view.rows)
    assert few == ["50.0", "–", "–", "0.400", "–", "–"]
    assert nan == ["NaN"] * 6
    assert unscored == ["–"] * 6


def test_each_column_says_how_many_jobs_stand_behind_it(tmp_path: Path) -> None:
    measured(tmp_path / "a0", **WHOLE).close()
    measured(tmp_path / "a1", seed=1, fd=60.0).close()
    begin(tmp_path / "a2", seed=2).close()
    frames = load([Selected("a", seed, tmp_path / f"a{seed}") for seed in (0, 1, 2)])
    view = quality_view(scores_of(frames))
    assert view is not None
    assert list(view.counts) == ["2 of 3", *["1 of 3"] * 5]
    assert view.headings[2] == f"{METRIC} (N = 2,000), 95% interval"
    assert len(view.headings) == len(view.rows[0]) == len(view.counts) + 2


def test_numbers_of_another_protocol_do_not_enter_the_quality_table(tmp_path: Path) -> None:
    with measured(tmp_path / "a", **WHOLE) as journal:
        journal.append("evaluation", step=3, protocol="bb", metric=METRIC, values=score(fd=1.0, floor=1.0))
    (row,) = scores_of(load([Selected("a", 0, tmp_path / "a", "aa")])).last
    assert [row.measured[key].value for key in ("fd", "floor")] == [50.0, 12.0]


def test_without_a_score_there_is_no_quality_table(tmp_path: Path) -> None:
    begin(tmp_path / "a").close()
    assert quality_view(scores_of(load([Selected("a", 0, tmp_path / "a")]))) is None
