"""fakeface.evaluation.diagnosis: the right word on every case made by hand."""

import numpy as np
import pytest
import scipy.ndimage

from fakeface.data import ImageSet
from fakeface.errors import UserError
from fakeface.evaluation.calibration import real_statistics, real_statistics_of
from fakeface.evaluation.diagnosis import diagnose_samples, onset_of
from fakeface.evaluation.noise import geary_c
from tests.evaluation_pictures import drawn_faces, needs_faces, real_faces, untrained

SETS = [
    "drawn-32-grey",
    "drawn-32-colour",
    "drawn-64-colour",
    pytest.param("faces", marks=[pytest.mark.faces, needs_faces]),
]
N = 64


@pytest.fixture(scope="module", params=SETS)
def pictures(request):
    """Real images, 500 or more, the last 64 of which are kept from the reference."""
    if request.param == "faces":
        return real_faces(600)
    _, size, colour = request.param.split("-")
    return drawn_faces(600, size=int(size), channels=3 if colour == "colour" else 1)


@pytest.fixture(scope="module")
def real(pictures):
    return real_statistics(pictures[:-N], N)


@pytest.fixture
def random():
    return np.random.default_rng(3)


def to_uint8(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def like(pictures):
    return (N, *pictures.shape[1:])


def test_real_images_are_healthy(pictures, real):
    found = diagnose_samples(pictures[-N:], real)
    assert found.label == "healthy", found
    assert "blurred" not in found.evidence


ALIKE = {
    "one": np.zeros((1, 32, 32, 3), dtype=np.uint8),
    "black": np.zeros((20, 32, 32, 3), dtype=np.uint8),
    "the same": np.repeat(
        np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8), 20, axis=0
    ),
    "one colour each": np.full((20, 32, 32, 1), np.arange(20)[:, None, None, None], dtype=np.uint8),
}


@pytest.mark.parametrize("case", ALIKE)
def test_real_images_that_do_not_differ_are_refused_with_their_source(case):
    images = ImageSet(ALIKE[case], "digest", "folder", "folder /data/faces", ())
    with pytest.raises(UserError, match=r"folder /data/faces: .*(at least 2 images|at least two different)"):
        real_statistics_of(images)


@pytest.mark.parametrize("count", [2, 3, 8, 32])
def test_real_images_are_healthy_and_noise_is_noise_however_few_the_real_ones_are(count, pictures, random):
    real = real_statistics(pictures[:count], N)
    assert diagnose_samples(pictures[-N:], real).label == "healthy"
    assert diagnose_samples(pictures[random.integers(0, count, N)], real).label == "healthy", (
        "learned by heart"
    )
    assert diagnose_samples(random.integers(0, 256, like(pictures)).astype(np.uint8), real).label == "noise"


def test_the_number_of_samples_may_be_small(pictures):
    assert diagnose_samples(pictures[-8:], real_statistics(pictures[:-8], 8)).label == "healthy"


@pytest.mark.parametrize("sigma", [1, 2])
def test_blurred_real_images_are_healthy_and_said_to_be_blurred(sigma, pictures, real):
    found = diagnose_samples(scipy.ndimage.gaussian_filter(pictures[-N:], (0, sigma, sigma, 0)), real)
    assert found.label == "healthy", found
    assert "blurred" in found.evidence


def test_slightly_grainy_real_images_are_healthy(pictures, real, random):
    grainy = to_uint8(pictures[-N:] + random.normal(0, 8, like(pictures)))
    assert diagnose_samples(grainy, real).label == "healthy"


@pytest.mark.parametrize(("low", "high"), [(0, 256), (122, 133), (126, 129)], ids=["full", "±5", "±1"])
def test_uniform_pixel_noise_is_noise_at_any_contrast(low, high, pictures, real, random):
    found = diagnose_samples(random.integers(low, high, like(pictures)).astype(np.uint8), real)
    assert found.label == "noise", found
    assert ("texture without shapes" if high == 256 else "has not left zero") in found.evidence


@pytest.mark.parametrize(("share", "label"), [(0.1, "healthy"), (0.5, "noise")])
def test_samples_of_which_many_are_noise_are_noise(share, label, pictures, real, random):
    some = pictures[-N:].copy()
    some[: int(share * N)] = random.integers(0, 256, some[: int(share * N)].shape)
    found = diagnose_samples(some, real)
    assert found.label == label, found
    assert found.values["noise_share"] == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("init", ["pytorch", "dcgan"])
@pytest.mark.parametrize("training", [True, False], ids=["train-mode", "eval-mode"])
@pytest.mark.parametrize("gain", [1.0, 10.0, 40.0])
def test_an_untrained_generator_makes_noise(init, training, gain, pictures, real):
    size, channels = pictures.shape[1], pictures.shape[3]
    samples = untrained(init, training=training, size=size, channels=channels, gain=gain)
    found = diagnose_samples(samples, real)
    assert found.label == "noise", found


# Blobs of a third of a face (sigma 4) are as near to real faces as early trainings are.
@pytest.mark.parametrize("sigma", [1, 2])
def test_smooth_random_shapes_are_noise(sigma, pictures, real, random):
    smooth = scipy.ndimage.gaussian_filter(random.normal(size=like(pictures)), (0, sigma, sigma, 0))
    found = diagnose_samples(to_uint8(127 + smooth / smooth.std() * 50), real)
    assert found.label == "noise", found
    assert "shapes unlike" in found.evidence


def test_blank_mid_grey_is_noise(pictures, real):
    found = diagnose_samples(np.full(like(pictures), 128, np.uint8), real)
    assert found.label == "noise"
    assert "has not left zero" in found.evidence


