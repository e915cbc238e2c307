"""The moving average of G: its formula, what it leaves alone, and resume."""

from pathlib import Path

import torch

from ablations.jobs.components import resolved_settings
from fakeface.config import TrainingConfig
from fakeface.gan import training
from fakeface.gan.step import GanState
from tests.gan.test_training import CPU, digest, real_images, run, saved_and_resumed, tiny


def averaged(decay: float) -> TrainingConfig:
    return tiny(train={"batch_size": 8, "ema_decay": decay})


def test_the_average_is_the_weighted_sum_of_all_states_of_g():
    config, decay = averaged(0.75), 0.75
    state = GanState.create(config, 0, CPU)
    expected = {name: tensor.double().clone() for name, tensor in state.generator.state_dict().items()}
    for _ in training.train(config, state, real_images(config), 4, block_steps=1):
        now = state.generator.state_dict()
        expected = {name: decay * tensor + (1 - decay) * now[name] for name, tensor in expected.items()}
    assert state.average is state.sampler
    for name, tensor in state.average.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor.double(), expected[name], rtol=1e-5, atol=1e-7)
        else:
            assert tensor == 4, "counts are copied"


def test_averaging_changes_neither_network_and_is_off_by_default():
    without, config = run(tiny(), 4)[0], averaged(0.9)
    with_average = run(config, 4)[0]
    assert digest(without) == digest(with_average)
    assert without.average is None
    assert without.sampler is without.generator
    settings, usual = resolved_settings(config, 40), resolved_settings(tiny(), 40)
    assert {k: v for k, v in settings.items() if usual.get(k) != v} == {"train.ema_decay": 0.9}


def test_the_average_resumes_with_the_same_bits(tmp_path: Path):
    config = averaged(0.5)
    whole, resumed = run(config, 5)[0], saved_and_resumed(config, tmp_path / "c.pt", 2, 5)
    now, then = (state.average.state_dict() for state in (resumed, whole))
    assert all(torch.equal(now[name], then[name]) for name in then)
