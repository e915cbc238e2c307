"""`ablate doctor`: what this machine, the specification and the store have, and what to do about what is missing."""

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from ablations.cli.columns import Column, print_table
from ablations.cli.options import Commands, Json, SpecOptions, with_bundles
from ablations.cli.printing import console, print_json
from fakeface.errors import UserError

if TYPE_CHECKING:
    from ablations.spec import Spec
    from ablations.store import Store

doctor_app = Commands()

VERSIONS = ("torch", "torchvision", "mlflow", "optuna", "pandas", "scikit-learn")
EXTRAS = {
    "celeba": ("gdown", "downloads CelebA"),
    "lfw": ("sklearn", "downloads LFW"),
    "heif": ("pillow_heif", "reads HEIF pictures"),
    "dashboard": ("optuna_dashboard", "`ablate tune --dashboard`"),
    "cluster": ("ray", "`--executor ray`"),
    "postgres": ("psycopg", "studies and MLflow on PostgreSQL"),
    "gpu": ("pynvml", "memory and load of GPUs in MLflow"),
}
"""Extra -> a module of it, and what it is for."""
LOW_DISK = 5e9
"""Bytes: the quick profile takes 0.3 GB, a training at 64x64 tens of megabytes."""
LOW_MEMORY = 2e9
BUSY_SHARE = 0.25
"""Of the cores, used by other programs, from which on trainings take noticeably longer."""
LISTENED_SECONDS = 0.5


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    part: str
    found: str
    remedy: str = ""
    """What to do; empty if all is well."""


@doctor_app.command()
@with_bundles
def doctor(chosen: SpecOptions, json_: Json = False) -> None:
    """Show what is there (devices, cores, versions, weights, data, store, MLflow), and what to do about the rest."""
    from ablations.store import Store

    store = Store(chosen.store)
    with console().working("Looking at machine, specification and store ..."):
        found = [
            *_software(),
            *_cores(),
            *_gpus(),
            *_of_specification(chosen, store),
            *_store(store),
            _tracker(store),
        ]
    if json_:
        print_json([asdict(finding) for finding in found])
    else:
        rows: list[tuple[str, Text, str]] = []
        for finding in found:
            mark = Text("!", "yellow") if finding.remedy else Text("ok", "green")
            rows.append((finding.part, mark, finding.found))
            if finding.remedy:
                rows.append(("", Text(), finding.remedy))
        parts, marks, sentences = zip(*rows, strict=True)
        columns = [Column("part", parts), Column("", marks), Column("found", sentences, sentences=True)]
        print_table(columns, console(), header=False)
    if any(finding.remedy for finding in found):
        raise typer.Exit(1)


def _software() -> Iterator[Finding]:
    versions = [f"{name} {metadata.version(name)}" for name in VERSIONS if _is_installed(name)]
    yield Finding("versions", f"Python {sys.version.split()[0]}, {', '.join(versions)}")
    there = {extra: importlib.util.find_spec(module) is not None for extra, (module, _) in EXTRAS.items()}
    missing = "; ".join(f"{extra} ({EXTRAS[extra][1]})" for extra, has in there.items() if not has)
    words = ", ".join(extra for extra, has in there.items() if has) or "none"
    yield Finding("extras", f"{words}; not installed: {missing}" if missing else words)


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _cores() -> Iterator[Finding]:
    import psutil

    from ablations.jobs.machine import cpu_model
    from fakeface.environment import SPINNING, usable_cores

    cores, whole = usable_cores(), os.cpu_count() or 1
    busy = psutil.cpu_percent(interval=LISTENED_SECONDS) / 100 * whole
    words = f"{cores} of {whole} cores" if cores < whole else f"{cores} cores"
    remedy = f"other programs use {busy:.1f} cores: trainings take longer while they do"
    yield Finding("cores", f"{words} ({cpu_model()})", remedy if busy > BUSY_SHARE * whole else "")
    waits = {name: os.environ.get(name) for name in (*SPINNING, "OMP_WAIT_POLICY", "OMP_NUM_THREADS")}
    yield Finding(
        "threads", ", ".join(f"{name}={value}" for name, value in waits.items() if value) or "no variables"
    )
    free = psutil.virtual_memory().available
    remedy = "end other programs, or train fewer jobs side by side (--jobs 1)" if free < LOW_MEMORY else ""
    yield Finding("memory", f"{free / 1e9:.1f} GB free", remedy)


