"""Which setting holds: defaults, profile, what a run extends, its own, its grid, the command's."""

from pathlib import Path

import pytest

from ablations.spec import Run, Spec, load_spec


def spec_of(folder: Path, text: str, **options: object) -> Spec:
    path = folder / "runs.yaml"
    path.write_text(text)
    return load_spec(path, **options)  # type: ignore[arg-type]


def runs_of(folder: Path, text: str, **options: object) -> dict[str, Run]:
    return {run.name: run for run in spec_of(folder, text, **options).runs}


@pytest.mark.parametrize(
    ("layers", "lr"),
    [
        (0, 2e-4),
        (1, 1e-1),
        (2, 1e-2),
        (3, 1e-3),
        (4, 1e-4),
        (5, 1e-5),
        (6, 1e-6),
    ],
    ids=["documented", "defaults", "profile", "ancestor", "own", "grid", "command"],
)
def test_each_layer_wins_over_those_below_it(tmp_path: Path, layers: int, lr: float) -> None:
    optimizer = [f"optimizer: {{lr: 1e-{n}}}" if n <= layers else "" for n in range(6)]
    text = (
        f"defaults: {{{optimizer[1]}}}\n"
        f"profiles: {{p: {{{optimizer[2]}}}}}\n"
        f"runs:\n  base: {{{optimizer[3]}}}\n"
        f"  run: {{extends: base, {optimizer[4]}}}\n".replace(", }", "}")
    )
    if layers >= 5:
        text = text.replace("run: {", "run: {grid: {optimizer.lr: [1e-5]}, ")
    runs = runs_of(tmp_path, text, overrides=["optimizer.lr=1e-6"] if layers >= 6 else [])
    assert list(runs.values())[-1].config.optimizer.lr == lr


def test_a_layer_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    text = """
        defaults: {optimizer: {lr: 3e-4, options: {eps: 1e-7}}, data: folder}
        runs:
          a: {optimizer: {name: sgd, options: {nesterov: true}, G: {lr: 1}}}
          b: {extends: a, optimizer: {G: {momentum: 0.5}, betas: [0, 0.9]}}
    """
    optimizer = runs_of(tmp_path, text)["b"].config.optimizer
    assert (optimizer.name, optimizer.lr, optimizer.betas) == ("sgd", 3e-4, (0.0, 0.9))
    assert optimizer.options == {"eps": 1e-7, "nesterov": True}
    assert (optimizer.G.lr, optimizer.G.momentum, optimizer.D.lr) == (1.0, 0.5, None)


def test_options_go_with_the_component_that_they_were_written_for(tmp_path: Path) -> None:
    text = """
        defaults: {init: {name: dcgan, options: {std: 0.1}}, optimizer: {options: {alpha: 0.9}}}
        runs:
          a: {init: {name: dcgan}, optimizer: rmsprop}
          b: {extends: a, init: pytorch, optimizer: sgd}
          c: {extends: b, init: {name: dcgan, options: {std: 0.3}}}
    """
    configs = {name: run.config for name, run in runs_of(tmp_path, text).items()}
    assert (configs["a"].init.options, configs["a"].optimizer.options) == ({"std": 0.1}, {"alpha": 0.9})
    assert (configs["b"].init.options, configs["b"].optimizer.options) == ({}, {})
    assert configs["c"].init.options == {"std": 0.3}


def test_a_bare_word_is_the_name_of_a_component(tmp_path: Path) -> None:
    text = (
        "defaults: {optimizer: {lr: 1}}\nruns: {a: {optimizer: {name: sgd, G: nsgd}, data: lfw, network: x}}"
    )
    config = runs_of(tmp_path, text)["a"].config
    assert (config.optimizer.name, config.optimizer.lr, config.optimizer.G.name) == ("sgd", 1.0, "nsgd")
    assert (config.data.name, config.network.name) == ("lfw", "x")


def test_of_several_ancestors_the_later_one_wins(tmp_path: Path) -> None:
    text = "runs: {a: {init: x, loss: l}, b: {init: y}, ab: {extends: [a, b]}, ba: {extends: [b, a]}}\n"
    runs = runs_of(tmp_path, text)
    assert (runs["ab"].config.init.name, runs["ab"].config.loss.name) == ("y", "l")
    assert runs["ba"].config.init.name == "x"


def test_a_shared_ancestor_does_not_undo_what_an_earlier_one_changed(tmp_path: Path) -> None:
    text = """
        runs:
          both: {extends: [weights, sgd]}
          sgd: {extends: base, optimizer: sgd}
          weights: {extends: base, init: dcgan}
          base: {init: pytorch, optimizer: adam}
    """
    config = runs_of(tmp_path, text)["both"].config
    assert (config.init.name, config.optimizer.name) == ("dcgan", "sgd")


