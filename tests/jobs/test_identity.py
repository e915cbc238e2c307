"""What makes two trainings the same, and who notices a change."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ablations.jobs import identity
from ablations.jobs.identity import code_digests
from ablations.jobs.plan import scoring_roots, training_roots
from ablations.spec import RunConfig
from fakeface.config import TrainingConfig, canonical_digest, identity_settings
from fakeface.gan import optimizers, training

ROOT = Path(__file__).parents[2]
EDITS = {
    "a comment in the step": ("fakeface/gan/training.py", "    loss_g.backward()", "    # why\n    loss_g.backward()"),
    "a docstring of the step": ("fakeface/gan/training.py", '"""Minimise Loss_G', '"""Make small Loss_G'),
    "a type in the step": ("fakeface/gan/training.py", "def gan_step(config: TrainingConfig,", "def gan_step(config,"),
    "a new optimizer": (
        "fakeface/gan/optimizers.py",
        "def accepted_settings(",
        '@OPTIMIZERS.register("mine")\ndef mine(parameters, *, lr):\n    return optim.SGD(parameters, lr=lr)\n\n\n'
        "def accepted_settings(",
    ),
    "a new metric": (
        "fakeface/evaluation/extractors/inception.py",
        '@EXTRACTORS.register("inception")',
        '@EXTRACTORS.register("mine")\nclass Mine:\n    metric = "fd_mine"\n\n\n@EXTRACTORS.register("inception")',
    ),
    "a new setting": ("fakeface/config.py", "    d_steps: Pos", "    g_steps: int = 1\n    d_steps: Pos"),
    "a line of the step": ("fakeface/gan/training.py", "    loss_g.backward()", "    (2 * loss_g).backward()"),
    "a line of sgd": ("fakeface/gan/optimizers.py", "optim.SGD(parameters, lr=lr,", "optim.SGD(parameters, lr=2 * lr,"),
    "the weights' stream": ("fakeface/randomness.py", '"{name}/{seed}/{index}"', '"{name}:{seed}:{index}"'),
}  # fmt: skip
PROBE = """
import sys
from ablations.jobs.identity import code_digests
from ablations.jobs.plan import training_roots
from ablations.spec import RunConfig
for name in ("adam", "sgd"):
    for key, digest in code_digests(training_roots(RunConfig(optimizer={"name": name}))).items():
        print(name, key, digest)
"""


@pytest.fixture(scope="module")
def code_after(tmp_path_factory: pytest.TempPathFactory):
    """The code digests that a fresh process computes after an edit of the sources: {(optimizer, place): digest}."""

    def measure(edit: str | None) -> dict[tuple[str, str], str]:
        folder = tmp_path_factory.mktemp("sources")
        for package in ("fakeface", "ablations"):
            shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        if edit is not None:
            file, before, after = EDITS[edit]
            text = (folder / file).read_text()
            changed = (
                text.replace(before, after)
                if before in text
                else text.replace(before.replace('"', 'f"', 1), after)
            )
            assert changed != text, "the edit must change the source"
            (folder / file).write_text(changed)
        done = subprocess.run(
            [sys.executable, "-c", PROBE], cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        rows = [line.split() for line in done.stdout.splitlines()]
        return {(row[0], row[1]): row[2] for row in rows}

    return measure


@pytest.fixture(scope="module")
def code_before(code_after):
    return code_after(None)


def changed(before: dict, after: dict) -> set[tuple[str, str]]:
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


@pytest.mark.parametrize(
    "edit",
    [
        "a comment in the step",
        "a docstring of the step",
        "a type in the step",
        "a new optimizer",
        "a new metric",
        "a new setting",
    ],
)
def test_what_changes_no_training_changes_no_digest(edit: str, code_before, code_after):
    assert changed(code_before, code_after(edit)) == set()


def test_a_line_of_the_step_changes_every_job_and_is_named(code_before, code_after):
    key = "fakeface/gan/training.py:train_generator"
    assert changed(code_before, code_after("a line of the step")) == {("adam", key), ("sgd", key)}


def test_a_line_of_sgd_changes_sgds_jobs_alone(code_before, code_after):
    assert changed(code_before, code_after("a line of sgd")) == {("sgd", "fakeface/gan/optimizers.py:sgd")}


def test_a_line_two_calls_below_the_step_is_seen(code_before, code_after):
    key = "fakeface/randomness.py:stream"
    assert changed(code_before, code_after("the weights' stream")) == {("adam", key), ("sgd", key)}


def test_only_named_components_are_in_the_code():
    keys = set(code_digests(training_roots(RunConfig(init="dcgan"))))
    assert "fakeface/gan/optimizers.py:adam" in keys
    assert "fakeface/gan/optimizers.py:sgd" not in keys
    assert "fakeface/gan/initializers.py:dcgan" in keys
    assert not {key for key in keys if key.startswith(("fakeface/evaluation", "ablations"))}


ANONYMOUS = lambda x: x  # noqa: E731


@pytest.mark.parametrize("component", [ANONYMOUS, functools.partial(optimizers.sgd, momentum=0.5)])
def test_a_component_whose_code_cannot_be_seen_is_refused(component: object):
    with pytest.raises(ValueError, match="not defined by `def` or `class`"):
        code_digests([component])


def test_scoring_code_and_training_code_are_apart():
    config = RunConfig()
    training_keys, scoring_keys = (
        set(code_digests(roots(config))) for roots in (training_roots, scoring_roots)
    )
    assert "fakeface/evaluation/frechet.py:frechet_distance" in scoring_keys - training_keys
    assert "fakeface/gan/training.py:generate" in scoring_keys - training_keys
    assert "fakeface/gan/training.py:gan_step" not in scoring_keys


def test_different_settings_seeds_data_and_code_are_different_trainings():
    code = code_digests([training.train])
    base = identity.training_identity(TrainingConfig(), 0, "d", code)
    others = [
        identity.training_identity(TrainingConfig(optimizer={"lr": 1e-3}), 0, "d", code),
        identity.training_identity(TrainingConfig(), 1, "d", code),
        identity.training_identity(TrainingConfig(), 0, "e", code),
        identity.training_identity(TrainingConfig(), 0, "d", code_digests([optimizers.sgd])),
    ]
    assert len({base, *others}) == 5
    assert base == identity.training_identity(TrainingConfig(), 0, "d", code)


def test_where_the_data_lie_and_how_often_to_score_is_no_part_of_the_identity():
    moved = TrainingConfig(data={"name": "folder", "path": "elsewhere", "count": 7})
    assert identity_settings(moved) == {}
    assert identity_settings(RunConfig(evaluation={"num_evaluations": 9}).evaluation) == {}


def test_only_what_differs_from_the_defaults_is_named():
    config = TrainingConfig(optimizer={"name": "sgd", "lr": 2e-4, "G": {"lr": 0.1}}, data={"image_size": 32})
    assert identity_settings(config) == {
        "optimizer.name": "sgd",
        "optimizer.G.lr": 0.1,
        "data.image_size": 32,
    }


def test_a_canonical_digest_ignores_the_order_of_keys():
    assert canonical_digest({"a": 1, "b": 2}) == canonical_digest({"b": 2, "a": 1})
