"""Our own portraits: soft-shaded faces from some seventy independent numbers each, deterministic by index."""

from fakeface.data.portraits.render import render

__all__ = ["render"]
