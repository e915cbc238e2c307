"""What the numbers of one score are called. Imports no torch: who reads journals knows them too."""

from dataclasses import dataclass


@dataclass(frozen=True)
class QualityNames:
    """A Fréchet distance and the numbers beside it, each under a name that tells in whose features it was measured."""

    distance: str
    """The metric's registered name."""
    low: str
    """Lower end of the 95% interval of the distance's sampling noise."""
    high: str
    """Upper end."""
    infinity: str
    """The distance extrapolated to infinitely many samples."""
    infinity_error: str
    """Its standard error."""
    kernel: str
    """The kernel distance; KID in InceptionV3's features."""
    kernel_error: str
    """Its standard error."""
    precision: str
    recall: str
    floor: str
    """The Fréchet distance of real images from real images."""


def quality_names(metric: str) -> QualityNames:
    """The names that go with a Fréchet distance's registered one: `fd_x` with `kd_x`, `fid` with `kid`."""
    inception = metric == "fid"
    features = "inception" if inception else metric.removeprefix("fd_")
    kernel = "kid" if inception else f"kd_{features}"
    return QualityNames(
        distance=metric,
        low=f"{metric}_low",
        high=f"{metric}_high",
        infinity=f"{metric}_infinity",
        infinity_error=f"{metric}_infinity_se",
        kernel=kernel,
        kernel_error=f"{kernel}_se",
        precision=f"precision_{features}",
        recall=f"recall_{features}",
        floor=f"floor_{features}",
    )
