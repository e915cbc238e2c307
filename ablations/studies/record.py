"""What a study found: the format of `study.json`, which `ablate tune` writes and the report and MLflow read.

Imports neither Optuna nor torch.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, computed_field

from ablations.spec.models import Dimension, ObjectiveConfig
from ablations.store.sealed import is_changed, sealed
from fakeface.errors import UserError
from fakeface.files import os_errors, regular_file, whole_file
from fakeface.outcomes import Dynamics, Exit, Regime, Samples, regime_of

FILE = "study.json"
WORST = 1e6
"""Value of a setting that fails outright, above any Fréchet distance of images: the sampler learns to avoid it. The
earlier the failure sets in, the more is added, at most as much again."""

Side = Literal["lower", "upper"]
SIDES: tuple[Side, ...] = ("lower", "upper")


def folder_name(study: str, digest: str) -> str:
    """The name of a study's folder in the store. The digest is a record's."""
    return f"{study}-{digest[:12]}"


class Record(BaseModel):
    """Base of what the file holds: frozen; keys that are not known are ignored."""

    model_config = ConfigDict(frozen=True)


class TrainingResult(Record):
    """One training of a study."""

    run: str
    seed: int
    folder: str
    """Name of the job's folder in the store."""
    exit: Exit
    samples: Samples | None
    dynamics: Dynamics | None
    onset: int | None
    """Step at which the worst of the three words set in."""
    evidence: str
    steps: int
    total_steps: int
    quality: float | None
    """Fréchet distance at the last step; None if that was not reached, or if it is not finite."""
    spectrum_distance: float | None
    """Of the last diagnosis, in dB."""
    update_ratio_G: float | None
    """Median |update| / |weights| of a generator step."""
    update_ratio_D: float | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def regime(self) -> Regime:
        """The outcome in one word."""
        return regime_of(self.exit, self.samples, self.dynamics)

    @property
    def failed(self) -> bool:
        """Whether it broke: it diverged, or its discriminator won."""
        return self.exit == Exit.DIVERGED or self.dynamics == Dynamics.DISCRIMINATOR_WON

    def measured(self, objective: str) -> float | None:
        """What the study minimises; None if the training failed or has no such value."""
        return None if self.failed else self.quality if objective == "quality" else self.spectrum_distance

    def value(self, objective: str) -> float:
        """What the sampler gets: `measured`, or from WORST to twice that for a failure."""
        if (measured := self.measured(objective)) is not None:
            return measured
        since = (self.onset if self.onset is not None else self.steps) / max(1, self.total_steps)
        return WORST * (2 - min(1.0, since))


class TrialRecord(Record):
    """One setting that the search tried."""

    number: int
    state: str
    """Optuna's: waiting, running, complete, pruned or fail."""
    enqueued: bool
    """Whether the specification named it, in place of the sampler."""
    params: dict[str, Any]
    """Searched values, by dotted path."""
    settings: dict[str, Any]
    """The settings that these values come to, by dotted path."""
    value: float | None
    """What the sampler got; None unless the trial is complete."""
    pruned: str
    """Why a training was pruned; empty if none was."""
    regime: str | None
    """A `Regime`, of the seed that did not work if there is one; else `crashed` or `refused`; None until it ends."""
    results: tuple[TrainingResult, ...]
    """One training a seed."""


class Tried(Record):
    """One value of the searched number, and whether it worked."""

    x: float
    worked: bool


class EdgeTraining(TrainingResult):
    """A training beside the search, at one value of the searched number."""

    x: float


class WindowEdge(Record):
    """Where training begins ("lower") or ceases ("upper") to work, in the units of the searched setting."""

    estimate: float | None
    """None if the edge was not located; then the next three are None too."""
    low: float | None
    """Lower end of the interval."""
    high: float | None
    level: float | None
    """Confidence of the interval, 0.95 say."""
    tried: tuple[Tried, ...]
    """The trainings on this side, those of the search included."""
    results: tuple[EdgeTraining, ...]


