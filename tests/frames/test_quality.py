"""The last score of each job in numbers, with its errors, and the table that shows it."""

import math
from pathlib import Path

from ablations.store.journal import Journal
from analysis.frames.jobs import Selected, load
from analysis.frames.quality import Scores, scores_of
from analysis.report.quality import QualityView, quality_view
from fakeface.evaluation.measures import Estimate
from tests.analysis_journals import METRIC, PROTOCOL, begin, score

NAME = f"{METRIC} (N = 2,000)"
WHOLE = {
    "fd": Estimate(50.0, low=45.0, high=55.0), "fd_infinity": Estimate(41.0, error=2.5),
    "kd": Estimate(0.2, error=0.05), "precision": Estimate(0.4), "recall": Estimate(0.1), "floor": Estimate(12.0),
}  # fmt: skip


def measured(folder: Path, *, seed: int = 0, **values: Estimate | float) -> Journal:
    """A journal with two scores, the last one with these measures by their keys."""
    journal = begin(folder, seed=seed)
    journal.append("evaluation", step=1, values=score(fd=90.0), **PROTOCOL)
    journal.append("evaluation", step=3, values=score(**values), **PROTOCOL)
    return journal


def scores(folder: Path, *runs: str, protocol: str | None = None) -> Scores:
    return scores_of(load([Selected(run, 0, folder / run, protocol) for run in runs]))


def view(found: Scores) -> QualityView:
    table = quality_view(found)
    assert table is not None
    return table


def test_the_last_score_has_every_measure_with_its_error(tmp_path: Path):
    measured(tmp_path / "a", **WHOLE).close()
    found = scores(tmp_path, "a")
    assert found.name == NAME
    assert found.curves[["step", "value"]].to_numpy().tolist() == [[1, 90], [3, 50]]
    (last,) = found.last
    assert (last.run, last.seed, last.step) == ("a", 0, 3)
    assert last.measured == WHOLE
    assert view(found).rows == [
        ["a", "0", "50.0 (45.0 to 55.0)", "41.0 ± 2.500", "0.200 ± 0.050", "0.400", "0.100", "12.0"]
    ]


def test_what_a_score_lacks_is_a_dash_and_nan_stays_nan(tmp_path: Path):
    measured(tmp_path / "few", fd=50.0, precision=0.4).close()
    measured(
        tmp_path / "nan", **dict.fromkeys(WHOLE, Estimate(math.nan, low=math.nan, high=math.nan))
    ).close()
    begin(tmp_path / "unscored").close()
    table = view(scores(tmp_path, "few", "nan", "unscored", "never"))
    assert [row[2:] for row in table.rows] == [
        ["50.0", "–", "–", "0.400", "–", "–"], ["NaN"] * 6, ["–"] * 6
    ]  # fmt: skip
    assert list(table.counts) == ["2 of 3", "1 of 3", "1 of 3", "2 of 3", "1 of 3", "1 of 3"]
    assert table.headings[2] == f"{NAME}, 95% interval"
    assert len(table.headings) == len(table.rows[0]) == len(table.counts) + 2


def test_numbers_of_another_protocol_do_not_enter(tmp_path: Path):
    with measured(tmp_path / "a", **WHOLE) as journal:
        journal.append("evaluation", step=3, protocol="bb", metric=METRIC, values=score(fd=1.0, floor=1.0))
    (last,) = scores(tmp_path, "a", protocol="aa").last
    assert [last.measured[key] for key in ("fd", "floor")] == [WHOLE["fd"], WHOLE["floor"]]


def test_without_a_score_there_is_no_table(tmp_path: Path):
    begin(tmp_path / "a").close()
    found = scores(tmp_path, "a")
    assert (found.name, found.last, quality_view(found)) == ("Fréchet distance", [], None)
