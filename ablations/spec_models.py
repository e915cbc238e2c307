"""The shape of `runs.yaml`: frozen, documented models, from which the JSON Schema follows."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from fakeface.config import EvaluationConfig, PositiveInt, Settings, TrainingConfig

MAX_NAME = 100


def _distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    twice = [seed for index, seed in enumerate(seeds) if seed in seeds[:index]]
    if twice:
        raise ValueError(f"the seed {twice[0]} is given twice")
    return seeds


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=MAX_NAME)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Seeds = Annotated[tuple[Seed, ...], Field(strict=False, min_length=1), AfterValidator(_distinct)]


class SamplesConfig(Settings):
    """The grids of samples that a run leaves behind, all from the same noise."""

    num_grids: Annotated[int, Field(ge=8)] = 10
    """How many grids: before the first step, then at log-spaced steps from the first to the last."""
    grid_size: PositiveInt = 8
    """Rows and columns of a grid."""


class CheckpointConfig(Settings):
    """How much work a kill can cost."""

    every_steps: PositiveInt = 200
    """Generator steps from one checkpoint to the next."""


class TrackingConfig(Settings):
    """What goes to MLflow beside metrics and pictures."""

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


class ProfileEntry(RunConfig):
    """A size at which all runs can be run: settings that hold for every run."""

    description: str = ""
    """When to use it, in a line."""
    seeds: Seeds | None = None
    """Seeds of every run; the file's `seeds` where not given."""


class RunEntry(RunConfig):
    """A run: the settings in which it differs from what it extends."""

    extends: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """The run whose settings this one starts from, or a list of them: a later one wins."""
    group: Name | None = None
    """Label by which commands select runs; that of the run it extends, or `report`, where not given."""
    description: str = ""
    """What this run asks, in a line."""
    grid: dict[str, Annotated[tuple[Any, ...], Field(strict=False, min_length=1)]] = Field(
        default_factory=dict
    )
    """Settings by dotted path, each with a list of values: one run for each combination."""


class SpecFile(Settings):
    """The runs of an ablation: which there are, and at which sizes they can be run."""

    name: Annotated[str, StringConstraints(min_length=1)] = "fakeface"
    """Name of the MLflow experiment."""
    seeds: Seeds = (0,)
    """Every run is trained once with each of these."""
    profile: Name | None = None
    """The profile that holds where the command names none; the first one where not given."""
    defaults: RunConfig = RunConfig()
    """Settings of every run, under every profile."""
    profiles: dict[Name, ProfileEntry] = Field(default_factory=dict)
    """Sizes at which all runs can be run, by name."""
    runs: Annotated[dict[Name, RunEntry], Field(min_length=1)]
    """The runs, by name."""
