"""The shipped `runs.yaml`, its schema, the choice of runs, YAML 1.2, and files that are garbage."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablations.spec import RunConfig, Spec, SpecError, load_spec, schema
from analysis.claims import KINDS
from analysis.claims.closes import Closes
from analysis.claims.reading import claims_form, claims_of, read_claims
from fakeface.config import TrainingConfig, changed_settings
from fakeface.errors import UserError

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "runs.yaml"


def differences(config: RunConfig, other: RunConfig) -> dict[str, Any]:
    """The identity settings of `config` that `other` has not."""
    here, there = changed_settings(config), changed_settings(other)
    return {key: here.get(key) for key in here.keys() | there.keys() if here.get(key) != there.get(key)}


def test_without_a_selector_the_shipped_file_means_the_reports_four_runs() -> None:
    spec = load_spec(SHIPPED)
    assert (spec.name, spec.profile, spec.seeds) == ("fakeface", "quick", (0, 1, 2))
    assert [run.name for run in spec.select()] == ["baseline", "weight-init", "sgd", "both"]
    assert all(run.description for run in spec.runs)


@pytest.mark.parametrize("profile", ["quick", "standard", "paper"])
def test_each_shipped_run_changes_what_it_says_and_nothing_else(profile: str) -> None:
    runs = {run.name: run.config for run in load_spec(SHIPPED, profile=profile).runs}
    baseline = runs["baseline"]
    optimizer = baseline.optimizer
    assert (optimizer.name, optimizer.lr, optimizer.betas) == ("adam", 2e-4, (0.5, 0.999))
    assert (baseline.init.name, baseline.data.scaling, optimizer.momentum) == ("pytorch", "symmetric", 0)
    init, sgd, unit = {"init.name": "dcgan"}, {"optimizer.name": "sgd"}, {"data.scaling": "unit"}
    expected = {
        "baseline": {},
        "weight-init": init,
        "sgd": sgd,
        "both": init | sgd,
        "unit-range": unit,
        "unit-range-sgd": unit | sgd,
    }
    assert {name: differences(runs[name], baseline) for name in expected} == expected


@pytest.mark.parametrize("profile", ["quick", "standard", "paper"])
def test_each_rung_of_the_shipped_ladder_changes_one_thing_of_its_base(profile: str) -> None:
    spec = load_spec(SHIPPED, profile=profile)
    runs = {run.name: run.config for run in spec.runs}
    # What changes the length of a step comes with the learning rate that suits it.
    own_rate = {"optimizer.name", "optimizer.momentum", "optimizer.clip_norm"}
    for kind in (claim.kind for claim in claims_of(spec)):
        if isinstance(kind, Closes):
            changed = differences(runs[kind.run], runs[kind.origin])
            assert len(changed) == 1 or own_rate & changed.keys(), kind.run


def test_the_shipped_profiles_have_the_sizes_that_the_documents_promise() -> None:
    sizes = {}
    for name in ("quick", "standard", "paper"):
        spec = load_spec(SHIPPED, profile=name)
        config = spec.runs[0].config
        data, train = config.data, config.train
        sizes[name] = (data.name, data.image_size, config.network.width, train.batch_size, len(spec.seeds))
    assert sizes == {
        "quick": ("synthetic", 32, 32, 64, 3),
        "standard": ("lfw", 64, 64, 128, 8),
        "paper": ("celeba", 64, 64, 128, 8),
    }
    assert (load_spec(SHIPPED).runs[0].config.train.steps or 0) <= 400
    assert load_spec(SHIPPED, profile="paper").runs[0].config.train.epochs == 5


def test_no_shipped_run_has_a_setting_written_for_another_optimizer() -> None:
    for run in load_spec(SHIPPED).runs:
        if run.config.optimizer.name == "sgd":
            assert not run.written_for("optimizer.betas", "optimizer.name")


def test_the_training_part_of_a_run_leaves_out_how_it_is_scored() -> None:
    config = load_spec(SHIPPED).runs[1].config
    training = config.training()
    assert type(training) is TrainingConfig
    assert training.model_dump().items() <= config.model_dump().items()
    assert "evaluation" not in training.model_dump()


def test_the_committed_schema_is_the_models_schema() -> None:
    written = (ROOT / "runs.schema.json").read_text(encoding="utf-8")
    assert json.loads(written) == schema(claims_form()), "write it again: ablate schema > runs.schema.json"
    assert SHIPPED.read_text(encoding="utf-8").startswith(
        "# yaml-language-server: $schema=runs.schema.json\n"
    )


def test_every_number_of_a_setting_has_bounds() -> None:
    """Without an upper one, a slip of the pen takes all memory, or a number that no library takes."""
    written = schema(claims_form())["$defs"]
    unbounded = {
        f"{model}.{name}"
        for model in written
        if model.endswith(("Config", "Settings", "Entry", "Size"))
        for name, entry in written[model].get("properties", {}).items()
        for option in [entry, *entry.get("anyOf", [])]
        if option.get("type") in ("integer", "number")
        and not option.keys() & {"maximum", "exclusiveMaximum", "enum", "const"}
    }
    assert unbounded == set()


@pytest.mark.parametrize(
    ("setting", "most"),
    [
        ("network.width", 1024),
        ("network.latent_dim", 10_000),
        ("train.batch_size", 65_536),
        ("train.d_steps", 1000),
    ],
)
def test_a_network_or_batch_that_no_memory_holds_is_refused(setting: str, most: int, tmp_path: Path) -> None:
    path = tmp_path / "runs.yaml"
    path.write_text("runs: {a: {}}\n")
    with pytest.raises(SpecError, match=rf"{setting}: must be <= {most} \(got {10**9}\)"):
        load_spec(path, overrides=[f"{setting}={10**9}"])


def follow(node: Any, definitions: dict[str, Any]) -> Any:
    """What a reference, perhaps beside a short form, refers to."""
    for option in [node, *node.get("anyOf", [])]:
        if "$ref" in option:
            return definitions[option["$ref"].rpartition("/")[2]]
    return node


ENTRIES = ("ClaimEntry", "StudyEntry", "Between", *(KINDS[name].__name__ for name in KINDS))
"""What must say something: a comparison without a run, say, is none."""


def test_the_schema_has_every_setting_optional_documented_and_no_other() -> None:
    document = schema(claims_form())
    definitions = document["$defs"]
    for name, group in definitions.items():
        if "enum" in group:
            continue
        assert group["additionalProperties"] is False, name
        assert name in ENTRIES or "required" not in group, name
        for key, setting in group["properties"].items():
            assert follow(setting, definitions)["description"], f"{name}.{key}"
    assert document["required"] == ["runs"]


def test_the_schema_allows_short_forms_and_empty_runs() -> None:
    document = schema(claims_form())
    (run,) = document["properties"]["runs"]["patternProperties"].values()
    assert {"type": "null"} in run["anyOf"]
    properties = follow(run, document["$defs"])["properties"]
    for key in ("data", "network", "optimizer", "extends"):
        assert properties[key]["anyOf"][0]["type"] == "string"
    assert "anyOf" not in properties["train"]


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    path = tmp_path_factory.mktemp("spec") / "runs.yaml"
    path.write_text("""
        runs:
          a: {}
          sgd: {group: x}
          sgd-long: {}
          t: {group: y, grid: {init: [p, q]}}
    """)
    return load_spec(path)


@pytest.mark.parametrize(
    ("groups", "runs", "names"),
    [
        ((), (), "a sgd-long"),
        (("x",), (), "sgd"),
        (("y", "x"), (), "sgd t-p t-q"),
        ((), ("sgd",), "sgd"),
        ((), ("sgd*",), "sgd sgd-long"),
        ((), ("sgd", "a"), "a sgd"),
        ((), ("t-q",), "t-q"),
        ((), ("t",), "t-p t-q"),
        ((), ("[at]",), "a t-p t-q"),
        (("x",), ("a",), "a sgd"),
    ],
)
def test_runs_are_chosen_by_group_name_grid_or_pattern(
    spec: Spec, groups: tuple[str, ...], runs: tuple[str, ...], names: str
) -> None:
    assert [run.name for run in spec.select(groups, runs)] == names.split()


def test_a_group_comes_with_its_guests_and_a_single_run_does_not(spec: Spec) -> None:
    def guests(names: set[str]) -> set[str]:
        return {"a"} if "sgd" in names else set()

    assert [run.name for run in spec.select(["x"], guests=guests)] == ["a", "sgd"]
    assert [run.name for run in spec.select(runs=["sgd"], guests=guests)] == ["sgd"]


def test_an_unknown_selector_names_the_nearest_or_the_known(spec: Spec) -> None:
    with pytest.raises(UserError) as caught:
        spec.select(["z"], ["sdg", "b*", "a"])
    assert str(caught.value).splitlines() == [
        "--group: unknown group 'z' (known: report, x, y)",
        "unknown run 'sdg' — did you mean 'sgd'?",
        "unknown run 'b*' (known: a, sgd, sgd-long, t-p, t, t-q)",
    ]


def test_without_the_default_group_a_selector_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "runs.yaml"
    path.write_text("runs: {a: {group: x}, b: {group: y}}\n")
    with pytest.raises(UserError, match=r"no group 'report': give --run or --group \(x, y\)"):
        load_spec(path).select()


SCALARS = {
    "2e-4": 2e-4, "1E3": 1e3, "-.5": -0.5, "1.": 1.0, "+1.5e+3": 1500.0,
    "010": 10, "0o10": 8, "0x1F": 31, "-3": -3, "+3": 3,
    "true": True, "FALSE": False,
    "off": "off", "no": "no", "Yes": "Yes", "on": "on", "y": "y",
    "2024-01-01": "2024-01-01", "12:30:45": "12:30:45", "1_000": "1_000", "0b11": "0b11",
    "1e": "1e", "=": "=", "'1'": "1", '"true"': "true", "tRue": "tRue",
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), SCALARS.items(), ids=SCALARS)
def test_a_scalar_means_what_yaml_1_2_says(tmp_path: Path, text: str, value: object) -> None:
    path = tmp_path / "runs.yaml"
    path.write_text(f"runs: {{a: {{optimizer: {{options: {{x: {text}}}}}}}}}\n")
    (run,) = load_spec(path, overrides=[f"optimizer.options.y={text}"]).runs
    options = run.config.optimizer.options
    assert (options["x"], options["y"]) == (value, value)
    assert type(options["x"]) is type(options["y"]) is type(value)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "runs.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: caf\xc3\xa9\r\nruns:\r\n  on:\r\n")
    spec = load_spec(path)
    assert (spec.name, [run.name for run in spec.runs]) == ("café", ["on"])


WORDS = (
    "a b runs extends grid optimizer lr train steps epochs seeds 1 -1 2e-4 .inf null true << *a &a !!x --- %"
)
PIECES = st.sampled_from([*WORDS.split(), "\n  ", "\n    ", ": ", ", ", "- ", *"{}[]'\"#?\t\x00\ud7ff"])
SHIPPED_TEXT = SHIPPED.read_text(encoding="utf-8")


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The shipped file with a few stretches replaced by pieces of YAML."""
    text = SHIPPED_TEXT
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.integers(0, 30))
        text = text[:start] + "".join(draw(st.lists(PIECES, max_size=4))) + text[end:]
    return text


@settings(deadline=None, max_examples=60)
@given(text=mutated() | st.lists(PIECES).map("".join) | st.text())
def test_whatever_the_file_holds_it_loads_or_each_line_says_what_is_wrong(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.yaml"
    path.write_bytes(text.encode("utf-8", "replace"))
    try:
        runs = load_spec(path, check_claims=read_claims).runs
    except SpecError as error:
        lines = str(error).splitlines()
        assert 0 < len(lines) <= 21
        assert all(line.startswith((f"{path}:", "... and ")) for line in lines)
    else:
        assert runs


@settings(deadline=None, max_examples=60)
@given(text=st.lists(PIECES).map("".join) | st.text())
def test_whatever_an_override_holds_it_is_applied_or_an_error_repeats_it(text: str) -> None:
    option = f"optimizer.options.x={text}"
    try:
        (run, *_) = load_spec(SHIPPED, overrides=[option]).runs
    except SpecError as error:
        assert str(error).startswith("--set optimizer.options.x=")
    else:
        assert run.where("optimizer.options.x") is not None


def test_a_span_of_seeds_names_each_of_them() -> None:
    assert load_spec(SHIPPED, seeds="0-2,7").seeds == (0, 1, 2, 7)
