"""Which figures a report has, each at its size."""

from collections import Counter
from collections.abc import Iterator

from matplotlib.figure import Figure

from analysis.figures import style
from analysis.figures.claims import claim_figure
from analysis.figures.curves import compared_losses, run_losses
from analysis.figures.ladder import ladder_chart
from analysis.figures.mechanism import mechanism_chart
from analysis.figures.path import path_chart
from analysis.figures.profiles import performance_profiles
from analysis.figures.quality import quality_by_run, quality_curves
from analysis.figures.samples import sample_grid
from analysis.figures.studies import study_figures
from analysis.frames.losses import by_objective, loss_ceiling
from analysis.report.results import Results
from analysis.report.words import run_outcome
from analysis.statistics import VerdictWord
from fakeface.evaluation.measures import DISTANCE
from fakeface.gan.series import LOSS_D, LOSS_G
from fakeface.outcomes import Exit

FEW_GRIDS = 8
"""So many grids are shown large."""
STRIP_ROW = 0.32
"""Height of a run's row in the strip of seeds, in inches."""


def report_figures(results: Results) -> dict[str, Figure]:
    """Every figure that there are data for, by name."""
    return dict([*_losses(results), *_quality(results), *_samples(results), *_answers(results)])


def _losses(results: Results) -> Iterator[tuple[str, Figure]]:
    losses = results.losses
    if losses.empty:
        return
    parts = by_objective(results.frames, losses)
    for run in results.frames.runs:
        for declared, part in parts:
            own = part[part["run"] == run]
            if own.empty:
                continue
            figure = style.figure(4.7, 3.0)
            subtitle = f"{run}: {run_outcome([row for row in results.rows if row.run == run and row.exit != Exit.NEW])}"
            run_losses(
                figure.subplots(), own, results.looks[run], subtitle=subtitle, last_step=results.last_step,
                top=loss_ceiling(part), declared=declared,
            )  # fmt: skip
            yield f"losses-{run}", figure
    looks = {run: results.looks[run] for run in results.frames.runs}
    for name, size, shape in (
        ("losses-overlaid", (9.4, 3.7 * len(parts)), (len(parts), 2)),
        ("losses-overlaid-narrow", (4.7, 6.4 * len(parts)), (2 * len(parts), 1)),
    ):
        figure = style.figure(*size)
        panels = iter(figure.subplots(*shape).flat)
        for declared, part in parts:
            for metric in (LOSS_D, LOSS_G):
                compared_losses(
                    next(panels), part, metric, looks, last_step=results.last_step, declared=declared,
                    objective=declared.words if len(parts) > 1 else "",
                )  # fmt: skip
        yield name, figure


def _quality(results: Results) -> Iterator[tuple[str, Figure]]:
    curves = results.scores.curves
    looks = {run: results.looks[run] for run in results.frames.runs}
    if not curves.empty:
        figure = style.figure(5.2, 3.2)
        quality_curves(figure.subplots(), results.scores, looks, over="step", last=results.last_step)
        yield "quality", figure
    if curves["minutes"].notna().any():
        figure = style.figure(5.2, 3.2)
        last = float(curves["minutes"].max())
        quality_curves(figure.subplots(), results.scores, looks, over="minutes", last=last)
        yield "quality-time", figure
    seeds = Counter(row.run for row in results.scores.last if row.measured[DISTANCE] is not None)
    if max(seeds.values(), default=0) > 1:
        for name, width in (("quality-seeds", 9.4), ("quality-seeds-narrow", 4.7)):
            figure = style.figure(width, 1.1 + STRIP_ROW * len(seeds))
            quality_by_run(figure.subplots(), results.scores, looks)
            yield name, figure
    found = results.aggregates
    if found is not None and not found.profiles.empty:
        figure = style.figure(9.4, 3.4)
        performance_profiles(figure.subplots(), found.profiles, looks, quality=results.scores.name)
        yield "profiles", figure


def _samples(results: Results) -> Iterator[tuple[str, Figure]]:
    """The last grids of each seed side by side, all on the same noise."""
    images = results.frames.images.sort_values("step")
    for seed in results.frames.images["seed"].drop_duplicates():
        rows = [row for row in results.rows if row.seed == seed]
        most, width = (4, 2.7) if len(rows) <= FEW_GRIDS else (5, 2.1)
        columns = min(most, len(rows))
        lines = -(-len(rows) // columns)
        figure = style.figure(width * columns, (width + 0.4) * lines)
        panels = list(figure.subplots(lines, columns, squeeze=False).flat)
        for ax, row in zip(panels, rows, strict=False):
            paths = images[(images["run"] == row.run) & (images["seed"] == seed)]["path"]
            color = results.looks[row.run].text_color
            sample_grid(ax, list(paths), title=row.run, subtitle=run_outcome([row]), color=color)
        for ax in panels[len(rows) :]:
            ax.set_axis_off()
        yield f"samples-s{seed}", figure


def _answers(results: Results) -> Iterator[tuple[str, Figure]]:
    """Of the ladders, paths, studies and claims."""
    for ladder in results.ladders:
        yield f"ladder-{ladder.name}", ladder_chart(ladder)
    for path in results.paths:
        if path.moves:
            yield f"path-{path.path.name}", path_chart(path, results.scores.name)
    if results.ladders and results.movements:
        yield "mechanism", mechanism_chart(results.movements)
    for study in results.studies:
        reference = next((one for one in results.studies if one.name == study.reference_name), None)
        for name, figure in study_figures(study, reference).items():
            yield f"study-{study.name}-{name}", figure
    for verdict in results.other_verdicts:
        if verdict.word in (VerdictWord.DESCRIBED, VerdictWord.NOT_RUN):
            continue
        drawn = claim_figure(verdict, results.looks, results.scores.name)
        if drawn is not None:
            yield f"claim-{verdict.claim.name}", drawn
