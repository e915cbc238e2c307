"""The shape of `runs.yaml`: frozen, documented models, from which the JSON Schema follows."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from ablations.spec.names import Name, Number
from fakeface.config import EvaluationConfig, PositiveInt, Seed, Settings, TrainingConfig


def _distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    seen: set[int] = set()
    for seed in seeds:
        if seed in seen:
            raise ValueError(f"the seed {seed} is given twice")
        seen.add(seed)
    return seeds


Seeds = Annotated[tuple[Seed, ...], Field(strict=False, min_length=1), AfterValidator(_distinct)]


class SamplesConfig(Settings):
    """The grids of samples that a run keeps, all from the same noise."""

    num_grids: Annotated[int, Field(ge=8, le=10_000)] = 10
    """How many grids: before the first step, then at log-spaced steps from the first to the last."""
    grid_size: Annotated[int, Field(ge=1, le=100)] = 8
    """Rows and columns of a grid."""


class CheckpointConfig(Settings):
    """How much work a kill can cost."""

    every_steps: PositiveInt = 200
    """Generator steps from one checkpoint to the next."""


class TrackingConfig(Settings):
    """What MLflow gets beside metrics and pictures."""

    log_model: bool = True
    """Log the trained generator as a model that generates when loaded."""


class RunConfig(TrainingConfig):
    """All settings of a run: what is learned, how it is scored, and what is kept of it."""

    evaluation: EvaluationConfig = EvaluationConfig()
    samples: SamplesConfig = SamplesConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
    tracking: TrackingConfig = TrackingConfig()

    def training(self) -> TrainingConfig:
        """The part that decides what is learned."""
        return TrainingConfig(**{name: getattr(self, name) for name in TrainingConfig.model_fields})


MAX_STUDY_SEEDS = 100
"""Of each kind: a study's search, confirmation and edges have a range of this many seeds each."""
MAX_SEARCHES = 100
"""Of a study."""
Trials = Annotated[int, Field(gt=0, le=100_000)]
StudySeeds = Annotated[int, Field(ge=0, le=MAX_STUDY_SEEDS)]


class StudySize(Settings):
    """How much a study spends."""

    trials: Trials | None = None
    """Settings that the search tries, enqueued ones included."""
    seeds: Annotated[int, Field(ge=1, le=MAX_STUDY_SEEDS)] | None = None
    """Trainings of each, one after another, with the seeds 0, 1, ..."""
    steps: PositiveInt | None = None
    """Generator steps of each training; the run's own length if not given."""
    confirm: StudySeeds | None = None
    """Trainings that confirm the best setting and the reference, with seeds that the search never used."""
    searches: Annotated[int, Field(ge=1, le=MAX_SEARCHES)] | None = None
    """Independent searches, each with seeds of its own and as many trials. A claim on the best setting is then about
    what repeating the search gives; with one search, it is about further seeds of the one setting that was found."""
    edges: StudySeeds | None = None
    """Trainings that locate each edge of the window in which the one searched number works."""


class ProfileEntry(RunConfig):
    """A size at which all runs can be run: settings of every run."""

    description: str = ""
    """When to use it, in a line."""
    seeds: Seeds | None = None
    """Seeds of every run; by default the file's `seeds`."""
    study: StudySize = StudySize()
    """What every study spends under this profile; it replaces what the study says."""


