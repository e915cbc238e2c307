"""A store's mirror in MLflow. The only package that imports mlflow, and it does so inside functions.

Training only writes journals. `sync` ships what they hold, in order and in batches, and notes after each acknowledged
batch how far it came (`<store>/mirror/<digest of the URI, or "own">/<job>.json`). Everything is the same each time it
is sent: rows carry the journal's own times, and runs and images are looked up before they are created. So a kill
between a batch and its note duplicates nothing, and a lost note or a wiped server costs only time.

    content.py    records -> what MLflow shows (pure)
    shipped.py    how far each journal has been shipped, and what is left
    server.py     the connection: settings, schema, locations, experiments, runs
    refusals.py   what an error means for the rest, and what to do about it
    artifacts.py  a run's files: images, loss curve, diff, traceback
    model.py      the trained generator
    ship.py       one journal -> its run
    results.py    a study or the report -> a run of its own
    loop.py       everything in a store, once or continuously
    register.py   the best generator of a group, as a registered model
    process.py    the process that ships while jobs train
    views.py      what the page shows of an experiment at once: views of its groups, and a description
    page.py       the MLflow page, and the links to charts on it
    reading.py    runs -> histories, for `analysis.load("sqlite:///...")`
"""

from ablations.tracking.loop import SyncReport, sync
from ablations.tracking.page import chart_links, compare_link, serve
from ablations.tracking.process import MirrorProcess
from ablations.tracking.reading import TrackedRun, read_runs
from ablations.tracking.register import register_best
from ablations.tracking.shipped import run_ids

__all__ = [
    "MirrorProcess",
    "SyncReport",
    "TrackedRun",
    "chart_links",
    "compare_link",
    "read_runs",
    "register_best",
    "run_ids",
    "serve",
    "sync",
]
