"""Studies in the specification: what they mean, and the errors of those that cannot be."""

from dataclasses import replace
from pathlib import Path

import pytest

from ablations.spec import Spec, SpecError, StudySpec, load_spec

RUNS = """\
profiles:
  quick:
    train: {steps: 40}
    study: {trials: 4, seeds: 1, steps: 30}
  paper:
    train: {epochs: 5}
runs:
  baseline: {}
  sgd: {extends: baseline, optimizer: {name: sgd, momentum: 0.5}}
"""


def spec_of(folder: Path, text: str, **options: str) -> Spec:
    path = folder / "runs.yaml"
    path.write_text(RUNS + text)
    return load_spec(path, **options)


def study_of(folder: Path, space: str, **options: str) -> StudySpec:
    return spec_of(folder, f"studies:\n  s:\n    base: sgd\n    space: {space}\n", **options).study("s")


def test_a_study_changes_the_searched_settings_of_its_base_and_nothing_else(tmp_path: Path):
    study = study_of(tmp_path, "{optimizer.lr: {low: 1e-5, high: 1, log: true}}")
    run = study.run({"optimizer.lr": 0.03}, "trial")
    base = study.base.config
    assert run.config.optimizer == base.optimizer.model_copy(update={"lr": 0.03})
    assert run.config.train.steps == 30
    assert run.config.data == base.data
    assert (run.name, run.group) == ("trial", "s")


def test_the_profile_sets_the_size_of_a_study(tmp_path: Path):
    space = "{optimizer.lr: {low: 1e-5, high: 1}}"
    quick, paper = study_of(tmp_path, space), study_of(tmp_path, space, profile="paper")
    assert (quick.trials, quick.seeds, quick.steps) == (4, 1, 30)
    assert (paper.trials, paper.seeds, paper.steps) == (30, 2, None)
    assert paper.run({"optimizer.lr": 0.5}, "t").config.train.epochs == 5


def test_an_effective_rate_is_multiplied_by_one_minus_the_momentum(tmp_path: Path):
    space = "{optimizer.lr: {low: 1e-5, high: 1, effective: true}, optimizer.momentum: {low: 0, high: 0.9}}"
    study = study_of(tmp_path, space)
    settings = study.settings({"optimizer.lr": 0.5, "optimizer.momentum": 0.9})
    assert settings["optimizer.lr"] == pytest.approx(0.05)


def test_an_effective_rate_without_searched_momentum_uses_that_of_the_base(tmp_path: Path):
    study = study_of(tmp_path, "{optimizer.G.lr: {low: 1e-5, high: 1, effective: true}}")
    assert study.settings({"optimizer.G.lr": 0.5})["optimizer.G.lr"] == pytest.approx(0.25)


def test_an_effective_rate_uses_the_momentum_of_its_network(tmp_path: Path):
    runs = RUNS.replace("momentum: 0.5}", "G: {momentum: 0.5}}")
    (tmp_path / "runs.yaml").write_text(
        runs + "studies:\n  s:\n    base: sgd\n    space:\n"
        "      optimizer.G.lr: {low: 1e-5, high: 1, effective: true}\n"
        "      optimizer.momentum: {low: 0, high: 0.95}\n"
    )
    study = load_spec(tmp_path / "runs.yaml").study("s")
    settings = study.settings({"optimizer.G.lr": 0.1, "optimizer.momentum": 0.9})
    assert settings["optimizer.G.lr"] == pytest.approx(0.05)


def test_a_setting_that_is_an_integer_is_searched_as_one(tmp_path: Path):
    space = "{train.batch_size: {low: 8, high: 64, log: true}, optimizer.lr: {low: 1, high: 2}}"
    study = study_of(tmp_path, space)
    assert study.integer("train.batch_size")
    assert not study.integer("optimizer.lr")


def test_no_seed_of_a_study_serves_two_purposes(tmp_path: Path):
    study = replace(
        study_of(tmp_path, "{optimizer.lr: {low: 1, high: 2}}"), seeds=100, confirm=100, edges=100
    )
    kinds = [study.search_seeds, study.confirm_seeds, study.edge_seeds("lower"), study.edge_seeds("upper")]
    assert [seeds[0] for seeds in kinds] == [0, 100, 200, 300]
    assert len(set().union(*kinds)) == 400


