"""InceptionV3 in its FID port: the one extractor whose Fréchet distance is called `fid`.

Heusel et al., 2017 (arXiv 1706.08500): the 2,048 pooled features of the Inception network of 2015-12-05, here
in torch-fidelity's port, which agrees with the original TensorFlow graph.

(B, 3, H, W) uint8 -> bilinear as in TensorFlow 1, 299x299 -> (x - 128) / 128 -> (B, 2048).
"""

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from fakeface.errors import UserError
from fakeface.evaluation.extractors._base import EXTRACTORS, Extractor, read_weights
from fakeface.evaluation.measures import FID


@EXTRACTORS.register("inception")
class Inception(Extractor):
    """torch-fidelity's InceptionV3. Its weights (91 MB) are downloaded once, or read from `weights_path`."""

    name = "inception"
    metric = FID
    dimension = 2048
    weights_sha256 = "6726825d"
    protocol: ClassVar[dict[str, Any]] = {
        "extractor": "inception-v3-compat",
        "weights": weights_sha256,
        "input_size": 299,
        "resize": "bilinear of TensorFlow 1, not antialiased",
        "values": "(x - 128) / 128",
        "layer": "pool3",
        "dimension": dimension,
    }

    @classmethod
    def weights_file(cls, weights_path: str | None) -> Path:
        """The given file, or the one in torch's download cache."""
        from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

        if weights_path is not None:
            return Path(weights_path)
        return Path(torch.hub.get_dir()) / "checkpoints" / Path(URL_INCEPTION_V3).name

    def __init__(self, weights_path: str | None = None, device: str | torch.device = "cpu") -> None:
        super().__init__(weights_path, device)
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        path = self.weights_file(weights_path)
        if weights_path is None and not path.exists():
            _download(path, self.weights_sha256)
        try:
            # torch-fidelity unpickles the file, so it must contain nothing but tensors.
            read_weights(path, self.weights_sha256)
        except UserError as error:
            raise UserError(f"{error}\n{_ways_out()}") from error
        network = FeatureExtractorInceptionV3(
            "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(path)
        )
        self._network = network.to(self.device).to(memory_format=torch.channels_last)

    def _forward(self, pixels: Tensor) -> Tensor:
        features: tuple[Tensor] = self._network(pixels.expand(-1, 3, -1, -1))
        return features[0]


def _download(path: Path, sha256_prefix: str) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(URL_INCEPTION_V3, str(path), sha256_prefix, progress=False)
    except (OSError, RuntimeError) as error:  # no network; a file of the wrong digest
        raise UserError(
            f"the extractor 'inception' could not download its weights: {error}\n{_ways_out()}"
        ) from error


def _ways_out() -> str:
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    return (
        f"Either fetch {URL_INCEPTION_V3} on another machine, and name the file in evaluation.weights_path;\n"
        "or set evaluation.extractor to 'efficientnet-lite0': it works offline (its distance is not an FID)."
    )
