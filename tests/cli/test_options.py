"""Options in bundles, the commands that commands print, and arguments that are checked before any work."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from ablations.cli import options
from ablations.cli.app import EXIT_STATUS, app
from ablations.cli.options import Selectors, shell_command, with_bundles
from fakeface.errors import UserError
from fakeface.images import save_png
from tests.cli.conftest import Place
from tests.commands import run_command
from tests.conftest import TINY_SPEC


def test_a_command_has_the_options_of_its_bundles_but_those_that_it_defines():
    found = []

    @with_bundles
    def command(chosen: Selectors, run: str) -> None:
        found.append((chosen, run))

    own = ["spec", "profile", "set_", "store", "group", "seeds", "run"]
    assert [*command.__annotations__] == [*own, "quiet", "verbose"]
    given = {"profile": "quick", "store": Path("s"), "spec": Path("a.yaml"), "set_": None, "group": None}
    command(**given, seeds="1", run="sgd")
    assert found == [(Selectors(**given, seeds="1"), "sgd")]


PRINTED = {
    "ablate run": {"spec": Path("runs.yaml"), "store": Path("results"), "seeds": None, "mirror": False},
    "ablate run --spec a.yaml --run sgd --run 'x y' --report": {
        "spec": Path("a.yaml"), "run": ["sgd", "x y"], "report": True,
    },
    "ablate run --set optimizer.lr=2e-2 --tracking-uri u": {"set_": ("optimizer.lr=2e-2",), "tracking_uri": "u"},
    "ablate run --store /elsewhere": {"store": Path("/elsewhere")},
}  # fmt: skip


@pytest.mark.parametrize("text", PRINTED)
def test_a_printed_command_has_what_is_no_default(text: str):
    assert shell_command("run", **PRINTED[text]) == text


def test_a_printed_path_is_relative_where_it_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert shell_command("ui", store=tmp_path / "results") == "ablate ui"
    assert shell_command("ui", store=tmp_path / "here") == "ablate ui --store here"


@pytest.mark.parametrize(
    "address", ["https://ana:s3cret@lab", "https://lab?token=s3cret", "https://s3cret@lab"]
)
@pytest.mark.parametrize("command", ["run", "sync", "status", "report"])
def test_a_password_on_the_command_line_is_refused_and_not_repeated(
    command: str, address: str, tmp_path: Path
):
    done = run_command(tmp_path, command, "--tracking-uri", address, check=2)
    assert "MLFLOW_TRACKING_PASSWORD" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr


def test_a_picture_replaces_no_file_of_another_kind(tmp_path: Path):
    spec, disguised, png = (tmp_path / name for name in ("runs.yaml", "notes.png", "old.png"))
    spec.write_text("runs: {}")
    disguised.write_text("mine")
    png.write_bytes(b"\x89PNG\r\n\x1a\nold")
    for path in (spec, disguised, tmp_path / "new.jpg", tmp_path):
        with pytest.raises(UserError, match=path.name):
            options.picture_path(path)
    for path in (spec, disguised, tmp_path / "new.jpg"):
        with pytest.raises(UserError, match=path.name):
            options.picture_or_folder_path(path)
    for path in (png, tmp_path / "new.PNG"):
        assert options.picture_path(path) == options.picture_or_folder_path(path) == path


def test_a_folder_of_pictures_holds_nothing_else(tmp_path: Path):
    assert options.picture_or_folder_path(tmp_path / "new") == tmp_path / "new"
    assert options.picture_or_folder_path(tmp_path) == tmp_path
    (tmp_path / "00000.png").write_bytes(b"\x89PNG\r\n\x1a\nold")
    assert options.picture_or_folder_path(tmp_path) == tmp_path
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\nmine")
    with pytest.raises(UserError, match="holds other files"):
        options.picture_or_folder_path(tmp_path)


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "folder"])
def test_a_picture_replaces_nothing_but_a_file(kind: str, tmp_path: Path):
    path, target = tmp_path / "x.png", tmp_path / "target.png"
    match kind:
        case "link":
            target.write_bytes(b"\x89PNG\r\n\x1a\nold")
            path.symlink_to(target)
        case "dangling link":
            path.symlink_to(target)
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
    before = path.lstat()
    with pytest.raises(UserError, match="choose another name"):
        options.picture_path(path)
    with pytest.raises(UserError, match="is in its place"):
        save_png(path, np.zeros((2, 2, 3), np.uint8))
    assert path.lstat() == before


@pytest.mark.parametrize(
    "command", [("data", "preview"), ("generate", "baseline"), ("generate", "baseline", "--step", "3")]
)
def test_no_command_writes_over_the_specification(command: tuple[str, ...], ablate, tiny_spec: Path):
    done = ablate(*command, "runs.yaml", check=2)
    assert done.stderr.startswith("runs.yaml: ")
    assert tiny_spec.read_text() == TINY_SPEC


# -- bad input ---------------------------------------------------------------------------------------------------

BAD_INPUT = {
    "an unknown optimizer": (["--set", "optimizer.name=adan"], "unknown optimizer 'adan' — did you mean 'adam'?"),
    "a setting of another optimizer": (["--set", "optimizer.momentum=0.9"], "optimizer 'adam' has no momentum"),
    "an option the optimizer lacks": (["--set", "optimizer.options.rho=1"], "has no option 'rho'"),
    "an initializer that does not exist": (["--set", "init=xavier"], "unknown initializer 'xavier'"),
    "an unknown data set": (["--set", "data.name=celebb"], "unknown dataset 'celebb' — did you mean 'celeba'?"),
    "an extractor that does not exist": (["--set", "evaluation.extractor=vgg"], "unknown extractor 'vgg'"),
    "a run that does not exist": (["--run", "baselin"], "did you mean 'baseline'?"),
    "a group that does not exist": (["--group", "reprot"], "unknown group 'reprot'"),
    "a profile that does not exist": (["--profile", "quik"], "did you mean 'quick'?"),
    "a specification that does not exist": (["--spec", "nowhere.yaml"], "nowhere.yaml"),
    "a folder that does not exist": (["--set", "data.name=folder", "--set", "data.path=nowhere"], "nowhere"),
    "an empty folder": (["--set", "data.name=folder", "--set", "data.path=empty"], "empty"),
    "a folder of broken images": (["--set", "data.name=folder", "--set", "data.path=broken"], "broken"),
    "a subset larger than the data": (["--set", "data.limit=97"], "97"),
    "a device that is not there": (["--device", "cuda:7"], "--device cuda:7"),
    "a device that is no device": (["--device", "gpu"], "must be auto, cpu, cuda or cuda:N"),
    "an executor that does not exist": (["--executor", "locl"], "did you mean 'local'?"),
}  # fmt: skip


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A store that holds images, but no job."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "runs.yaml").write_text(TINY_SPEC)
    (folder / "empty").mkdir()
    (folder / "broken").mkdir()
    (folder / "broken" / "a.png").write_bytes(b"\x89PNG no")
    (folder / "broken" / "b.jpg").write_bytes(b"")
    run_command(folder, "data", "prepare")
    return Place(folder)


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_screen_and_leaves_the_store_alone(
    case: str, prepared: Place, snapshot: Callable[[Path], dict[str, int]]
):
    arguments, words = BAD_INPUT[case]
    before = snapshot(prepared.folder / "results")
    done = prepared("run", "--no-mirror", *arguments, check=2)
    assert words in done.stderr
    assert len(done.stderr.splitlines()) <= 24
    assert snapshot(prepared.folder / "results") == before


BEYOND = {
    "ui port": ["ui", "--port", "70000"],
    "ui negative port": ["ui", "--port", "-1"],
    "dashboard port": ["tune", "sgd-lr", "--dashboard", "--port", "70000"],
    "images": ["generate", "sgd", "x.png", "-n", "1000000000"],
    "previewed images": ["data", "preview", "x.png", "-n", "1000000000"],
    "threads": ["run", "--threads", "1000000000000"],
    "threads of an audit": ["audit", "--threads", "1000000000000"],
    "jobs": ["run", "--executor", "local", "--jobs", "1000000000"],
}  # fmt: skip


@pytest.mark.parametrize("case", BEYOND)
def test_a_number_out_of_range_is_refused_before_any_work(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, BEYOND[case])
    assert done.exit_code == 2
    assert "Invalid value for" in done.output
    assert not [*tmp_path.iterdir()]


def numeric_options(command: Any, words: tuple[str, ...] = ()) -> Iterator[str]:
    """Each option that takes a number, with its command."""
    for name, inner in getattr(command, "commands", {}).items():
        yield from numeric_options(inner, (*words, name))
    for option in command.params:
        annotation = option.type_descriptor.annotation
        if {int, float} & {annotation, *get_args(annotation)}:
            yield " ".join((*words, option.opts[0]))


@pytest.mark.parametrize("option", [*numeric_options(get_command(app))])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400", "-1"])
def test_what_is_no_number_in_range_is_refused_by_every_option(
    option: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if option.endswith("-seed") and value == "-1":
        return  # a seed is any integer
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, [*option.split(), value])
    assert done.exit_code == 2
    assert "Invalid value for" in done.output
    assert not [*tmp_path.iterdir()]


def test_a_store_is_a_folder(tmp_path: Path):
    for store in (tmp_path, tmp_path / "new"):
        assert options.store_path(store) == store
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file: it is no folder"):
        options.store_path(tmp_path / "file")


def test_status_says_that_there_is_no_store(ablate, tiny_spec: Path):
    done = ablate("status", "--store", "typo", "--json")
    assert {row["state"] for row in json.loads(done.stdout)} == {"data-missing"}
    assert "typo: no store here yet" in done.stderr
    assert not (tiny_spec.parent / "typo").exists()


def test_the_specification_is_an_option_of_every_command_that_reads_one(ablate, tiny_spec: Path):
    tiny_spec.rename(tiny_spec.parent / "other.yaml")
    for command in (
        ("plan",), ("run",), ("tune", "x"), ("status",), ("report",), ("generate", "sgd", "x.png"), ("audit",),
        ("clean",), ("data", "prepare"), ("data", "info"), ("data", "preview", "x.png"),
    ):  # fmt: skip
        assert "runs.yaml" in ablate(*command, check=2).stderr
        assert "runs.yaml" not in ablate(*command, "--spec", "other.yaml", "--set", "x.y=1", check=2).stderr


def test_make_passes_its_variables_on():
    variables = ["SEEDS=0", "PROFILE=quick", "DATA=a b", "ARGS=--device cuda", "STORE=s", "SPEC=f.yaml"]

    def commands(target: str) -> list[str]:
        done = subprocess.run(
            ["make", "-n", "-o", "setup", "-o", ".venv/.ready", target, *variables],
            cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
        )  # fmt: skip
        return [line for line in done.stdout.splitlines() if "bin/ablate" in line]

    selectors = (
        "--profile quick --seeds 0 --spec f.yaml --set data.name=folder --set 'data.path=a b' --store s"
    )
    assert commands("ablate") == [f".venv/bin/ablate run --report {selectors} --device cuda"]
    assert commands("data") == [f".venv/bin/ablate data prepare {selectors} --device cuda"]


def test_the_program_says_its_version_and_every_command_has_a_short_help(ablate):
    assert re.fullmatch(r"ablate \d+\.\d+\.\d+\n", ablate("--version").stdout)
    assert "--until-decided" in ablate("run", "-h").stdout


def commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command, the groups included."""
    yield words
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*words, name))


