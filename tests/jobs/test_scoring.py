"""What a job's scores hold, at its end and before, when it trains and when its kept weights are scored again."""

import math
import os
from collections.abc import Collection

import pytest
import torch

from ablations.store import kept_steps
from ablations.store.history import History
from analysis.frames.jobs import Selected, load
from analysis.frames.quality import scores_of
from fakeface.evaluation.extractors import EXTRACTORS, Extractor
from fakeface.evaluation.measures import records
from fakeface.measures import Error
from fakeface.scores import ScoreKind
from tests.lab import Lab, histories_of

METRIC = "fd_efficientnet_lite0"
REFUSED = {"fd", "fd_infinity", "floor"}
"""Keys of what 48 samples of 320 features are too few for, but for the distance itself."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))


def numbers(metric: str, *, without: Collection[str] = ()) -> set[str]:
    """What a last score holds: the value and the error of each measure, of those left out nothing but the distance."""
    kept = [record for key, record in records(metric).items() if key not in without]
    errors = {Error.INTERVAL: ("low", "high"), Error.STANDARD: ("standard_error",), Error.NONE: ()}
    return {metric, *(getattr(r, name) for r in kept for name in ("name", *errors[r.error]))}


def names_of(history: History, kind: ScoreKind) -> dict[tuple[int, int], set[str]]:
    """By step and number of samples."""
    return {(e["step"], e["details"]["num_samples"]): set(e["values"]) for e in history.scores(kind)}


def test_the_last_score_says_all_that_the_protocol_has_samples_for_also_when_scored_again(lab: Lab) -> None:
    store, short = lab.folder / "few", ("--run", "baseline", "--set", "train.steps=12")
    lab.finish(store, *short)
    (history,) = histories_of(store)
    assert names_of(history, ScoreKind.FINAL) == {(12, 48): numbers(METRIC, without=REFUSED)}
    lab.finish(store, *short, "--set", "evaluation.num_samples=40")
    (again,) = histories_of(store)
    assert again.sessions == history.sessions, "nothing was trained"
    rescored = {(12, 40): numbers(METRIC, without=REFUSED)}
    assert names_of(again, ScoreKind.FINAL) == names_of(history, ScoreKind.FINAL) | rescored


def test_scores_along_a_run_have_a_name_of_their_own_and_kept_weights_give_those_of_another_protocol(
    lab: Lab,
) -> None:
    store, short = lab.folder / "along", ("--run", "baseline", "--set", "train.steps=12")
    lab.finish(store, *short, "--set", "evaluation.curve_samples=16")
    (history,) = histories_of(store)
    along = {(step, 16): {f"{METRIC}_n16"} for step in (0, 10, 12)}
    assert names_of(history, ScoreKind.CURVE) == along
    assert [record["values"][f"{METRIC}_n16"] > 0 for record in history.curve] == [True] * 3
    lab.finish(store, *short, "--set", "evaluation.curve_samples=8")
    (again,) = histories_of(store)
    assert again.sessions == history.sessions, "nothing was trained"
    assert names_of(again, ScoreKind.CURVE) == along | {(step, 8): {f"{METRIC}_n8"} for step in (0, 10, 12)}
    assert again.evaluations == history.evaluations, "the last score is under the same protocol"


def test_a_run_without_scores_along_it_keeps_the_last_generator_only(lab: Lab) -> None:
    store = lab.folder / "bare"
    lab.finish(store, "--run", "baseline", "--set", "train.steps=12", "--set", "evaluation.curve_samples=0")
    (history,) = histories_of(store)
    assert (history.curve, kept_steps(history.folder)) == ([], [12])


def test_a_pipe_in_a_reference_s_place_is_an_error_before_anything_is_trained(lab: Lab) -> None:
    store, command = lab.folder / "piped", ("--run", "baseline", "--set", "train.steps=4")
    lab.finish(store, *command)
    (reference,) = (store / "reference").iterdir()
    reference.unlink()
    os.mkfifo(reference)
    again = lab.start(store, *command, "--set", "optimizer.lr=0.001")
    again.join(240)
    assert again.exitcode == 2
    assert f"{reference.name}: a pipe" in lab.log()
    assert len(histories_of(store)) == 1


class Pixels(Extractor):
    """64 of a picture's pixels: so few that 400 samples are enough for everything."""

    name = "pixels"
    metric = "fd_pixels"
    dimension = 64
    weights_sha256 = ""
    protocol = {"extractor": "pixels"}  # noqa: RUF012

    def __init__(self, weights_path: str | None = None, device: str | torch.device = "cpu") -> None:
        super().__init__(weights_path, device)

    def _forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.float().flatten(1)[:, :: pixels[0].numel() // 64]


def register_pixels() -> None:
    EXTRACTORS.register("pixels")(Pixels)


def test_with_samples_enough_a_job_s_last_score_says_all_in_the_journal_and_in_the_table(lab: Lab) -> None:
    store = lab.folder / "many"
    settings = {
        "data.count": 800, "train.steps": 8, "evaluation.extractor": "pixels", "evaluation.curve_samples": 0,
        "evaluation.num_samples": 400, "evaluation.num_reference": 800,
    }  # fmt: skip
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    process = lab.start(store, "--run", "baseline", *words, sabotage=register_pixels)
    process.join(240)
    assert process.exitcode == 0, lab.log()
    (history,) = histories_of(store)
    (evaluation,) = history.evaluations
    values, known = evaluation["values"], records("fd_pixels")
    assert set(values) == numbers("fd_pixels")
    assert all(math.isfinite(value) for value in values.values())
    distance, infinity, kernel, floor = (known[key] for key in ("fd", "fd_infinity", "kd", "floor"))
    assert values[distance.low] < values[distance.name] < values[distance.high]
    assert values[floor.name] < values[infinity.name] < values[distance.name], "8 steps make no faces"
    assert values[kernel.name] > 10 * values[kernel.standard_error]
    (row,) = scores_of(
        load([Selected("baseline", 0, history.folder, {ScoreKind.FINAL: evaluation["protocol"]})])
    ).last
    assert {key: one.value for key, one in row.measured.items()} == {
        key: values[record.name] for key, record in known.items()
    }
    assert (row.measured["fd"].low, row.measured["fd"].high) == (values[distance.low], values[distance.high])
    assert row.measured["fd_infinity"].error == values[infinity.standard_error]
