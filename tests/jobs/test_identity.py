"""What makes two trainings the same, and which jobs a change of the code concerns."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import FrameType

import pytest
import torch
from pydantic import Field

from ablations.code.reached import LINKS, changed_since, code_changes, code_digests
from ablations.jobs import identity
from ablations.jobs.components import resolved_settings, scoring_protocols, scoring_roots, training_roots
from ablations.jobs.plan import Job, make_plan
from ablations.jobs.training import way_of
from ablations.spec import RunConfig, load_spec
from fakeface import data
from fakeface.config import (
    TrainConfig,
    TrainingConfig,
    added_later,
    canonical_digest,
    changed_settings,
    settings_of,
)
from fakeface.data import ImageSet
from fakeface.evaluation.measures import MEASURES
from fakeface.gan.optimizers import standard
from fakeface.measures import Better
from fakeface.scores import ScoreKind

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]
STEP, OPTIMIZERS, QUALITY = (
    "fakeface/gan/step.py",
    "fakeface/gan/optimizers/standard.py",
    "fakeface/evaluation/quality.py",
)
EDITS = {
    "nothing": ("fakeface/__init__.py", "", ""),
    "a comment in the step": (STEP, "    loss_g.backward()", "    # why\n    loss_g.backward()"),
    "a docstring of the step": (STEP, '"""Minimise Loss_G', '"""Make small Loss_G'),
    "a type in the step": (STEP, "    real: RealImages,\n    probe:", "    real,\n    probe:"),
    "a new optimizer": (
        OPTIMIZERS,
        '@OPTIMIZERS.register("rmsprop")',
        '@OPTIMIZERS.register("mine")\ndef mine(parameters, *, lr):\n    return optim.SGD(parameters, lr=lr)\n\n\n'
        '@OPTIMIZERS.register("rmsprop")',
    ),
    "a new extractor": (
        "fakeface/evaluation/extractors/inception.py",
        '@EXTRACTORS.register("inception")',
        '@EXTRACTORS.register("mine")\nclass Mine:\n    metric = "fd_mine"\n\n\n@EXTRACTORS.register("inception")',
    ),
    "how overrides are resolved": ("fakeface/config.py", "**common, **own,", "**common,"),
    "a setting of one network": ("fakeface/config.py", "return getattr(self, setting) if own", "return 0 if own"),
    "the number of steps": ("fakeface/config.py", "return self.times * max(1,", "return 2 * self.times * max(1,"),
    "the seed of the images": ("ablations/jobs/training.py", "seed=job.seed,", "seed=job.seed + 1,"),
    "a new setting": ("fakeface/config.py", "    d_steps: ", "    g_steps: int = 1\n    d_steps: "),
    "a line of the step": (STEP, "    loss_g.backward()", "    (2 * loss_g).backward()"),
    "a line of sgd": (OPTIMIZERS, "optim.SGD(parameters, lr=lr,", "optim.SGD(parameters, lr=2 * lr,"),
    "the weights' stream": ("fakeface/randomness.py", 'f"{name}/{seed}/{index}"', 'f"{name}:{seed}:{index}"'),
    "a heading": (QUALITY, 'heading="precision"', 'heading="Precision"'),
    "a line of Scorer.score": ("fakeface/evaluation/scoring.py", "final=final,", "final=bool(final),"),
    "a line of measures.score": ("fakeface/evaluation/measures.py", "values |= measure", "values = values | measure"),
    "a line of a measure": (QUALITY, "return floor_of(reference,", "return 1 * floor_of(reference,"),
    "the spectrum": ("fakeface/evaluation/spectrum.py", "_CHUNK = 512", "_CHUNK = 256"),
}  # fmt: skip
PROBE = """
import json, sys
from pathlib import Path
from ablations.code import reached as code
from ablations.jobs import identity
from ablations.jobs.components import resolved_settings, scoring_protocols, training_roots
from ablations.spec import RunConfig

