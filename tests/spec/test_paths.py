"""`between` becomes the runs on the way from one run to another, and the other one without each setting."""

from pathlib import Path

import pytest

from ablations.spec import Spec, SpecError, load_spec
from ablations.spec.paths import MAX_MOVES

RUNS = """\
defaults: {train: {epochs: 2}}
runs:
  a: {optimizer: {name: adam, lr: 2e-4}}
  dcgan: {extends: a, init: dcgan}
  sgd: {extends: a, group: other, optimizer: {name: sgd, options: {nesterov: true}, momentum: 0.9}}
  b: {extends: [dcgan, sgd], optimizer: {lr: 0.03}, train: {steps: 50}}
  images: {extends: b, data: {image_size: 32}}
  grid: {extends: b, grid: {network.width: [8, 16]}}
"""


def spec_of(folder: Path, entry: str, **options: object) -> Spec:
    file = folder / "runs.yaml"
    file.write_text(f"{RUNS}  way: {{{entry}}}\n")
    return load_spec(file, **options)  # type: ignore[arg-type]


def moves_of(folder: Path, between: str, **options: object) -> list[str]:
    (path,) = spec_of(folder, f"between: {{from: a, to: b{between}}}", **options).paths
    return [move.words for move in path.moves]


INIT, LR = "init: pytorch → dcgan", "optimizer.lr: 0.0002 → 0.03"
SGD = "optimizer: adam → sgd, optimizer.options.nesterov: not given → true, optimizer.momentum: 0.0 → 0.9"
STEPS = "train.steps: null → 50, train.epochs: 2 → null"


def test_settings_change_in_the_order_of_the_file_and_what_belongs_together_at_once(tmp_path: Path):
    assert moves_of(tmp_path, "") == [INIT, SGD, LR, STEPS]


def test_order_and_together_are_the_users(tmp_path: Path):
    assert moves_of(tmp_path, ", order: [optimizer.lr, optimizer]")[:3] == [LR, SGD, INIT]
    first, *others = moves_of(tmp_path, ", together: [[optimizer, optimizer.lr]], order: [optimizer.lr]")
    assert first == f"{SGD}, {LR}"
    assert others[0] == INIT and len(others) == 2


def test_each_run_is_one_setting_away_from_its_neighbour(tmp_path: Path):
    spec = spec_of(
        tmp_path,
        "group: path, description: Why., between: {from: a, to: b, together: [[optimizer, optimizer.lr]]}",
    )
    runs = {run.name: run for run in spec.runs}
    own = [run.name for run in spec.runs if run.group == "path"]
    sgd = "sgd+nesterov-true+momentum0.9+lr0.03"
    assert own == ["way+dcgan", f"way+{sgd}", "way-dcgan", f"way-{sgd.replace('+', '-')}"]
    a, b = runs["a"].config, runs["b"].config
    assert runs["way+dcgan"].config == runs["dcgan"].config
    assert runs[own[1]].config == b.model_copy(update={"train": a.train})
    assert runs["way-dcgan"].config == b.model_copy(update={"init": a.init})
    assert runs[own[3]].config == b.model_copy(update={"optimizer": a.optimizer})
    (path,) = spec.paths
    assert [(move.added, move.left_out) for move in path.moves] == [
        (own[0], own[2]), (own[1], own[3]), ("b", own[1]),
    ], "without the last setting, the goal is the run before it"  # fmt: skip
    assert path.runs == ("a", own[0], own[1], "b", own[2], own[3])
    assert runs["way+dcgan"].description == "Why."


def test_the_way_back_undoes_each_setting(tmp_path: Path):
    spec = spec_of(tmp_path, "between: {from: b, to: a}")
    (path,) = spec.paths
    assert len(path.moves) == 4
    assert INIT.replace("pytorch → dcgan", "dcgan → pytorch") in [move.words for move in path.moves]
    runs = {run.name: run.config for run in spec.runs}
    (optimizer,) = [move for move in path.moves if "options" in move.words]
    assert runs[optimizer.left_out].optimizer.options == {"nesterov": True}


