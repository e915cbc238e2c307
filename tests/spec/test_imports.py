"""`imports`: a user's own files are loaded, once, and taken back; what is wrong in them is shown as theirs."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ablations.code import user as imports
from ablations.code.user import ImportFailed
from ablations.spec import SpecError, load_spec
from fakeface.gan.losses import LOSSES
from fakeface.gan.optimizers import OPTIMIZERS

OPTIMIZER = """\
from torch import optim

from fakeface.gan.optimizers import OPTIMIZERS


@OPTIMIZERS.register("mine")
def mine(parameters, *, lr):
    return optim.Adagrad(parameters, lr=lr)
"""


@pytest.fixture(autouse=True)
def nothing_imported() -> Iterator[None]:
    yield
    imports.load(imports.NO_IMPORTS)


def write(folder: Path, listed: str = "[mine_a.py]", **files: str) -> Path:
    """A specification that imports some files, `/` written as `__`."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    path = folder / "runs.yaml"
    path.write_text(f"imports: {listed}\nruns:\n  baseline: {{}}\n")
    return path


def failure(path: Path) -> str:
    with pytest.raises((SpecError, ImportFailed)) as caught:
        load_spec(path)
    return str(caught.value)


@pytest.mark.parametrize("listed", ["mine_a.py", "[./mine_a.py]", "[mine_a]", "[mine_a.py, mine_a.py]"])
def test_a_file_or_module_beside_the_specification_is_loaded(tmp_path: Path, listed: str):
    load_spec(write(tmp_path, listed, mine_a=OPTIMIZER))
    assert "mine" in OPTIMIZERS


def test_a_file_elsewhere_and_a_package_find_what_lies_beside_them(tmp_path: Path):
    (tmp_path / "kit/pack").mkdir(parents=True)
    (tmp_path / "kit/pack/__init__.py").write_text("from .inner import NAME")
    load_spec(
        write(
            tmp_path,
            "[lab/mine_a.py, kit/pack]",
            lab__mine_a=f"import beside_a\nfrom pack import NAME\n{OPTIMIZER}",
            lab__beside_a="X = 1",
            kit__pack____init__="from .inner import NAME",
            kit__pack__inner="NAME = 'n'",
        )
    )
    assert {"beside_a", "pack.inner", "mine_a"} <= set(imports.modules())


def test_two_specifications_do_not_mix(tmp_path: Path):
    one, other = tmp_path / "one", tmp_path / "other"
    first = write(one, mine_a=f"import beside_b\n{OPTIMIZER}", beside_b="X = 1")
    second = write(other, mine_a=f"import beside_b\n{OPTIMIZER.replace('mine', 'other')}", beside_b="X = 2")
    load_spec(first)
    assert sys.modules["beside_b"].X == 1
    load_spec(second)
    assert sys.modules["beside_b"].X == 2
    assert ("mine" in OPTIMIZERS, "other" in OPTIMIZERS) == (False, True)
    load_spec(first)
    assert ("mine" in OPTIMIZERS, "other" in OPTIMIZERS) == (True, False)
    first.write_text("runs: {baseline: {}}")
    load_spec(first)
    assert "mine" not in OPTIMIZERS
    assert "mine_a" not in sys.modules
    assert str(one) not in sys.path


def test_a_changed_file_is_loaded_again_and_an_unchanged_one_is_not(tmp_path: Path):
    path = write(tmp_path, mine_a=f"{OPTIMIZER}\nSCALE = 1\n")
    load_spec(path)
    module = sys.modules["mine_a"]
    load_spec(path)
    assert sys.modules["mine_a"] is module
    write(tmp_path, mine_a=f"{OPTIMIZER}\nSCALE = 2\n")  # the same size, within the same second
    load_spec(path)
    assert sys.modules["mine_a"].SCALE == 2