found = {}
for edit, (file, before, after) in json.loads(sys.stdin.read()).items():
    path = Path(file)
    text = path.read_text()
    assert text != text.replace(before, after) or before == after, f"{edit} must change the source"
    path.write_text(text.replace(before, after))
    code._read.cache_clear()
    code._references.cache_clear()
    configs = {name: RunConfig(optimizer={"name": name}) for name in ("adam", "sgd")}
    codes = {name: code.code_digests(training_roots(config)) for name, config in configs.items()}
    settings = {name: resolved_settings(config, 1_000) for name, config in configs.items()}
    trainings = {name: identity.training_identity(settings[name], 0, "data", codes[name]) for name in codes}
    scoring = {kind: protocol.identity for kind, protocol in scoring_protocols(configs["adam"]).items()}
    found[edit] = {"code": codes, "training": trainings, "scoring": scoring}
    path.write_text(text)
print(json.dumps(found))
"""


def copy_of_sources(folder: Path) -> Path:
    for package in ("fakeface", "ablations"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def probe(folder: Path, edits: dict[str, tuple[str, str, str]]) -> dict:
    """What a process that runs the sources in a folder computes after each edit: code and identities."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)},
        input=json.dumps(edits), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> dict:
    return probe(copy_of_sources(tmp_path_factory.mktemp("sources")), EDITS)


def changes(after: dict, edit: str) -> dict[str, list[str]]:
    """What an edit changes in the code of each optimizer's jobs, in words; the identity must change with it."""
    now, before = after[edit], after["nothing"]
    words = {name: code_changes(now["code"][name], before["code"][name]) for name in ("adam", "sgd")}
    for name in words:
        assert (now["training"][name] != before["training"][name]) == bool(words[name])
    return words


@pytest.mark.parametrize(
    "edit",
    [
        "a comment in the step", "a docstring of the step", "a type in the step", "a new optimizer", "a new extractor",
        "a new setting", "a line of Scorer.score", "a heading",
    ],
)  # fmt: skip
def test_what_changes_no_training_changes_no_digest(edit: str, after: dict):
    assert changes(after, edit) == {"adam": [], "sgd": []}


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ("a line of the step", "train_generator in fakeface/gan/step.py changed"),
        ("the weights' stream", "stream in fakeface/randomness.py changed"),  # two calls below the step
    ],
)
def test_a_line_of_the_step_or_below_changes_every_job_and_is_named(edit: str, words: str, after: dict):
    assert changes(after, edit) == {"adam": [words], "sgd": [words]}


@pytest.mark.parametrize(
    "edit",
    [
        "how overrides are resolved", "a setting of one network",
        "the number of steps", "the seed of the images",
    ],
)  # fmt: skip
def test_a_change_between_the_specification_and_the_weights_changes_every_training(edit: str, after: dict):
    for name in ("adam", "sgd"):
        assert after[edit]["training"][name] != after["nothing"]["training"][name]


@pytest.mark.parametrize(
    ("before", "default"),
    [("lr: LearningRate = 2e-4", "lr: LearningRate = 2e-2"), ('"unit"] = "symmetric"', '"unit"] = "unit"')],
)
def test_a_changed_default_changes_every_training_that_does_not_name_it(
    before: str, default: str, tmp_path: Path, after: dict
):
    folder = copy_of_sources(tmp_path)
    config = folder / "fakeface/config.py"
    config.write_text(config.read_text().replace(before, default))
    now = probe(folder, {"nothing": EDITS["nothing"]})["nothing"]
    for name in ("adam", "sgd"):
        assert now["training"][name] != after["nothing"]["training"][name]


def test_a_line_of_sgd_changes_sgds_jobs_alone(after: dict):
    words = ["sgd in fakeface/gan/optimizers/standard.py changed"]
    assert changes(after, "a line of sgd") == {"adam": [], "sgd": words}


