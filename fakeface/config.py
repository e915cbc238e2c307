"""What one training is: frozen, documented, strictly validated settings. Imports no torch.

Types and ranges are checked here; the names of components are checked against the registries when a plan is
made, so that reading a specification stays fast. Settings marked `identity: False` do not change what is
learned (the folder of the images, say); all others enter the training identity.
"""

import hashlib
import json
import os
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

NOT_IDENTITY: dict[str, Any] = {"identity": False}


def added_later(before: Any) -> dict[str, Any]:
    """For a field that is younger than the trainings in people's stores: see `settings_of`."""
    return {"before": before}


def _usable_path(path: str) -> str:
    try:
        usable = path.strip() and b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        usable = False
    if not usable:
        raise ValueError("is no path: name a folder or file, or leave it out")
    return path


PathText = Annotated[str, AfterValidator(_usable_path)]
MOST = 1_000_000_000
"""Of steps and images: more than any training takes, and few enough to compute with."""
PositiveInt = Annotated[int, Field(gt=0, le=MOST)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
StepCount = Annotated[int, Field(ge=0, le=MOST)]
SampleCount = Annotated[int, Field(ge=2, le=1_000_000)]
Share = Annotated[float, Field(gt=0, le=1)]
LearningRate = Annotated[float, Field(gt=0, le=1e30)]
Momentum = Annotated[float, Field(ge=0, lt=1)]
Limit = Annotated[float, Field(gt=0, le=1e30)]
Beta = Annotated[float, Field(ge=0, lt=1)]
Betas = Annotated[tuple[Beta, Beta], Field(strict=False)]


Option = bool | int | float | str
"""The value of a component's keyword argument, as `runs.yaml` gives it."""


class Settings(BaseModel):
    """Base of every group of settings: frozen, strict types, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class ComponentConfig(Settings):
    """A registered component and its options. A bare name stands for the component with the defaults of all options."""

    name: str
    """Registered name."""
    options: dict[str, Option] = Field(default_factory=dict)
    """Keyword arguments of the registered component, checked against its signature."""

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


class DataConfig(Settings):
    """Which images, and how they reach the networks."""

    name: str = Field("synthetic", json_schema_extra=NOT_IDENTITY)
    """Registered dataset: synthetic, folder, celeba, lfw. The digest of its pixels enters the identity instead."""
    path: PathText | None = Field(None, json_schema_extra=NOT_IDENTITY)
    """Folder that holds the images (required by `folder`; optional for `celeba` and `lfw`, which can download). In a
    specification it is relative to that file; on the command line, to the working directory."""
    count: PositiveInt = Field(20_000, json_schema_extra=NOT_IDENTITY)
    """Number of images to render (`synthetic` only)."""
    image_size: Literal[32, 64, 128] = 64
    """Height and width in pixels, of the data and of what the generator makes."""
    channels: Literal[1, 3] = 3
    """1: greyscale, 3: RGB."""
    limit: PositiveInt | None = None
    """Train on a random subset of this many images, another one for each seed; with the same seed a larger subset keeps
    what a smaller one has. The reference for quality stays the full set."""
    fraction: Share = 1.0
    """Train on a random subset of this share of the images (rounded, one at least), like `limit`."""
    scaling: Literal["symmetric", "unit"] = "symmetric"
    """Range of the real images that D sees: [-1, 1] like the generator's tanh, or the scaffold's [0, 1]."""

    @model_validator(mode="after")
    def _one_subset(self) -> "DataConfig":
        if self.limit is not None and self.fraction != 1:
            raise ValueError(
                "give `limit` or `fraction`, not both: drop `fraction` to train on that many images, "
                "or `limit` (`limit: null` where it is inherited) to train on that share"
            )
        return self


class NetworkConfig(ComponentConfig):
    """The pair of networks."""

    name: str = "dcgan"
    """Registered architecture."""
    # Both have bounds above which the weights alone would fill the memory of any machine.
    latent_dim: Annotated[int, Field(gt=0, le=10_000)] = 100
    """Length of the latent vector z."""
    width: Annotated[int, Field(gt=0, le=1024)] = 64
    """Feature maps of the layer next to the image; doubled at each halving of the resolution."""


class InitConfig(ComponentConfig):
    """The initial weights."""

    name: str = "pytorch"
    """Registered initializer: `pytorch` (the framework's default) or `dcgan` (N(0, 0.02))."""


class LossConfig(ComponentConfig):
    """The pair of objectives, D's and G's."""

    name: str = "non-saturating"
    """Registered loss."""


class PenaltyConfig(ComponentConfig):
    """A penalty on D that is added to its loss."""

    name: str = "none"
    """Registered penalty: `none`, `r1` or `gradient`."""


class AugmentConfig(ComponentConfig):
    """What is done to real and generated images alike, before D sees them in either network's half of a step."""

    name: str = Field("none", json_schema_extra=added_later("none"))
    """Registered augmentation: `none` or `diffaugment`."""


class OptimizerSettings(Settings):
    """Settings of one network's optimizer, each None where the common ones hold."""

    name: str | None = None
    """Registered optimizer."""
    lr: LearningRate | None = None
    """Learning rate."""
    betas: Betas | None = None
    """Decay rates of the first and second moment, where the optimizer has them."""
    momentum: Momentum | None = None
    """Momentum, where the optimizer has it."""
    warmup_steps: StepCount | None = None
    """Steps of this network's optimizer over which its learning rate grows linearly to `lr`."""
    clip_norm: Limit | None = Field(None, json_schema_extra=added_later(None))
    """Largest norm of this network's gradient."""
    clip_value: Limit | None = Field(None, json_schema_extra=added_later(None))
    """Largest magnitude of each coordinate of this network's gradient."""
    options: dict[str, Option] = Field(default_factory=dict)
    """Further keyword arguments of the registered optimizer, checked against its signature."""


class OptimizerConfig(Settings):
    """The optimizer of both networks; `G` and `D` override it for one of them (TTUR, say)."""

    name: str = "adam"
    """Registered optimizer."""
    lr: LearningRate = 2e-4
    """Learning rate."""
    betas: Betas = (0.5, 0.999)
    """Decay rates of the first and second moment, where the optimizer has them."""
    momentum: Momentum = 0.0
    """Momentum, where the optimizer has it."""
    warmup_steps: StepCount = 0
    """Steps of each network's own optimizer over which its learning rate grows linearly to `lr`; 0: none."""
    clip_norm: Limit | None = Field(None, json_schema_extra=added_later(None))
    """Largest norm of a network's gradient: a longer one is scaled to it before the step. Null: no clipping."""
    clip_value: Limit | None = Field(None, json_schema_extra=added_later(None))
    """Largest magnitude of each coordinate of a gradient, after `clip_norm`. Null: no clipping."""
    options: dict[str, Option] = Field(default_factory=dict)
    """Further keyword arguments of the registered optimizer, checked against its signature."""
    G: OptimizerSettings = OptimizerSettings()
    """Overrides for the generator."""
    D: OptimizerSettings = OptimizerSettings()
    """Overrides for the discriminator."""

    def for_network(self, network: Literal["G", "D"]) -> "OptimizerConfig":
        """The settings that hold for one network, with nothing left to override."""
        own = getattr(self, network).model_dump(exclude_none=True)
        common = self.model_dump(exclude={"G", "D"})
        return OptimizerConfig(**{**common, **own, "options": {**common["options"], **own["options"]}})

    def of(self, setting: str, network: Literal["G", "D"]) -> Any:
        """One setting as it holds for one network. Called at each step, so it builds none as `for_network` does."""
        own = getattr(getattr(self, network), setting)
        return getattr(self, setting) if own is None else own


class SeedsConfig(Settings):
    """Seeds of single streams of randomness, in place of the job's seed.

    With two of them fixed, the runs of several seeds differ in the third alone: its part of their spread.
    """

    weights: Seed | None = Field(None, json_schema_extra=added_later(None))
    """Of the initial weights."""
    data: Seed | None = Field(None, json_schema_extra=added_later(None))
    """Of the order of the real images, and of the part of them that `data.limit` or `data.fraction` keeps."""
    noise: Seed | None = Field(None, json_schema_extra=added_later(None))
    """Of the latent vectors and of all else that a step draws: augmentations, and what losses and layers draw."""


class TrainConfig(Settings):
    """Length and shape of the training loop."""

    steps: PositiveInt | None = None
    """Number of generator steps. Give this or `epochs`."""
    epochs: Annotated[int, Field(gt=0, le=1_000_000)] | None = None
    """Passes over the training images, the incomplete last batch dropped. 5 where neither is given."""
    times: Annotated[int, Field(gt=0, le=1000)] = 1
    """Times the length that `steps` or `epochs` give: a run that trains ten times longer at every profile says 10."""
    batch_size: Annotated[int, Field(gt=0, le=65_536)] = 128
    """Images per batch, real and fake each."""
    d_steps: Annotated[int, Field(gt=0, le=1000)] = 1
    """Discriminator steps before each generator step."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = Field(0.0, json_schema_extra=added_later(0.0))
    """Samples, scores and the kept generator come from an exponential moving average of G's weights with this decay at
    each step of G, which looks 1 / (1 - decay) steps back; 0: from G itself."""

    precision: Literal["float32", "bfloat16"] = Field("float32", json_schema_extra=added_later("float32"))
    """`bfloat16`: convolutions and matrix products of a step in bfloat16, by torch's autocast; weights, losses and
    optimizers stay in float32. Twice as fast or more where the processor has it; scores are always in float32."""
    seeds: SeedsConfig = SeedsConfig()
    """Seeds of single streams of randomness, in place of the job's seed."""

    @model_validator(mode="after")
    def _one_length(self) -> "TrainConfig":
        if self.steps is not None and self.epochs is not None:
            raise ValueError("give `steps` or `epochs`, not both")
        return self

    @property
    def known_steps(self) -> int | None:
        """Number of generator steps, where it does not depend on the number of images."""
        return None if self.steps is None else self.times * self.steps

    def total_steps(self, num_images: int) -> int:
        """Number of generator steps when training on `num_images` images."""
        if self.known_steps is not None:
            return self.known_steps
        batches = (self.epochs or 5) * (num_images // self.batch_size)
        return self.times * max(1, batches // self.d_steps)


class EvaluationConfig(Settings):
    """The protocol by which samples are scored. It has an identity of its own: changing it trains nothing."""

    extractor: str = "efficientnet-lite0"
    """Registered feature extractor: `efficientnet-lite0` (offline) or `inception` (metric `fid`)."""
    weights_path: PathText | None = Field(None, json_schema_extra=NOT_IDENTITY)
    """File with the extractor's weights, where it would download them otherwise; relative as `data.path` is."""
    num_samples: SampleCount = 10_000
    """Generated images behind the score at the end of a training. Fréchet distances at different N are never
    compared."""
    num_reference: PositiveInt = 50_000
    """Real images behind the reference (a deterministic draw from the full data set; all where it has fewer)."""
    curve_samples: SampleCount | Literal[0] | None = Field(None, json_schema_extra=NOT_IDENTITY)
    """Generated images behind each score along the run: before the first step, and at the log-spaced steps 10, 16, 25,
    40, 63, 100, ... Never more than `num_samples`. Null: 1.25 times the extractor's features, at least 500. 0: no
    scores along the run."""


class TrainingConfig(Settings):
    """Everything that decides what is learned, but the seed and the pixels."""

    data: DataConfig = DataConfig()
    network: NetworkConfig = NetworkConfig()
    init: InitConfig = InitConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    loss: LossConfig = LossConfig()
    penalty: PenaltyConfig = PenaltyConfig()
    augment: AugmentConfig = AugmentConfig()
    train: TrainConfig = TrainConfig()


def settings_of(config: Settings) -> dict[str, Any]:
    """Every setting that enters an identity, defaults included, as `{"optimizer.lr": 2e-4}`.

    A field that is added later gets `json_schema_extra=added_later(value)`, with the value that reproduces what was
    before: while it has that value it is left out, so that nothing trained before changes its identity.
    """
    found: dict[str, Any] = {}
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, Settings):
            found |= {f"{name}.{inner}": v for inner, v in settings_of(value).items()}
            continue
        if isinstance(value, dict):
            found |= {f"{name}.{inner}": v for inner, v in value.items()}
            continue
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        plain = list(value) if isinstance(value, tuple) else value
        if extra.get("identity") is not False and ("before" not in extra or extra["before"] != plain):
            found[name] = plain
    return found


def changed_settings(config: Settings) -> dict[str, Any]:
    """Those of `settings_of` that differ from the documented defaults: what people want to see of a run."""
    defaults = settings_of(type(config)())
    return {
        name: value
        for name, value in settings_of(config).items()
        if name not in defaults or value != defaults[name]
    }


def canonical_digest(value: Any) -> str:
    """SHA-256 of a JSON value in canonical form (sorted keys, no spaces), as 64 hex digits."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