def test_a_worker_executes_the_text_that_was_planned(tmp_path: Path):
    planned = load_spec(write(tmp_path, mine_a=f"{OPTIMIZER}\nSCALE = 1\n")).imports
    imports.load(imports.NO_IMPORTS)
    write(tmp_path, mine_a="edited while the job waited (")
    imports.load(planned)
    assert sys.modules["mine_a"].SCALE == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x = (", '  File "mine_a.py", line 1\n    x = (\n        ^\nSyntaxError: '),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("import helper_a", '  File "helper_a.py", line 2, in <module>\n    1 / 0\n'),
        ("def f():\n    raise KeyError\n\n\nf()", 'line 5, in <module>\n    f()\n  File "mine_a.py", line 2, in f\n'),
        ("raise SystemExit(3)", "SystemExit: 3"),
        (OPTIMIZER.replace("mine", "adam"), "optimizer 'adam' is registered twice, first by fakeface.gan.optimizers"),
        (f"{OPTIMIZER}\n\n{OPTIMIZER}", "optimizer 'mine' is registered twice, first by mine_a (line 6)"),
    ],
)  # fmt: skip
def test_an_error_shows_the_traceback_of_the_users_files_alone(tmp_path: Path, text: str, shown: str):
    message = failure(write(tmp_path, mine_a=text, helper_a="\n1 / 0"))
    assert shown in message
    assert message.endswith(
        f"{tmp_path}/runs.yaml:1:11: imports[0]: mine_a.py cannot be imported; mend what the traceback shows"
    )
    assert "importlib" not in message
    assert "ablations/" not in message
    assert "mine" not in OPTIMIZERS


@pytest.mark.parametrize(
    ("listed", "why"),
    [
        ("[gone.py]", "there is no such file"),
        ("[no_such_module]", "there is no such module; for a file, give its path"),
        ("[random.py]", "another module is called random"),
        ("[torch.py]", "another module is called torch"),
        ("[fakeface]", "is not a module of yours"),
        ("[folder/]", "has no __init__.py"),
        ("[my-own.py]", "cannot be the name of a module"),
        ("[mine_a.py, folder/mine_a.py]", "has the module name of mine_a.py"),
        ("[3]", "must be a string"),
    ],
)
def test_an_import_that_cannot_be_is_refused_with_its_line(tmp_path: Path, listed: str, why: str):
    files = {"mine_a": "", "random": "", "torch": "", "my-own": "", "folder__mine_a": ""}
    message = failure(write(tmp_path, listed, **files))
    assert f"{tmp_path}/runs.yaml:1:" in message
    assert why in message


def test_imports_belong_at_the_top_level_of_the_file(tmp_path: Path):
    path = tmp_path / "runs.yaml"
    path.write_text("profiles:\n  quick: {imports: [mine.py]}\nruns: {baseline: {imports: [mine.py]}}\n")
    assert failure(path).count("the key 'imports' belongs at the top level of the file") == 2


ANONYMOUS = {
    "a lambda": "LOSSES.register('mine')(lambda: None)",
    "made inside a function (make)": (
        "def make(scale):\n    class Loss:\n        value = scale\n    return Loss\nLOSSES.register('mine')(make(2))"
    ),
    "an object (partial)": "from functools import partial\nLOSSES.register('mine')(partial(dict, a=1))",
    "torch.optim.adagrad.Adagrad, which is not yours": (
        "from torch import optim\nLOSSES.register('mine')(optim.Adagrad)"
    ),
    "an object (builtin_function_or_method)": "LOSSES.register('mine')(len)",
}


@pytest.mark.parametrize("what", ANONYMOUS)
def test_a_component_whose_code_cannot_be_followed_is_refused_with_its_line(tmp_path: Path, what: str):
    lines = f"from fakeface.gan.losses import LOSSES\n{ANONYMOUS[what]}"
    message = failure(write(tmp_path, mine_a=lines))
    assert message.startswith(f"mine_a.py:{lines.count(chr(10)) + 1}: loss 'mine' is ")
    assert what in message
    assert "mine" not in LOSSES


def test_a_function_put_in_the_place_of_ours_is_refused(tmp_path: Path):
    patch = "from fakeface.gan import step\ndef mine(*_): ...\nsetattr(step, 'gan_' + 'step', mine)\n"
    from fakeface.gan import step

    before = step.gan_step
    try:
        assert "fakeface.gan.step.gan_step was replaced" in failure(write(tmp_path, mine_a=patch))
    finally:
        step.gan_step = before


def test_a_file_that_registers_nothing_is_noted(tmp_path: Path):
    assert "registers no component" in load_spec(write(tmp_path, mine_a="X = 1")).notes[0]
    assert load_spec(write(tmp_path, mine_a=OPTIMIZER)).notes == ()


def test_what_a_file_prints_does_not_reach_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture):
    load_spec(write(tmp_path, mine_a=f"print('hello')\n{OPTIMIZER}"))
    assert capsys.readouterr().out == ""
