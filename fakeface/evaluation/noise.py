"""Noise against pictures, one image at a time. Needs no network.

Geary, "The Contiguity Ratio and Statistical Mapping", 1954: the mean squared difference of neighbouring pixels, as a
share of what it would be without any order,

    C = mean over neighbours i, j of (xᵢ - xⱼ)² / (2 var(x)),

is 1 for white noise of any contrast and near 0 for smooth pictures. A picture with white noise on top has a C between
its own and 1, in proportion to the noise's share of the variance. (In one dimension this is von Neumann's ratio.)

Luminance (N, H, W) -> one number for each image.
"""

import numpy as np

from fakeface.evaluation.pixels import Array, Images, luminance, to_levels


def geary_c(images: Images) -> Array:
    """Geary's C (N,) of images (N, H, W, C) uint8; 0 for an image of one colour."""
    grey = luminance(images)
    differences = (
        (np.diff(grey, axis=1) ** 2).mean(axis=(1, 2)) + (np.diff(grey, axis=2) ** 2).mean(axis=(1, 2))
    ) / 2
    variance = grey.var(axis=(1, 2))
    ratio: Array = np.divide(differences, 2 * variance, out=np.zeros(len(grey)), where=variance > 0)
    return ratio


def white_noise(images: Images, random: np.random.Generator) -> Images:
    """Uniform noise in the shape of the images (N, H, W, C)."""
    return random.integers(0, 256, images.shape, dtype=np.uint8)


def random_phases(images: Images, random: np.random.Generator) -> Images:
    """The images (N, H, W, C) in grey (N, H, W, 1), each with its own power spectrum and the phases of white noise.

    What is left has the texture of the images and none of their shapes: the surrogates of Theiler et al., "Testing for
    nonlinearity in time series: the method of surrogate data", 1992, in two dimensions.
    """
    power = np.abs(np.fft.rfft2(luminance(images)))
    noise = np.fft.rfft2(random.normal(size=images.shape[:3]))
    phases = noise / np.abs(noise)
    phases[:, 0, 0] = 1  # the mean level stays
    return to_levels(np.fft.irfft2(power * phases, s=images.shape[1:3]))[..., None]
