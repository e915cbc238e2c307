"""The mirror in MLflow beside a command."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ablations import tracking
from ablations.cli.options import MirrorOptions, shell_command
from ablations.cli.printing import SafeConsole
from ablations.spec import Spec
from ablations.store import Store


@contextmanager
def mirrored(spec: Spec, store: Store, options: MirrorOptions, console: SafeConsole) -> Iterator[None]:
    """A process that ships journals to MLflow during the block. At the end, print what it could not ship and why."""
    say_if_ignored(options.tracking_uri, console)
    imports = spec.path.absolute() if spec.imports.entries else None
    mirror = tracking.MirrorProcess(store, options.uri(store), imports)
    console.detail("Mirror in MLflow: {}", options.uri(store))
    try:
        yield
    finally:
        wait = options.mirror_wait
        if wait > 0:
            console.note(
                f"[dim]Sending the remaining results to MLflow, at most {wait:.0f} s (Ctrl-C: do not wait) ...[/]"
            )
        try:
            pending = mirror.close(wait)
        except KeyboardInterrupt:
            pending = mirror.close(0)
        if pending:
            why = mirror.last_problem()
            console.say("[yellow]MLflow lacks {}[/]{}{}", pending, ": " if why else ".", why)
            command = shell_command("sync", store=store.root, tracking_uri=options.tracking_uri)
            console.say(f"{'Once that is mended, ' if why else ''}`{{}}` ships the rest.", command)


def say_if_ignored(tracking_uri: str | None, console: SafeConsole) -> None:
    """Say that MLFLOW_TRACKING_URI is not used, if it is set and no --tracking-uri is given.

    Results leave the store only if a command says so, not because of a variable that another project needs.
    """
    if tracking_uri is None and os.environ.get("MLFLOW_TRACKING_URI"):
        console.note(
            "[yellow]MLFLOW_TRACKING_URI is set, but not used[/]: the mirror is in the store; "
            '`--tracking-uri "$MLFLOW_TRACKING_URI"` puts it there.'
        )
