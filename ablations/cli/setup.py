"""What every command that trains sets up: machine, images, reference statistics, executor and view."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.progress import Progress as Bar
from rich.progress import TaskID

from ablations.cli.options import WorkOptions
from ablations.cli.printing import SafeConsole
from ablations.cli.time_left import TimeLeft
from ablations.cli.view import View, make_view
from ablations.executors import EXECUTORS, Executor, WorkerConfig
from ablations.executors.loop import Dispatcher, stop_on_signals
from ablations.jobs import machine
from ablations.jobs.checkout import git_state
from ablations.jobs.plan import Job
from ablations.jobs.scoring import Scorers
from ablations.spec import Run
from ablations.store import Store, data_key
from fakeface import data
from fakeface.config import DataConfig
from fakeface.data import ImageSet
from fakeface.environment import usable_cores
from fakeface.evaluation.calibration import real_statistics_of

STOPPING = "[yellow]Stopping after this step[/] and its checkpoint; Ctrl-C again ends at once."


def make_executor(store: Store, options: WorkOptions) -> Executor:
    """The executor of the jobs, before anything is prepared for them. Gives the work before the jobs all cores.

    Raises:
        UserError: the machine or the cluster does not have what the options name.
    """
    executor = EXECUTORS[options.executor](
        WorkerConfig(
            root=store.root,
            device=options.device,
            threads=options.threads,
            git=git_state(),
            allow_inexact=options.allow_inexact,
            address=options.address,
            gpus=options.gpus,
        )
    )
    executor.slots(options.jobs)
    machine.configure(machine.select_device(executor.own_device), usable_cores())
    return executor


def prepare_images(
    runs: Sequence[Run], store: Store, console: SafeConsole, *, refresh: bool = False
) -> dict[DataConfig, ImageSet]:
    """Prepare each data set that the runs need, once. Returns the images by `data_key`.

    Raises:
        UserError: the store cannot be written, or the data cannot be had or have changed (without `refresh`).
    """
    store.prepare()
    prepared: dict[DataConfig, ImageSet] = {}
    with Bar(console=console, transient=True, disable=not console.shows_progress) as bar:
        for config in dict.fromkeys(data_key(run.config.data) for run in runs):
            if not console.is_terminal and store.find_data(config).images is None:
                console.note("Preparing {} ...", config.name)  # in place of the bar
            task = bar.add_task(f"preparing {config.name}", total=None)
            prepared[config] = data.prepare(config, store.data, refresh=refresh, progress=_advance(bar, task))
            real_statistics_of(prepared[config])  # refuses images that no training can be compared with
            bar.remove_task(task)
    return prepared


def say_notes(images: Iterable[ImageSet], console: SafeConsole) -> None:
    """Print what is unusual about data sets and their files, a line each."""
    for one in images:
        for note in one.notes:
            console.note("[yellow]{}[/]: {}", one.name, note)
        if one.skipped:
            first = one.skipped[0]
            console.note(
                "[yellow]{}[/]: {} file(s) that may hold images not read, the first: {}: {} "
                "(`ablate data info` lists them)",
                one.name, len(one.skipped), first.file, first.why,
            )  # fmt: skip


def prepare_references(
    jobs: Sequence[Job], images: dict[DataConfig, ImageSet], store: Store, device: str, console: SafeConsole
) -> None:
    """Compute the reference statistics of the jobs' protocols.

    Before the first job, so that weights of an extractor that cannot be downloaded stop no training half-way.
    """
    scorers = Scorers(
        lambda job: images[data_key(job.config.data)], store.reference, machine.select_device(device)
    )
    with Bar(console=console, transient=True, disable=not console.shows_progress) as bar:
        for scorer in dict.fromkeys(scorers(job) for job in jobs):
            task = bar.add_task(f"reference for {scorer.config.extractor}", total=None)
            scorer.prepare(_advance(bar, task))
            bar.remove_task(task)


def _advance(bar: Bar, task: TaskID) -> Callable[[int, int], None]:
    return lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def dispatching(
    executor: Executor, store: Store, options: WorkOptions, left: TimeLeft, console: SafeConsole
) -> Iterator[tuple[Dispatcher, View]]:
    """A dispatcher of jobs, and a view of them. Closes the executor at the end.

    The first Ctrl-C stops the jobs, the second one the process.
    """
    with (
        executor,
        make_view(console, left) as view,
        stop_on_signals(executor.stopping, on_first=lambda: view.say_soon(STOPPING)),
    ):
        yield Dispatcher(executor, options.jobs, store, view, fail_fast=options.fail_fast), view
