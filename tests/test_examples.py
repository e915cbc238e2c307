"""The examples in the documentation run: `console` blocks print what the pages say, `bash` blocks end well.

The commands of a page run one after another, as they stand there, in a folder with the repository's specification at
a tiny size. `NOT_RUN` has those that take long even so, or that need more than this machine.
"""

import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.main import get_command

from ablations.cli.app import app
from tests.processes import ablate

ROOT = Path(__file__).parents[1]
FILES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
TEXTS = {str(path.relative_to(ROOT)): path.read_text() for path in FILES}
examples = SimpleNamespace(**runpy.run_path(str(ROOT / "docs/examples.py")))

BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LANGUAGES = {"bash", "console", "python", "yaml", "text"}

EXPORTED = "ablate report --spec docs/results/runs.yaml --store docs/results"
NOT_RUN = {
    "make setup": ".ci/run does",
    "make lint": ".ci/run does",
    "make test": ".ci/run does",
    "ablate run --profile standard": "downloads LFW and InceptionV3, takes a GPU hours",
    "ablate run --profile paper": "downloads CelebA and InceptionV3, takes a GPU a day",
    "ablate tune sgd-lr --dashboard": "needs optuna-dashboard; see tests/studies/test_dashboard.py",
    "export RAY_USAGE_STATS_ENABLED=0": "for Ray",
    "ablate ui": "tests/tracking/test_browser.py opens it",
    "mlflow ui --backend-store-uri sqlite:///results/mlflow.db": "takes MLflow half a minute to start",
    "ablate sync --register faces": "tests/tracking/test_model.py does",
    "MLFLOW_TRACKING_URI=sqlite:///results/mlflow.db mlflow models serve -m models:/faces@best --env-manager local": (
        "tests/tracking/test_model.py asks a served model"
    ),
    "export MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_DISABLE_TELEMETRY=true": "for the server",
    "mlflow server --host 127.0.0.1 --port 5000 --workers 1 "
    "--backend-store-uri postgresql+psycopg://team@127.0.0.1/mlflow --artifacts-destination /srv/mlflow": (
        "tests/tracking/test_postgres.py does"
    ),
    "ablate run --tracking-uri http://127.0.0.1:5000": "the same",
    "ablate sync --tracking-uri http://127.0.0.1:5000": "the same",
    "ablate tune sgd-lr --storage postgresql+psycopg://team@127.0.0.1/optuna": "the same",
    "ablate run --executor ray": "tests/executors/test_ray.py does",
    "sudo apt-get install postgresql": "installs a server; .ci/run does",
    "sudo -u postgres createuser --pwprompt team": "tests/postgres.py makes the user",
    "sudo -u postgres createdb --owner team mlflow": "tests/postgres.py makes the database",
    "sudo -u postgres createdb --owner team optuna": "tests/postgres.py makes the database",
    "pip install -e '.[postgres]'": "`make setup` installs it",
    "pip install -e '.[cluster]'": "`make setup` installs it",
    "export PGPASSWORD=...": "a password of one's own",
    "ray start --head --port=6379 --include-dashboard=false": "stays; see tests/executors/test_ray.py",
    "ray start --address=HOST:6379": "a second machine; see tests/executors/test_ray.py",
    "ablate run --executor ray --address HOST:6379": "a second machine; see tests/executors/test_ray.py",
    "ablate tune sgd-lr --executor ray --address HOST:6379": "a second machine; see tests/executors/test_ray.py",
    "#!/bin/bash": "needs Slurm",
    "python docs/results.py": "tests/test_results_page.py does",
    f"{EXPORTED}/builtin --seeds 0-7 --out built-in": "the same",
    f"{EXPORTED}/faces --seeds 0-7 --profile folder --out real": "the same",
    f"{EXPORTED}/builtin --group why-sgd --out why": "the same",
    "rsync -a OTHER:results-b .": "a second machine",
}
"""The commands that no test runs as they stand, and why."""

CHANGE = "sed -i '/^  sgd:$/,/^$/ s/optimizer: sgd$/optimizer: {name: sgd, lr: 3e-4}/' runs.yaml"
UNDO = "sed -i 's/optimizer: {name: sgd, lr: 3e-4}$/optimizer: sgd/' runs.yaml"
FIRST = {
    "ablate diff sgd": CHANGE,
    "ablate audit sgd": UNDO,
    "ablate run --spec other.yaml": "cp runs.yaml other.yaml",
    "make ablate DATA=path/to/images": "ablate generate baseline path/to/images",
}
"""What a reader has done before a command."""

