"""Networks: settings in, a generator and a discriminator out. One registered function each."""

# They register themselves on import, in the order in which they are listed to the user.
from fakeface.gan.networks import dcgan, sngan  # isort: skip  # noqa: F401
from fakeface.gan.networks._base import NETWORKS, Networks, check_shapes

__all__ = ["NETWORKS", "Networks", "check_shapes"]
