"""What each kind of a journal's records holds. A record of another form counts as damaged, so readers see none.

Fields that are not listed are allowed, and so are kinds: a later version may have written them. A field with a default
may be missing, since an earlier version did not write it.
"""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from fakeface.outcomes import ENDED, Dynamics, Samples
from fakeface.scores import ScoreKind


def _ended(word: str) -> str:
    if word not in ENDED:
        raise ValueError("not how a job ends")
    return word


Step = Annotated[int, Field(ge=0, lt=2**63)]
Values = dict[str, float]
ExitWord = Annotated[str, AfterValidator(_ended)]
SamplesWord = Annotated[str, AfterValidator(Samples)]
DynamicsWord = Annotated[str, AfterValidator(Dynamics)]


class _Form(BaseModel):
    model_config = ConfigDict(strict=True)


class AnyRecord(_Form):
    """What every record has."""

    kind: str
    time: Annotated[int, Field(ge=-(2**63), lt=2**63)]
    """Milliseconds since 1970, taken when the line is written."""


class _Data(_Form):
    name: str
    source: str
    digest: str
    count: Step
    image_size: Step
    channels: Step


class _DataSize(_Form):
    image_size: Step
    channels: Step


class _NetworkSize(_Form):
    width: Step


class _TrainSize(_Form):
    batch_size: Step
    d_steps: Step


class _Config(_Form):
    data: _DataSize
    network: _NetworkSize
    train: _TrainSize


class _ClaimDigests(_Form):
    statement: str
    family: str | None
    """Of all statements of its family."""


class _Part(_Form):
    part: str
    """Its digest, under which the `export.json` of an export has it."""


class _Claims(_Form):
    sha256: str
    """Of all claims together."""
    each: dict[str, _ClaimDigests] | _Part


class JobRecord(AnyRecord):
    """The training: always the first line."""

    instance: str = ""
    """Distinguishes the journal from others of the same job."""
    identity: str
    seed: Step
    settings: dict[str, Any]
    """Those that differ from the defaults."""
    resolved: dict[str, Any] = {}
    data: _Data
    code: dict[str, str] | _Part
    """Digests of all definitions between the settings and the weights."""
    config: _Config
    total_steps: Step
    objective: Any = None
    """What the losses mean; `fakeface/declaration.py` decides what of it is known."""
    claims: _Claims | None = None
    """Digests of the claims that the specification had when the job began."""


class _Tracked(_Form):
    tracking: dict[str, Any] = {}


class NamedRecord(AnyRecord):
    """The names under which a plan has the job."""

    run: str
    group: str
    profile: str | None
    experiment: str
    overrides: list[str] = []
    """`--set` values of the plan."""
    config: _Tracked = _Tracked()
    description: str = ""
    """The run's, for people."""


class _Stack(_Form):
    python: str | None = None
    torch: str | None = None
    device: str | None = None
    threads: Step | None = None
    cpu: str | None = None


class _Git(_Form):
    commit: str | None = None
    dirty: bool | None = None
    diff: str | None = None
    """File of the uncommitted changes, in the job's folder."""


class SessionRecord(AnyRecord):
    """A process starts or resumes the job."""

    from_step: Step
    stack: _Stack
    """Machine and versions."""
    git: _Git = _Git()


class MetricsRecord(AnyRecord):
    """Values of some steps, column by column."""

    steps: list[Step]
    values: dict[str, list[float]]

    @model_validator(mode="after")
    def _whole_columns(self) -> Self:
        if any(len(column) != len(self.steps) for column in self.values.values()):
            raise ValueError("a column has a value for each step")
        return self


class ImageRecord(AnyRecord):
    """A grid of samples."""

    key: str
    step: Step
    file: str
    """Relative to the job's folder."""
    sha256: str
    """Of the pixels."""


class DiagnosisRecord(AnyRecord):
    """What the samples are, judged without any network."""

    step: Step
    label: SamplesWord
    evidence: str
    values: Values


class _Details(_Form):
    num_samples: Step | None = None


class ScoreRecord(AnyRecord):
    """A score, at the end of the training or along the run."""

    step: Step
    protocol: str
    """Identity of the protocol."""
    metric: str
    """Registered name of the Fréchet distance, the first of its values."""
    values: Values
    details: _Details = _Details()
    """The whole protocol."""


class BranchRecord(AnyRecord):
    """An inexact resume: supersedes what was recorded before, from `step` on."""

    step: Step
    reason: str


class NoteRecord(AnyRecord):
    """For the user."""

    text: str


class _Onset(_Form):
    exit: Step | None
    samples: Step | None
    dynamics: Step | None


class _Evidence(_Form):
    exit: str
    samples: str
    dynamics: str


class OutcomeRecord(AnyRecord):
    """How the job ended."""

    exit: ExitWord
    samples: SamplesWord | None
    dynamics: DynamicsWord | None
    onset: _Onset
    """The step at which each word set in."""
    evidence: _Evidence
    steps: Step
    weights_sha256: str | None
    generator: str | None = None
    """File of the final generator, in the job's folder."""
    traceback: str = ""


class TrialsRecord(AnyRecord):
    """One of Optuna's operations, in the journal of a study."""

    at: Step
    """Byte of the file at which the line begins."""
    log: dict[str, Any]


class DesignRecord(AnyRecord):
    """The looks at a claim that were fixed before the first of them, in the journal of the looks at it."""

    claim: str
    seeds: list[Step]
    """In the order in which they are trained: the first `counts[k]` of them are those of look k."""
    counts: Annotated[list[Step], Field(min_length=1)]
    levels: list[Annotated[float, Field(gt=0, lt=1)]]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(self.levels) != len(self.counts) or self.counts != sorted(set(self.counts)):
            raise ValueError("a level for each of growing numbers of seeds")
        if self.counts[-1] != len(set(self.seeds)) or len(set(self.seeds)) != len(self.seeds):
            raise ValueError("as many seeds as the last look has, each once")
        return self


class LookRecord(AnyRecord):
    """A look that was taken at a claim."""

    claim: str
    seeds: list[Step]
    level: Annotated[float, Field(gt=0, lt=1)]
    verdict: str


_FORMS: dict[str, type[AnyRecord]] = {
    "job": JobRecord,
    "named": NamedRecord,
    "session": SessionRecord,
    "metrics": MetricsRecord,
    "image": ImageRecord,
    "diagnosis": DiagnosisRecord,
    ScoreKind.FINAL: ScoreRecord,
    ScoreKind.CURVE: ScoreRecord,
    "branch": BranchRecord,
    "note": NoteRecord,
    "outcome": OutcomeRecord,
    "trials": TrialsRecord,
    "design": DesignRecord,
    "look": LookRecord,
}


_VALIDATORS = {kind: TypeAdapter(form).validator for kind, form in _FORMS.items()}
_OTHER = TypeAdapter(AnyRecord).validator


def is_sound(record: Any) -> bool:
    """Whether a JSON value has the form of its kind of record."""
    kind = record.get("kind") if isinstance(record, dict) else None
    validator = _VALIDATORS.get(kind, _OTHER) if isinstance(kind, str) else _OTHER
    return validator.isinstance_python(record)
