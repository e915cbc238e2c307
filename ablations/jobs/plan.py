"""Specification -> jobs, each with its identity. Pure, so a plan can be shown before anything runs."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ablations.code import user as user_modules
from ablations.code.reached import users_digests
from ablations.code.user import NO_IMPORTS, Imports
from ablations.jobs.facts import Facts, Protocol
from ablations.jobs.identity import training_identity
from ablations.spec import Problem, Run, RunConfig, Spec, SpecError
from ablations.spec.run_names import plain_name
from ablations.store import Store
from fakeface.config import DataConfig, EvaluationConfig, changed_settings
from fakeface.data import DATASETS, ImageSet
from fakeface.errors import UserError
from fakeface.files import regular_file
from fakeface.registry import UnknownComponent
from fakeface.scores import ScoreKind

LARGEST_WEIGHTS = 10_000_000_000
"""Bytes of the largest file that is read as an extractor's weights."""
MAX_JOBS = 200_000
"""Of one plan."""


@dataclass(frozen=True)
class Job:
    """A run with one seed: everything that training and scoring need."""

    run: str
    """The run's label: with what `--set` changed, as in `baseline[optimizer.lr=0.02]`."""
    group: str
    profile: str
    experiment: str
    seed: int
    config: RunConfig
    data_digest: str | None
    """None until the data are prepared; the job then has no identity."""
    resolved: dict[str, Any] | None
    """Its settings as they take effect (`resolved_settings`), which all jobs of a run share; None as above."""
    code: dict[str, str]
    protocols: dict[ScoreKind, Protocol]
    """Of each kind of score that it takes."""
    imports: Imports = NO_IMPORTS
    """The user's modules that it may need."""
    data_code: dict[str, str] = field(default_factory=dict)
    """The user's definitions that make its data. Not in the identity, which has the digest of the data."""
    overrides: tuple[str, ...] = ()
    """The `--set` values that make it another training than its plain run."""
    claims: Mapping[str, Any] | None = None
    """Digests of the specification's claims, for the journal (`Spec.claim_digests`)."""
    description: str = ""
    """The run's, for people."""

    @property
    def name(self) -> str:
        """For people: `baseline-s0`."""
        return f"{self.run}-s{self.seed}"

    @property
    def plain(self) -> str:
        """The run's name in the specification, without what `--set` changed."""
        return plain_name(self.run)

    @cached_property
    def identity(self) -> str:
        """SHA-256 of everything that decides the weights, 64 hex digits.

        Raises:
            UserError: the data are not prepared yet.
        """
        if self.data_digest is None or self.resolved is None:
            raise UserError(f"{self.name}: its data are not prepared yet; `ablate data prepare` does that")
        return training_identity(self.resolved, self.seed, self.data_digest, self.code)

    @property
    def metric(self) -> str:
        """Registered name of its quality metric."""
        return str(self.protocol.details["metric"])

    @property
    def total_steps(self) -> int | None:
        """Number of generator steps of the whole training; None if that depends on data that are not prepared yet."""
        if self.resolved is None:
            return self.config.train.known_steps
        return int(self.resolved["train.total_steps"])

    @cached_property
    def changed(self) -> dict[str, Any]:
        """Its settings that differ from the documented defaults."""
        return changed_settings(self.config.training())

    @property
    def note(self) -> str:
        """What is unusual about its data, for the user; empty if nothing is."""
        batch = self.config.train.batch_size
        used = batch if self.resolved is None else self.resolved["data.images"]
        return f"{used} images are drawn with replacement for batches of {batch}" if used < batch else ""

    def naming(self) -> dict[str, Any]:
        """The fields of a `named` record: what may differ between plans with the same training."""
        return {
            "run": self.run,
            "group": self.group,
            "profile": self.profile,
            "experiment": self.experiment,
            "overrides": list(self.overrides),
            "config": self.config.model_dump(mode="json"),
        }

    @property
    def protocol(self) -> Protocol:
        """Of its final score."""
        return self.protocols[ScoreKind.FINAL]

    def scores_at(self, step: int, total_steps: int) -> dict[ScoreKind, Protocol]:
        """The protocols under which a training of so many steps is scored after a step."""
        return {
            kind: protocol for kind, protocol in self.protocols.items() if step in kind.steps(total_steps)
        }

    def without_curve(self) -> "Job":
        """The same job, scored only at its end."""
        return replace(self, protocols={ScoreKind.FINAL: self.protocol})


def plan_in(store: Store, spec: Spec, runs: Sequence[Run]) -> list[Job]:
    """`make_plan` on the data that a store has; for an export, with what it recorded of its trainings."""
    return make_plan(spec, runs, lambda config: store.find_data(config).images, Facts(store.recorded))


