"""Penalties on D that go with any loss. A registered function of a batch gives the scalar that is added to Loss_D.

Their gradients with respect to D's weights are second derivatives of D, which torch computes through the graph that
`input_gradients` keeps.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from fakeface.gan.batches import GanBatch
from fakeface.registry import Registry

PENALTIES: Registry[Callable[..., Tensor | None]] = Registry("penalty", given=1)


def input_gradients(discriminator: nn.Module, images: Tensor) -> Tensor:
    """The gradient of D's output at each image, flattened, (B, C H W), itself differentiable.

    Under BatchNorm an output depends on the whole batch; a row is then the gradient of the sum of all outputs.
    """
    images = images.detach().requires_grad_()
    (gradients,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    return gradients.flatten(1)


@PENALTIES.register("none")
def none(batch: GanBatch) -> None:
    """No penalty."""


@PENALTIES.register("r1")
def r1(batch: GanBatch, *, gamma: float = 10.0) -> Tensor:
    """gamma / 2 E ||grad D(x)||^2 on real images (Mescheder et al. 2018, arXiv 1801.04406, equation 9)."""
    return gamma / 2 * input_gradients(batch.discriminator, batch.real).square().sum(1).mean()


@PENALTIES.register("gradient")
def gradient_penalty(batch: GanBatch, *, weight: float = 10.0) -> Tensor:
    """weight E (||grad D(u x + (1 - u) G(z))|| - 1)^2, u ~ U(0, 1) for each pair of images.

    Gulrajani et al. 2017, arXiv 1704.00028, equation 3; with the non-saturating loss, Fedus et al. 2018, arXiv
    1710.08446.
    """
    u = torch.rand(len(batch.real), 1, 1, 1, generator=batch.stream("interpolation")).to(batch.real)
    between = torch.lerp(batch.fake, batch.real, u)
    norms: Tensor = torch.linalg.vector_norm(input_gradients(batch.discriminator, between), dim=1)
    penalty: Tensor = weight * (norms - 1).square().mean()
    return penalty
