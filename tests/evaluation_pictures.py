"""Pictures for the tests of fakeface.evaluation: simple faces, real faces where they are, untrained generators."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fakeface.gan.initializers import INITIALIZERS
from fakeface.gan.networks.dcgan import Generator

FACES = Path(__file__).parents[2] / "shared" / "data" / "faces-10k"
needs_faces = pytest.mark.skipif(not FACES.is_dir(), reason="the shared faces are absent")


def drawn_faces(n, *, size=32, channels=1, seed=0, hairs=8):
    """An oval with eyes and mouth under one of `hairs` kinds of hair, lit and coloured at random: (n, H, W, C)."""
    random = np.random.default_rng(seed)
    y, x = (np.mgrid[:size, :size] + 0.5) / size

    def vary(low, high, shape=(n, 1, 1)):
        return random.uniform(low, high, shape)

    def blob(cx, cy, rx, ry):
        return np.clip(1.5 - ((x - cx) / rx) ** 2 - ((y - cy) / ry) ** 2, 0, 0.5) * 2

    cx, cy, skin = vary(0.42, 0.58), vary(0.5, 0.6), vary(0.45, 0.9)
    kind = random.integers(0, hairs, (n, 1, 1))
    picture = vary(0.1, 0.9) + vary(-0.3, 0.3) * (x - 0.5) + vary(-0.3, 0.3) * (y - 0.5)
    parts = [
        (blob(cx, cy - 0.12, 0.3 + 0.02 * (kind % 4), 0.3 + 0.04 * (kind // 2)), 0.05 + 0.1 * kind),
        (blob(cx, cy, vary(0.2, 0.27), vary(0.28, 0.36)), skin * (1 + vary(-0.8, 0.8) * (x - cx))),
        (blob(cx - 0.09, cy - 0.07, vary(0.03, 0.05), 0.03), vary(0, 0.25)),
        (blob(cx + 0.09, cy - 0.07, vary(0.03, 0.05), 0.03), vary(0, 0.25)),
        (blob(cx, cy + 0.15, vary(0.05, 0.12), vary(0.02, 0.04)), vary(0.1, 0.4)),
    ]
    for mask, value in parts:
        picture = picture + mask * (value - picture)
    coloured = picture[..., None] * vary(0.8, 1.2, (n, 1, 1, channels)) + random.normal(
        0, 0.01, (n, size, size, 1)
    )
    return np.clip(coloured * 255, 0, 255).astype(np.uint8)


def real_faces(n, *, size=32, first=0):
    """Shared faces `first` to `first + n`: (n, H, W, 1)."""
    paths = sorted(FACES.rglob("*.jpg"))[first : first + n]
    pictures = [
        Image.open(path).convert("L").resize((size, size), Image.Resampling.LANCZOS) for path in paths
    ]
    return np.stack([np.asarray(picture) for picture in pictures])[..., None]


def untrained(init, *, training, size=32, channels=1, n=64, gain=1.0):
    """Samples of a DCGAN that never trained; `gain` multiplies the last layer, as a failing training does."""
    generator = Generator(image_size=size, latent_dim=100, width=32, channels=channels)
    random = torch.Generator().manual_seed(0)
    INITIALIZERS[init](generator, random)
    generator.train(training)
    with torch.no_grad():
        last = [p for p in generator.parameters() if p.dim() == 4][-1]
        last.mul_(gain)
        images = generator(torch.randn(n, 100, generator=random))
    return ((images + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()


def random_inception(folder: Path) -> tuple[Path, str]:
    """A file of random weights in the format of Inception's own, and its digest."""
    import torch_fidelity.feature_extractor_inceptionv3 as fidelity

    class Unloaded(fidelity.FeatureExtractorInceptionV3):
        def load_state_dict(self, _):
            pass

    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fidelity, "load_state_dict_from_url", lambda *_, **__: {})
        network = Unloaded("random", ["2048"])
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)  # features of the size of 1, not of rounding errors
    path = folder / "inception.pth"
    torch.save(network.state_dict(), path)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()[:8]