def test_a_chain_of_a_thousand_runs_is_followed_to_its_end(tmp_path: Path) -> None:
    chain = "".join(f"  r{n}: {{extends: r{n + 1}}}\n" for n in range(1000))
    runs = runs_of(tmp_path, f"runs:\n{chain}  r1000: {{init: dcgan}}\n")
    assert runs["r0"].config.init.name == "dcgan"


@pytest.mark.parametrize(
    ("lower", "higher", "steps", "epochs"),
    [
        ("steps: 10", "epochs: 2", None, 2),
        ("epochs: 2", "steps: 10", 10, None),
        ("epochs: 2", "steps: null", None, 2),
        ("steps: 10", "batch_size: 4", 10, None),
        ("steps: 10", "{steps: null, epochs: 2}", None, 2),
    ],
)
def test_a_higher_layers_length_takes_the_place_of_a_lower_ones(
    tmp_path: Path, lower: str, higher: str, steps: int | None, epochs: int | None
) -> None:
    text = "defaults: {train: {%s}}\nruns: {a: {train: {%s}}}\n"
    train = runs_of(tmp_path, text % (lower, higher.strip("{}")))["a"].config.train
    assert (train.steps, train.epochs) == (steps, epochs)
    option = f"train={{{higher.strip('{}')}}}"
    train = runs_of(tmp_path, text % (lower, ""), overrides=[option])["a"].config.train
    assert (train.steps, train.epochs) == (steps, epochs)


def test_a_group_is_inherited_unless_given_and_a_description_is_not(tmp_path: Path) -> None:
    text = "runs: {a: {}, b: {group: x, description: d}, c: {extends: b}, d: {extends: c, group: y}}\n"
    spec = spec_of(tmp_path, text)
    assert [run.group for run in spec.runs] == ["report", "x", "x", "y"]
    assert [run.description for run in spec.runs] == ["", "d", "", ""]
    assert spec.groups == ("report", "x", "y")


@pytest.mark.parametrize(
    ("grid", "names"),
    [
        ("{optimizer: [adam, sgd], init: [pytorch, dcgan]}", "adam-pytorch adam-dcgan sgd-pytorch sgd-dcgan"),
        ("{optimizer.lr: [2e-2, 1e-3], init: [dcgan]}", "lr2e-2-dcgan lr1e-3-dcgan"),
        ("{optimizer: [adam, {name: sgd, lr: 0.02}]}", "adam sgd-lr0.02"),
        ("{optimizer.name: [sgd]}", "sgd"),
        ("{optimizer.G.name: [sgd], optimizer.D: [adam]}", "G-sgd-D-adam"),
        ("{optimizer.G.lr: [1e-3], optimizer.D.lr: [1e-4]}", "G.lr1e-3-D.lr1e-4"),
        ("{optimizer.betas: [[0.5, 0.9], [0, 0.9]]}", "betas0.5-0.9 betas0-0.9"),
        ("{data.scaling: [unit], tracking.log_model: [false]}", "scaling-unit-log_model-false"),
        ("{data.limit: [~, 500]}", "limit-none limit500"),
        ("{data.path: [a/b c]}", "path-a-b-c"),
    ],
)
def test_a_grid_names_its_runs_by_its_factors(tmp_path: Path, grid: str, names: str) -> None:
    spec = spec_of(tmp_path, f"runs: {{t: {{group: x, grid: {grid}}}}}\n")
    assert [run.name for run in spec.runs] == [f"t-{name}" for name in names.split()]
    assert {(run.entry, run.group) for run in spec.runs} == {("t", "x")}


def test_a_grids_runs_have_every_combination_of_its_values(tmp_path: Path) -> None:
    grid = "{optimizer: [adam, {name: sgd, momentum: 0.9}], train.steps: [1, 2]}"
    runs = runs_of(tmp_path, f"runs: {{t: {{train: {{epochs: 1}}, optimizer: {{lr: 1}}, grid: {grid}}}}}\n")
    found = [
        (c.optimizer.name, c.optimizer.momentum, c.train.steps) for c in (r.config for r in runs.values())
    ]
    assert found == [("adam", 0, 1), ("adam", 0, 2), ("sgd", 0.9, 1), ("sgd", 0.9, 2)]
    assert {run.config.optimizer.lr for run in runs.values()} == {1.0}


PROFILES = "seeds: [7]\nprofiles: {p: {init: a}, q: {init: b, seeds: [1, 2]}}\nruns: {r: {}}\n"


