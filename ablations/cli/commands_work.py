"""What every command that trains sets up: machine, data, references, executor, mirror."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as Bar

from ablations import tracking
from ablations.cli.commands_data import advance, prepare_data
from ablations.cli.options import MirrorOptions, WorkOptions, store_options
from ablations.cli.view import View, make_view
from ablations.executors import EXECUTORS, Executor, WorkerConfig
from ablations.executors.loop import stop_on_signals
from ablations.jobs import machine
from ablations.jobs.plan import Job
from ablations.jobs.scoring import Scorers
from ablations.spec import Run
from ablations.store import Store, data_key
from fakeface.config import DataConfig
from fakeface.data import ImageSet

STOPPING = "[yellow]Stopping after this step[/] and its checkpoint; Ctrl-C again ends at once."


def configure(options: WorkOptions) -> None:
    """Pin this process's threads, for the work before the jobs. Raises UserError for what the machine has not."""
    EXECUTORS[options.executor].slots_for(options.device, options.jobs)
    machine.configure(machine.select_device(options.device), options.threads or machine.usable_cores())


@contextmanager
def at_work(
    store: Store, options: WorkOptions, count: int, console: Console
) -> Iterator[tuple[Executor, View]]:
    """An executor, and the view that tells how `count` jobs go; the first Ctrl-C stops the jobs, the second all."""
    executor = EXECUTORS[options.executor]
    slots = executor.slots_for(options.device, options.jobs)
    config = WorkerConfig(
        root=store.root,
        device=options.device,
        threads=options.threads or max(1, machine.usable_cores() // slots),
        git=machine.git_state(Path(__file__).parent),
        allow_inexact=options.allow_inexact,
    )
    with (
        make_view(console, count) as view,
        stop_on_signals(on_first=lambda: view.say_soon(STOPPING)) as stop,
        executor(config, slots, stop.is_set) as working,
    ):
        yield working, view


def with_data(runs: Sequence[Run], store: Store, console: Console) -> dict[DataConfig, ImageSet]:
    """The prepared images of some runs, by `data_key`."""
    configs = list(dict.fromkeys(data_key(run.config.data) for run in runs))
    return dict(zip(configs, prepare_data(runs, store, console), strict=True))


def prepare_references(
    jobs: Sequence[Job],
    images: dict[DataConfig, ImageSet],
    store: Store,
    options: WorkOptions,
    console: Console,
) -> None:
    """Reference statistics come first: a protocol that cannot be had stops nothing half-way."""
    device = machine.select_device(options.device)
    scorers = Scorers(lambda job: images[data_key(job.config.data)], store.reference, device)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        for scorer in dict.fromkeys(scorers(job) for job in jobs):
            task = bar.add_task(f"reference for {scorer.config.extractor}", total=None)
            scorer.prepare(advance(bar, task))
            bar.remove_task(task)


class Mirror:
    """The mirror's process while jobs run, and what is to be said about it in the end."""

    def __init__(self, store: Store, options: MirrorOptions) -> None:
        self.store, self.options = store, options
        self.log = store.mirror / "mirror.log"
        self.log_begins = self.log.stat().st_size if self.log.exists() else 0
        self.process = tracking.MirrorProcess(store, options.uri(store))

    def close(self, console: Console) -> str:
        """Wait for it, as long as the options say; return what is left and why, as rich markup."""
        wait = self.options.mirror_wait
        if wait > 0:
            console.print(
                f"[dim]Shipping the rest to MLflow, at most {wait:.0f} s (Ctrl-C: do not wait) ...[/]"
            )
        try:
            pending = self.process.close(wait)
        except KeyboardInterrupt:
            pending = self.process.close(0)
        if not pending:
            return ""
        why = self._why()
        command = f"ablate sync{store_options(self.store, self.options.tracking_uri)}"
        words = f"[yellow]MLflow lacks {escape(str(pending))}[/]{': ' if why else '.'}{escape(why)}"
        return f"{words}\n`{escape(command)}` ships the rest."

    def _why(self) -> str:
        """The last thing that its log says of this run; empty where that is no error."""
        try:
            with self.log.open("rb") as file:
                file.seek(self.log_begins)
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        told = [line[20:] for line in lines if re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", line)]
        return told[-1] if told and told[-1] != "shipping again" else ""
