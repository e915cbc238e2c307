"""MLflow -> the same frames as journals give, for those who have a tracking URI and no store."""

from pathlib import Path

from ablations.tracking import TrackedRun, read_runs
from analysis.frames.jobs import Frames, Selected, load
from fakeface.errors import UserError


def load_tracked(uri: str, experiment: str, cache: Path, *, profile: str | None = None) -> Frames:
    """What an MLflow experiment holds: of our jobs all that their journals say, of other runs the metrics.

    Of a run that was trained again with the same seed it is the newest that counts.

    Args:
        uri: of any tracking server or database.
        experiment: its name; ours are named after the specification.
        cache: folder for what is downloaded: journals and sample grids.
        profile: only runs of this profile.

    Raises:
        UserError: no such experiment, MLflow does not answer, or runs of several profiles have the same name.
    """
    newest: dict[tuple[str, int], TrackedRun] = {}
    for run in read_runs(uri, experiment, cache):  # the oldest first
        if profile not in (None, run.profile):
            continue
        before = newest.get((run.run, run.seed))
        if before is not None and before.profile != run.profile:
            raise UserError(
                f"{uri}: {run.run!r} with seed {run.seed} was trained under the profiles {before.profile!r} and "
                f"{run.profile!r}; say which with profile="
            )
        newest[run.run, run.seed] = run
    by_folder = {run.history.folder: run.history for run in newest.values()}
    selected = [Selected(run.run, run.seed, run.history.folder) for run in newest.values()]
    return load(selected, lambda folder: by_folder[folder])
