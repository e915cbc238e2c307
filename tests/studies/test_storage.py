"""The journal of a study's trials: it resumes after a kill, and damage is an error with a command that mends it."""

import os
import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from ablations.spec import StudySpec
from ablations.studies.sampling import label, next_trial
from ablations.studies.storage import database_errors, journal_of, load_study, storage_of
from fakeface.errors import UserError
from tests.studies.specs import opened

Lines = list[bytes]


def run_trials(known: optuna.Study, study: StudySpec, count: int) -> None:
    for _ in range(count):
        trial = next_trial(known, study)
        trial.report(1.0, 1)
        trial.set_user_attr("regime", "works")
        known.tell(trial, 1.0)


def trials_in(folder: Path, study: StudySpec) -> list[dict[str, object]]:
    return [trial.params for trial in opened(study, storage_of(folder, None)).trials]


@pytest.fixture
def written(study: StudySpec, tmp_path: Path) -> Path:
    """The folder of a study with three trials."""
    run_trials(opened(study, storage_of(tmp_path, None)), study, 3)
    return tmp_path


def test_a_journal_that_ends_anywhere_resumes_with_the_same_trials(study: StudySpec, written: Path):
    path = journal_of(written)
    whole, trials = path.read_bytes(), trials_in(written, study)
    for seed in range(20):
        path.write_bytes(whole[: random.Random(seed).randrange(len(whole))])
        known = opened(study, storage_of(written, None))
        for trial in known.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
            known.tell(trial.number, 1.0)
        run_trials(known, study, 3 - len(known.get_trials(states=(optuna.trial.TrialState.COMPLETE,))))
        assert [trial.system_attrs["fixed_params"] for trial in known.trials] == trials


def test_a_study_is_loaded_by_its_folder_with_a_named_value(study: StudySpec, tmp_path: Path):
    folder = tmp_path / study.name  # an Optuna study has its folder's name
    folder.mkdir()
    known = opened(study, storage_of(folder, None))
    for _ in range(2):
        label(known, "fid", "What it asks.")
    run_trials(known, study, 2)
    written = journal_of(folder).read_bytes()
    loaded = load_study(str(folder))
    assert [trial.values for trial in loaded.trials] == [[1.0], [1.0]]
    assert (loaded.metric_names, loaded.user_attrs["description"]) == (["fid"], "What it asks.")
    assert written.count(b"What it asks.") == 1
    assert journal_of(folder).read_bytes() == written
    with pytest.raises(UserError, match="no study here"):
        load_study(tmp_path)


def assert_refused_and_mended(study: StudySpec, folder: Path, written: Lines) -> None:
    """Opening fails, and the command of the error leaves the sound lines, with which the study resumes."""
    path = journal_of(folder)
    with pytest.raises(UserError, match=re.escape(f"{path}: damaged behind byte")) as raised:
        storage_of(folder, None)
    mend = re.search("`(.*)`", str(raised.value))
    assert mend is not None
    before = path.read_bytes()
    subprocess.run(["sh", "-c", mend[1]], check=True)
    assert Path(f"{path}.damaged").read_bytes() == before
    sound = path.read_bytes()
    assert b"".join(written).startswith(sound)
    run_trials(opened(study, storage_of(folder, None)), study, 1)


def test_a_flipped_bit_is_never_accepted(study: StudySpec, written: Path):
    path = journal_of(written)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for seed in range(75):
        generator = random.Random(seed)
        damaged = bytearray(whole)
        damaged[generator.randrange(len(whole) - 1)] ^= 1 << generator.randrange(8)
        path.write_bytes(damaged)
        assert_refused_and_mended(study, written, lines)


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
        lambda lines: lines[1:],
        lambda lines: [*lines[:4], *lines[5:]],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [*lines, b"junk\n"],
        lambda lines: [*lines[:5], b"\xff\x00\n", *lines[5:]],
        lambda _: [b'{"op_code": 0, "study_name": "of another program"}\n'],
        lambda lines: [*lines[:3], b"\n", *lines[3:]],
    ],
    ids=["swapped", "first removed", "removed", "twice", "junk", "binary", "foreign", "empty line"],
)  # fmt: skip
def test_lines_that_were_not_written_there_are_refused(
    study: StudySpec, written: Path, damage: Callable[[Lines], Lines]
):
    lines = journal_of(written).read_bytes().splitlines(keepends=True)
    journal_of(written).write_bytes(b"".join(damage(lines)))
    assert_refused_and_mended(study, written, lines)


def test_damage_while_the_study_runs_is_the_same_error(study: StudySpec, written: Path):
    known = opened(study, storage_of(written, None))
    with journal_of(written).open("ab") as file:
        file.write(b"junk\n")
    with pytest.raises(UserError, match="damaged behind byte"):
        run_trials(known, study, 1)


def test_a_full_disk_leaves_no_half_line(study: StudySpec, written: Path):
    known = opened(study, storage_of(written, None))
    with journal_of(written).open("ab") as file:
        file.write(b'0a0b0c0d {"kind":"tri')  # as much as there was room for
    run_trials(known, study, 1)
    assert len(trials_in(written, study)) == 4


def test_a_lock_that_optuna_left_behind_is_no_obstacle(study: StudySpec, written: Path):
    Path(f"{journal_of(written)}.lock").symlink_to(journal_of(written))
    run_trials(opened(study, storage_of(written, None)), study, 1)
    assert len(trials_in(written, study)) == 4


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_what_is_no_file_is_an_error(tmp_path: Path, make: Callable[[Path], None]):
    make(journal_of(tmp_path))
    with pytest.raises(UserError, match="is a folder, a pipe or a device"):
        storage_of(tmp_path, None)


def test_a_damaged_database_is_an_error_in_one_line(study: StudySpec, tmp_path: Path):
    path, url = tmp_path / "trials.db", f"sqlite:///{tmp_path}/trials.db"
    run_trials(opened(study, storage_of(tmp_path, url)), study, 1)
    content = path.read_bytes()
    errors = []
    for page in range(0, len(content), 4096):
        path.write_bytes(content[:page] + b"\xa5" * 4096 + content[page + 4096 :])
        try:
            with database_errors(url):
                run_trials(opened(study, storage_of(tmp_path, url)), study, 1)
        except UserError as error:
            errors.append(str(error))
    assert len(errors) > 5
    assert all(error.startswith(f"--storage {url}: cannot") and "\n" not in error for error in errors)