@pytest.mark.parametrize(
    ("edit", "changed"),
    [
        ("a line of Scorer.score", {"evaluation", "curve"}),
        ("a line of measures.score", {"evaluation", "curve"}),
        ("a line of a measure", {"evaluation"}),  # one of the end alone
        ("a heading", set()),
        ("a line of the step", set()),
        ("the spectrum", set()),  # a diagnosis is no score
    ],
)
def test_the_code_that_fills_a_score_is_in_its_identity(edit: str, changed: set[str], after: dict):
    before, now = after["nothing"]["scoring"], after[edit]["scoring"]
    assert {kind for kind in before if now[kind] != before[kind]} == changed


def test_a_new_measure_changes_the_identity_of_the_scores_that_have_it(monkeypatch: pytest.MonkeyPatch):
    def identities() -> list[str]:
        protocols = scoring_protocols(RunConfig())
        return [protocols[kind].identity for kind in ScoreKind]

    before = identities()
    monkeypatch.setattr(MEASURES, "_components", dict(MEASURES._components))

    @MEASURES.register("mine", heading="mine", better=Better.LOWER)
    def mine(samples, reference):
        return samples.features.mean() - reference.drawn.mean()

    registered = identities()
    del MEASURES._components["mine"]
    MEASURES.register("mine", heading="mine", better=Better.LOWER, every_score=True)(mine)
    along = identities()
    assert (registered[0] != before[0], registered[1] == before[1]) == (True, True)
    assert (along[0] == registered[0], along[1] != before[1]) == (True, True)


def test_moving_a_file_changes_no_identity(tmp_path: Path, after: dict):
    """Files that are imported by name, as a module, and that `identity` itself knows."""
    folder = copy_of_sources(tmp_path)
    moves = {
        "randomness": "data.streams", "gan.step": "gan.update", "gan.sampling": "gan.pictures",
        "config": "settings", "errors": "problems", "registry": "components", "gan.series": "logged",
    }  # fmt: skip
    for before, moved in moves.items():
        source, target = (folder / "fakeface" / f"{name.replace('.', '/')}.py" for name in (before, moved))
        source.rename(target)
    for path in folder.rglob("*.py"):
        text = path.read_text()
        for before, moved in moves.items():
            text = text.replace(f"fakeface.{before}", f"fakeface.{moved}")
        text = re.sub(r"(from fakeface.gan import .*)sampling", r"\1pictures", text)
        text = text.replace("from fakeface.gan import series", "from fakeface import logged as series")
        path.write_text(text.replace("sampling.generate", "pictures.generate"))
    now, then = probe(folder, {"nothing": EDITS["nothing"]})["nothing"], after["nothing"]
    for name in ("adam", "sgd"):
        assert "fakeface/gan/update.py:gan_step" in now["code"][name]
        assert code_changes(now["code"][name], then["code"][name]) == []
    assert (now["training"], now["scoring"]) == (then["training"], then["scoring"])


def test_changes_of_code_are_listed_by_name_and_file():
    then = {"a.py:f": "1", "a.py:g": "2", "a.py:h": "3", "b.py:V": "4", "c.py:V": "4"}
    now = {"a.py:f": "9", "moved.py:g": "2", "b.py:V": "4", "d.py:new": "5"}
    assert code_changes(now, then) == [
        "f in a.py changed", "h in a.py is gone", "V in c.py is gone", "new in d.py is new"
    ]  # fmt: skip


def test_only_named_components_are_in_the_code():
    keys = set(code_digests(training_roots(RunConfig(init="dcgan"))))
    assert "fakeface/gan/optimizers/standard.py:adam" in keys
    assert "fakeface/gan/optimizers/standard.py:sgd" not in keys
    assert "fakeface/gan/initializers.py:dcgan" in keys
    beyond = {key for key in keys if key.startswith(("fakeface/evaluation", "ablations"))}
    assert {key.partition(":")[0] for key in beyond} == {"ablations/jobs/training.py"}


ANONYMOUS = lambda x: x  # noqa: E731


