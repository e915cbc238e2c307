"""The code of a user's files in identities: whatever a component reaches counts, by name, and nothing else does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ablations.code import user as imports
from ablations.code.reached import code_changes, code_digests
from ablations.jobs.components import training_roots
from ablations.spec import load_spec
from fakeface.errors import UserError

FILES = {
    "my_variants.py": '''\
"""Variants of mine."""

import importlib
from functools import wraps

import kit.deep.inner
import helpers
import helpers as aliased
import tricks
from fakeface.gan.losses import LOSSES
from fakeface.gan.initializers import INITIALIZERS
from fakeface.gan.optimizers import OPTIMIZERS
from helpers import doubled, second as other_name
from kit import exported
from starred import *
from torch import nn

try:
    from missing_package import fallback
except ImportError:
    fallback = 0.5

RATE = 0.1
DEFAULT = 3
TWICE = 1
TWICE = TWICE + 1
A, (B, *C) = 1, (2, 3)
UNRELATED = 7


def traced(function):
    @wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


def entered(name):
    def add(function):
        helpers.TABLE[name] = function
        return function

    return add


@entered("first")
def entry():
    return 1


class Meta(type):
    kept = []

    def __new__(cls, name, bases, space):
        made = super().__new__(cls, name, bases, space)
        cls.kept.append(made)
        return made


class Kept(metaclass=Meta):
    factor = 4


class Base:
    scale = helpers.SCALE

    def __init__(self, weight=DEFAULT):
        self.weight = weight


@LOSSES.register("my-loss")
class Loss(Base):
    margin = RATE

    def discriminator(self, real, fake):
        from late import margin as late_margin

        local = [UNRELATED for UNRELATED in (1, 2)]
        return (late_margin - real).mean() * A + fallback, self.term(fake) + len(local)

    def term(self, fake):
        """The second term."""
        return aliased.shifted(fake).mean() * kit.deep.inner.CONSTANT * exported() + star_value + other_name + TWICE

    def generator(self, fake):
        table = helpers.TABLE["first"]() * getattr(tricks, "named", 1)
        return -doubled(fake).mean() * importlib.import_module("chosen").VALUE * table


@INITIALIZERS.register("my-init")
@traced
def my_init(network, generator, std=helpers.STD):
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, std, generator=generator)


def unrelated():
    return UNRELATED


@OPTIMIZERS.register("my-sgd")
def my_sgd(parameters, *, lr):
    return OPTIMIZERS["sgd"](parameters, lr=lr * kept_rate)


kept_rate = 0.5
INITIALIZERS.register("my-other")(unrelated)
''',
    "helpers.py": """\
SCALE = 2.0
SHIFT = 1.0
STD = 0.02
TABLE = {}
second = 5


def shifted(x):
    return x + SHIFT


def doubled(x):
    return 2 * x
""",
    "tricks.py": "def named():\n    return 1\n",
    "starred.py": "star_value = 1\nstar_unrelated = 2\n",
    "late.py": "margin = 1.0\nlate_unrelated = 2\n",
    "chosen.py": "VALUE = 1\n",
    "kit/__init__.py": "from .parts import exported\n",
    "kit/parts.py": "def exported():\n    return hidden()\n\n\ndef hidden():\n    return 1\n",
    "kit/deep/__init__.py": "",
    "kit/deep/inner.py": "CONSTANT = 3\nINNER_UNRELATED = 4\n",
}
SPEC = """\
imports: [my_variants.py]
runs:
  baseline: {}
  loss: {loss: my-loss}
  init: {init: my-init}
  optimizer: {optimizer: my-sgd}
