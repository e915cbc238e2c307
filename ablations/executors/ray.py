"""`ray`: worker processes of a Ray cluster, which may span several machines that share the store's folder.

A worker is a Ray actor and not a task, since a running task takes no messages, and a worker must hear that a job is
cancelled. Neither actor nor job is restarted by Ray, which would begin from scratch: what happens to a job whose worker
died is decided in `loop.py`, and the job's own checkpoint carries it on.
"""

import contextlib
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from ablations.executors._base import EXECUTORS, Ended, Executor, WorkerConfig
from ablations.executors._runner import JobRunner
from ablations.executors._worker import FromWorker, JobEnded, JobProgress
from ablations.jobs.plan import Job
from ablations.jobs.progress import Progress
from fakeface.environment import thread_variables, usable_cores
from fakeface.errors import UserError
from fakeface.outcomes import Exit

POLL_SECONDS = 0.2
"""How often `wait` checks whether to stop."""
CHECK_SECONDS = 5.0
"""How often `wait` checks whether the cluster can still run the jobs that have not begun."""
CONNECT_SECONDS = 10.0
PROBE_SECONDS = 120.0
"""Seconds that a node has to start a process and look for the store."""
OBJECT_STORE_BYTES = 100_000_000
"""Of a local cluster. Jobs and progress are small, and images come from the store."""


class RayWorker:
    """An actor that runs one job at a time. `cancel` and `stop` run in a thread of their own (a concurrency group)."""

    def __init__(self, config: WorkerConfig) -> None:
        self.config = config
        self.runner: JobRunner | None = None
        self.stopped = False
        self.cancelled: dict[int, str] = {}

    def run(self, number: int, job: Job) -> Iterator[FromWorker]:
        """Run a job, and yield its progress, then its end. `number` identifies the job among those of this worker."""
        messages: SimpleQueue[FromWorker] = SimpleQueue()

        def work() -> None:
            ended = self._run(number, job, messages)
            messages.put(JobEnded(ended.exit, ended.why))

        threading.Thread(target=work, daemon=True).start()
        while True:
            message = messages.get()
            yield message
            if isinstance(message, JobEnded):
                return

    def _run(self, number: int, job: Job, messages: "SimpleQueue[FromWorker]") -> Ended:
        def on_progress(progress: Progress) -> None:
            messages.put(JobProgress(progress.step, progress.total_steps, progress.phase, progress.metrics))

        try:
            if self.runner is None:
                self.runner = JobRunner(self.config)
        except UserError as error:  # its GPU does not work
            return Ended(job, Exit.REFUSED, f"{socket.gethostname()}: {error}")
        return self.runner.run(job, lambda: self.stopped, lambda: self.cancelled.get(number), on_progress)

    def cancel(self, number: int, why: str) -> None:
        """Stop this job as `pruned`."""
        self.cancelled[number] = why

    def stop(self) -> None:
        """Stop the current job as `interrupted`, and begin no other."""
        self.stopped = True


def probe(token: Path) -> str:
    """Run on a node: why its workers could not work, in words; empty if they can."""
    return "" if token.exists() else f"does not see {token.parent}"


class _Worker:
    """The driver's end of one actor."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.job: Job | None = None
        self.number = 0
        self.messages: Any = None
        """Ray's generator of what the current job reports."""
        self.runs = False
        """Whether it has reported anything: until then, the actor may wait for a free node."""
        self.stop_sent = False

    @property
    def waits(self) -> bool:
        """Whether it has a job, and perhaps no place yet to run it."""
        return self.job is not None and not self.runs

    def start(self, job: Job) -> None:
        self.job = job
        self.number += 1
        self.messages = self.actor.run.options(num_returns="streaming").remote(self.number, job)

    def cancel(self, why: str) -> None:
        self.actor.cancel.options(concurrency_group="orders").remote(self.number, why)

    def stop(self) -> None:
        if not self.stop_sent:
            self.stop_sent = True
            self.actor.stop.options(concurrency_group="orders").remote()


