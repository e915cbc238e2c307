"""The real images of some runs: prepared, or looked up."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as Bar
from rich.progress import TaskID

from ablations.spec import Run
from ablations.store import Store, data_key
from fakeface import data
from fakeface.data import ImageSet
from fakeface.errors import UserError


def prepare_data(
    runs: Sequence[Run], store: Store, console: Console, *, refresh: bool = False
) -> list[ImageSet]:
    """Prepare each data set that the runs need, once, with a progress bar."""
    store.prepare()
    configs = list(dict.fromkeys(data_key(run.config.data) for run in runs))
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        prepared = []
        for config in configs:
            task = bar.add_task(f"preparing {config.name}", total=None)
            prepared.append(data.prepare(config, store.data, refresh=refresh, progress=advance(bar, task)))
            bar.remove_task(task)
    for images in prepared:
        if images.skipped:
            first = images.skipped[0]
            console.print(
                f"[yellow]{len(images.skipped)} file(s) skipped[/], the first: {escape(str(first.file))}: "
                f"{escape(first.why)} (`ablate data info` lists them)"
            )
    return prepared


def prepared_data(runs: Sequence[Run], store: Store) -> list[ImageSet]:
    """The data sets that are prepared. Raises UserError where one is not."""
    found = []
    for config in dict.fromkeys(data_key(run.config.data) for run in runs):
        images = data.find(config, store.data)
        if images is None:
            raise UserError(f"{config.name}: not prepared yet; `ablate data prepare` does that")
        found.append(images)
    return found


def advance(bar: Bar, task: TaskID) -> Callable[[int, int], None]:
    """A callback that moves a bar."""
    return lambda done, total: bar.update(task, completed=done, total=total)