def make_plan(
    spec: Spec,
    runs: Sequence[Run],
    find_data: Callable[[DataConfig], ImageSet | None],
    facts: Facts | None = None,
) -> list[Job]:
    """The jobs of some runs, in the file's order, seeds innermost.

    Args:
        find_data: looks up prepared data, without preparing any.
        facts: what the components say; by default today's.

    Raises:
        SpecError: lists all components that do not exist or do not accept their settings, or all subsets larger than
            the data, each with its place in the file.
    """
    user_modules.load(spec.imports)
    facts = facts or Facts()
    _check(runs, facts)
    if len(runs) * len(spec.seeds) > MAX_JOBS:
        words = f"{len(runs):,} runs with {len(spec.seeds):,} seeds are more than {MAX_JOBS:,} jobs"
        raise UserError(f"{spec.path}: {words}: choose fewer with --run, --group or --seeds")
    jobs = []
    problems = []
    data_codes: dict[str, dict[str, str]] = {}
    scorings: dict[EvaluationConfig, dict[ScoreKind, Protocol]] = {}
    for run in runs:
        images, resolved = find_data(run.config.data), None
        if images is not None:
            try:
                resolved = facts.resolved(run.config, len(images.images))
                problems += _batch_problems(run, resolved["data.images"])
            except UserError as error:
                problems.append(run.problem("data.limit", str(error)))
        code, evaluation, data = facts.code(run.config), run.config.evaluation, run.config.data.name
        if data not in data_codes:
            data_codes[data] = users_digests(DATASETS.definition(data)) if spec.imports.entries else {}
        if evaluation not in scorings:
            scorings[evaluation] = facts.protocols(run.config)
        for seed in spec.seeds:
            jobs.append(
                Job(
                    run=run.label,
                    group=run.group,
                    profile=spec.profile or "",
                    experiment=spec.name,
                    seed=seed,
                    config=run.config,
                    data_digest=images.digest if images else None,
                    resolved=resolved,
                    code=code,
                    protocols=scorings[evaluation],
                    imports=user_modules.current(),
                    data_code=data_codes[data],
                    overrides=tuple(run.changed.values()),
                    claims=spec.claim_digests,
                    description=run.description,
                )
            )
    if problems:
        raise SpecError(problems)
    facts.save()
    return jobs


def _batch_problems(run: Run, used: int) -> list[Problem]:
    """Whether a run's batches are larger than the number of images that it uses."""
    batch = run.config.train.batch_size
    if used >= batch or run.config.train.steps is not None:
        return []
    words = (
        f"{used} images are less than one batch of {batch}, so there are no epochs: lower train.batch_size to at most "
        f"{used}, or give train.steps instead of train.epochs: batches are then drawn with replacement"
    )
    return [run.problem("train.batch_size", words)]


def check_components(runs: Iterable[Run]) -> None:
    """Check that every component exists and that every optimizer accepts its settings.

    Raises:
        SpecError: lists all problems, each with file and line.
    """
    facts = Facts()
    _check(runs, facts)
    facts.save()


def _check(runs: Iterable[Run], facts: Facts) -> None:
    problems: list[Problem] = []
    for run in runs:
        config = run.config
        if config.data.name not in DATASETS:
            words = str(UnknownComponent(DATASETS.kind, config.data.name, list(DATASETS)))
            problems.append(run.problem("data.name", words))
        weights = config.evaluation.weights_path
        if weights is not None and (why := _unusable(Path(weights))):
            problems.append(run.problem("evaluation.weights_path", f"{weights}: {why}"))
        problems += [*_data_problems(run), *facts.problems(run)]
    if problems:
        raise SpecError(list(dict.fromkeys(problems)))


def _unusable(weights: Path) -> str:
    """Why a path cannot be that of an extractor's weights, which are read whole; empty if it can."""
    try:
        with regular_file(weights) as file:
            size = file.seek(0, os.SEEK_END)
    except OSError as error:
        return error.strerror or str(error)
    return "" if size <= LARGEST_WEIGHTS else f"{size / 1e9:,.0f} GB are too many for a file of weights"


def _data_problems(run: Run) -> list[Problem]:
    """What the data set lacks, and what was written for it although it has no use for it."""
    config = run.config.data
    if config.name not in DATASETS:
        return []
    try:
        decides = DATASETS[config.name]().decides(config)
    except UserError as error:
        return [run.problem("data.name", str(error))]
    used = [name for name in ("path", "count") if name in decides]
    return [
        run.problem(
            f"data.{name}",
            f"the data set {config.name!r} does not use it (it uses: {', '.join(used) or 'neither path nor count'}): "
            "remove it, or set data.name to a data set that does",
        )
        for name in ("path", "count")
        if name not in used
        and getattr(config, name) is not None
        and run.written_for(f"data.{name}", "data.name")
    ]
