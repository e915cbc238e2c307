"""`make bench-gpu`: all that a CPU cannot show, in one call. Needs torch, numpy and pydantic, no mlflow or optuna.

1. The CUDA path is right: the same losses as the CPU's over the first steps, and the same samples.
2. How fast it is: images per second at 64x64, ours and the report's loop by turns.
"""

import sys

import numpy as np
import torch

from benchmarks.steps import PRECISIONS, bench_step, real_images, setting
from fakeface.gan import sampling, training
from fakeface.gan.step import GanState
from fakeface.randomness import latent_noise

STEPS = 20
TOLERANCE = 2e-2
"""Relative difference of the losses that rounding may make in STEPS steps; a wrong step makes far more."""


def losses(device: torch.device) -> tuple[np.ndarray, np.ndarray]:
    """(Loss_D and Loss_G of the first steps, a few samples) in full float32 precision."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    config = setting(64)
    state = GanState.create(config, 0, device)
    (block,) = training.train(config, state, real_images(config, device), STEPS, block_seconds=1e9)
    samples = sampling.generate(state.generator, latent_noise("samples", 0, 0, 16, config.network.latent_dim))
    return np.stack([block.metrics["Loss_D"], block.metrics["Loss_G"]]), samples


def main() -> None:
    if not torch.cuda.is_available():
        sys.exit("no CUDA device here")
    device = torch.device("cuda", 0)
    print(torch.cuda.get_device_name(device), torch.__version__)
    (on_cpu, cpu_samples), (on_gpu, gpu_samples) = losses(torch.device("cpu")), losses(device)
    worst = float(np.max(np.abs(on_gpu - on_cpu) / np.abs(on_cpu)))
    levels = float(np.mean(np.abs(gpu_samples.astype(int) - cpu_samples.astype(int))))
    print(
        f"losses of {STEPS} steps: CUDA within {worst:.1e} of the CPU; samples within {levels:.2f} levels on average"
    )
    for precision in PRECISIONS:
        print(bench_step(setting(64, width=64, batch=128, precision=precision), 200, device))
    if worst > TOLERANCE:
        sys.exit(f"the CUDA path computes something else: {worst:.1e} > {TOLERANCE}")


if __name__ == "__main__":
    main()
