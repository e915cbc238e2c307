"""`train.seeds`: which of two trainings' draws differ where a stream has a seed of its own."""

import numpy as np
import pytest
import torch

from ablations.jobs.plan import Job, make_plan
from ablations.jobs.training import way_of
from ablations.spec import load_spec
from fakeface import data
from fakeface.config import settings_of
from fakeface.data import ImageSet
from fakeface.gan import step, training

CPU = torch.device("cpu")
SPEC = """\
defaults:
  data: {count: 40, image_size: 32, fraction: 0.5}
  network: {width: 4, latent_dim: 8}
  train: {steps: 1, batch_size: 8}
seeds: [0, 1]
runs:
  together: {}
  weights: {train: {seeds: {data: 0, noise: 0}}}
  data: {train: {seeds: {weights: 0, noise: 0}}}
  noise: {train: {seeds: {weights: 0, data: 0}}}
  none: {train: {seeds: {weights: 0, data: 0, noise: 0}}}
"""


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[tuple[str, int], Job], ImageSet]:
    folder = tmp_path_factory.mktemp("apart")
    (folder / "runs.yaml").write_text(SPEC)
    spec = load_spec(folder / "runs.yaml")
    images = data.prepare(spec.runs[0].config.data, folder / "data")
    jobs = make_plan(spec, spec.runs, lambda config: images)  # noqa: ARG005
    return {(job.run, job.seed): job for job in jobs}, images


def drawn(job: Job, images: ImageSet, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """What a training begins with, sees and draws, by stream."""
    seen = {}

    def first_step(config, state, objective, real, probe):  # noqa: ARG001
        seen["data"] = real.batch(0).numpy()
        seen["noise"] = step.latent_noise("latent", real.seed, 0, 2, 8).numpy()
        raise StopIteration

    monkeypatch.setattr(training, "gan_step", first_step)
    begin, take_steps = way_of(job.config)
    state = begin(job, CPU)
    seen["weights"] = next(state.generator.parameters()).detach().numpy().copy()
    with pytest.raises(RuntimeError):
        next(take_steps(job, images, state, CPU))
    return seen


@pytest.mark.parametrize("run", ["together", "weights", "data", "noise", "none"])
def test_two_seeds_differ_in_the_streams_that_are_not_fixed(planned, run, monkeypatch):
    jobs, images = planned
    first, second = (drawn(jobs[run, seed], images, monkeypatch) for seed in (0, 1))
    differing = {name for name in first if not np.array_equal(first[name], second[name])}
    expected = {"together": {"weights", "data", "noise"}, "none": set()}
    assert differing == expected.get(run, {run})


def test_the_seed_that_is_fixed_is_that_of_the_stream(planned, monkeypatch):
    jobs, images = planned
    plain, fixed = (
        drawn(jobs["together", 0], images, monkeypatch),
        drawn(jobs["data", 1], images, monkeypatch),
    )
    for name in ("weights", "noise"):
        np.testing.assert_array_equal(fixed[name], plain[name])
    np.testing.assert_array_equal(fixed["data"], drawn(jobs["together", 1], images, monkeypatch)["data"])


def test_fixed_seeds_are_other_trainings_and_change_no_identity_where_they_are_not_used(planned):
    jobs, _ = planned
    assert len({job.identity for job in jobs.values()}) == len(jobs)
    assert not [name for name in settings_of(jobs["together", 0].config) if name.startswith("train.seeds")]
    assert not [name for name in jobs["together", 0].code if "apart" in name or "SeparateNoise" in name]
    assert jobs["weights", 0].changed["train.seeds.noise"] == 0
