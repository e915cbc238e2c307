"""What the registered components say of a run's settings: what is wrong, what they come to, the code behind them.

Imports torch, as components do. `ablations.jobs.facts` remembers the answers.
"""

from functools import cache
from typing import Any

import torch

from ablations.code import user as user_modules
from ablations.code.reached import code_digests, without_files
from ablations.jobs import training
from ablations.jobs.facts import Protocol
from ablations.spec import Problem, Run, RunConfig
from fakeface.config import (
    AugmentConfig,
    DataConfig,
    InitConfig,
    LossConfig,
    NetworkConfig,
    OptimizerConfig,
    OptimizerSettings,
    PenaltyConfig,
    TrainConfig,
    TrainingConfig,
    canonical_digest,
    settings_of,
)
from fakeface.data import training_size
from fakeface.errors import UserError
from fakeface.evaluation.extractors import EXTRACTORS, protocols_of
from fakeface.evaluation.measures import MEASURES, ScoreMeasure
from fakeface.evaluation.scoring import Scorer
from fakeface.gan.augmentations import AUGMENTATIONS
from fakeface.gan.components import COMPONENTS
from fakeface.gan.losses import LOSSES, build_loss
from fakeface.gan.optimizers import OPTIMIZERS, accepted_settings, build_optimizer, optimizer_arguments
from fakeface.registry import UnknownComponent
from fakeface.scores import ScoreKind


def problems_of(run: Run) -> list[Problem]:
    """Components that do not exist or do not accept their settings, each with its place in the file."""
    extractor = run.config.evaluation.extractor
    problems = []
    if extractor not in EXTRACTORS:
        words = str(UnknownComponent(EXTRACTORS.kind, extractor, list(EXTRACTORS)))
        problems.append(run.problem("evaluation.extractor", words))
    for setting in COMPONENTS:
        problems += _component_problems(run, setting)
    return problems + _optimizer_problems(run)


def _component_problems(run: Run, setting: str) -> list[Problem]:
    registry, component = COMPONENTS[setting], getattr(run.config, setting)
    try:
        registry.arguments(component.name, component.options)
        if registry is LOSSES:  # of the others, networks need memory, and penalties a network
            build_loss(component)
        if registry is AUGMENTATIONS:
            registry.build(component.name, component.options, torch.zeros(1, 3, 32, 32), torch.Generator())
    except UnknownComponent as error:
        return [run.problem(f"{setting}.name", str(error))]
    except UserError as error:
        return [run.problem(f"{setting}.options", str(error))]
    return []


def _optimizer_problems(run: Run) -> list[Problem]:
    problems: list[Problem] = []
    for network in ("G", "D"):
        settings = run.config.optimizer.for_network(network)
        own = getattr(run.config.optimizer, network)
        name_path = f"optimizer.{network}.name" if own.name is not None else "optimizer.name"
        try:
            accepted = accepted_settings(settings.name)
        except UnknownComponent as error:
            problems.append(run.problem(name_path, str(error)))
            continue
        try:
            # The rest is checked already, and torch takes seconds to create its first Adam.
            if settings.options:
                build_optimizer(settings, [torch.zeros(1, requires_grad=True)])
        except UserError as error:
            prefix = f"optimizer.{network}" if own.options else "optimizer"
            problems.append(run.problem(f"{prefix}.options", str(error)))
        for setting in ("betas", "momentum"):
            for path in (f"optimizer.{setting}", f"optimizer.{network}.{setting}"):
                if setting not in accepted and run.written_for(path, name_path):
                    takes = ", ".join(sorted(accepted))
                    words = f"optimizer {settings.name!r} has no {setting} (takes: {takes})"
                    problems.append(run.problem(path, words))
    return problems


def resolved_settings(config: TrainingConfig, num_images: int) -> dict[str, Any]:
    """Every setting that decides the weights, as it takes effect on a data set of `num_images` images.

    Two ways to write the same training are the same here: an override that equals the common setting, `limit` or
    `fraction` that keep as many images, `steps`, `epochs` and `times` that come to the same number of steps.
    """
    used = training_size(num_images, config.data)
    resolved = {
        name: value
        for name, value in settings_of(config).items()
        if not name.startswith("optimizer.") and name not in _RESOLVED
    }
    for setting, registry in COMPONENTS.items():
        component = getattr(config, setting)
        options = registry.arguments(component.name, component.options)
        resolved |= {f"{setting}.options.{name}": value for name, value in options.items()}
    resolved |= {"data.images": used, "train.total_steps": config.train.total_steps(used)}
    for network in ("G", "D"):
        own = config.optimizer.for_network(network)
        of_the_step = {name: value for name, value in settings_of(own).items() if name in _OF_THE_STEP}
        arguments = of_the_step | optimizer_arguments(own)
        resolved |= {f"optimizer.{network}.{name}": value for name, value in arguments.items()}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in resolved.items()}


_OF_THE_STEP = {"name", "warmup_steps", "clip_norm", "clip_value"}
"""Settings of an optimizer that all have, and none takes as an argument."""
_RESOLVED = {"data.limit", "data.fraction", "train.steps", "train.epochs", "train.times"}
"""Settings that enter as what they come to."""


def training_roots(config: RunConfig) -> list[object]:
    """Where a training's code digest starts: from the job to its weights, the settings' methods, and the components."""
    optimizers = {config.optimizer.for_network(network).name for network in ("G", "D")}
    return [
        *training.way_of(config),
        *(TrainingConfig, DataConfig, NetworkConfig, InitConfig, LossConfig, PenaltyConfig, TrainConfig),
        *(AugmentConfig, OptimizerConfig, OptimizerSettings),
        *(registry[getattr(config, setting).name] for setting, registry in COMPONENTS.items()),
        *(OPTIMIZERS[name] for name in sorted(optimizers)),
    ]


@cache
def _code_of(roots: tuple[object, ...], _: int) -> dict[str, str]:
    return code_digests(roots)


def training_code(config: RunConfig) -> dict[str, str]:
    """Labelled digests of all code between settings and weights."""
    return _code_of(tuple(training_roots(config)), user_modules.current_number())


def scoring_roots(config: RunConfig, kind: ScoreKind = ScoreKind.FINAL) -> list[object]:
    """What turns kept weights into a score: where the code digest of its identity starts from."""
    return [
        EXTRACTORS[config.evaluation.extractor],
        Scorer,
        *(measure.compute for measure in _measures(kind)),
    ]


def scoring_protocols(config: RunConfig) -> dict[ScoreKind, Protocol]:
    """The protocol of each kind of score, with the SHA-256 of all that decides it: the protocol, the measures that it
    has, and their code."""
    found = {}
    for kind, details in protocols_of(config.evaluation).items():
        names = sorted(measure.under(details["metric"]).name for measure in _measures(kind))
        code = without_files(code_digests(scoring_roots(config, kind)))
        identity = canonical_digest({"protocol": details, "measures": names, "code": code})
        found[kind] = Protocol(details, identity)
    return found


def _measures(kind: ScoreKind) -> list[ScoreMeasure]:
    measures = [MEASURES[key] for key in MEASURES]
    return [measure for measure in measures if kind is ScoreKind.FINAL or measure.every_score]
