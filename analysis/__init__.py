"""From journals to frames, verdicts, figures and the report. Trains nothing.

In a notebook:

    import analysis
    frames = analysis.load("results")
    frames = analysis.load("sqlite:///results/mlflow.db", experiment="report")
    analysis.aggregates(frames).table
"""

from pathlib import Path
from typing import TYPE_CHECKING

import fakeface  # noqa: F401 - first, since it sets how OpenMP's threads wait

if TYPE_CHECKING:
    from analysis.frames.jobs import Frames
    from analysis.report.aggregates import Aggregates


def load(
    place: str | Path,
    *,
    experiment: str | None = None,
    profile: str | None = None,
    cache: Path | None = None,
) -> "Frames":
    """Everything that a store or an MLflow experiment holds, as tidy pandas frames.

    A run that was trained more than once with the same seed counts once: the newest training, as plans named it last.

    Args:
        place: the folder of a store, or a tracking URI such as `sqlite:///results/mlflow.db` or `http://host:5000`.
        experiment: its name, which is that of the specification. Required for a tracking URI.
        profile: only jobs of this profile.
        cache: of a tracking URI: folder for downloaded journals and sample grids; a temporary one if None.

    Raises:
        UserError: nothing is there, or runs of several profiles have the same name and seed.
    """
    from analysis.frames.sources import load_experiment, load_store  # late: pandas takes a second to import
    from fakeface.errors import UserError

    if "://" not in str(place):
        return load_store(Path(place), experiment=experiment, profile=profile)
    if experiment is None:
        raise UserError(
            f'{place}: name the experiment, for example analysis.load("{place}", experiment="report")'
        )
    return load_experiment(str(place), experiment, profile=profile, cache=cache)


def aggregates(frames: "Frames") -> "Aggregates":
    """Interquartile mean, probability of improvement and performance profile of each run with two seeds or more.

    Raises:
        UserError: no run has two seeds that have ended with a score or diverged.
    """
    from analysis.report.aggregates import aggregates_of
    from fakeface.errors import UserError

    found = aggregates_of(frames)
    if found is None:
        raise UserError("no run has two seeds that have ended: train more with `ablate run --seeds 0,1,2`")
    return found