def test_a_whole_path_comes_with_its_ends(tmp_path: Path):
    spec = spec_of(tmp_path, "group: path, between: {from: a, to: dcgan}")
    assert [run.name for run in spec.select(runs=["way"])] == ["a", "dcgan"], "one setting: no run of its own"
    spec = spec_of(tmp_path, "group: path, between: {from: a, to: b}")
    for chosen in (spec.select(groups=["path"]), spec.select(runs=["way"])):
        assert [run.name for run in chosen][:3] == ["a", "b", "way+dcgan"]
        assert {run.group for run in chosen[2:]} == {"path"}
    assert [run.name for run in spec.select(runs=["way+dcgan"])] == ["way+dcgan"]
    assert spec_of(tmp_path, "between: {from: a, to: b}").runs[-1].group == "other", "the group of its goal"


def test_a_grids_run_may_be_an_end_and_claims_may_name_a_paths_run(tmp_path: Path):
    spec = spec_of(tmp_path, "between: {from: a, to: grid-width8}")
    assert "way+dcgan" in spec.names.runs
    assert "network.width: 64 → 8" in [move.words for move in spec.paths[0].moves]


def test_set_may_leave_no_way(tmp_path: Path):
    between = ", order: [init, optimizer.lr]"
    left = moves_of(tmp_path, between, overrides=["init=dcgan"])
    assert left[0] == LR and INIT not in left
    spec = spec_of(tmp_path, "between: {from: a, to: dcgan, order: [init]}", overrides=["init=dcgan"])
    assert spec.paths == ()


def test_an_end_with_errors_of_its_own_is_not_unknown(tmp_path: Path):
    with pytest.raises(SpecError) as caught:
        spec_of(tmp_path, "between: {from: a, to: b}", overrides=["optimizer.lr=-1"])
    assert str(caught.value) == "--set optimizer.lr=-1: optimizer.lr: must be > 0 (got -1)"


def many(count: int) -> str:
    options = ", ".join(f"o{n}: {n}" for n in range(count))
    return f"between: {{from: a, to: many}}}}\n  many: {{extends: a, optimizer: {{options: {{{options}}}}}"


PLACE = "runs.yaml:9:"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("between: {from: a, to: a}", "'a' and 'a' have the same settings"),
        ("between: {from: a, to: c}", "unknown run 'c'"),
        ("between: {from: way, to: b}", "'way' is (of) a path, and no path can begin or end at one"),
        ("between: {from: a, to: b}}\n  on: {between: {from: way, to: a}", "'way' is (of) a path"),
        ("between: {from: a, to: b}}\n  on: {extends: way", "'way' has a path (`between`); only a single run"),
        ("between: {from: a, to: images}", "its runs differ in data.image_size, and scores on other images"),
        ("init: dcgan, between: {from: a, to: b}", "init: cannot be given beside `between`"),
        ("grid: {init: [dcgan]}, between: {from: a, to: b}", "cannot be given beside `between`"),
        ("extends: a, between: {from: a, to: b}", "cannot be given beside `between`"),
        ("between: {from: a, to: b, order: [optimizer.lrr]}", "did you mean 'optimizer.lr'?: only those that differ"),
        ("between: {from: a, to: b, together: [[init, loss]]}", "unknown setting 'loss'"),
        ("between: {from: a}", "the key 'to' is missing"),
        ("between: {frm: a, to: b}", "unknown key 'frm' — did you mean 'from'?"),
        ("between: b", "must be a mapping"),
        (many(MAX_MOVES + 1), f"differ in {MAX_MOVES + 1} settings, at most {MAX_MOVES} can be"),
    ],
)  # fmt: skip
def test_what_is_no_path_is_refused_with_line_and_reason(tmp_path: Path, entry: str, words: str):
    with pytest.raises(SpecError) as caught:
        spec_of(tmp_path, entry)
    message = str(caught.value)
    assert words in message
    assert PLACE in message or "runs.yaml:10:" in message
