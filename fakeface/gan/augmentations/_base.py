"""What an augmentation is: a registered differentiable function of a batch of images."""

from collections.abc import Callable

from torch import Tensor

from fakeface.registry import Registry

AUGMENTATIONS: Registry[Callable[..., Tensor]] = Registry("augmentation", given=2)
"""Called with images (B, C, H, W), as D sees them, and a CPU generator of their own, from which all random numbers must
come. They return images of the same shape, through which gradients flow. Their further arguments are options."""


@AUGMENTATIONS.register("none")
def none(images: Tensor, generator: object) -> Tensor:  # noqa: ARG001
    """The images as they are."""
    return images
