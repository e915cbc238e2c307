"""Hand-written journals for the tests of `analysis`."""

from pathlib import Path
from typing import Any

from PIL import Image

from ablations.store.journal import Journal
from analysis.frames.jobs import Selected
from fakeface.evaluation.measures import MEASURES, Estimate

METRIC = "fd_test"
PROTOCOL = {"protocol": "aa", "metric": METRIC, "details": {"num_samples": 2000}}


def score(**found: Estimate | float) -> dict[str, float]:
    """The numbers of a score by the names under which they are journaled, from the measures' keys."""
    values: dict[str, float] = {}
    for key, one in found.items():
        record, estimate = MEASURES[key].under(METRIC), one if isinstance(one, Estimate) else Estimate(one)
        names = (record.name, record.standard_error, record.low, record.high)
        values |= {name: value for name, value in zip(names, estimate, strict=True) if value is not None}
    return values


def begin(
    folder: Path, *, settings: dict[str, Any] | None = None, seed: int = 0, total_steps: int = 3
) -> Journal:
    journal = Journal(folder / "journal.jsonl")
    data = {
        "name": "synthetic",
        "source": "built in",
        "digest": "dd",
        "count": 20,
        "image_size": 32,
        "channels": 3,
    }
    journal.append(
        "job",
        identity="id",
        seed=seed,
        settings=settings or {},
        data=data,
        config={},
        total_steps=total_steps,
    )
    journal.append("named", run="ignored", group="g", profile="quick", experiment="e", config={})
    journal.append(
        "session",
        from_step=0,
        stack={"python": "3.11", "torch": "2", "device": "cpu", "threads": 2, "cpu": "a cpu"},
        git={"commit": "c0ffee", "dirty": True},
    )
    return journal


def losses(journal: Journal, steps: list[int], d: list[float], g: list[float]) -> None:
    journal.append("metrics", steps=steps, values={"Loss_D": d, "Loss_G": g})


def end(journal: Journal, exit_: str, samples: str | None, dynamics: str | None, steps: int) -> None:
    evidence = {"exit": "why exit", "samples": "why samples", "dynamics": "why dynamics"}
    onset = {"exit": None, "samples": 1, "dynamics": 2}
    journal.append(
        "outcome", exit=exit_, samples=samples, dynamics=dynamics, onset=onset, evidence=evidence, steps=steps,
        weights_sha256="ff",
    )  # fmt: skip
    journal.close()


def train(
    folder: Path, d: list[float], g: list[float], *, exit_: str = "finished", planned: int = 60
) -> Selected:
    """A journal with two grids and two scores."""
    journal = begin(folder, total_steps=planned)
    steps = list(range(1, len(d) + 1))
    losses(journal, steps, d, g)
    for step in (1, len(d)):
        (folder / "samples").mkdir(exist_ok=True)
        Image.new("RGB", (16, 16), (step, 0, 0)).save(folder / "samples" / f"{step}.png")
        journal.append("image", key="samples", step=step, file=f"samples/{step}.png")
        journal.append("evaluation", step=step, values={METRIC: 100.0 / step}, **PROTOCOL)
    end(journal, exit_, "healthy", "balanced", len(d))
    return Selected(folder.name.split("-")[0], int(folder.name.split("-")[1]), folder)
