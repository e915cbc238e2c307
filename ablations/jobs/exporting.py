"""A store's finished jobs as a small store without weights, from which the report is written again without training.

What verdicts rest on is kept: outcomes, scores and the series that claims name. The other series, for the figures, have
fewer steps, and some pictures remain, smaller. Of a study's trainings the last values are kept. Nothing of the other
store changes.
"""

import bisect
import hashlib
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from PIL import Image

from ablations.jobs.plan import Job
from ablations.store import Outside, Store, data_key, file_in
from ablations.store.exported import Recorded, key_of
from ablations.store.history import History, exit_of
from ablations.store.journal import Record, encode
from fakeface.errors import UserError
from fakeface.files import os_errors
from fakeface.gan.series import D_G_Z_AFTER, LOSS_D_FAKE, LOSS_D_REAL, PROBE_SERIES, STEP_SERIES
from fakeface.images import GAP
from fakeface.outcomes import ENDED

SERIES = {*STEP_SERIES, *PROBE_SERIES} - {LOSS_D_REAL, LOSS_D_FAKE, D_G_Z_AFTER}
"""Those that are kept of a run, at fewer steps. Of all others, the last value."""
DIGITS = 4
"""Significant digits of a series: an error of 0.05% at most, far below the spread over seeds."""
EARLY, LATER = 50, 75
"""Such a series has every step up to EARLY, then at most so many at equal distances, and the last one."""
PICTURES = 4
"""Sample grids of a run, of its first seed."""
CELLS = 4
"""Samples along each side of a picture: the upper left ones of the grid."""
COLOURS = 64
"""Of a picture's palette."""


def export(
    jobs: Sequence[Job],
    studies: Mapping[Path, Iterable[str]],
    claimed: Mapping[str, Collection[str]],
    store: Store,
    destination: Path,
) -> Iterator[str]:
    """Write the finished jobs, the studies with their trainings, and the looks at claims. Yields the jobs' names.

    Args:
        jobs: of all runs on the store's data, with all of its seeds.
        studies: the files of the studies, with the names of the folders of their trainings.
        claimed: the series that claims name, by run: they keep every step.

    Raises:
        UserError: there is no finished job, the destination exists, or the disk refuses.
    """
    if destination.exists() and any(destination.iterdir() if destination.is_dir() else [destination]):
        raise UserError(f"{destination}: exists already; remove it, or name another folder")
    finished = [(job, history) for job in jobs if (history := _finished(job, store)) is not None]
    if not finished:
        raise UserError(f"{store.root}: holds no finished job of these runs, so there is nothing to export")
    target, recorded = Store(destination), _recorded([job for job, _ in finished], store)
    with os_errors(destination, "write the export"):
        target.jobs.mkdir(parents=True)
        pictured: set[str] = set()
        distinct: dict[Path, tuple[Job, History]] = {}
        whole: dict[Path, set[str]] = defaultdict(set)
        for job, history in finished:  # some of which are the same training under several names
            distinct.setdefault(history.path, (job, history))
            whole[history.path].update(claimed.get(job.run, ()))
        for job, history in distinct.values():
            pictures = [] if job.run in pictured else _spread(history.images, PICTURES)
            pictured.add(job.run)
            side = CELLS * (job.config.data.image_size + GAP) - GAP
            _write_job(history, target, recorded, SERIES, whole[history.path], pictures, side)
            yield history.folder.name
        for name in dict.fromkeys(name for trainings in studies.values() for name in trainings):
            if not (target.jobs / name).exists() and (store.jobs / name).is_dir():
                _write_job(store.history(store.jobs / name), target, recorded)
                yield name
        for file in studies:
            _copy(file, target.studies)
        for folder in store.look_folders():
            _copy(folder / "journal.jsonl", target.looks)
    recorded.write(destination)


def _finished(job: Job, store: Store) -> History | None:
    folder = store.find(job.identity) if job.data_digest is not None else None
    history = store.history(folder) if folder is not None else None
    return history if history is not None and exit_of(history, running=False) in ENDED else None


def _recorded(jobs: Sequence[Job], store: Store) -> Recorded:
    """What a plan for the export has to know of these jobs."""
    recorded = Recorded({}, {}, {}, parts={})
    for job in jobs:
        config, key = job.config, key_of(data_key(job.config.data))
        images = store.find_data(config.data).images
        resolved = _without_path(job.resolved, config.data.path)
        recorded.trainings[key_of(config.training())] = {
            "resolved": recorded.part(resolved),
            "code": recorded.part(job.code),
        }
        recorded.protocols[key_of(config.evaluation)] = {k: list(one) for k, one in job.protocols.items()}
        if images is not None:
            recorded.data[key] = {
                "name": images.name, "source": PurePath(images.source).name, "digest": images.digest,
                "shape": list(images.images.shape),
            }  # fmt: skip
    return recorded


