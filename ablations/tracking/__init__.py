"""The journals' mirror in MLflow. No other room imports mlflow, and this one does so late.

Training writes journals only. `sync` ships what they hold, in order and in batches, and notes after each
acknowledged batch how far it came (`<store>/mirror/<digest of the URI>/<job>.json`). Everything it sends is
the same each time it is sent: rows carry the journal's own times, runs and images are looked up before they
are made. So a kill between a batch and its note doubles nothing, and a lost note, or a wiped server, costs
only time.

    content.py    records -> what MLflow shows (pure)
    state.py      how far each journal has been shipped
    pending.py    what is left
    server.py     the connection: schema, experiments, runs
    artifacts.py  images, loss curve, diff, traceback
    model.py      the trained generator
    ship.py       one journal -> its run
    findings.py   a study, or the report -> a run of its own
    reading.py    runs -> journals, where the store is not at hand
    loop.py       all journals, once or following
    process.py    the process that follows the journals while jobs train
    page.py       the MLflow page, and the link that compares runs
"""

from ablations.tracking.loop import SyncReport, sync
from ablations.tracking.page import compare_link, serve
from ablations.tracking.pending import JobPending, Pending, pending
from ablations.tracking.process import MirrorProcess
from ablations.tracking.reading import TrackedRun, read_runs
from ablations.tracking.server import prepare
from ablations.tracking.state import run_ids

__all__ = [
    "JobPending",
    "MirrorProcess",
    "Pending",
    "SyncReport",
    "TrackedRun",
    "compare_link",
    "pending",
    "prepare",
    "read_runs",
    "run_ids",
    "serve",
    "sync",
]
