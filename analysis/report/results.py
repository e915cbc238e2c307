"""All that a report says, computed once: the figures, the page, its words and its JSON read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from analysis.claims.closes import Closes
from analysis.claims.judging import Verdict
from analysis.claims.ladders import Ladder, ladders_of
from analysis.claims.paths import PathResult
from analysis.figures.style import RunStyle, run_styles
from analysis.frames.jobs import Frames
from analysis.frames.losses import loss_curves
from analysis.frames.movement import RunMovement, movements
from analysis.frames.quality import Scores, scores_of
from analysis.frames.studies import StudyResult
from analysis.report.aggregates import Aggregates, aggregates_of
from analysis.report.provenance import provenance
from analysis.report.table import Row, last_step, summary_rows


@dataclass(frozen=True)
class ReportInputs:
    """What the specification asks beyond how each run went."""

    studies: Sequence[StudyResult] = ()
    """The reference of a study before the study itself."""
    further: Mapping[str, Sequence[StudyResult]] = field(default_factory=dict)
    """The further searches of each study, by its name."""
    claims: Sequence[Verdict] = ()
    """The verdicts on the specification's claims."""
    paths: Sequence[PathResult] = ()
    """What the settings on its ablation paths do."""
    left_out: Sequence[str] = ()
    """Why results of studies cannot be read, and what to do."""


@dataclass(frozen=True)
class Results:
    """What the journals of some jobs say, and the answers to what the specification asks."""

    title: str
    command: str
    """The `ablate run` command that trains these jobs."""
    frames: Frames
    rows: Sequence[Row]
    """One a job, in the order given."""
    last_step: int
    """Where the axes of steps end."""
    looks: Mapping[str, RunStyle]
    """How each run is drawn, in the order of the runs; those that only a claim names come last."""
    losses: pd.DataFrame
    """Of `analysis.frames.losses.loss_curves`."""
    scores: Scores
    aggregates: Aggregates | None
    """Of the runs with two seeds or more; None where there is none."""
    movements: Sequence[RunMovement]
    studies: Sequence[StudyResult]
    """The reference of a study before the study itself."""
    further: Mapping[str, Sequence[StudyResult]]
    """The further searches of each study, by its name."""
    verdicts: Sequence[Verdict]
    """On every claim."""
    ladders: Sequence[Ladder]
    """Those that some of the verdicts make, and of which a run was trained."""
    paths: Sequence[PathResult]
    """Those of which a run has begun, or whose runs cannot be compared."""
    provenance: Mapping[str, Sequence[str]]
    left_out: Sequence[str]
    """Why results of studies cannot be read, and what to do."""
    built: datetime = field(default_factory=lambda: datetime.now().astimezone())

    @property
    def other_verdicts(self) -> list[Verdict]:
        """Those that belong to no ladder."""
        return [verdict for verdict in self.verdicts if not isinstance(verdict.claim.kind, Closes)]


def compute(frames: Frames, *, title: str, command: str, inputs: ReportInputs | None = None) -> Results:
    """Everything that a report says.

    Args:
        title: what it is about, the specification's name for example.
        command: the `ablate run` command that trains what it shows.
        inputs: claims and studies to answer as well.
    """
    inputs = inputs or ReportInputs()
    rows, scores = summary_rows(frames), scores_of(frames)
    claimed = [run for verdict in inputs.claims for run in verdict.claim.kind.named_runs]
    return Results(
        title=title,
        command=command,
        frames=frames,
        rows=rows,
        last_step=last_step(rows),
        looks=run_styles(list(dict.fromkeys([*frames.runs, *claimed]))),
        losses=loss_curves(frames),
        scores=scores,
        aggregates=aggregates_of(frames, scores),
        movements=movements(frames),
        studies=inputs.studies,
        further=inputs.further,
        verdicts=inputs.claims,
        ladders=[ladder for ladder in ladders_of(inputs.claims) if ladder.tested],
        paths=[path for path in inputs.paths if path.has_begun or path.reason],
        provenance=provenance(frames),
        left_out=inputs.left_out,
    )