def _write_job(
    history: History,
    target: Store,
    recorded: Recorded,
    series: Container[str] = (),
    whole: Container[str] = (),
    pictures: Sequence[Record] = (),
    side: int = 0,
) -> None:
    """Write one job's journal and pictures.

    Args:
        recorded: gets the parts that many records have in common.
        series: those of which more than the last value is kept.
        whole: those of which every value is kept.
        pictures: records of the grids that are kept.
        side: of a picture, in pixels.
    """
    folder = target.jobs / history.folder.name
    folder.mkdir()
    records = [
        recorded.shortened(_portable(history.job)),
        *map(_portable, history.names),
        *(session | {"git": _commit(session)} for session in history.sessions),
        *_metrics(history, series, whole),
        *filter(None, (_picture(record, history.folder, folder, side) for record in pictures)),
        *map(recorded.shortened, history.curve if series else ()),
        *map(recorded.shortened, history.evaluations),
        *history.notes,
    ]
    records.sort(key=lambda record: int(record["time"]))  # stable: what one process wrote stays in its order
    if history.outcome is not None:
        records.append(history.outcome | {"traceback": ""})
    (folder / "journal.jsonl").write_bytes(b"".join(map(encode, records)))


def _portable(record: Record) -> Record:
    """A record with the last part of its images' path in place of the whole: an export is read on other machines."""
    found: Record = _without_path(record, record.get("config", {}).get("data", {}).get("path"))
    return found


def _without_path(value: Any, path: str | None) -> Any:
    """A JSON value with the last part of a path in place of the whole."""
    if path is None:
        return value
    if isinstance(value, dict):
        return {key: _without_path(inner, path) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_path(inner, path) for inner in value]
    return value.replace(path, PurePath(path).name) if isinstance(value, str) else value


def _commit(session: Record) -> dict[str, Any]:
    git = session.get("git", {})
    return {key: git[key] for key in ("commit", "dirty") if key in git}


def _metrics(history: History, names: Container[str], whole: Container[str]) -> Iterator[Record]:
    """`metrics` records: some series at `_kept` steps, some at all, and the others with their last value.

    A record holds all steps between two scores, with the time of the last of them: a report asks for no other time.
    """
    blocks: dict[int, dict[str, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
    times: dict[int, int] = defaultdict(int)
    kept = _kept(history.last_step)
    scored = sorted({record["step"] for record in (*history.curve, *history.evaluations)})
    for name, series in history.series.items():
        for step, value, time in zip(series.steps, series.values, series.times, strict=True):
            if (
                step == series.steps[-1]
                or name in whole
                or (name in names and (step in kept or name in PROBE_SERIES))
            ):
                block = bisect.bisect_left(scored, step)
                blocks[block][name].append((step, _rounded(value)))
                times[block] = max(times[block], time)
    for block, columns in sorted(blocks.items()):
        of_steps: dict[tuple[int, ...], dict[str, list[float]]] = defaultdict(dict)
        for name, column in columns.items():
            of_steps[tuple(step for step, _ in column)][name] = [value for _, value in column]
        for steps, values in of_steps.items():
            yield {"kind": "metrics", "time": times[block], "steps": list(steps), "values": values}


def _kept(last: int) -> set[int]:
    """The steps of a training of `last` steps that an export keeps of a series that has them all."""
    stride = max(1, -(-(last - EARLY) // LATER))
    return {*range(EARLY + 1), *range(last, EARLY, -stride)}


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _spread(records: Sequence[Record], count: int) -> list[Record]:
    """At most so many of the records, evenly over them, with the first and the last."""
    places = np.unique(np.linspace(0, len(records) - 1, min(count, len(records))).round().astype(int))
    return [records[place] for place in places] if records else []


def _picture(record: Record, folder: Path, to: Path, side: int) -> Record | None:
    """Write the upper left part of a grid, in fewer colours. None if its file is gone."""
    try:
        with Image.open(file_in(folder, record["file"])) as image:
            part = image.convert("RGB").crop((0, 0, min(side, image.width), min(side, image.height)))
    except (OSError, Outside):
        return None
    path = to / record["file"]
    path.parent.mkdir(exist_ok=True)
    part.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    return record | {"sha256": hashlib.sha256(part.tobytes()).hexdigest()}


def _copy(file: Path, to: Path) -> None:
    """Copy a file in a folder of its own."""
    (to / file.parent.name).mkdir(parents=True)
    (to / file.parent.name / file.name).write_bytes(file.read_bytes())
