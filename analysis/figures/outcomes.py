"""How each outcome is drawn, in one palette: none of its colours is a run's (`fakeface/palette.py`).

Paul Tol's "muted" and Okabe and Ito's green and vermilion, which readers with the common kinds of colour blindness can
tell apart; no two outcomes share a shape either.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.colors import to_hex, to_rgb

from analysis.figures import style
from fakeface.outcomes import Regime


@dataclass(frozen=True)
class RegimeStyle:
    """How one regime is drawn in every figure."""

    name: str
    color: str
    marker: str
    short: str = ""
    """A name for narrow places, where the full one is long."""

    @property
    def text_color(self) -> str:
        """The colour, darkened until it can be read as text on white."""
        return style.text_color(self.color)

    @property
    def tint(self) -> str:
        """The colour, mixed with white for a background."""
        red, green, blue = (1 - 0.22 * (1 - channel) for channel in to_rgb(self.color))
        return to_hex((red, green, blue))


LOOKS: Mapping[str, RegimeStyle] = {
    Regime.WORKS: RegimeStyle(Regime.WORKS, "#009E73", "o"),
    Regime.STALLED: RegimeStyle(Regime.STALLED, "#332288", "s"),
    Regime.NOISE: RegimeStyle(Regime.NOISE, "#999933", "^"),
    Regime.COLLAPSED: RegimeStyle(Regime.COLLAPSED, "#AA4499", "D"),
    Regime.DISCRIMINATOR_WON: RegimeStyle("discriminator wins", "#882255", "v", "D wins"),
    Regime.DIVERGED: RegimeStyle("diverges", "#D55E00", "X"),
    Regime.UNKNOWN: RegimeStyle("undecided", "#b4bac2", "h"),
}
assert tuple(LOOKS) == tuple(Regime)
