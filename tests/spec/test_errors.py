"""Bad specifications: every error at its place, in short words, all of them at once."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ablations.spec import SpecError, load_spec


def lines_of(folder: Path, text: str | bytes, **options: object) -> list[str]:
    """The error's lines, each without the folder's name."""
    path = folder / "runs.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SpecError) as caught:
        load_spec(path, **options)  # type: ignore[arg-type]
    return str(caught.value).replace(f"{folder}{os.sep}", "").splitlines()


BAD_OPTIONS = {
    "unknown profile": (
        {"profile": "quik"},
        "--profile quik: unknown profile 'quik' — did you mean 'quick'?",
    ),
    "seed twice": ({"seeds": "1,1"}, "--seeds 1,1: seeds: the seed 1 is given twice"),
    "seed a word": ({"seeds": "1,x"}, "--seeds 1,x: seeds[1]: must be an integer (got 'x')"),
    "seeds backwards": ({"seeds": "3-1"}, "--seeds 3-1: 3-1: a span has its first seed first"),
    "too many seeds": (
        {"seeds": "0-9999999"},
        "--seeds 0-9999999: 0-9999999: a span has its first seed first, and",
    ),
    "no seeds": ({"seeds": ""}, "--seeds : seeds: must not be empty (got a list)"),
    "seeds not closed": ({"seeds": "[1"}, "--seeds [1: seeds: not valid YAML"),
    "no value": ({"overrides": ["init"]}, "--set init: must be PATH=VALUE, such as optimizer.lr=2e-2"),
    "no path": ({"overrides": ["=3"]}, "--set =3: must be PATH=VALUE"),
    "hole in the path": ({"overrides": ["a..b=3"]}, "--set a..b=3: must be PATH=VALUE"),
    "unknown group": (
        {"overrides": ["optim.lr=1"]},
        "--set optim.lr=1: unknown key 'optim' — did you mean 'optimizer'?",
    ),
    "unknown setting": (
        {"overrides": ["optimizer.l=1"]},
        "--set optimizer.l=1: optimizer: unknown key 'l' — did you mean 'lr'?",
    ),
    "below a setting": (
        {"overrides": ["init.x=1"]},
        "--set init.x=1: init: unknown key 'x' (known: name, options)",
    ),
    "out of range": (
        {"overrides": ["optimizer.lr=-1"]},
        "--set optimizer.lr=-1: optimizer.lr: must be > 0 (got -1)",
    ),
    "inside a mapping": (
        {"overrides": ["optimizer={name: sgd, lr: 0}"]},
        "--set optimizer={name: sgd, lr: 0}: optimizer.lr: must be > 0 (got 0)",
    ),
    "empty value": ({"overrides": ["init="]}, "--set init=: init: must be a name or a mapping (got nothing)"),
    "value not closed": ({"overrides": ["init=["]}, "--set init=[: init: not valid YAML"),
    "line break": ({"overrides": ["init=[\n"]}, "--set init=[\\n: init: not valid YAML"),
    "key twice": (
        {"overrides": ["train={steps: 1, steps: 2}"]},
        "--set train={steps: 1, steps: 2}: train: the key 'steps' is given twice",
    ),
    "steps and epochs": (
        {"overrides": ["train.epochs=1", "train.steps=2"]},
        "--set train.steps=2: train.steps: give `steps` or `epochs`, not both",
    ),
}


@pytest.mark.parametrize(("options", "line"), BAD_OPTIONS.values(), ids=BAD_OPTIONS)
def test_a_bad_option_has_one_line_that_repeats_it(
    tmp_path: Path, options: dict[str, object], line: str
) -> None:
    lines = lines_of(tmp_path, "profiles: {quick: {}}\nruns: {a: {}, b: {}}\n", **options)
    assert len(lines) == 1
    assert lines[0].startswith(line)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(
        SpecError, match=r"runs\.yaml: cannot be read: there is no such file here; name .* --spec"
    ):
        load_spec(tmp_path / "runs.yaml")
    with pytest.raises(SpecError, match=r"cannot be read: Is a directory"):
        load_spec(tmp_path)
    with pytest.raises(SpecError, match="cannot be read: embedded null byte"):
        load_spec(Path("runs\0.yaml"))


def test_what_might_never_end_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(10**12)
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(SpecError, match=f"{path}: cannot be read: it is a pipe or a device"):
            load_spec(path)
    with pytest.raises(SpecError, match="it has 1,000,000,000,000 bytes"):
        load_spec(tmp_path / "large.yaml")


def test_all_errors_come_at_once_in_the_order_of_the_file_and_the_options_last(tmp_path: Path) -> None:
    text = (
        "seeds: [x]\n"
        "defaults: {optimizer: {lr: 0}}\n"
        "profiles: {p: {init: 3}, q: {typo: 1}}\n"
        "runs:\n"
        "  a: {extends: nowhere}\n"
        "  b: {data: {limit: 0}, data: {}}\n"
        "  c: {grid: {init: [1]}}\n"
    )
    lines = lines_of(tmp_path, text, overrides=["loss=1"], profile="r", seeds="-1")
    starts = [line.partition(": ")[0].removeprefix("runs.yaml:") for line in lines]
    assert starts[:-3] == ["1:9", "2:28", "3:22", "3:30", "5:16", "6:21", "6:25", "7:21"]
    assert sorted(starts[-3:]) == ["--profile r", "--seeds -1", "--set loss=1"]


def test_a_value_that_many_runs_inherit_is_one_error_at_its_one_place(tmp_path: Path) -> None:
    text = "runs:\n  a: {optimizer: {lr: 0}}\n  b: {extends: a}\n  c: {extends: [a, b]}\n"
    assert lines_of(tmp_path, text) == ["runs.yaml:2:23: runs.a.optimizer.lr: must be > 0 (got 0)"]


def test_of_many_errors_twenty_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, "runs:\n" + "".join(f"  r{n}: {{init: {n}}}\n" for n in range(33)))
    assert len(lines) == 21
    assert lines[19].startswith("runs.yaml:21:15: runs.r19.init:")
    assert lines[20] == "... and 13 more errors (33 in all)"


def test_every_circle_is_named_once(tmp_path: Path) -> None:
    text = "runs: {a: {extends: b}, b: {extends: a}, c: {extends: [d, a]}, d: {extends: c}}\n"
    lines = lines_of(tmp_path, text)
    assert [line.rpartition(": ")[2] for line in lines] == ["b -> a -> b", "d -> c -> d"]


def test_a_line_is_one_line_whatever_the_file_holds(tmp_path: Path) -> None:
    (line,) = lines_of(tmp_path, 'runs: {a: {"x\\ny\\L": 1}}\n')
    assert "\\n" in line
    assert line.isprintable()


def test_a_message_is_whole_whatever_the_length_of_what_it_is_about(tmp_path: Path) -> None:
    path = ".".join(["a"] * 3000)
    for line in (
        *lines_of(tmp_path, "runs: {a: {}}\n", overrides=[f"{path}=1"]),
        *lines_of(tmp_path, f"runs: {{a: {{grid: {{? {path} : [1]}}}}}}\n"),
        *lines_of(tmp_path, "runs: {a: {}}\n", seeds="9" * 3000),
        *lines_of(tmp_path, f"runs: {{a: {{}}}}\n? {'b' * 100_000}\n: 1\n"),
    ):
        assert len(line) < 1000
        assert re.search("has 3000 parts, and no setting has more than|must be an integer|unknown key", line)


@pytest.mark.parametrize("value", [r'"\U00110000"', r'"\UFFFFFFFF"', r'"\uD800"', r'"\0"', "\udcff"])
def test_no_option_takes_a_character_that_is_none(tmp_path: Path, value: str) -> None:
    for options in ({"overrides": [f"init={value}"]}, {"seeds": value}):
        (line,) = lines_of(tmp_path, "runs: {a: {}}\n", **options)
        assert re.search(r"an escape beyond U\+10FFFF|U\+D800|U\+0000|U\+DCFF", line)


@pytest.mark.parametrize("parent", ["r{next}", "r{number}", "missing{number}"])
def test_a_file_of_thousands_of_bad_names_is_left_after_a_screen(tmp_path: Path, parent: str) -> None:
    runs = "".join(
        f"  r{number}: {{extends: {parent.format(number=number, next=number ^ 1)}}}\n"
        for number in range(5000)
    )
    lines = lines_of(tmp_path, f"runs:\n{runs}")
    assert len(lines) == 21
    assert lines[-1] == "... and more errors"


def test_aliases_cannot_blow_up(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40)
    )
    assert lines_of(tmp_path, bomb) == ["runs.yaml:1:5: anchors and aliases are not read; share by `extends`"]


def test_importing_the_specification_imports_neither_torch_nor_mlflow() -> None:
    code = "import sys, ablations.spec; sys.exit(bool({'torch', 'mlflow', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
