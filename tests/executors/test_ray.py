"""Ray: the same results as everywhere, what it survives, and what it refuses before a job begins."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from ablations.executors import EXECUTORS, Executor, WorkerConfig
from ablations.executors.loop import Dispatcher, run_plan
from ablations.jobs.progress import Progress
from fakeface.errors import UserError
from tests.commands import wait_for
from tests.executors.test_executors import GIT, Bench, Silent
from tests.lab import Lab, histories_of, journaled_steps

pytestmark = [pytest.mark.timeout(1200), pytest.mark.slow, pytest.mark.service]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("ray"))


def rows(ablate: Any, *arguments: str) -> dict[str, dict[str, Any]]:
    found = json.loads(ablate("status", "--json", *arguments).stdout)
    return {f"{row['run']}-s{row['seed']}": row for row in found}


def workers_among(found: list[psutil.Process]) -> list[psutil.Process]:
    """The processes that run jobs."""
    return [
        one
        for one in found
        if one.name().startswith("ray::RayWorker") and one.status() != psutil.STATUS_ZOMBIE
    ]


def workers_of(node: Any) -> list[psutil.Process]:
    """Those of a node; none once it has ended."""
    try:
        return workers_among(psutil.Process(node.all_processes["raylet"][0].process.pid).children())
    except psutil.NoSuchProcess:
        return []


def made(bench: Bench, **options: Any) -> Executor:
    return EXECUTORS["ray"](
        WorkerConfig(**{"root": bench.store.root, "device": "cpu", "threads": 1, "git": GIT} | options)
    )


def test_eight_jobs_have_the_same_weights_in_this_process_in_two_workers_and_on_two_nodes(
    ablate, ray_cluster
):
    weights = []
    for name, *options in (("serial",), ("local", "--jobs", "2"), ("ray", "--address", ray_cluster.address)):
        ablate("run", "--no-mirror", "--seeds", "0,1", "--store", name, "--executor", name, *options)
        found = rows(ablate, "--seeds", "0,1", "--store", name)
        assert {row["exit"] for row in found.values()} == {"finished"}
        weights.append({job: row["weights_sha256"] for job, row in found.items()})
    assert len(weights[0]) == 8
    assert weights[0] == weights[1] == weights[2]


def test_a_study_searches_on_a_cluster(ablate, tiny_spec: Path, ray_cluster):
    study = """\
studies:
  rates:
    {base: sgd, trials: 3, confirm: 1, edges: 0, steps: 6, space: {optimizer.lr: {low: 1e-3, high: 1e-1, log: true}}}
"""
    tiny_spec.write_text(tiny_spec.read_text() + study)
    ray = ("--executor", "ray", "--address", ray_cluster.address)
    found = json.loads(ablate("tune", "rates", "--json", "--no-mirror", *ray).stdout)
    assert [trial["state"] for trial in found["trials"]] == ["complete"] * 3


def test_a_killed_worker_and_an_ended_node_cost_no_job_and_repeat_none(bench: Bench, ray_cluster):
    jobs = [bench.job(seed) for seed in (1, 2, 3, 4)]
    node = ray_cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    faults = [ray_cluster.head_node, node]

    class Sabotage(Silent):
        def progress(self, progress: Progress) -> None:
            if faults and progress.step > 20 and workers_of(faults[0]):
                ended = faults.pop(0)
                for worker in workers_of(ended):
                    worker.kill()
                if ended is node:
                    node.all_processes["raylet"][0].process.kill()

    view = Sabotage()
    with made(bench, address=ray_cluster.address) as executor:
        summary = run_plan(jobs, Dispatcher(executor, 3, bench.store, view))
    assert faults == []
    assert summary.exits == {job.name: "finished" for job in jobs}
    sessions = [len(bench.history(job).sessions) for job in jobs]
    assert sum(sessions) > len(jobs), "some were resumed"
    for job in jobs:
        bench.assert_as_if_alone(job)


def test_a_job_whose_workers_die_again_and_again_has_crashed_with_the_reason(bench: Bench, ray_cluster):
    class Sabotage(Silent):
        def progress(self, progress: Progress) -> None:  # noqa: ARG002
            for node in (ray_cluster.head_node, *ray_cluster.worker_nodes):
                for worker in workers_of(node):
                    worker.kill()

    job, view = bench.job(10), Sabotage()
    with made(bench, address=ray_cluster.address) as executor:
        run_plan([job], Dispatcher(executor, 1, bench.store, view))
    assert view.exits == {job.name: "crashed"}
    assert view.whys[0].startswith(
        "given up after 3 attempts, the last of which ended with its worker process has died"
    )
    assert bench.history(job).outcome["evidence"]["exit"] == view.whys[0]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_the_end_of_the_command_leaves_a_plan_that_the_same_command_completes(
    tmp_path: Path, number: signal.Signals
):
    lab = Lab(tmp_path)
    store = lab.store("store")
    command = ["--executor", "ray", "--jobs", "2", "--run", "baseline", "--seeds", "1,2"]
    command += ["--set", "train.steps=200", "--set", "evaluation.curve_samples=0"]
    process = lab.start(store, *command)
    wait_for(lambda: sum(history.last_step > 20 for history in histories_of(store)) == 2, 240)
    workers = workers_among(psutil.Process(process.pid).children(recursive=True))
    assert len(workers) == 2
    if number == signal.SIGKILL:
        os.kill(process.pid, number)
    else:
        os.killpg(process.pid, number)  # as a terminal does
    process.join(120)
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []
    if number != signal.SIGKILL:
        assert process.exitcode == 130, lab.log()
        assert {history.outcome["exit"] for history in histories_of(store)} == {"interrupted"}
    lab.finish(store, *command)
    for history in histories_of(store):
        assert history.outcome["exit"] == "finished"
        assert history.branches == []
        assert journaled_steps(history) == list(range(1, 201))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"threads": 64}, "which takes 64 CPU:\n- 127.0.0.1: 1 CPU, 0 GPU"),
        ({"device": "auto", "gpus": 0.5}, "which takes 1 CPU and 0.5 GPU"),
        ({"device": "cuda"}, "which takes 1 CPU and 1 GPU"),
        ({"device": "cuda:0"}, "Ray chooses the GPU"),
        ({"gpus": 0.5}, "not with --device cpu"),
    ],
)
def test_what_the_cluster_does_not_have_is_refused_before_a_job_begins(
    bench: Bench, ray_cluster, options, words
):
    with pytest.raises(UserError) as error:
        made(bench, address=ray_cluster.address, **options)
    assert words in str(error.value)


def test_a_node_without_the_stores_folder_is_refused(
    bench: Bench, ray_cluster, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Path, "touch", lambda *_: None)  # as if it were written on another disk
    with pytest.raises(
        UserError, match=r"does not see .*\n.*\nevery node needs this package, and the store's folder"
    ):
        made(bench, address=ray_cluster.address)
    assert not list(bench.store.root.glob(".ray-*"))


@pytest.mark.parametrize(
    ("address", "words"), [("127.0.0.1:1", "no Ray cluster answers there"), ("head", "HOST:PORT")]
)
def test_an_address_at_which_nothing_answers_is_refused_at_once(bench: Bench, address: str, words: str):
    with pytest.raises(UserError, match=words):
        made(bench, address=address)
