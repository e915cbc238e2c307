"""A study's frames say what its record holds."""

import json
import math
from pathlib import Path

import pytest

from ablations.studies.record import FILE
from analysis.frames.studies import StudyResult
from fakeface.errors import UserError
from tests import study_records as records
from tests.study_records import LR, result, trial


def test_what_is_written_is_what_is_read(tmp_path: Path):
    study = records.whole_sgd_study()
    assert StudyResult.read(study.write(tmp_path)) == study
    written = json.loads((tmp_path / FILE).read_text())
    assert written["best"]["value"] == pytest.approx(sum(written["best"]["values"]) / 3)
    assert written["trials"][0]["results"][0]["regime"] == "stalled"


@pytest.mark.parametrize(
    "body", ['{"name": "x"', "[]", "{}", '{"space": {}, "objective": {"name": "quality"}}']
)
def test_a_file_that_is_no_study_is_an_error_that_says_what_to_do(tmp_path: Path, body: str):
    path = tmp_path / FILE
    path.write_text(body)
    with pytest.raises(UserError, match=r"study\.json.*ablate tune"):
        StudyResult.read(path)


@pytest.mark.parametrize("version", ["with a checksum", "of an earlier version"])
def test_a_changed_number_in_a_study_is_noticed(version: str, tmp_path: Path):
    study = records.whole_sgd_study()
    path = study.write(tmp_path)
    whole = json.loads(path.read_text())
    if version == "of an earlier version":
        del whole["sha256"]
        path.write_text(json.dumps(whole))
        assert StudyResult.read(path) == study
        return
    whole["best"]["results"][0]["quality"] *= 0.5
    path.write_text(json.dumps(whole))
    with pytest.raises(UserError, match=r"study\.json: .*not what was written.* run `ablate tune` .* again"):
        StudyResult.read(path)


def test_no_flipped_bit_in_a_study_goes_unnoticed_or_raises_another_error(tmp_path: Path):
    study = records.study([trial(0, 0.01, [result("works", 1500.0)])])
    path = study.write(tmp_path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        try:
            assert StudyResult.read(path) == study  # a space, or the name of the checksum
        except UserError:
            continue


def test_a_missing_study_is_an_error_that_says_what_to_do(tmp_path: Path):
    with pytest.raises(UserError, match=r"no such study.*ablate tune"):
        StudyResult.read(tmp_path / FILE)


def test_the_trainings_are_those_of_search_edges_and_best():
    study = records.whole_sgd_study()
    trainings = study.training_frame
    assert list(dict.fromkeys(trainings["source"])) == ["search", "lower", "upper", "best"]
    assert (trainings["source"] == "search").sum() == sum(len(one.results) for one in study.trials)
    assert list(trainings[trainings["source"] == "best"][LR]) == [0.0213] * 3
    assert list(trainings[trainings["source"] == "upper"][LR]) == [
        one.x for one in study.edges["upper"].results
    ]
    assert trainings[LR].notna().all()


def test_a_failure_has_a_value_for_the_sampler_and_none_that_was_measured():
    study = records.study(
        [
            trial(0, 0.5, [result("diverged")]),
            trial(1, 0.3, [result("discriminator-won", 900.0)]),
            trial(2, 0.01, [result("works", 2000.0), result("works", 1800.0, 1)]),
            trial(3, 0.02, [result("unknown", 2500.0, pruned=True)]),
        ]
    )
    assert [math.isnan(value) for value in study.trial_frame["measured"]] == [True, True, False, True]
    assert study.best_trial is not None
    assert (study.best_trial["number"], study.best_trial["measured"]) == (2, 1900)


def test_only_pruned_trainings_save_steps():
    study = records.study(
        [
            trial(0, 0.01, [result("works", 2000.0), result("works", 2000.0, 1)]),
            trial(1, 1e-4, [result("stalled", pruned=True)]),
            trial(2, 1.0, [result("diverged")]),
        ]
    )
    assert (study.steps_spent, study.full_steps) == (600 + 100 + 150, 600 + 300 + 150)


@pytest.mark.parametrize(("lr", "at_defaults"), [(2e-4, True), (3e-4, False)])
def test_the_reports_own_setting_is_recognised(lr: float, at_defaults: bool):
    study = records.study([trial(0, lr, [result("stalled", 7000.0)], enqueued=True)])
    assert study.trial_frame["at_defaults"][0] == at_defaults


def test_a_confirmation_without_a_training_counts_as_none():
    assert records.study([], best=records.confirmed("b", {LR: 0.01}, [])).best is None