class Confirmed(Record):
    """A setting that was trained with seeds that the search never used."""

    name: str
    params: dict[str, Any]
    """Searched values, by dotted path."""
    settings: dict[str, Any]
    planned: int
    """Number of seeds."""
    results: tuple[TrainingResult, ...]
    """One training a seed, as far as they have ended."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(result.seed for result in self.results)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def values(self) -> tuple[float | None, ...]:
        """Fréchet distance by seed; None for a training without one."""
        return tuple(result.quality for result in self.results)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def value(self) -> float | None:
        """Mean distance; None unless each of the planned seeds has one."""
        return sum(self.known) / len(self.known) if self.known and len(self.known) == self.planned else None

    @property
    def known(self) -> tuple[float, ...]:
        """The distances of the seeds that have one."""
        return tuple(value for value in self.values if value is not None)


class StudyRecord(Record):
    """The whole file. It is written after each part of a study, so an interrupted one has what was known by then."""

    name: str
    digest: str
    """SHA-256 of what the study searches, on which data, under which protocol."""
    profile: str | None
    experiment: str
    description: str
    base: str
    """Run whose settings are searched."""
    optimizer: str
    reference_name: str | None
    """The run or study that the best setting is compared with."""
    metric: str
    """Registered name of the Fréchet distance."""
    num_samples: int | None
    data: str
    data_digest: str
    """SHA-256 of the training images."""
    total_steps: int
    """Generator steps of a training that is not pruned."""
    seeds: tuple[int, ...]
    objective: ObjectiveConfig
    axis: str | None
    """The one number that is searched by its logarithm, if nothing else is searched."""
    space: dict[str, Dimension]
    planned_trials: int
    searches: int = 1
    """Independent searches that are planned, this one among them."""
    begun: int | None
    """Start of the first trial, in ms since 1970."""
    idle_share: float
    """Share of the slots' time without a job."""
    trials: tuple[TrialRecord, ...]
    importances: dict[str, float]
    """Share of each searched path in the differences between values; empty if too few trials have ended."""
    edges: dict[Side, WindowEdge]
    """Empty if no edges were looked for, or not yet."""
    best: Confirmed | None
    reference: Confirmed | None

    @property
    def folder_name(self) -> str:
        """Of its folder in the store."""
        return folder_name(self.name, self.digest)

    @property
    def trainings(self) -> list[TrainingResult]:
        """Every training of the search, the edges and the confirmation."""
        found = [result for trial in self.trials for result in trial.results]
        found += [result for edge in self.edges.values() for result in edge.results]
        return found + [result for one in (self.best, self.reference) if one for result in one.results]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a `study.json`. Raises UserError if there is none, or it is not one."""
        if not path.exists():
            raise UserError(
                f"{path}: no such study; `ablate tune` with the study's name searches and writes it"
            )
        with os_errors(path, "read the study"), regular_file(path) as file:
            body = file.read()
        if is_changed(body):
            raise _no_record(path, "its content is not what was written")
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise _no_record(path, f"{where or 'file'}: {first['msg']}") from error

    def write(self, folder: Path) -> Path:
        """Replace the file in a study's folder. Raises UserError if it cannot be written."""
        path = folder / FILE
        with os_errors(path, "write the study"), whole_file(path) as file:
            file.write(sealed(json.loads(self.model_dump_json())))
        return path


def _no_record(path: Path, why: str) -> UserError:
    return UserError(
        f"{path}: not the record of a study ({why}); run `ablate tune` on the study again: it rewrites the file and "
        "trains nothing twice"
    )


def trained_folders(studies: Iterable[Path]) -> set[str]:
    """Names of the job folders that the studies in some folders report; leaves out studies without a sound record."""
    found: set[str] = set()
    for folder in studies:
        with suppress(UserError):
            found |= {training.folder for training in StudyRecord.read(folder / FILE).trainings}
    return found