@EXECUTORS.register("ray")
class Ray(Executor):
    """Starts a worker for each job that finds no idle one. Connects to a cluster, or starts one on 127.0.0.1."""

    takes = frozenset({"address", "gpus"})

    def __init__(self, config: WorkerConfig) -> None:
        super().__init__(config)
        if config.device not in ("auto", "cpu", "cuda"):
            raise UserError(f"--device {config.device}: Ray chooses the GPU of a job; use auto, cpu or cuda")
        self.ray = _import_ray(config.address)
        self._connected = not self.ray.is_initialized()
        """Whether the connection is this executor's own, and not one that the calling program had before."""
        if self._connected:
            _connect(self.ray, config)
        self.environment = {"env_vars": thread_variables(config.threads)}
        self._ended: list[Ended] = []
        self._workers: list[_Worker] = []
        self._checked = time.monotonic()
        """When `wait` last checked the cluster."""
        try:
            self.resources = self._resources()
            self._check_capacity()
            self._check_store()
        except BaseException:
            self.close()
            raise

    def _resources(self) -> dict[str, float]:
        """What a job takes of a node."""
        gpus = self.config.gpus
        if gpus is None:
            has_gpus = self.ray.cluster_resources().get("GPU", 0) > 0
            gpus = 1.0 if self.config.device == "cuda" or (self.config.device == "auto" and has_gpus) else 0.0
        if self.config.device == "cpu" and gpus:
            raise UserError(f"--gpus {gpus:g}: not with --device cpu")
        return {"CPU": float(self.config.threads)} | ({"GPU": gpus} if gpus else {})

    def _nodes(self) -> list[dict[str, Any]]:
        return [node for node in self.ray.nodes() if node["Alive"]]

    def _fits(self, node: dict[str, Any]) -> int:
        """How many jobs a node can have at a time."""
        has = node["Resources"]
        return min(int(has.get(name, 0) / share + 1e-9) for name, share in self.resources.items())

    def _check_capacity(self) -> None:
        """Raises UserError if no node can ever run a job, which Ray would leave pending for ever."""
        nodes = self._nodes()
        if any(self._fits(node) for node in nodes):
            return
        wanted = " and ".join(f"{share:g} {name}" for name, share in self.resources.items())
        lines = [
            f"- {node['NodeManagerAddress']}: {node['Resources'].get('CPU', 0):g} CPU, "
            f"{node['Resources'].get('GPU', 0):g} GPU"
            for node in nodes
        ]
        raise UserError(
            f"no node of the Ray cluster can run a job, which takes {wanted}:\n"
            + "\n".join(lines or ["- it has no nodes"])
            + "\nlower --threads or --gpus, or add a node with `ray start`"
        )

    def _check_store(self) -> None:
        """Raises UserError if a node does not see the store's folder, or lacks this package."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as OnNode

        token = self.config.root / f".ray-{secrets.token_hex(8)}"
        # In the environment of the workers, so that they can take over its process and what it has imported.
        task = self.ray.remote(num_cpus=0, max_retries=0, runtime_env=self.environment)(probe)
        with _token(token):
            asked = {}
            for node in filter(self._fits, self._nodes()):
                strategy = OnNode(node["NodeID"], soft=False)
                asked[task.options(scheduling_strategy=strategy).remote(token)] = node["NodeManagerAddress"]
            done, late = self.ray.wait([*asked], num_returns=len(asked), timeout=PROBE_SECONDS)
            problems = [f"{asked[one]}: did not answer within {PROBE_SECONDS:.0f} s" for one in late]
            for one in done:
                try:
                    why = self.ray.get(one)
                except Exception as error:
                    why = f"cannot run this package: {str(error).strip().splitlines()[-1]}"
                problems += [f"{asked[one]} {why}"] if why else []
        if problems:
            raise UserError(
                "nodes of the Ray cluster cannot work in this store:\n"
                + "\n".join(f"- {problem}" for problem in problems)
                + "\nevery node needs this package, and the store's folder under the same path: put --store on a file "
                "system that all nodes share"
            )

    @property
    def own_device(self) -> str:
        return "cpu" if self.config.device == "cpu" else "auto"

    def slots(self, requested: int | None) -> int:
        return requested or sum(map(self._fits, self._nodes()))

    def submit(self, job: Job) -> None:
        worker = next((worker for worker in self._workers if worker.job is None), None)
        if worker is None:
            worker = _Worker(self._start_actor())
            self._workers.append(worker)
        worker.start(job)

    def _start_actor(self) -> Any:
        device = "cuda" if "GPU" in self.resources else "cpu"  # Ray shows an actor its own GPU only
        kind = self.ray.remote(
            num_cpus=self.resources["CPU"],
            num_gpus=self.resources.get("GPU", 0),
            max_restarts=0,
            max_task_retries=0,
            concurrency_groups={"orders": 1},
            runtime_env=self.environment,
        )(RayWorker)
        return kind.remote(replace(self.config, device=device))

    def cancel(self, job: Job, why: str) -> None:
        for worker in self._workers:
            if worker.job == job:
                worker.cancel(why)

    def wait(self, on_progress: Callable[[Progress], None], timeout: float | None = None) -> list[Ended]:
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        for idle in [worker for worker in self._workers if worker.job is None]:
            self._drop(idle)  # its caller has no further job, so it leaves its place in the cluster to others
        while not self._ended and any(worker.job for worker in self._workers):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._end_waiting()
            self._receive(on_progress, min(POLL_SECONDS, left))
        ended, self._ended = self._ended, []
        return ended

    def _end_waiting(self) -> None:
        """End the jobs that have not begun and shall not, or never could."""
        exit_, why = Exit.INTERRUPTED, ""
        if not self.stopping.is_set():
            if time.monotonic() - self._checked < CHECK_SECONDS:
                return
            self._checked = time.monotonic()
            try:
                self._check_capacity()  # nodes may have left
            except UserError as error:
                exit_, why = Exit.REFUSED, str(error)
            else:
                return
        for worker in [worker for worker in self._workers if worker.waits]:
            self._end(worker, exit_, why)

    def _end(self, worker: _Worker, exit_: str, why: str) -> None:
        """End a job together with its actor."""
        assert worker.job is not None
        self._ended.append(Ended(worker.job, exit_, why))
        self._drop(worker)

    def _drop(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        self.ray.kill(worker.actor)

    def _free(self, worker: _Worker) -> None:
        """Keep a worker for the next job, or end it if another one waits for its place in the cluster."""
        worker.job = None
        if any(other.waits for other in self._workers):
            self._drop(worker)

    def _receive(self, on_progress: Callable[[Progress], None], seconds: float) -> None:
        """Read one message of each worker that has one within some seconds."""
        busy = {worker.messages: worker for worker in self._workers if worker.job}
        if not busy:
            return
        if self.stopping.is_set():
            for worker in busy.values():
                worker.stop()
        ready, _ = self.ray.wait([*busy], timeout=seconds, fetch_local=False)
        for worker in [busy[generator] for generator in ready]:
            assert worker.job is not None
            try:
                message = self.ray.get(next(worker.messages))
            except self.ray.exceptions.RayError as error:
                self._end(worker, Exit.LOST, _death_words(error))
                continue
            worker.runs = True
            if isinstance(message, JobEnded):
                if message.exit in (Exit.CRASHED, Exit.REFUSED):  # a broken GPU fails every later job too
                    self._end(worker, message.exit, message.why)
                else:
                    self._ended.append(Ended(worker.job, message.exit, message.why))
                    self._free(worker)
            else:
                on_progress(
                    Progress(worker.job, message.step, message.total_steps, message.phase, message.metrics)
                )

    def close(self) -> None:
        for worker in [*self._workers]:
            self._drop(worker)
        if self._connected:
            self.ray.shutdown()


def _import_ray(address: str | None) -> Any:
    """The library. Raises UserError if it is not installed."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Of a cluster that is started here: as important as this process, where Ray would let other programs go first.
    os.environ.setdefault("RAY_worker_niceness", "0")
    token = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", Path.home() / ".ray/auth_token"))
    if "RAY_AUTH_TOKEN" in os.environ or token.exists():  # Ray itself would use it without an address only
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    if address is None or address.startswith(("127.", "localhost")):
        # Ray's name for "do not listen to other machines", which it reads when it is imported.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
    except ImportError:
        raise UserError(
            "--executor ray: Ray is not installed here; `pip install 'fakeface-ablations[cluster]'` does that"
        ) from None
    return ray