def test_a_profile_is_the_commands_or_the_files_or_the_first(tmp_path: Path) -> None:
    assert spec_of(tmp_path, PROFILES).profile == "p"
    assert spec_of(tmp_path, "profile: q\n" + PROFILES).profile == "q"
    spec = spec_of(tmp_path, "profile: q\n" + PROFILES, profile="p")
    assert (spec.profile, spec.runs[0].config.init.name) == ("p", "a")
    assert spec_of(tmp_path, "runs: {r: {}}\n").profile is None


def test_seeds_are_the_commands_or_the_profiles_or_the_files(tmp_path: Path) -> None:
    assert spec_of(tmp_path, PROFILES).seeds == (7,)
    assert spec_of(tmp_path, PROFILES, profile="q").seeds == (1, 2)
    assert spec_of(tmp_path, PROFILES, profile="q", seeds="5, 0x10").seeds == (5, 16)
    assert spec_of(tmp_path, "runs: {r: {}}\n").seeds == (0,)


def test_an_override_is_read_like_the_file_and_the_last_of_one_setting_wins(tmp_path: Path) -> None:
    options = [
        "optimizer={name: sgd, lr: 1}",
        "optimizer.lr=2e-2",
        "data.path=a=b",
        "data.limit=",
        "network=x",
    ]
    config = runs_of(tmp_path, "runs: {r: {data: {limit: 3}}}\n", overrides=options)["r"].config
    assert (config.optimizer.name, config.optimizer.lr) == ("sgd", 0.02)
    assert (config.data.path, config.data.limit, config.network.name) == (
        str(Path("a=b").absolute()),
        None,
        "x",
    )


def test_a_path_is_relative_to_its_file_and_that_of_an_option_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """
defaults: {data: {path: faces}, evaluation: {weights_path: ../w.pth}}
profiles: {p: {}, q: {data: {path: ./q/}}}
runs: {r: {}, own: {data: {path: /own}}, home: {data: {path: ~/h}}, g: {grid: {data.path: [a, null]}}}
"""
    folder, elsewhere = tmp_path / "lab", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.setenv("HOME", "/home/me")
    for here, name in ((folder, "runs.yaml"), (tmp_path, "lab/runs.yaml"), (elsewhere, "../lab/runs.yaml")):
        (folder / "runs.yaml").write_text(text)
        monkeypatch.chdir(here)
        runs = {run.name: run.config for run in load_spec(Path(name)).runs}
        paths = {name: config.data.path for name, config in runs.items()}
        given = {"r": f"{folder}/faces", "own": "/own", "home": "/home/me/h", "g-path-a": f"{folder}/a"}
        assert paths == {**given, "g-path-none": None}
        assert {config.evaluation.weights_path for config in runs.values()} == {f"{tmp_path}/w.pth"}
        assert load_spec(Path(name), profile="q").runs[0].config.data.path == f"{folder}/q"
        options = ["data.path=faces", "evaluation={weights_path: w.pth}"]
        changed = load_spec(Path(name), overrides=options).runs[0].config
        assert (changed.data.path, changed.evaluation.weights_path) == (f"{here}/faces", f"{here}/w.pth")


def test_where_a_setting_was_written_is_known_of_every_layer(tmp_path: Path) -> None:
    text = (
        "defaults: {init: x, optimizer: {lr: 2}}\n"
        "runs:\n  a: {optimizer: sgd}\n  b: {extends: a, grid: {loss: [l]}}\n"
    )
    runs = runs_of(tmp_path, text, overrides=["optimizer.lr=1"])
    run, source = runs["b-l"], tmp_path / "runs.yaml"
    assert str(run.where("init")) == f"{source}:1:18: defaults.init"
    assert str(run.where("optimizer.name")) == f"{source}:3:18: runs.a.optimizer"
    assert str(run.problem("loss", "bad")) == f"{source}:4:33: runs.b.grid.loss[0]: bad"
    assert str(run.problem("optimizer.lr", "bad")) == "--set optimizer.lr=1: optimizer.lr: bad"
    assert run.where("optimizer") == run.where("optimizer.lr")
    assert run.where("data.name") is None
    assert str(run.problem("data.name", "bad")) == f"{source}:4:3: runs.b: data.name: bad"


def test_a_setting_is_written_for_a_component_if_given_with_it_or_above_it(tmp_path: Path) -> None:
    text = """
        defaults: {optimizer: {betas: [0, 0.9]}}
        runs:
          a: {optimizer: {name: adam, lr: 1}}
          b: {extends: a, optimizer: {name: sgd, momentum: 0.9}}
          c: {optimizer: {momentum: 0.9}}
    """
    runs = runs_of(tmp_path, text)
    keys = ("betas", "lr", "momentum", "options")
    written = {
        name: [key for key in keys if run.written_for(f"optimizer.{key}", "optimizer.name")]
        for name, run in runs.items()
    }
    assert written == {"a": ["lr"], "b": ["momentum"], "c": ["betas", "momentum"]}