class Between(Settings):
    """The way from one run to another, one setting at a time, and the other run without each of the settings."""

    from_: Name = Field(alias="from")
    """The run at which the way begins."""
    to: Name
    """The run at which it ends."""
    order: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Settings by dotted path, in the order in which they change; all others follow in the order of the file."""
    together: Annotated[tuple[Annotated[tuple[str, ...], Field(strict=False)], ...], Field(strict=False)] = ()
    """Lists of settings that change as one."""


class RunEntry(RunConfig):
    """A run: the settings in which it differs from what it extends."""

    extends: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """The run whose settings this one starts from, or a list of them: a later one wins."""
    group: Name | None = None
    """Label by which commands select runs; by default that of the run it extends, or `report`."""
    description: str = ""
    """The question that this run answers, in a line."""
    grid: dict[str, Annotated[tuple[Any, ...], Field(strict=False, min_length=1)]] = Field(
        default_factory=dict
    )
    """Settings by dotted path, each with a list of values: one run for each combination."""
    between: Between | None = None
    """In place of settings, two runs: this entry becomes the runs on the way from one to the other."""


class Dimension(Settings):
    """One searched setting: a range of numbers, or choices."""

    low: Number | None = None
    """Lower end, included."""
    high: Number | None = None
    """Upper end, included."""
    log: bool = False
    """Search the logarithm."""
    choices: Annotated[tuple[Any, ...], Field(strict=False)] = ()
    """Values of any type, in place of a range."""
    effective: bool = False
    """Search lr / (1 - momentum), the length to which momentum stretches a step, so that the two are not confounded:
    the learning rate is set to the value times (1 - momentum)."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Both ends of a range of numbers."""
        assert self.low is not None
        assert self.high is not None
        return self.low, self.high


class ObjectiveConfig(Settings):
    """What a study minimises."""

    name: Literal["quality", "spectrum_distance"] = "quality"
    """`quality`: the Fréchet distance of the profile's protocol; `spectrum_distance` needs no network (dB)."""
    aggregate: Literal["mean", "median"] = "mean"
    """How the values of several seeds become one."""


class PrunerConfig(Settings):
    """When a training is pruned, by what is cheap to measure: the samples' spectrum and the networks' dynamics."""

    name: Literal["hopeless", "median", "none"] = "hopeless"
    """`hopeless`: once the generator has stalled or the discriminator has won. `median`: also where the training is
    behind half of the others at the same step; it saves more, and at times cuts the best. `none`: never."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the steps before which nothing is pruned."""
    startup: Trials = 5
    """For `median`: settings that must have ended before others are compared with them."""


class StudyEntry(StudySize):
    """A search over settings of one run."""

    base: Name
    """The run whose settings are searched."""
    description: str = ""
    """The question that the study answers, in a line."""
    space: Annotated[dict[str, Dimension], Field(min_length=1)]
    """What is searched, by dotted path of a setting."""
    reference: Name | None = None
    """A run, or another study and then its best setting, that the best setting is compared with."""
    objective: ObjectiveConfig = ObjectiveConfig()
    sampler: Literal["tpe", "random"] = "tpe"
    """Which of Optuna's samplers chooses the next setting."""
    pruner: PrunerConfig = PrunerConfig()
    enqueue: Annotated[tuple[dict[str, Any], ...], Field(strict=False)] = ()
    """Settings that are tried first and never pruned, by dotted path."""
    sampler_seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed of the search itself."""


class SpecFile(Settings):
    """The runs of an ablation: which there are, and at which sizes they can be run."""

    name: Annotated[str, StringConstraints(min_length=1)] = "fakeface"
    """Name of the MLflow experiment."""
    imports: Annotated[tuple[Annotated[str, StringConstraints(min_length=1)], ...], Field(strict=False)] = ()
    """Python files of your own that register components: paths relative to this file, or names of modules."""
    seeds: Seeds = (0,)
    """Every run is trained once with each of these."""
    profile: Name | None = None
    """The profile, if the command names none; the first one by default."""
    defaults: RunConfig = RunConfig()
    """Settings of every run, under every profile."""
    profiles: dict[Name, ProfileEntry] = Field(default_factory=dict)
    """Sizes at which all runs can be run, by name."""
    runs: Annotated[dict[Name, RunEntry], Field(min_length=1)]
    """The runs, by name."""
    studies: dict[Name, StudyEntry] = Field(default_factory=dict)
    """Searches over the settings of a run, by name."""
    claims: Any = None
    """Statements that the report judges, by a short name."""
