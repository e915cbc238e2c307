"""What a study would train, at most, and how long that takes: `ablate tune --dry-run`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ablations.cli.columns import Column, print_table
from ablations.cli.printing import SafeConsole
from ablations.cli.tables import price_words
from ablations.cli.verdicts import newest_studies
from ablations.jobs.estimate import Estimator, Price
from ablations.jobs.plan import Job, make_plan
from ablations.jobs.status import JobState, Status
from ablations.spec import Spec, StudySpec
from ablations.store import Store
from analysis.wording import rate


@dataclass(frozen=True)
class Part:
    """One part of a study."""

    name: str
    settings: int
    trainings: int
    steps: int | None
    done: int
    """Settings that the store has tried already."""


@dataclass(frozen=True)
class StudyPlan:
    """A study before it runs."""

    study: StudySpec
    parts: Sequence[Part]
    price: Price

    def record(self) -> dict[str, Any]:
        """As plain data, for `--json`."""
        return {
            "study": self.study.name,
            "base": self.study.base.name,
            "reference": self.study.entry.reference,
            "space": {path: one.model_dump(mode="json") for path, one in self.study.space.items()},
            "enqueue": list(self.study.entry.enqueue),
            "parts": [asdict(part) for part in self.parts],
            "price": asdict(self.price),
        }


def planned_study(
    spec: Spec, study: StudySpec, references: Sequence[StudySpec], store: Store, device: str, slots: int
) -> StudyPlan:
    """The parts of a study, as if nothing was pruned.

    Args:
        references: the study that tunes its reference, if one does.
        device: `cpu` or the GPU's name.
    """
    jobs = {one.name: _job(spec, one, store) for one in (*references, study)}
    newest, _ = newest_studies(spec, {job.data_digest for job in jobs.values()}, store)
    repeats = study.searches
    parts = [
        Part(
            f"search {one.name}" + (f", {repeats} times" if repeats > 1 else ""),
            one.trials * repeats,
            one.trials * one.seeds * repeats,
            jobs[one.name].total_steps,
            sum(len(newest[name].trials) for name in one.search_names if name in newest),
        )
        for one in (*references, study)
    ]
    steps = jobs[study.name].total_steps
    if len(study.space) == 1 and not next(iter(study.space.values())).choices:
        parts.append(Part("edges of the window", 2 * study.edges, 2 * study.edges, steps, 0))
    confirmed = (2 if study.entry.reference else 1) * repeats
    parts.append(Part("confirmation", confirmed, confirmed * study.confirm, steps, 0))
    estimator, new = Estimator(store, device), JobState(Status.NEW, "", None, None)
    each = estimator.expected(jobs[study.name], new)
    price = Price.of([each] * sum(part.trainings for part in parts), device, slots)
    return StudyPlan(study, [part for part in parts if part.trainings], price)


def _job(spec: Spec, study: StudySpec, store: Store) -> Job:
    run = study.run({}, study.name)
    return make_plan(spec, [run], lambda config: store.find_data(config).images)[0].without_curve()


def print_study_plan(plan: StudyPlan, console: SafeConsole) -> None:
    """What is searched, and the parts."""
    study = plan.study
    console.say(
        "[bold]{}[/]  searches {} from the run {}", study.name, ", ".join(study.space), study.base.name
    )
    if study.entry.description:
        console.print(study.entry.description)
    for path, one in study.space.items():
        scale = ", on a log scale" if one.log else ""
        words = f"one of {', '.join(map(rate, one.choices))}" if one.choices else ""
        console.print(f"  {path}: {words or f'{rate(one.low)} to {rate(one.high)}{scale}'}")
    for params in study.entry.enqueue:
        console.print(
            f"  tried first: {', '.join(f'{path} {rate(value)}' for path, value in params.items())}"
        )
    console.print()
    print_table(
        [
            Column("part", [part.name for part in plan.parts]),
            Column("settings", [f"{part.settings:,}" for part in plan.parts], right=True, rank=1),
            Column("trainings", [f"{part.trainings:,}" for part in plan.parts], right=True),
            Column("steps", [f"{part.steps:,}" if part.steps else "—" for part in plan.parts], right=True),
            Column(
                "tried", [f"{part.done:,}" if part.done else "–" for part in plan.parts], right=True, rank=2
            ),
        ],
        console,
    )
    console.print(f"At most {plan.price.jobs} trainings{price_words(plan.price)}; pruning makes them fewer.")
