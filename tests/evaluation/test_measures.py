"""fakeface.evaluation.spectrum, .noise and .diversity: the measures that need no network."""

import numpy as np
import pytest

from fakeface.evaluation.diversity import Cells, coverage, divide, pairwise_distance, shape_distance
from fakeface.evaluation.noise import geary_c, random_phases
from fakeface.evaluation.pixels import layouts
from fakeface.evaluation.spectrum import band_excess, radial_spectrum, spectrum_distance
from tests.evaluation_pictures import drawn_faces


def wave(cycles, amplitude, size=32):
    x = np.arange(size) / size
    row = 127.5 + amplitude * np.cos(2 * np.pi * cycles * x)
    return np.rint(np.broadcast_to(row, (4, size, size)))[..., None].astype(np.uint8)


@pytest.mark.parametrize("cycles", [1, 5, 12])
def test_a_wave_has_its_power_in_its_own_ring(cycles):
    assert radial_spectrum(wave(cycles, 100)).argmax() == cycles - 1


def test_twice_the_amplitude_is_6_decibels():
    levels = [radial_spectrum(wave(4, amplitude))[3] for amplitude in (60, 120)]
    assert levels[1] - levels[0] == pytest.approx(20 * np.log10(2), abs=0.05)


def test_a_cosine_has_the_level_of_the_formula():
    # Two of the ring's frequencies have |F|² / (H W)² = (a / 2)² each, the others none.
    size, cycles, amplitude = 32, 4, 100
    k = np.fft.fftfreq(size) * size
    half = np.fft.rfftfreq(size) * size
    in_ring = (np.rint(np.hypot(k[:, None], half[None, :])) == cycles).sum()
    expected = 10 * np.log10((amplitude / 255 / 2) ** 2 / in_ring)
    assert radial_spectrum(wave(cycles, amplitude))[cycles - 1] == pytest.approx(expected, abs=0.1)


def test_white_noise_has_a_flat_spectrum():
    noise = np.random.default_rng(0).integers(0, 256, (200, 32, 32, 1)).astype(np.uint8)
    assert np.ptp(radial_spectrum(noise)) < 0.6


def test_an_empty_picture_has_a_finite_level():
    assert np.isfinite(radial_spectrum(np.zeros((2, 32, 32, 3), np.uint8))).all()


def test_the_spectrum_does_not_depend_on_how_many_images_go_at_once():
    images = drawn_faces(600)
    halves = [10 ** (radial_spectrum(part) / 10) for part in (images[:300], images[300:])]
    np.testing.assert_allclose(10 ** (radial_spectrum(images) / 10), np.mean(halves, axis=0), rtol=1e-9)


def test_grey_and_equal_channels_have_one_spectrum():
    grey = drawn_faces(10)
    np.testing.assert_allclose(radial_spectrum(grey), radial_spectrum(grey.repeat(3, axis=-1)))


def test_the_distance_of_spectra_is_zero_for_one_and_the_difference_for_a_shift():
    spectrum = radial_spectrum(drawn_faces(10))
    assert spectrum_distance(spectrum, spectrum) == 0
    assert spectrum_distance(spectrum - 3, spectrum) == pytest.approx(3)


def test_bands_tell_coarse_from_fine():
    real = np.zeros(16)
    samples = np.r_[np.full(4, -2.0), np.zeros(4), np.full(8, 5.0)]
    assert band_excess(samples, real) == (-2, 5)


def test_pairwise_distance_is_the_mean_over_pairs():
    vectors = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    assert pairwise_distance(vectors) == pytest.approx((1 + 1 + np.sqrt(2)) / 3 / np.sqrt(2))


def test_pixel_noise_on_one_face_is_little_diversity():
    faces = drawn_faces(64)
    noise = np.random.default_rng(0).normal(0, 20, faces.shape)
    noisy = np.clip(faces[:1] + noise, 0, 255).astype(np.uint8)
    assert pairwise_distance(layouts(noisy)) < 0.25 * pairwise_distance(layouts(faces))


def test_shape_distance_is_to_the_nearest_real_image_and_leaves_out_blank_ones():
    real = layouts(drawn_faces(100))
    assert shape_distance(real[:10], real) == pytest.approx(0, abs=1e-6)
    assert shape_distance(-real[:1], real[:1]) == pytest.approx(2, abs=0.05)
    blank = layouts(np.full((3, 32, 32, 1), 90, np.uint8))
    assert shape_distance(np.concatenate([blank, -real[:1]]), real[:1]) == pytest.approx(2, abs=0.05)
    assert shape_distance(blank, real) == 0


def test_coverage_is_the_overlap_with_the_cells_of_real_images():
    real = np.repeat(np.eye(4), 50, axis=0)
    (cells, *_) = divisions = divide(real, np.random.default_rng(0))
    assert len(divisions) == 4
    assert len(cells.centres) == 100
    kinds = Cells(np.eye(4), np.full(4, 0.25))
    assert kinds.shares_of(real[:150]) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    assert coverage(real, [kinds]) == 1
    assert coverage(real[:50], [kinds]) == 0.25
    assert coverage(real[:100], [kinds, Cells(np.eye(4), np.array([0, 0, 0.5, 0.5]))]) == pytest.approx(0.25)


def test_gearys_c_is_1_for_white_noise_and_the_share_of_noise_for_a_mixture():
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (50, 32, 32, 1)).astype(np.uint8)
    assert geary_c(noise) == pytest.approx(1, abs=0.1)
    assert geary_c(noise // 64 + 100) == pytest.approx(1, abs=0.1), "at any contrast"
    slope = np.broadcast_to(np.linspace(60, 190, 32)[:, None, None], (50, 32, 32, 1))
    grain = random.normal(0, slope[0].std(), slope.shape)  # as much noise as picture
    assert geary_c(np.clip(slope + grain, 0, 255).astype(np.uint8)).mean() == pytest.approx(0.5, abs=0.05)
    assert geary_c(np.full((2, 8, 8, 3), 7, np.uint8)).tolist() == [0, 0]


def test_random_phases_leave_the_spectrum_and_no_shape():
    faces = drawn_faces(100)
    shapeless = random_phases(faces, np.random.default_rng(0))
    assert np.abs(radial_spectrum(shapeless) - radial_spectrum(faces)).max() < 1
    real = layouts(faces)
    assert abs(np.mean(np.sum(layouts(shapeless) * real, axis=1)) / 64) < 0.15


def test_layouts_are_cell_means_whatever_the_brightness_and_contrast():
    image = np.zeros((1, 16, 16, 1), np.uint8)
    image[0, :2, :2] = 200
    expected = np.zeros(64)
    expected[0] = 1
    expected = (expected - expected.mean()) / expected.std()
    np.testing.assert_allclose(layouts(image)[0], expected, rtol=0.02)
    np.testing.assert_allclose(layouts(image // 4 + 90), layouts(image), rtol=0.05)
    assert not layouts(np.full((1, 16, 16, 3), 50, np.uint8)).any()