@pytest.mark.parametrize(
    ("space", "line", "words"),
    [
        ("{optimizer.lrr: {low: 1, high: 2}}", 13, "did you mean 'lr'"),
        ("{optimizer.lr: {low: 0, high: 2}}", 13, "must be > 0"),
        ("{optimizer.lr: {low: 2, high: 1}}", 13, "must be > low (2)"),
        ("{optimizer.lr: {low: 1}}", 13, "give both"),
        ("{optimizer.lr: {}}", 13, "give `low` and `high`, or `choices`"),
        ("{optimizer.lr: {low: 1, high: 2, choices: [1]}}", 13, "give `low` and `high`, or `choices`"),
        ("{optimizer.momentum: {low: 0, high: 0.9, log: true}}", 13, "must be > 0"),
        ("{optimizer.momentum: {low: 0, high: 1}}", 13, "must be < 1"),
        ("{optimizer.momentum: {low: 0, high: 0.5, effective: true}}", 13, "is for a learning rate"),
        ("{init: {choices: [dcgan, 7]}}", 13, "must be a name"),
        ("{init: {choices: [dcgan], log: true}}", 13, "is for a range"),
        ("{evaluation.num_samples: {low: 1, high: 9}}", 13, "where it decides what is learned"),
        ("{data.image_size: {choices: [32, 64]}}", 13, "scores on other images do not compare"),
        ("{train.steps: {low: 8, high: 64}}", 13, "trainings of other lengths do not compare"),
        ("{train.batch_size: {low: 8.5, high: 64}}", 13, "must be an integer"),
        ("{optimizer.lr: {low: 1, high: 2, tied: {optimizer.D.lr: 1}}}", 13, "unknown key 'tied'"),
        ("{optimizer.lr: {low: 1, high: 2, when: {init: [dcgan]}}}", 13, "unknown key 'when'"),
        ("{optimizer.lr: {lo: 1, high: 2}}", 13, "unknown key 'lo'"),
    ],
)
def test_a_space_that_cannot_be_searched_is_an_error_with_its_line(
    tmp_path: Path, space: str, line: int, words: str
):
    with pytest.raises(SpecError) as caught:
        study_of(tmp_path, space)
    assert f":{line}:" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("base: sdg", "did you mean 'sgd'"),
        ("base: sgd\n    reference: basline", "did you mean 'baseline'"),
        ("base: sgd\n    enqueue: [{optimizer.lr: 3}]", "must be from 1e-05 to 1"),
        ("base: sgd\n    enqueue: [{optimizer.lr: fast}]", "must be a number"),
        ("base: sgd\n    enqueue: [{optimizer.D.lr: 0.1}]", "unknown searched setting"),
        ("base: sgd\n    enqueue: [{}]", "lacks optimizer.lr"),
        ("base: sgd\n    sampler: gp", "must be one of"),
        ("base: sgd\n    pruner: halving", "must be one of"),
        ("base: sgd\n    objective: fid", "must be one of"),
        ("base: sgd\n    objective: {aggregate: worst}", "must be one of"),
        ("base: sgd\n    trials: 0", "must be > 0"),
        ("base: sgd\n    seeds: 101", "must be <= 100"),
        ("base: sgd\n    confirm: 101", "must be <= 100"),
        ("base: sgd\n    edges: 101", "must be <= 100"),
        ("base: sgd\n    searches: 0", "must be >= 1"),
        ("base: sgd\n    enqueue: [" + "{optimizer.lr: 0.1}, " * 5 + "]", "and tries only 4"),
    ],
)
def test_a_study_that_does_not_fit_its_file_is_an_error(tmp_path: Path, entry: str, words: str):
    space = "space: {optimizer.lr: {low: 1e-5, high: 1, log: true}}"
    with pytest.raises(SpecError, match=r"runs\.yaml:\d+:\d+") as caught:
        spec_of(tmp_path, f"studies:\n  s:\n    {space}\n    {entry}\n")
    assert words in str(caught.value)


def test_independent_searches_share_no_seed_and_the_first_is_the_study_itself(tmp_path: Path):
    study = study_of(
        tmp_path, "{optimizer.lr: {low: 1e-5, high: 1, log: true}}\n    searches: 3\n    edges: 2"
    )
    first, *others = study.independent()
    assert first is study
    assert [one.name for one in others] == study.search_names[1:] == ["s-2", "s-3"]
    assert (list(study.search_seeds), study.confirm_seeds[0], study.edge_seeds("lower")[0]) == ([0], 100, 200)
    seeds = [seed for one in study.independent() for seed in (*one.search_seeds, *one.confirm_seeds)]
    assert len(set(seeds)) == len(seeds)
    assert [one.edges for one in others] == [0, 0]
    assert len({one.entry.sampler_seed for one in study.independent()}) == 3


def test_a_search_may_not_have_the_name_of_a_run_or_another_study(tmp_path: Path):
    space = "space: {optimizer.lr: {low: 1e-5, high: 1, log: true}}"
    text = f"studies:\n  s: {{base: sgd, {space}, searches: 2}}\n  s-2: {{base: sgd, {space}}}\n"
    with pytest.raises(SpecError, match="its search 's-2' has the name of another run or study"):
        spec_of(tmp_path, text)


def test_a_study_may_not_share_a_runs_name(tmp_path: Path):
    with pytest.raises(SpecError, match="a run is called 'sgd' too"):
        spec_of(tmp_path, "studies:\n  sgd: {base: sgd, space: {optimizer.lr: {low: 1, high: 2}}}\n")
