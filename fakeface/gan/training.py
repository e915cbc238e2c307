"""The training loop around the GAN step. Writes nothing: `train` yields blocks of steps with their measurements."""

import time
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fakeface.config import TrainingConfig
from fakeface.gan.batches import RealImages
from fakeface.gan.objective import Objective
from fakeface.gan.probe import Probe
from fakeface.gan.series import PROBE_SERIES, STEP_SERIES
from fakeface.gan.step import GanState, gan_step
from fakeface.randomness import stream

PROBE_EVERY = 10
"""Steps between two probes of gradient norms and update-to-weight ratios: each copies every weight once."""


@dataclass(frozen=True)
class Block:
    """Some consecutive steps, with what was measured in them.

    `metrics[name]` has shape (len(steps),); `probes[name]` has shape (len(probe_steps),).
    """

    steps: range
    metrics: dict[str, NDArray[np.float64]]
    probe_steps: list[int]
    probes: dict[str, NDArray[np.float64]]
    seconds: float
    diverged_at: int | None
    """First step with a non-finite loss or weight; the training ends there."""


def train(
    config: TrainingConfig,
    state: GanState,
    real: RealImages,
    total_steps: int,
    *,
    pauses: Container[int] = (),
    block_steps: int = 100,
    block_seconds: float = 1.0,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Block]:
    """Train `state` in place up to `total_steps`, yielding what was measured.

    The caller may use the networks between two blocks but must not change them. A block ends at each step in `pauses`,
    after `block_steps` or `block_seconds`, when `stop()` returns True (the generator then returns) or at a divergence.
    Where blocks end changes no weight. Metrics stay on the device within a block, so no step waits for the host.
    """
    objective = Objective.of(config)
    # Without a cache, which would keep D's weights of before its step for G's half.
    autocast = torch.autocast(
        real.device.type, torch.bfloat16, enabled=config.train.precision == "bfloat16", cache_enabled=False
    )
    if (
        state.step == 0
    ):  # for components that draw from torch's own generators; a checkpoint keeps their state
        torch.manual_seed(stream("components", real.seed).initial_seed())
    while state.step < total_steps:
        first, started = state.step + 1, time.perf_counter()
        rows: list[Tensor] = []
        probes: dict[int, Tensor] = {}
        while True:
            probe = (
                Probe(state.generator, state.discriminator) if (state.step + 1) % PROBE_EVERY == 0 else None
            )
            with autocast:
                rows.append(gan_step(config, state, objective, real, probe))
            if probe is not None:
                probes[state.step] = probe.measure()
            stopping = stop()
            full = len(rows) >= block_steps or time.perf_counter() - started > block_seconds
            if stopping or full or state.step in pauses or state.step >= total_steps:
                break
        block = _block(state, first, rows, probes, started, last=state.step >= total_steps)
        yield block
        if stopping or block.diverged_at is not None:
            return


def _block(
    state: GanState, first: int, rows: list[Tensor], probes: dict[int, Tensor], started: float, *, last: bool
) -> Block:
    """Copy a block's measurements to the host, up to the first step with a non-finite loss.

    A weight that is not finite makes the next step's losses non-finite, so the weights are checked after the last step
    only.
    """
    table = torch.stack(rows).cpu().double().numpy()
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    diverged_at = first + int(bad[0]) if len(bad) else None
    if diverged_at is None and last and not _weights_finite(state):
        diverged_at = state.step
    end = state.step if diverged_at is None else diverged_at
    kept = {step: values for step, values in probes.items() if step <= end}
    probed = torch.stack(list(kept.values())).cpu().double().numpy() if kept else np.empty((0, 4))
    return Block(
        steps=range(first, end + 1),
        metrics={name: table[: end + 1 - first, column] for column, name in enumerate(STEP_SERIES)},
        probe_steps=list(kept),
        probes={name: probed[:, column] for column, name in enumerate(PROBE_SERIES)},
        seconds=(time.perf_counter() - started) * (end + 1 - first) / len(rows),
        diverged_at=diverged_at,
    )


def _weights_finite(state: GanState) -> bool:
    """Whether every weight and statistic is finite."""
    tensors = [tensor for network in state.networks for tensor in network.state_dict().values()]
    return bool(torch.stack([tensor.isfinite().all() for tensor in tensors]).all().item())
