"""What pruning saved a study, and what it cost: each training that was cut is taken to its end, beside the store.

`python -m benchmarks.pruning STUDY --store results`: the same trials, none of them cut. Pruning cost nothing where none
of those would have been the best.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from ablations.cli.view import View
from ablations.executors import EXECUTORS, WorkerConfig
from ablations.executors.loop import run_plan
from ablations.jobs.machine import git_state, usable_cores
from ablations.jobs.plan import Job, make_plan
from ablations.spec import Spec, load_spec
from ablations.store import Store, data_key
from ablations.studies.results import Result, result_of


def cut_jobs(spec: Spec, name: str, record: dict[str, Any], store: Store) -> list[tuple[int, Job, Result]]:
    """Number, job and result of every training that the study cut short."""
    study = spec.study(name)
    found = []
    for trial in record["trials"]:
        for written in trial["results"]:
            result = Result.from_json(written)
            if result.exit == "pruned":
                run = study.run(trial["params"], result.run)
                images = store.find_data(data_key(run.config.data)).images
                lookup: Callable[[object], Any] = lambda _, images=images: images  # noqa: E731
                job = make_plan(replace(spec, seeds=(result.seed,)), [run], lookup)[0]
                found.append((trial["number"], job, result))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pruning", description=__doc__)
    parser.add_argument("study")
    parser.add_argument("--store", type=Path, default=Path("results"))
    parser.add_argument("--profile")
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    arguments = parser.parse_args()
    store = Store(arguments.store)
    spec = load_spec(Path("runs.yaml"), profile=arguments.profile, overrides=arguments.overrides)
    written = sorted(store.studies.glob("*/study.json"), key=lambda path: path.stat().st_mtime)
    records = [json.loads(path.read_text()) for path in written]
    record = next(one for one in reversed(records) if one["study"] == arguments.study)
    cut = cut_jobs(spec, arguments.study, record, store)
    results = [Result.from_json(result) for trial in record["trials"] for result in trial["results"]]
    spent, whole = sum(r.steps for r in results), sum(r.total_steps for r in results)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Store(Path(folder) / "store")
        scratch.prepare()
        for cache in ("data", "reference"):
            (scratch.root / cache).symlink_to(store.root / cache)
        for _, job, _ in cut:
            source = store.find(job.identity)
            assert source is not None, f"{job.name}: the code has changed since the study ran"
            shutil.copytree(source, scratch.jobs / source.name)
        git = git_state(Path(__file__).parent)
        setup = WorkerConfig(root=scratch.root, device="cpu", threads=1, git=git, allow_inexact=True)
        view = View(Console(highlight=False), len(cut))
        with EXECUTORS["local"](setup, usable_cores(), lambda: False) as executor:
            summary = run_plan([job for _, job, _ in cut], executor, scratch, view)
        if summary.exit_status:
            raise SystemExit("not every training came to its end, so nothing is known of those that did not")
        ended = [(n, result_of(job, scratch.history(_folder(scratch, job)))) for n, job, _ in cut]
    best = min(t["value"] for t in record["trials"] if t["state"] == "complete")
    print(
        f"\n{len(cut)} of {len(results)} trainings cut: {spent:,} of {whole:,} steps, {1 - spent / whole:.0%} saved"
    )
    print(f"best value of the study: {best:.1f}")
    for number, result in sorted(ended, key=lambda one: one[1].value("quality")):
        print(f"trial {number}: {result.value('quality'):,.1f} {result.regime} had it not been cut")
    uncut = min([best, *(result.value("quality") for _, result in ended)])
    print(f"best value had none been cut: {uncut:.1f}, {best / uncut:.2f} times lower")


def _folder(store: Store, job: Job) -> Path:
    folder = store.find(job.identity)
    assert folder is not None
    return folder


if __name__ == "__main__":
    main()
