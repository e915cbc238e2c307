"""MLflow -> the same frames as journals give, for those who have a tracking URI and no store."""

from pathlib import Path

from ablations.tracking import read_runs
from analysis.frames import Frames, Selected, load


def load_tracked(uri: str, experiment: str, cache: Path) -> Frames:
    """What an MLflow experiment holds: of our jobs all that their journals say, of other runs the metrics.

    Args:
        uri: of any tracking server or database.
        experiment: its name; ours are named after the specification.
        cache: folder for what is downloaded: journals and sample grids.

    Raises:
        UserError: no such experiment, or MLflow does not answer.
    """
    runs = read_runs(uri, experiment, cache)
    by_folder = {run.history.folder: run.history for run in runs}
    return load(
        [Selected(run.run, run.seed, run.history.folder) for run in runs], lambda folder: by_folder[folder]
    )
