"""`ablate`: all commands. They import what they need when they run, so that `--help` is quick."""

import contextlib
import errno
import gc
import sys
import traceback
from importlib import metadata
from typing import Annotated, NoReturn

import typer

from ablations.cli.data import data_app
from ablations.cli.details import details_app
from ablations.cli.doctor import doctor_app
from ablations.cli.options import Commands
from ablations.cli.printing import is_verbose
from ablations.cli.results import results_app
from ablations.cli.store import store_app
from ablations.cli.train import train_app
from ablations.cli.tune import tune_app
from fakeface.errors import UserError
from fakeface.terminal import discard_streams, prepare_streams, printable_lines

HINTS = {errno.EMFILE: "; `ulimit -n 1024` raises the limit of this shell"}
"""What to do about an error of the system."""

EXIT_STATUS = "\n".join(
    (
        "Exit status:",
        "0 = done, whatever the outcomes of the trainings.",
        "1 = something is amiss: a job crashed, results were left out, MLflow lacks some, an audit found a difference, "
        "doctor something to mend.",
        "2 = refused, with the reason: a wrong option, file or machine.",
        "130 = a training was stopped by Ctrl-C or a signal; the same command resumes.",
    )
)
"""The end of the help; README says the same."""

app = Commands(
    name="ablate",
    help="Train the variants of a GAN that runs.yaml describes, track them, and compare what each change does.",
    epilog=EXIT_STATUS,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for commands in (train_app, tune_app, results_app, details_app, store_app, doctor_app):
    app.add_typer(commands)
app.add_typer(data_app, name="data")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"ablate {metadata.version('fakeface-ablations')}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None: ...


def main() -> None:
    """Entry point. Prints what a user can mend, a UserError or a refusal of the system, without its traceback.

    Exits with status 2 in that case, and silently with 1 if the reader of a pipe has gone.
    """
    prepare_streams()
    # Journals become millions of objects without cycles. Python's defaults look for cycles in them a third of the time.
    gc.set_threshold(100_000, 50, 1_000)
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except UserError as error:
        if is_verbose():
            traceback.print_exc()
        _end(str(error))
    except OSError as error:
        if error.errno == errno.EPIPE:
            discard_streams()
            sys.exit(1)
        if is_verbose():
            traceback.print_exc()
        _end(f"{error.filename or _culprit()}: {error.strerror or error}{HINTS.get(error.errno or 0, '')}")


def _culprit() -> str:
    """What an error of the system that names no file was about."""
    try:
        print(flush=True)
    except OSError:
        return "standard output"
    return "the system refused"


def _end(message: str) -> NoReturn:
    with contextlib.suppress(OSError):  # standard error may be closed or full, too
        sys.stderr.write(f"{printable_lines(message)}\n")
    discard_streams()
    sys.exit(2)


if __name__ == "__main__":
    main()