def _connect(ray: Any, config: WorkerConfig) -> None:
    """Join the cluster, or start one of this machine's cores for this command alone."""
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if config.address is None:
        local = {"num_cpus": usable_cores(), "include_dashboard": False}
        options |= local | {"object_store_memory": OBJECT_STORE_BYTES}
    elif config.address != "auto":
        _check_answers(config.address)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with _signals_blocked():
            ray.init(address=config.address or "local", **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        why = str(error).strip().splitlines()[0]
        if config.address is None:
            raise UserError(f"--executor ray: cannot start a cluster on this machine: {why}") from error
        raise UserError(
            f"--address {config.address}: {why}; if the cluster asks for a token, as `ray start` makes it do, copy "
            "~/.ray/auth_token from its head to this machine"
        ) from error
    finally:
        signal.signal(signal.SIGTERM, handler)  # Ray replaces it


def _check_answers(address: str) -> None:
    """Raises UserError if nothing answers at an address, for which Ray would wait for minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except ValueError:
        raise UserError(
            f"--address {address}: must be HOST:PORT, or auto for a cluster of this machine"
        ) from None
    except OSError as error:
        raise UserError(
            f"--address {address}: no Ray cluster answers there ({error.strerror or error}); `ray start --head` starts "
            "one and prints its address"
        ) from None


def _death_words(error: Exception) -> str:
    """What ended a worker: Ray's reason, without its guesses."""
    text = " ".join(str(error).split())
    _, found, reason = text.partition("The actor is dead because ")
    words = (reason if found else text).partition(" Some common causes")[0]
    if (
        "all references to the actor were removed" in words
    ):  # of ours none is: the cluster could not ask this process
        words += (
            " Cluster and command use different tokens: set RAY_AUTH_MODE=disabled for a cluster without one"
        )
    return words


@contextlib.contextmanager
def _token(path: Path) -> Iterator[None]:
    """A file that exists meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Hold back what a terminal or a scheduler sends to the whole group, here and in processes started meanwhile.

    Those inherit it, so a local cluster survives the signal and its workers can save their checkpoints.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGUSR1})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