"""


def write(folder: Path, edits: dict[str, str] | None = None) -> Path:
    for name, text in (FILES | (edits or {})).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "runs.yaml").write_text(SPEC)
    return folder / "runs.yaml"


def codes(spec: Path) -> dict[str, dict[str, str]]:
    return {run.name: code_digests(training_roots(run.config)) for run in load_spec(spec).runs}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("user")
    imports.load(imports.NO_IMPORTS)


@pytest.fixture(scope="module")
def before(folder: Path) -> dict[str, dict[str, str]]:
    return codes(write(folder))


def changed(folder: Path, before: dict, file: str, old: str, new: str) -> dict[str, list[str]]:
    """The runs whose code an edit changes, each with what changed in words."""
    assert old in FILES[file]
    now = codes(write(folder, {file: FILES[file].replace(old, new, 1)}))
    assert {run for run in now if now[run] != before[run]} == {
        run for run in now if code_changes(now[run], before[run])
    }
    return {run: words for run in now if (words := code_changes(now[run], before[run]))}


MINE = "my_variants.py"
EVERY = {"baseline", "loss", "init", "optimizer"}
EDITS = [
    # file, old, new, runs, the name that is said
    (MINE, "margin = RATE", "margin = 2 * RATE", {"loss"}, "Loss"),
    (MINE, "RATE = 0.1", "RATE = 0.2", {"loss"}, "RATE"),
    (MINE, "DEFAULT = 3", "DEFAULT = 4", {"loss"}, "DEFAULT"),
    (MINE, "self.weight = weight", "self.weight = -weight", {"loss"}, "Base"),
    (MINE, "A, (B, *C) = 1,", "A, (B, *C) = 2,", {"loss"}, "A"),
    (MINE, "fallback = 0.5", "fallback = 0.6", {"loss"}, "fallback"),
    (MINE, "import fallback", "import other as fallback", {"loss"}, "fallback"),
    (MINE, "TWICE = 1", "TWICE = 2", EVERY, "TWICE"),
    (MINE, "return function(*args, **kwargs)", "return 2 * function(*args, **kwargs)", {"init"}, "traced"),
    (MINE, "kept_rate = 0.5", "kept_rate = 0.6", {"optimizer"}, "kept_rate"),
    (MINE, "    return 1\n\n\nclass Meta", "    return 2\n\n\nclass Meta", EVERY, "entry"),
    (MINE, "factor = 4", "factor = 5", EVERY, "Kept"),
    (MINE, 'OPTIMIZERS["sgd"]', 'OPTIMIZERS["adam"]', {"optimizer"}, "my_sgd"),
    (MINE, "import helpers as aliased", "import starred as aliased", {"loss"}, "star_unrelated"),
    (MINE, "second as other_name", "SCALE as other_name", {"loss"}, "second"),
    ("helpers.py", "SCALE = 2.0", "SCALE = 3.0", {"loss"}, "SCALE"),
    ("helpers.py", "SHIFT = 1.0", "SHIFT = 3.0", {"loss"}, "SHIFT"),
    ("helpers.py", "STD = 0.02", "STD = 0.03", {"init"}, "STD"),
    ("helpers.py", "return x + SHIFT", "return x - SHIFT", {"loss"}, "shifted"),
    ("helpers.py", "2 * x", "3 * x", {"loss"}, "doubled"),
    ("helpers.py", "second = 5", "second = 6", {"loss"}, "second"),
    ("tricks.py", "return 1", "return 2", {"loss"}, "named"),
    ("starred.py", "star_value = 1", "star_value = 3", {"loss"}, "star_value"),
    ("late.py", "margin = 1.0", "margin = 3.0", {"loss"}, "margin"),
    ("chosen.py", "VALUE = 1", "VALUE = 2", {"loss"}, "VALUE"),
    ("kit/parts.py", "return 1", "return 2", {"loss"}, "hidden"),
    ("kit/parts.py", "return hidden()", "return 3 * hidden()", {"loss"}, "exported"),
    ("kit/deep/inner.py", "CONSTANT = 3", "CONSTANT = 4", {"loss"}, "CONSTANT"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "runs", "name"), EDITS)
def test_an_edit_of_what_a_component_reaches_changes_its_runs_and_is_named(
    folder: Path, before: dict, file: str, old: str, new: str, runs: set[str], name: str
):
    words = changed(folder, before, file, old, new)
    assert set(words) == runs
    for said in words.values():
        assert any(one.startswith(f"{name} in ") for one in said), said


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (MINE, "RATE = 0.1", "RATE = 0.1  # of learning"),
        (MINE, '"""The second term."""', '"""Another word."""'),
        (MINE, '"""Variants of mine."""', '"""Changed."""'),
        (MINE, "DEFAULT = 3", "DEFAULT = (\n    3\n)"),
        (MINE, "UNRELATED = 7", "UNRELATED = 8"),
        (MINE, "UNRELATED = 7", "UNRELATED = 7\nNEW = 1"),
        (MINE, "    return UNRELATED", "    return 3"),
        (MINE, "def unrelated", "def another():\n    return 1\n\n\ndef unrelated"),
        (MINE, "def my_init(network,", "def my_init(network: object,"),
        ("starred.py", "star_unrelated = 2", "star_unrelated = 3"),
        ("late.py", "late_unrelated = 2", "late_unrelated = 3"),
        ("kit/deep/inner.py", "INNER_UNRELATED = 4", "INNER_UNRELATED = 5"),
    ],
)
def test_what_no_component_reaches_and_what_does_nothing_changes_no_run(
    folder: Path, before: dict, file: str, old: str, new: str
):
    assert changed(folder, before, file, old, new) == {}


@pytest.mark.parametrize(
    "statement",
    [
        "import torch\ntorch.is_tensor(3)",
        "for name in ('a', 'b'):\n    helpers.TABLE[name] = 1",
        "helpers.SCALE += 1",
        "Loss.margin = 3",
        "if helpers.SCALE:\n    setattr(Loss, 'margin', 3)",
        "while False:\n    pass",
        "del helpers.TABLE['first']",
        "UNRELATED = 8",
        "[].append(3)",
    ],
)
def test_a_statement_that_runs_on_import_counts_for_every_run(folder: Path, before: dict, statement: str):
    words = changed(folder, before, MINE, "kept_rate = 0.5", f"kept_rate = 0.5\n{statement}")
    assert set(words) == set(before)
    for said in words.values():
        assert f"what runs on import in {MINE} changed" in said


def twin(name: str, value: int) -> str:
    return f"VALUE = {value}\n\n\ndef {name}():\n    return VALUE\n"


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ({"my_variants.py": ("plus, minus as less", "minus as plus, plus as less")}, "an alias swapped"),
        ({"my_variants.py": ("one.VALUE - two.VALUE", "two.VALUE - one.VALUE")}, "a module swapped"),
        (
            {"one.py": ("VALUE = 1", "VALUE = 2"), "two.py": ("VALUE = 2", "VALUE = 1")},
            "values of twins swapped",
        ),
    ],
)
def test_names_that_come_to_mean_another_definition_are_noticed(tmp_path: Path, edit: dict, reason: str):
    """The same definitions are reached, and each does what it did: only who is meant has changed."""
    files = {
        "my_variants.py": (
            "import one, two\nfrom both import plus, minus as less\n"
            "from fakeface.gan.losses import LOSSES\n\n\n@LOSSES.register('my-loss')\ndef my_loss():\n"
            "    return plus() / less() + (one.VALUE - two.VALUE) * one.same() / two.other()\n"
        ),
        "both.py": "def plus():\n    return 1\n\n\ndef minus():\n    return 2\n",
        "one.py": twin("same", 1),
        "two.py": twin("other", 2),
        "runs.yaml": "imports: [my_variants.py]\nruns:\n  loss: {loss: my-loss}\n",
    }
    found = []
    for changes in ({}, edit):
        for name, text in files.items():
            (tmp_path / name).write_text(text.replace(*changes.get(name, ("", ""))))
        found.append(codes(tmp_path / "runs.yaml")["loss"])
    assert code_changes(found[1], found[0]), reason


HIDDEN = {
    "exec('a = 1')": "code that exec makes or finds",
    "eval('1')": "code that eval makes or finds",
    "globals()['RATE']": "code that globals makes or finds",
    "LOSSES[str(fake)]": "a loss by a computed name",
    "importlib.import_module(str(fake))": "a module by a computed name",
    "Base.__subclasses__()": "what __subclasses__ finds",
    "__import__('sys').modules['helpers']": "code that __import__ makes or finds",
}


@pytest.mark.parametrize("expression", HIDDEN)
def test_code_that_cannot_be_followed_is_refused_with_its_line(folder: Path, expression: str):
    text = FILES[MINE].replace("local = [", f"{expression}\n        local = [")
    line = 1 + text[: text.index(expression)].count("\n")
    spec = load_spec(write(folder, {MINE: text}))
    with pytest.raises(UserError, match=rf"^my_variants.py:{line}: reaches ") as refused:
        code_digests(training_roots(next(run.config for run in spec.runs if run.name == "loss")))
    assert HIDDEN[expression] in str(refused.value)
    code_digests(training_roots(spec.runs[0].config))  # the others can be trained


@pytest.mark.parametrize(
    "patch",
    [
        "from fakeface.gan import step\nstep.LIMIT = 3",
        "import fakeface.gan.step\nfakeface.gan.step.LIMIT += 3",
        "def patch():\n    from fakeface.gan.losses import NonSaturating\n    NonSaturating.value = 3",
        "LOSSES._components['adam'] = 1",
        "from fakeface.gan import step\nif False:\n    setattr(step, 'LIMIT', 3)",
    ],
)
def test_an_assignment_to_what_is_ours_is_refused_with_its_line(folder: Path, patch: str):
    from fakeface.gan import step
    from fakeface.gan.losses import LOSSES

    text = f"{FILES[MINE]}{patch}\n"
    step.LIMIT = 0
    try:
        spec = load_spec(write(folder, {MINE: text}))
        with pytest.raises(UserError, match=rf"^my_variants.py:{text.count(chr(10))}: assigns to "):
            code_digests(training_roots(spec.runs[0].config))
    finally:
        del step.LIMIT
        LOSSES._components.pop("adam", None)


def test_a_package_that_the_users_code_uses_counts_by_its_version(
    folder: Path, before: dict, monkeypatch: pytest.MonkeyPatch
):
    from importlib import metadata

    text = FILES[MINE].replace("def my_sgd", "def seen():\n    import yaml\n    return yaml\n\n\ndef my_sgd")
    text = text.replace("lr=lr * kept_rate", "lr=lr * kept_rate * bool(seen())")
    spec = write(folder, {MINE: text})
    now = codes(spec)
    assert now["optimizer"]["installed packages:PyYAML"] == metadata.version("PyYAML")
    assert not any("installed" in label for label in (*now["init"], *before["optimizer"]))
    monkeypatch.setattr(metadata, "version", lambda _: "0.0")
    assert code_changes(codes(spec)["optimizer"], now["optimizer"]) == [
        "PyYAML in installed packages changed"
    ]