@pytest.mark.parametrize("component", [ANONYMOUS, functools.partial(standard.sgd, momentum=0.5)])
def test_a_component_whose_code_cannot_be_seen_is_refused(component: object):
    with pytest.raises(ValueError, match="not defined by `def` or `class`"):
        code_digests([component])


def test_scoring_code_and_training_code_are_apart():
    config = RunConfig()
    training_keys, scoring_keys = (
        set(code_digests(roots(config))) for roots in (training_roots, scoring_roots)
    )
    assert "fakeface/evaluation/frechet.py:frechet_distance" in scoring_keys - training_keys
    assert "fakeface/gan/sampling.py:generate" in scoring_keys - training_keys
    assert "fakeface/gan/step.py:gan_step" not in scoring_keys


def identity_of(num_images: int = 1_000, seed: int = 0, digest: str = "d", **settings: object) -> str:
    config = TrainingConfig.model_validate(settings)
    resolved = resolved_settings(config, num_images)
    return identity.training_identity(resolved, seed, digest, {"fakeface/gan/step.py:gan_step": "0"})


def test_different_settings_seeds_and_data_are_different_trainings():
    trainings = [
        identity_of(), identity_of(seed=1), identity_of(digest="e"), identity_of(optimizer={"lr": 1e-3}),
        identity_of(optimizer={"G": {"lr": 1e-3}}), identity_of(data={"limit": 999}), identity_of(train={"epochs": 6}),
        identity_of(optimizer={"name": "sgd"}), identity_of(optimizer={"name": "sgd", "options": {"nesterov": True}}),
    ]  # fmt: skip
    assert len(set(trainings)) == len(trainings)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"train": {"steps": 12, "times": 2}}, {"train": {"steps": 24}}),
        ({"train": {"epochs": 2, "batch_size": 100}}, {"train": {"steps": 20, "batch_size": 100}}),
        ({"data": {"limit": 1_000}}, {}),
        ({"data": {"limit": 500}}, {"data": {"fraction": 0.5}}),
        ({"optimizer": {"D": {"lr": 2e-4}}}, {}),
        ({"optimizer": {"G": {"lr": 1e-3}, "D": {"lr": 1e-3}}}, {"optimizer": {"lr": 1e-3}}),
        ({"optimizer": {"name": "sgd", "betas": (0.1, 0.2)}}, {"optimizer": {"name": "sgd"}}),
        ({"optimizer": {"name": "sgd", "options": {"nesterov": False}}}, {"optimizer": {"name": "sgd"}}),
    ],
)
def test_two_ways_to_write_a_training_are_one_training(one: dict, other: dict):
    assert identity_of(**one) == identity_of(**other)


def test_a_field_that_is_added_later_changes_an_identity_only_off_its_frozen_value():
    class Younger(TrainConfig):
        g_steps: int = Field(2, json_schema_extra=added_later(1))

    assert settings_of(Younger(g_steps=1)) == settings_of(TrainConfig())
    assert settings_of(Younger()) == {**settings_of(TrainConfig()), "g_steps": 2}