@pytest.mark.parametrize("level", [0, 255])
def test_all_black_or_all_white_is_one_repeated_image(level, pictures, real):
    found = diagnose_samples(np.full(like(pictures), level, np.uint8), real)
    assert found.label == "collapsed"
    assert "one repeated image" in found.evidence


@pytest.mark.parametrize("count", [1, 2, 10])
@pytest.mark.parametrize("jitter", [0, 3])
def test_a_few_repeated_images_are_a_collapse(count, jitter, pictures, real, random):
    chosen = pictures[-N:][random.integers(0, count, N)]
    found = diagnose_samples(to_uint8(chosen + random.normal(0, jitter, like(pictures))), real)
    assert found.label == "collapsed", found
    assert "differ from each other only" in found.evidence or "cover only" in found.evidence


def test_ten_images_repeated_with_shifts_by_a_pixel_are_a_collapse(pictures, random):
    chosen = pictures[-N:][random.integers(0, 10, 256)]
    shifted = np.stack([np.roll(image, random.integers(-1, 2, 2), (0, 1)) for image in chosen])
    assert diagnose_samples(shifted, real_statistics(pictures[:-N])).label == "collapsed"


def test_twins_among_the_real_images_do_not_count_against_the_samples(random):
    few = drawn_faces(20)
    repeated = few[random.integers(0, 20, 600)]
    assert diagnose_samples(repeated[-N:], real_statistics(repeated[:-N], N)).label == "healthy"


def test_samples_of_one_class_are_a_collapse_though_no_two_are_alike():
    hairs = np.concatenate([drawn_faces(300, hairs=1), 255 - drawn_faces(300, seed=1)])
    real = real_statistics(np.concatenate([hairs, stripes(2400)]), N)
    found = diagnose_samples(drawn_faces(N, seed=2, hairs=1), real)
    assert found.label == "collapsed", found
    assert found.values["diversity"] > 0.5


def stripes(n):
    """Stripes of any direction: (n, 32, 32, 1)."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32] / 32
    angle, cycles, phase = (random.uniform(0, end, (n, 1, 1)) for end in (np.pi, 3, 2 * np.pi))
    wave = np.cos(2 * np.pi * (1 + cycles) * (x * np.cos(angle) + y * np.sin(angle)) + phase)
    return to_uint8(127 + 60 * wave)[..., None]


def test_very_smooth_pictures_with_faint_noise_are_healthy(random):
    smooth = to_uint8(127 + 30 * np.repeat(np.sin(np.linspace(0, 3, 32)), 32).reshape(32, 32, 1))
    faint = np.stack([np.rot90(smooth, k) for k in range(4)])[random.integers(0, 4, 300)] // 2
    faint = faint + random.integers(0, 120, (300, 1, 1, 1)).astype(np.uint8)
    noisy = to_uint8(faint[-N:] + random.normal(0, 2, (N, 32, 32, 1)))
    assert diagnose_samples(noisy, real_statistics(faint[:-N], N)).label == "healthy"


def test_saturated_pictures_are_healthy_and_said_to_be_saturated(pictures, real):
    found = diagnose_samples(to_uint8(127.5 + 4 * (pictures[-N:] - 127.5)), real)
    assert found.label == "healthy", found
    assert "saturated" in found.evidence


def test_where_the_real_images_are_noise_noise_is_no_failure(random):
    noise = random.integers(0, 256, (300, 32, 32, 1)).astype(np.uint8)
    found = diagnose_samples(noise[:N], real_statistics(noise[N:], N))
    assert found.label == "healthy" and "noise is not told apart" in found.evidence


def test_samples_of_another_size_or_number_are_refused():
    real = real_statistics(drawn_faces(70), 4)
    with pytest.raises(UserError, match="64 pixels cannot be compared with real images of 32"):
        diagnose_samples(drawn_faces(4, size=64), real)
    with pytest.raises(UserError, match="at least 2 images"):
        diagnose_samples(drawn_faces(1), real)
    with pytest.raises(UserError, match="5 samples cannot be judged by limits for 4"):
        diagnose_samples(drawn_faces(5), real)


def test_the_onset_is_the_first_step_from_which_the_last_label_holds():
    labels = [(0, "noise"), (10, "healthy"), (20, "noise"), (50, "healthy"), (100, "healthy")]
    assert onset_of(labels) == 50
    assert onset_of([(0, "noise"), (5, "noise")]) == 0
    assert onset_of([(0, "noise"), (5, "healthy")]) == 5
    with pytest.raises(ValueError, match="no labels"):
        onset_of([])


def test_limits_are_beyond_what_real_images_have():
    real = real_statistics(drawn_faces(300), N)
    assert real.spectrum.shape == (16,) and real.layouts.shape == (300, 64)
    assert np.quantile(geary_c(drawn_faces(300)), 0.99) < real.limits.noise < 1
    assert 0 < real.limits.diversity <= 0.5 and 0 < real.limits.coverage <= 0.5
    assert real.limits.shape_distance >= 1.6
    assert real_statistics(drawn_faces(300), N).limits == real.limits, "the same at every call"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((1, 32, 32, 1), np.uint8), "at least 2 images"),
        (np.zeros((4, 32, 24, 1), np.uint8), "square"),
        (np.zeros((4, 30, 30, 1), np.uint8), "multiple of 8"),
    ],
)
def test_images_that_cannot_be_compared_with_are_refused(bad, message):
    with pytest.raises(UserError, match=message):
        real_statistics(bad)
