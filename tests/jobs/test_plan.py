"""Plans refuse what a training cannot be, each problem with its place in the file."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ablations.jobs.plan import LARGEST_WEIGHTS, Job, check_components, make_plan
from ablations.spec import SpecError, load_spec
from fakeface.data import ImageSet, prepare

SPEC = """
name: small
seeds: [0]
runs:
  baseline:
    evaluation: {extractor: inception}
    train: {LENGTH, batch_size: 8}
"""


def plan(folder: Path, *overrides: str, count: int = 20, length: str = "epochs: 2") -> list[Job]:
    """The jobs of one run on `count` images."""
    file = folder / "runs.yaml"
    file.write_text(SPEC.replace("LENGTH", length))
    images = ImageSet(np.zeros((count, 32, 32, 3), dtype=np.uint8), "digest", "folder", "folder", ())
    spec = load_spec(file, overrides=overrides)
    return make_plan(spec, spec.runs, lambda _: images)


def refused(folder: Path, *overrides: str, count: int = 20) -> str:
    with pytest.raises(SpecError) as caught:
        plan(folder, *overrides, count=count)
    return str(caught.value)


def test_epochs_of_less_than_a_batch_are_refused_with_their_place(tmp_path: Path):
    assert plan(tmp_path, count=8)[0].total_steps == 2
    message = refused(tmp_path, count=7)
    assert "runs.yaml:7:" in message and "7 images are less than one batch of 8" in message
    assert "5 images are less" in refused(tmp_path, "data.limit=5")


def test_steps_on_less_than_a_batch_are_noted(tmp_path: Path):
    (job,) = plan(tmp_path, count=7, length="steps: 3")
    assert job.total_steps == 3
    assert job.note == "7 images are drawn with replacement for batches of 8"
    assert plan(tmp_path, count=8, length="steps: 3")[0].note == ""


def test_a_limit_beyond_the_data_is_refused(tmp_path: Path):
    assert "21 images requested, but the data set has 20" in refused(tmp_path, "data.limit=21")


def test_a_setting_that_the_data_set_does_not_use_is_refused_where_it_was_written_for_it(tmp_path: Path):
    unused = "the data set 'folder' does not use it (it uses: path)"
    assert f"--set data.count=5: data.count: {unused}" in refused(
        tmp_path, "data={name: folder, path: x}", "data.count=5"
    )
    assert "data.path: the data set 'synthetic' does not use it (it uses: count)" in refused(
        tmp_path, "data.path=x"
    )
    assert plan(tmp_path, "data={name: celeba, path: null}")
    file = tmp_path / "own.yaml"
    file.write_text(
        "defaults: {data: {name: synthetic, count: 20000}}\nruns:\n  a: {data: {name: folder, path: x}}\n"
        "  b: {extends: a, data: {count: 5}}\n  c: {extends: a, data: synthetic}\n"
    )
    with pytest.raises(SpecError) as caught:
        check_components(load_spec(file).runs)
    assert str(caught.value) == (
        f"{file}:4:33: runs.b.data.count: {unused}: remove it, or set data.name to a data set that does"
    )


def test_a_folder_without_its_path_is_refused_with_its_place(tmp_path: Path):
    message = refused(tmp_path, "data.name=folder")
    assert message.startswith("--set data.name=folder: data.name: the data set 'folder' needs data.path: set")


def test_a_specification_that_moves_with_its_images_keeps_its_identities(tmp_path: Path):
    for name in ("here", "there"):
        (tmp_path / name / "faces").mkdir(parents=True)
        Image.new("RGB", (40, 40), (1, 2, 3)).save(tmp_path / name / "faces/1.png")
        (tmp_path / name / "runs.yaml").write_text(
            "runs: {a: {data: {name: folder, path: faces, image_size: 32}, train: {steps: 2}}}"
        )
    specs = [load_spec(tmp_path / name / "runs.yaml") for name in ("here", "there")]
    jobs = [make_plan(spec, spec.runs, lambda config: prepare(config, tmp_path / "cache")) for spec in specs]
    assert jobs[0][0].identity == jobs[1][0].identity


def test_weights_are_a_regular_file_of_a_sane_size(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", LARGEST_WEIGHTS + 1)
    words = {
        "pipe": "not a file",
        ".": "not a file",
        "/dev/zero": "not a file",
        "gone": "No such file",
        "large": "too many",
    }
    for name, why in words.items():
        assert why in refused(tmp_path, f"evaluation.weights_path={tmp_path / name}")
    (tmp_path / "small").touch()
    assert plan(tmp_path, f"evaluation.weights_path={tmp_path / 'small'}")


def test_a_components_options_are_refused_at_their_line_and_defaults_enter_the_identity(tmp_path: Path):
    message = refused(tmp_path, "init.name=dcgan", "init.options.stdd=0.1", "network.options.width=3")
    assert (
        "--set init.options.stdd=0.1: init.options.stdd: initializer 'dcgan' has no option 'stdd'" in message
    )
    assert (
        "--set network.options.width=3: network.options.width: network 'dcgan' has no option 'width'"
        in message
    )
    assert "--set loss=hing: loss: unknown loss 'hing'" in refused(tmp_path, "loss=hing")
    (default, written, other) = (
        plan(tmp_path, "init=dcgan", *more)[0]
        for more in ([], ["init.options.std=2e-2"], ["init.options.std=0.03"])
    )
    assert default.identity == written.identity != other.identity
    assert other.changed["init.options.std"] == 0.03