TINY = """
profiles:
  quick:
    seeds: [0]
    data: {name: synthetic, count: 64, image_size: 32}
    network: {width: 4, latent_dim: 8}
    train: {steps: 6, batch_size: 8}
    evaluation: {num_samples: 16, num_reference: 32}
    samples: {num_grids: 8, grid_size: 2}
    study: {trials: 2, seeds: 1, steps: 4, confirm: 1, edges: 1}
"""


def commands_of(text: str) -> Iterator[str]:
    """The commands of a page's `bash` blocks, without comments. A script is one command, named by its first line."""
    for block in BLOCK.finditer(text):
        if block[1] == "bash":
            lines = block[2].replace("\\\n", "").splitlines()
            lines = (
                lines[:1]
                if lines[0].startswith("#!")
                else [re.sub(r"(^|\s+)#.*", "", line) for line in lines]
            )
            yield from (" ".join(line.split()) for line in lines if line)


COMMANDS = {name: [*commands_of(text)] for name, text in TEXTS.items()}
RUN = [name for name, commands in COMMANDS.items() if {*commands} - NOT_RUN.keys()]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", [name for name, text in TEXTS.items() if "```console" in text])
def test_the_examples_of_a_page_print_what_it_says(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for variable, value in examples.TERMINAL.items():
        monkeypatch.setenv(variable, value)

    def forked(command: str, folder: Path) -> str:
        if not command.startswith("ablate ") or "|" in command:
            return examples.in_a_shell(command, folder)
        return ablate(folder, *shlex.split(command)[1:]).stdout

    assert examples.run_examples(TEXTS[page], tmp_path, forked) == TEXTS[page], (
        f"write it again: python docs/examples.py {page}"
    )


@pytest.mark.parametrize("page", TEXTS)
def test_a_block_of_code_says_what_it_is_so_that_no_command_is_overlooked(page: str):
    assert {block[1] for block in BLOCK.finditer(TEXTS[page])} <= LANGUAGES
    prose = BLOCK.sub("", TEXTS[page])
    assert not re.findall(r"^    (?:make|ablate|python|pip|mlflow|ray) .*", prose, re.MULTILINE), (
        "use a bash block"
    )


def test_the_commands_that_no_test_runs_stand_in_a_page_or_in_ci():
    assert NOT_RUN.keys() <= {command for commands in COMMANDS.values() for command in commands}
    ci = (ROOT / ".ci/run").read_text()
    assert all(command in ci for command, why in NOT_RUN.items() if why == ".ci/run does")


def test_a_command_in_a_sentence_has_the_names_and_options_that_it_is_written_with():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    ablate = get_command(app).commands
    for span in re.findall(r"`((?:ablate|make) [a-z][^`]*)`", " ".join(" ".join(TEXTS.values()).split())):
        program, name, *words = shlex.split(span)
        if program == "make":
            assert name in targets, span
            continue
        command = ablate[name].commands[words[0]] if name == "data" and words else ablate[name]
        known = {
            option for parameter in command.params for option in parameter.opts + parameter.secondary_opts
        }
        assert {word for word in words if word.startswith("-")} <= known, span


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout in which `make setup` was run, with a specification at a tiny size."""
    for variable in ("MAKEFLAGS", "MFLAGS", "ARGS"):  # of the `make test` that runs this
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "a folder"  # with a space, as on many a machine
    folder.mkdir()
    spec = (ROOT / "runs.yaml").read_text()
    before, _, rest = spec.partition("\nprofiles:\n")
    after = rest[rest.index("\nruns:\n") :]
    (folder / "runs.yaml").write_text(before + TINY + after)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    (folder / ".venv").mkdir()
    (folder / ".venv/bin").symlink_to(Path(sys.executable).parent)
    (folder / ".venv/.ready").touch()
    return folder


def run(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command as it stands; `ablate` without its imports, with jobs in its own process, and without the mirror
    that `make ablate` has filled: that is faster."""
    program, *arguments = shlex.split(command)
    if program == "export":
        for variable in arguments:
            monkeypatch.setenv(*variable.split("=", 1))
    elif program == "ablate":
        unmirrored = ["--no-mirror"] if arguments[0] in ("run", "tune") else []
        ablate(folder, *arguments, *unmirrored)
    else:
        done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, f"$ {command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", RUN)
def test_the_commands_of_a_page_run_as_they_stand_there(
    page: str, place: Path, monkeypatch: pytest.MonkeyPatch
):
    for command in COMMANDS[page]:
        if command not in NOT_RUN:
            run(FIRST.get(command, ":"), place, monkeypatch)
            run(command, place, monkeypatch)
