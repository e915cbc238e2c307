"""`ablate`: all commands. They import what they need when they run, so that `--help` is quick."""

import io
import sys

import typer

from ablations.cli.data import data_app
from ablations.cli.results import results_app
from ablations.cli.store import store_app
from ablations.cli.train import train_app
from ablations.cli.tune import tune_app
from fakeface.errors import UserError

app = typer.Typer(
    name="ablate",
    help="Train the variants of a GAN that runs.yaml describes, track them, and compare what each change does.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for commands in (train_app, tune_app, results_app, store_app):
    app.add_typer(commands)
app.add_typer(data_app, name="data")


def main() -> None:
    """Entry point. Prints a UserError without its traceback, and exits with status 2."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a log that is followed shows each line as it comes
    try:
        app()
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
