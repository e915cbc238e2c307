"""Variants that `--set` makes have a name that says what was set, the same however it was written."""

from pathlib import Path

import pytest

from ablations.spec import load_spec
from ablations.spec.run_names import fits, parse_variant, plain_name, short_name

TEXT = """
defaults: {train: {epochs: 2}}
runs:
  baseline: {optimizer: {name: adam, lr: 2e-4}}
  sgd: {extends: baseline, optimizer: sgd, init: dcgan}
  grid: {extends: baseline, grid: {init: [pytorch, dcgan]}}
"""


def labels(folder: Path, *overrides: str) -> list[str]:
    file = folder / "runs.yaml"
    file.write_text(TEXT)
    return [run.label for run in load_spec(file, overrides=overrides).runs]


@pytest.mark.parametrize(
    ("overrides", "settings"),
    [
        (["optimizer.lr=0.02"], "optimizer.lr=0.02"),
        (["optimizer.lr=2e-2"], "optimizer.lr=0.02"),
        (["optimizer.lr=1"], "optimizer.lr=1.0"),
        (["train.steps=5", "optimizer.lr=0.1"], "optimizer.lr=0.1,train.steps=5"),
        (["optimizer.betas=[0, 0.9]"], "optimizer.betas=[0.0, 0.9]"),
        (["optimizer={name: nsgd, lr: 0.1}"], "optimizer.lr=0.1,optimizer=nsgd"),
        (
            ["optimizer.options.eps=1e-7", "data.path=/x, y/z"],
            "data.path='/x, y/z',optimizer.options.eps=1e-07",
        ),
        (["optimizer.G.lr=1e-3"], "optimizer.G.lr=0.001"),
    ],
)
def test_a_variant_is_named_by_what_was_set_and_its_name_leads_back_to_it(
    tmp_path: Path, overrides: list[str], settings: str
):
    names = labels(tmp_path, *overrides)
    plain = ["baseline", "sgd", "grid-pytorch", "grid-dcgan"]
    assert names == [f"{name}[{settings}]" for name in plain]
    run, again = parse_variant(names[0]) or ("", [])
    assert run == plain_name(names[0]) == "baseline"
    assert labels(tmp_path, *again) == names


def test_what_set_does_not_change_is_no_part_of_the_name(tmp_path: Path):
    plain = ["baseline", "sgd", "grid-pytorch", "grid-dcgan"]
    assert labels(tmp_path, "optimizer.lr=0.0002", "train.epochs=2") == plain
    assert labels(tmp_path, "evaluation.num_samples=50", "tracking.log_model=false") == plain, (
        "it is the same training"
    )
    assert labels(tmp_path, "init=dcgan") == [
        "baseline[init=dcgan]", "sgd", "grid-pytorch[init=dcgan]", "grid-dcgan",
    ]  # fmt: skip


def test_a_narrow_place_keeps_the_end_of_a_long_value():
    name = "baseline[data.path=/home/somebody/pictures/of/cats,optimizer.lr=0.1]"
    assert short_name(name) == "baseline[data.path=…ody/pictures/of/cats,optimizer.lr=0.1]"
    assert short_name("baseline") == "baseline"


def test_patterns_with_brackets_stay_patterns():
    assert parse_variant("sgd[12]*") is None
    assert fits("sgd1x", "sgd[12]*")
    assert fits("a[init=dcgan]", "a[init=dcgan]") and fits("a[init=dcgan]", "a*")
    assert not fits("a[init=dcgan]", "a")