def executed(job: Job, images: ImageSet) -> set[str]:
    """`fakeface/gan/step.py:gan_step`, ... of every function of ours that runs between a job and its weights."""
    seen: set[tuple[str, str]] = set()

    def trace(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if (
            event == "call"
            and frame.f_code.co_name != "<lambda>"
            and path.is_relative_to(ROOT)
            and ".venv" not in path.parts
        ):
            seen.add((path.relative_to(ROOT).as_posix(), frame.f_code.co_qualname.partition(".")[0]))

    begin, take_steps = way_of(job.config)
    sys.setprofile(trace)
    try:
        for _ in take_steps(job, images, begin(job, CPU), CPU):
            pass
    finally:
        sys.setprofile(None)
    return {f"{file}:{name}" for file, name in seen if file.startswith(("fakeface", "ablations"))}


@pytest.mark.parametrize(
    ("optimizer", "loss", "penalty", "seeds"),
    [
        ("adam", "non-saturating", "none", {}),
        ("nsgd", "wasserstein-gp", "r1", {"weights": 3}),
        ("adam", "wasserstein", "gradient", {"noise": 3}),
    ],
)
def test_every_function_that_runs_between_a_job_and_its_weights_is_in_its_code(
    tmp_path: Path, optimizer: str, loss: str, penalty: str, seeds: dict[str, int]
):
    settings = {
        "data": {"count": 40, "image_size": 32, "fraction": 0.5}, "network": {"width": 4, "latent_dim": 8},
        "train": {"steps": 11, "batch_size": 8, "seeds": seeds}, "init": "dcgan",
        "loss": loss, "penalty": penalty,
        "optimizer": {"name": optimizer, "warmup_steps": 2, "D": {"lr": 1e-3}},
    }  # fmt: skip
    path = tmp_path / "runs.yaml"
    path.write_text(json.dumps({"defaults": settings, "runs": {"baseline": {}}}))
    spec = load_spec(path)
    images = data.prepare(spec.runs[0].config.data, tmp_path / "data")
    (job,) = make_plan(spec, spec.runs, lambda config: images)  # noqa: ARG005
    unseen = executed(job, images) - set(job.code)
    assert {key for key in unseen if not key.startswith(tuple(SAID_BY_VALUE))} == set()


SAID_BY_VALUE = ("fakeface/registry.py", "fakeface/errors.py", "fakeface/gan/series.py")
"""What these decide is in the identity as a name or a value."""


def test_where_the_data_lie_and_how_often_to_score_is_no_part_of_the_identity():
    moved = TrainingConfig(data={"name": "folder", "path": "elsewhere", "count": 7})
    assert changed_settings(moved) == {}
    assert changed_settings(RunConfig(evaluation={"curve_samples": 9}).evaluation) == {}


def test_only_what_differs_from_the_defaults_is_named():
    config = TrainingConfig(optimizer={"name": "sgd", "lr": 2e-4, "G": {"lr": 0.1}}, data={"image_size": 32})
    assert changed_settings(config) == {
        "optimizer.name": "sgd",
        "optimizer.G.lr": 0.1,
        "data.image_size": 32,
    }


def test_a_canonical_digest_ignores_the_order_of_keys():
    assert canonical_digest({"a": 1, "b": 2}) == canonical_digest({"b": 2, "a": 1})


def test_what_a_function_imports_itself_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "plugin_of_mine").mkdir()
    (tmp_path / "plugin_of_mine/__init__.py").touch()
    (tmp_path / "plugin_of_mine/steps.py").write_text("def Twice(x):\n    return 2 * x\n")
    (tmp_path / "plugin_of_mine/mine.py").write_text(
        "def Twice():\n    from plugin_of_mine.steps import Twice\n\n    return Twice(1)\n\n\n"
        "def mine():\n    from plugin_of_mine import steps\n\n    return steps.Twice(1)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    from plugin_of_mine import mine

    labels = {"plugin_of_mine/mine.py:mine", "plugin_of_mine/steps.py:Twice"}
    assert set(code_digests([mine.mine])) == {*labels, LINKS}
    assert set(code_digests([mine.Twice])) >= {"plugin_of_mine/mine.py:Twice"}


def test_a_network_is_not_taken_for_an_initializer_of_the_same_name():
    from fakeface.gan.initializers import INITIALIZERS
    from fakeface.gan.networks import NETWORKS

    network = NETWORKS.definition("dcgan")
    then = code_digests([network]) | code_digests([INITIALIZERS["dcgan"]])
    assert changed_since(network, then) == []
    file = "fakeface/gan/networks/dcgan.py"
    moved = {label.replace(file, "fakeface/gan/pairs.py"): digest for label, digest in then.items()}
    assert changed_since(network, moved) == []
    edited = then | {f"{file}:dcgan": "0"}
    assert changed_since(network, edited) == [f"dcgan in {file} changed"]