@pytest.mark.parametrize("words", [*commands(get_command(app))], ids=" ".join)
def test_the_help_of_a_command_shows_no_type_of_its_flags_and_fits(words: tuple[str, ...]):
    done = CliRunner().invoke(app, [*words, "-h"], env={"COLUMNS": "80"}, terminal_width=80)
    assert done.exit_code == 0
    assert "<bool>" not in done.output
    assert max(map(len, done.output.splitlines())) <= 80
    leaf = words not in ((), ("data",), ("schema",))
    assert ("--quiet" in done.output) == ("--verbose" in done.output) == leaf


def test_the_exit_statuses_are_in_the_help_and_in_the_readme(ablate):
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    for line in EXIT_STATUS.splitlines()[1:]:
        status, _, meaning = line.partition(" = ")
        assert f"| {status} | {meaning} |" in readme
        assert status in ablate("-h").stdout


@pytest.mark.parametrize(
    ("words", "near"),
    [(("statu",), "status"), (("status", "--seed", "1"), "--seeds"), (("data", "prepar"), "prepare")],
)
def test_a_wrong_command_or_option_gets_the_near_one(words: tuple[str, ...], near: str, ablate):
    error = ablate(*words, check=2).stderr
    assert near in error


def test_quiet_and_verbose(ablate):
    assert "give one of them" in ablate("plan", "--quiet", "--verbose", check=2).stderr
    assert "Traceback" not in ablate("plan", "--run", "sgdd", check=2).stderr
    traced = ablate("plan", "--run", "sgdd", "--verbose", check=2).stderr
    assert "Traceback" in traced and traced.rstrip().endswith("did you mean 'sgd'?")
    assert "Traceback" not in ablate("plan", "--run", "sgdd", "-q", check=2).stderr, (
        "it holds for one command"
    )


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("show s", {"sgd"}),
        ("run --run w", {"weight-init"}),
        ("plan --group r", {"report"}),
        ("show --spec no.yaml s", set()),
    ],
)
def test_the_shell_completes_names_of_the_specification(
    line: str, found: set[str], tiny_spec: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tiny_spec.parent)
    words = f"ablate {line}"
    environment = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = CliRunner().invoke(
        app, env={"_ABLATE_COMPLETE": "complete_bash", **environment}, prog_name="ablate"
    )
    assert {*done.output.split()} == found