def _gpus() -> Iterator[Finding]:
    import torch

    from ablations.jobs.machine import select_device

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    for index in range(count):
        name = f"cuda:{index}"
        try:
            select_device(name)
        except UserError as error:
            yield Finding(name, torch.cuda.get_device_name(index), str(error))
        else:
            yield Finding(name, torch.cuda.get_device_name(index))
    if not count:
        built = "" if torch.version.cuda else ": this torch was built without CUDA; install one with it"
        hidden = shutil.which("nvidia-smi") is not None
        remedy = (
            f"`nvidia-smi` is here, but torch sees no GPU{built or ': check the driver'}" if hidden else ""
        )
        yield Finding("GPU", "none: trainings use the CPU", remedy)


def _of_specification(chosen: SpecOptions, store: "Store") -> Iterator[Finding]:
    """The specification, the data of its runs, and the weights of their extractors."""
    try:
        spec = chosen.load()
    except UserError as error:
        yield Finding("specification", str(chosen.spec), str(error))
        return
    yield Finding("specification", f"{spec.path}: {len(spec.runs)} runs, profile {spec.profile}")
    yield from _data(spec, store)
    yield from _weights(spec)


def _data(spec: "Spec", store: "Store") -> Iterator[Finding]:
    from ablations.store import data_key
    from fakeface import data

    for config in dict.fromkeys(data_key(run.config.data) for run in spec.runs):
        try:
            images = data.find(config, store.data, verify=False)
        except UserError as error:
            yield Finding("data", config.name, str(error))
            continue
        count = f"{len(images.images):,} images" if images else "not prepared yet; `ablate run` prepares them"
        yield Finding("data", f"{config.name}: {count}")


def _weights(spec: "Spec") -> Iterator[Finding]:
    from fakeface.evaluation.extractors import EXTRACTORS

    scorings = (run.config.evaluation for run in spec.runs)
    for name, path in dict.fromkeys((one.extractor, one.weights_path) for one in scorings):
        try:
            file = EXTRACTORS[name].weights_file(path)
        except UserError as error:
            yield Finding("weights", name, str(error))
            continue
        if file is None or file.exists():
            yield Finding("weights", f"{name}: {file or 'in an installed package'}")
        elif path is None:
            yield Finding("weights", f"{name}: the first score downloads them to {file}")
        else:
            yield Finding("weights", f"{name}: {file}", "the file is not there: mend evaluation.weights_path")


def _store(store: "Store") -> Iterator[Finding]:
    root = store.root
    place = next(folder for folder in (root.absolute(), *root.absolute().parents) if folder.exists())
    jobs = sum(1 for _ in store.job_folders()) if root.exists() else 0
    free = shutil.disk_usage(place).free
    words = (
        f"{root}: {jobs:,} jobs" if root.exists() else f"{root}: not there yet; the first command makes it"
    )
    yield Finding("store", words, _why_no_store(place))
    remedy = "make room, or choose another disk with --store" if free < LOW_DISK else ""
    yield Finding("disk", f"{free / 1e9:.0f} GB free", remedy)


def _why_no_store(folder: Path) -> str:
    """Why jobs cannot be written and locked in a folder, and what to do."""
    from filelock import FileLock

    from fakeface.locks import why_refused

    try:
        with (
            tempfile.TemporaryDirectory(dir=folder, prefix=".ablate-doctor-") as trial,
            FileLock(Path(trial) / "lock").acquire(timeout=0),
        ):
            return ""
    except OSError as error:
        return f"{folder}: {why_refused(error)}: choose another folder with --store"


def _tracker(store: "Store") -> Finding:
    from ablations.cli.options import shell_command

    there = (store.root / "mlflow.db").exists()
    words = (
        f"{store.root / 'mlflow.db'}: `{shell_command('ui', store=store.root)}` serves it"
        if there
        else "no runs yet"
    )
    ignored = '; MLFLOW_TRACKING_URI is set, and used only with --tracking-uri "$MLFLOW_TRACKING_URI"'
    return Finding("MLflow", words + (ignored if os.environ.get("MLFLOW_TRACKING_URI") else ""))
