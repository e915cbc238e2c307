"""What pruning saved a study and what it cost: trains every pruned training to its end, beside the store.

`python -m benchmarks.pruning STUDY --store results`. Pruning cost nothing if none of those would have been the best.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ablations.cli.printing import console
from ablations.cli.time_left import TimeLeft
from ablations.cli.view import View
from ablations.executors import EXECUTORS, WorkerConfig
from ablations.executors.loop import run_plan
from ablations.jobs.checkout import git_state
from ablations.jobs.plan import Job, make_plan
from ablations.spec import Spec, load_spec
from ablations.store import Store, data_key
from ablations.studies.record import FILE, StudyRecord
from ablations.studies.results import result_of
from fakeface.environment import usable_cores
from fakeface.outcomes import Exit


def pruned_jobs(spec: Spec, record: StudyRecord, store: Store) -> Iterator[tuple[int, Job]]:
    """Trial and job of every training that the study pruned."""
    study = spec.study(record.name)
    for trial in record.trials:
        for result in trial.results:
            if result.exit == Exit.PRUNED:
                run = study.run(trial.params, result.run)
                images = store.find_data(data_key(run.config.data)).images
                yield trial.number, make_plan(replace(spec, seeds=(result.seed,)), [run], lambda _: images)[0]  # noqa: B023


def folder_of(store: Store, job: Job) -> Path:
    folder = store.find(job.identity)
    assert folder is not None, f"{job.name}: the code has changed since the study ran"
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pruning", description=__doc__)
    parser.add_argument("study")
    parser.add_argument("--store", type=Path, default=Path("results"))
    parser.add_argument("--profile")
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    arguments = parser.parse_args()
    store = Store(arguments.store)
    spec = load_spec(Path("runs.yaml"), profile=arguments.profile, overrides=arguments.overrides)
    written = sorted(store.studies.glob(f"*/{FILE}"), key=lambda path: path.stat().st_mtime)
    records = map(StudyRecord.read, reversed(written))
    record = next(record for record in records if record.name == arguments.study)
    pruned = list(pruned_jobs(spec, record, store))
    results = [result for trial in record.trials for result in trial.results]
    spent, whole = sum(r.steps for r in results), sum(r.total_steps for r in results)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Store(Path(folder) / "store")
        scratch.prepare()
        for cache in ("data", "reference"):
            (scratch.root / cache).symlink_to(store.root / cache)
        for _, job in pruned:
            source = folder_of(store, job)
            shutil.copytree(source, scratch.jobs / source.name)
        git = git_state()
        setup = WorkerConfig(root=scratch.root, device="cpu", threads=1, git=git, allow_inexact=True)
        view = View(console(), TimeLeft(len(pruned)))
        with EXECUTORS["local"](setup, usable_cores(), lambda: False) as executor:
            summary = run_plan([job for _, job in pruned], executor, scratch, view)
        if summary.exit_status:
            raise SystemExit("some trainings did not end, so nothing is known of them")
        ended = [(number, result_of(job, scratch.history(folder_of(scratch, job)))) for number, job in pruned]
    best = min(trial.value for trial in record.trials if trial.value is not None)
    print(f"\n{len(pruned)} of {len(results)} trainings pruned: {spent:,} of {whole:,} steps")
    print(f"{1 - spent / whole:.0%} saved; best value of the study: {best:.1f}")
    for number, result in sorted(ended, key=lambda one: one[1].value("quality")):
        print(f"trial {number}: {result.value('quality'):,.1f} {result.regime} if it had not been pruned")
    uncut = min([best, *(result.value("quality") for _, result in ended)])
    print(f"best value if none had been pruned: {uncut:.1f}, {best / uncut:.2f} times lower")


if __name__ == "__main__":
    main()
