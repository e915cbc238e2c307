"""Radial power spectrum of pictures, and its distance from that of real images. Needs no network.

Durall et al., "Watch your Up-Convolution", 2020 (arXiv 2003.01826) and Dzanic et al., "Fourier Spectrum
Discrepancies in Deep Network Generated Images", 2020 (arXiv 1911.06465): generators that upsample have the wrong power
at high frequencies; noise has equal power at all frequencies, pictures fall off as about 1/f².

    P(r) = mean over images and over the ring round(|k|) = r of |F(k)|² / (H W)²,   r = 1 .. H/2

F is the Fourier transform of the luminance in [0, 1] less its mean; r is in cycles per image width. The level
is 10 log10(P + q) in decibels, q being the power that rounding to 256 levels puts into each frequency: an
empty picture has a finite level, and what is below q does not count.

Images (N, H, W, C) uint8 -> (H/2,) decibels.
"""

import numpy as np
import numpy.typing as npt

from fakeface.evaluation.pixels import Array, Images, luminance

_CHUNK = 512


def radial_spectrum(images: Images) -> Array:
    """Levels (H/2,) in dB at 1 .. H/2 cycles per image width, of the power averaged over images and rings."""
    n, height, width, _ = images.shape
    power = np.zeros((height, width // 2 + 1))
    for start in range(0, n, _CHUNK):
        grey = luminance(images[start : start + _CHUNK])
        grey -= grey.mean(axis=(1, 2), keepdims=True)
        power += (np.abs(np.fft.rfft2(grey)) ** 2).sum(axis=0)
    power /= n * (height * width) ** 2
    rings = _rings(height, width)
    radii = slice(1, height // 2 + 1)
    mean_power = (np.bincount(rings, power.ravel()) / np.bincount(rings))[radii]
    rounding = 1 / (12 * 255**2) / (height * width)
    levels: Array = 10 * np.log10(mean_power + rounding)
    return levels


def spectrum_distance(samples: Array, real: Array) -> float:
    """Root mean square difference of two spectra (H/2,) over their radii, in dB. 0: equal; noise: above 10."""
    return float(np.sqrt(np.mean((samples - real) ** 2)))


def band_excess(samples: Array, real: Array) -> tuple[float, float]:
    """The samples' level above the real one in dB, at coarse (to H/8) and at fine (from H/4) frequencies."""
    excess = samples - real
    quarter = max(1, len(excess) // 4)
    return float(excess[:quarter].mean()), float(excess[len(excess) // 2 :].mean())


def _rings(height: int, width: int) -> npt.NDArray[np.int64]:
    """The ring of each entry of an rfft2, flattened."""
    ky = np.fft.fftfreq(height) * height
    kx = np.fft.rfftfreq(width) * width
    rings: npt.NDArray[np.int64] = np.rint(np.hypot(ky[:, None], kx[None, :])).astype(np.int64).ravel()
    return rings
