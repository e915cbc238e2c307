"""Frames of everything that a store, or an MLflow experiment, holds. `analysis.load` is the way in."""

import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ablations.store import Store
from ablations.store.history import History
from ablations.tracking import read_runs
from analysis.frames.jobs import Frames, Selected, load
from fakeface.errors import UserError


class _Training(NamedTuple):
    run: str
    seed: int
    profile: str
    history: History


def load_store(root: Path, *, experiment: str | None = None, profile: str | None = None) -> Frames:
    """Every job of a store, under the name that a plan gave it last.

    Warns of journals that cannot be read.

    Raises:
        UserError: no such store, no such job, or runs of several profiles have the same name and seed.
    """
    store = Store(root)
    if not store.jobs.is_dir():
        raise UserError(
            f"{root}: not a store, it has no folder `jobs`. Give the folder of `ablate run --store`."
        )
    found = [*map(store.history, store.job_folders())]
    for why in filter(None, (history.unreadable for history in found)):
        warnings.warn(why, stacklevel=2)
    named = [history for history in found if history.names]
    if experiment is not None:
        known = {str(history.names[-1]["experiment"]) for history in named}
        named = [history for history in named if history.names[-1]["experiment"] == experiment]
        if not named:
            raise UserError(
                f"{root}: no experiment {experiment!r} (there are: {', '.join(sorted(known)) or 'none'})"
            )
    named.sort(key=lambda history: int(history.names[-1]["time"]))
    trainings = [
        _Training(history.names[-1]["run"], history.job["seed"], history.names[-1]["profile"] or "", history)
        for history in named
        if history.job
    ]
    return _frames(trainings, str(root), profile)


def load_experiment(
    uri: str, experiment: str, *, profile: str | None = None, cache: Path | None = None
) -> Frames:
    """Every training of an MLflow experiment: of our jobs all that their journals say, of other runs the metrics.

    Args:
        uri: of any tracking server or database.
        experiment: its name; ours are named after the specification.
        cache: folder for downloaded journals and sample grids; a temporary one if None.

    Raises:
        UserError: no such experiment, MLflow does not answer, or runs of several profiles have the same name and seed.
    """
    runs = read_runs(uri, experiment, cache or Path(tempfile.mkdtemp(prefix="ablations-")))
    return _frames((_Training(run.run, run.seed, run.profile, run.history) for run in runs), uri, profile)


def _frames(trainings: Iterable[_Training], place: str, profile: str | None) -> Frames:
    """Of trainings of the same run and seed, the last one counts."""
    newest: dict[tuple[str, int], _Training] = {}
    profiles: set[str] = set()
    for training in trainings:
        profiles.add(training.profile)
        if profile not in (None, training.profile):
            continue
        before = newest.get((training.run, training.seed))
        if before is not None and before.profile != training.profile:
            raise UserError(
                f"{place}: {training.run!r} with seed {training.seed} was trained under the profiles "
                f"{before.profile!r} and {training.profile!r}; choose one with profile="
            )
        newest[training.run, training.seed] = training
    if not newest:
        if not profiles:
            raise UserError(f"{place}: no job has begun; `ablate run` trains the runs of a specification")
        known = ", ".join(sorted(map(repr, profiles)))
        raise UserError(f"{place}: no job of the profile {profile!r} (there are: {known})")
    histories = {training.history.folder: training.history for training in newest.values()}
    selected = [Selected(one.run, one.seed, one.history.folder) for one in newest.values()]
    return load(selected, histories.__getitem__)
