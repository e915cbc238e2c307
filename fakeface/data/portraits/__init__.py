"""Our own portraits: soft-shaded faces of independent factors, each the same at its index for ever."""

from fakeface.data.portraits.render import render

__all__ = ["render"]
