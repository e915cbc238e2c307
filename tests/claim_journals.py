"""Trainings with a known truth for the tests of claims: journals of runs with several seeds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from ablations.spec import load_spec
from analysis.claims import Claim, Evidence
from analysis.claims.judging import Verdict, judge_claims
from analysis.claims.reading import claims_of as claims_in
from analysis.claims.reading import read_claims
from analysis.frames.jobs import Frames, Selected, load
from analysis.frames.studies import StudyResult
from fakeface.scores import ScoreKind, curve_steps
from tests.analysis_journals import METRIC, PROTOCOL, begin, end, score_along

STEPS = 200
RUNS = ("baseline", "weight-init", "sgd", "both", "sgd-tenth", "sgd-half")
SPEC = "runs:\n" + "".join(f"  {run}: {{}}\n" for run in RUNS)
STUDIES = """\
studies:
  sgd-lr: {base: sgd, reference: adam-lr, space: {optimizer.lr: {low: 1e-5, high: 1, log: true}}}
  adam-lr: {base: baseline, space: {optimizer.lr: {low: 1e-5, high: 1, log: true}}}
"""


def claims_of(folder: Path, **bodies: str) -> list[Claim]:
    """Claims with these bodies, in a specification of some runs and studies; `name="family: f, compare: ..."`."""
    lines = [f"  {name}: {{says: It is so., {body}}}\n" for name, body in bodies.items()]
    path = folder / "runs.yaml"
    path.write_text(f"{SPEC}{STUDIES}claims:\n{''.join(lines)}")
    return claims_in(load_spec(path, check_claims=read_claims))


def compare(direction: str, margin: str, metric: str = "quality") -> str:
    """A claim's body: `sgd` against `baseline`."""
    return f"compare: {{run: sgd, against: baseline, metric: {metric}, direction: {direction}, {margin}}}"


BASE = [100.0, 101.0, 99.0, 100.5, 99.5]
"""Distances by seed."""


def times(factor: float, values: Sequence[float] = BASE) -> list[float]:
    return [factor * value for value in values]


def falling(level: float, *, settled: int = 60, start: float = 1.4) -> list[float]:
    """A loss that falls from `start` to `level` until a step, and swings about it by 1%."""
    steps = np.arange(1, STEPS + 1)
    ramp = np.clip((settled - steps) / settled, 0, 1)
    return list(level * (1 + 0.01 * np.sin(steps)) + (start - level) * ramp)


class Trainings:
    """Journals of jobs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.selected: list[Selected] = []

    def job(
        self,
        run: str,
        seed: int,
        quality: float | None = 100.0,
        *,
        loss_d: Sequence[float] | None = None,
        loss_g: Sequence[float] | None = None,
        exit_: str = "finished",
        samples: str | None = "healthy",
        dynamics: str | None = "balanced",
        protocol: Mapping[str, Any] | None = None,
        asked: Mapping[ScoreKind, str] = MappingProxyType({}),
        along: Mapping[int, float] | None = None,
        steps: int = STEPS,
        accuracy: float = 1.0,
        measures: Mapping[str, float] | None = None,
        grids: bool = False,
        objective: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """One training. Its losses are near 1 and 2 where not given; `along` are scores along the run, by step."""
        place = self.folder / f"{run}-{seed}"
        own = {"optimizer.name": run} if settings is None else settings
        journal = begin(place, settings=own, seed=seed, total_steps=steps, **objective or {})
        d, g = list(loss_d or falling(1.0)), list(loss_g or falling(2.0))
        values = {"Loss_D": d, "Loss_G": g, "D(x)": [0.7] * len(d), "accuracy_fake": [accuracy] * len(d)}
        journal.append("metrics", steps=list(range(1, len(d) + 1)), values=values)
        if grids:
            (place / "samples").mkdir()
            Image.new("RGB", (16, 16), (10 * seed, 0, 0)).save(place / "samples" / "1.png")
            journal.append("image", key="samples", step=1, file="samples/1.png", sha256="")
        if quality is not None:
            record = {**PROTOCOL, **(protocol or {})}
            journal.append("evaluation", step=steps, values={METRIC: quality, **(measures or {})}, **record)
        score_along(journal, along or {})
        end(journal, exit_, samples, dynamics, steps if exit_ == "finished" else len(d))
        self.selected.append(Selected(run, seed, place, asked))

    def scored(self, run: str, values: Sequence[float], **options: Any) -> None:
        """Trainings with these distances, by seed."""
        for seed, value in enumerate(values):
            self.job(run, seed, value, **options)

    def unbegun(self, run: str, seed: int = 0) -> None:
        self.selected.append(Selected(run, seed, self.folder / f"{run}-{seed}"))

    def frames(self) -> Frames:
        return load(self.selected)


def judged(
    lab: Trainings, studies: Mapping[str, StudyResult] | None = None, **bodies: str
) -> dict[str, Verdict]:
    """The verdicts on claims with these bodies, by name."""
    claims, evidence = claims_of(lab.folder, **bodies), Evidence(lab.frames(), studies or {})
    found = judge_claims(
        claims, evidence, lambda claim: f"make {' '.join(claim.kind.named_runs) or claim.kind.named_study}"
    )
    return {verdict.claim.name: verdict for verdict in found}


def report_of(folder: Path, seeds: int) -> Trainings:
    """The report's four runs, as trainings of the profile `quick` came out: means, and spreads over their seeds."""
    rng, lab = np.random.default_rng(0), Trainings(folder)
    steps, shared = np.array(curve_steps(STEPS)), rng.lognormal(0, 0.1, seeds)  # of the runs with one seed
    for run, (early, late, g, accuracy, distance, rate, noise) in {
        "baseline": (0.27, 0.33, 3.3, 1.0, 610, 1.0, False),
        "weight-init": (0.23, 0.27, 3.6, 1.0, 590, 1.05, False),
        "sgd": (0.98, 0.50, 1.5, 0.90, 1190, 0.0, True),
        "both": (0.82, 0.50, 1.6, 0.80, 1195, 0.0, True),
    }.items():
        for seed in range(seeds):
            wobble = rng.lognormal(0, (0.03, 0.1, 0.08, 0.05, 0.03))
            values = (500 + 850 * np.exp(-rate * steps / 100)) * wobble[4]
            lab.job(
                run, seed, distance * wobble[3],
                loss_d=[early * shared[seed] * wobble[0]] * 100 + [late * wobble[1]] * 100,
                loss_g=[g * wobble[2]] * STEPS,
                accuracy=accuracy * (1 - rng.uniform(0, 0.02)),
                along=dict(zip(steps.tolist(), values.tolist(), strict=True)),
                samples="noise" if noise else "healthy", dynamics="stalled" if noise else "balanced",
            )  # fmt: skip
    return lab
