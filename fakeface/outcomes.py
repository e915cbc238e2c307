"""An outcome in one word: what broke comes first, then what the samples are, then why they are so."""

from typing import Literal, get_args

Regime = Literal["works", "stalled", "noise", "collapsed", "discriminator-won", "diverged", "unknown"]
REGIMES: tuple[Regime, ...] = get_args(Regime)


def regime_of(exit_: str, samples: str | None, dynamics: str | None) -> Regime:
    """The regime of a job with these three words; `unknown` where it was cut short before anybody could say."""
    if exit_ == "diverged":
        return "diverged"
    if dynamics == "discriminator-won":
        return "discriminator-won"
    if samples == "healthy":
        return "works" if exit_ == "finished" else "unknown"
    if dynamics == "stalled":
        return "stalled"
    if exit_ != "finished":
        return "unknown"
    return "noise" if samples == "noise" else "collapsed" if samples == "collapsed" else "unknown"
