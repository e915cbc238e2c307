"""The figures of a study as files, in its folder: for whoever looks there, and for MLflow."""

from pathlib import Path

from matplotlib.figure import Figure

from analysis.figures import studies as study_plots
from analysis.figures import style
from analysis.frames.studies import StudyResult
from fakeface.files import os_errors

DPI = 200


def study_figures(study: StudyResult, reference: StudyResult | None = None) -> dict[str, Figure]:
    """Every figure that the study has data for, by name.

    Args:
        reference: the study that tuned what this one is held against, where there is one.
    """
    figures: dict[str, Figure] = {}
    if study.trainings.empty:
        return figures
    if study.axis is not None:
        figures["response"] = style.figure(8.4, 4.6)
        study_plots.response_curve(figures["response"].subplots(), study, reference)
    rates = [path for path, dimension in study.space.items() if dimension.get("log")]
    if len(rates) >= 2:
        figures["plane"] = style.figure(6.0, 5.2)
        study_plots.plane(figures["plane"].subplots(), study, rates[0], rates[1])
    if len(study.importances) > 1:
        figures["importance"] = style.figure(5.2, 0.8 + 0.4 * len(study.importances))
        study_plots.importance(figures["importance"].subplots(), study)
    figures["best-so-far"] = style.figure(6.4, 3.6)
    study_plots.best_so_far(figures["best-so-far"].subplots(), study)
    return figures


def write_figures(folder: Path, study: StudyResult, reference: StudyResult | None = None) -> list[Path]:
    """Write a study's figures as PNGs into a folder. Raises UserError where it cannot be written."""
    written = []
    with os_errors(folder, "write the figures"):
        for name, figure in study_figures(study, reference).items():
            figure.savefig(folder / f"{name}.png", dpi=DPI, metadata={"Software": None})
            written.append(folder / f"{name}.png")
    return written
