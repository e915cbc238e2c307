"""DiffAugment: what each transformation does, its draws, and gradients through it."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ablations.jobs.components import resolved_settings
from fakeface.errors import UserError
from fakeface.gan.augmentations import AUGMENTATIONS
from fakeface.randomness import stream
from tests.gan.test_training import digest, run, saved_and_resumed, tiny


def augmented(images: Tensor, policy: str, seed: int = 0, step: int = 0) -> Tensor:
    generator = stream("augmentation", seed, step)
    result: Tensor = AUGMENTATIONS.build("diffaugment", {"policy": policy}, images, generator)
    return result


def some_images(count: int = 64, size: int = 16) -> Tensor:
    return torch.rand(count, 3, size, size, generator=stream("images", 0)) + 0.1  # no pixel is 0


def spans(mask: Sequence[bool]) -> int:
    """How often a run of true values begins."""
    return sum(now and not before for before, now in zip([False, *mask], mask, strict=False))


@pytest.mark.parametrize("policy", ["", " "])
def test_an_empty_policy_leaves_the_images_alone(policy: str):
    images = some_images()
    assert augmented(images, policy) is images


def test_one_seed_and_step_give_one_result_and_others_another():
    images = some_images()
    policy = "color,translation,cutout"
    first = augmented(images, policy, seed=1, step=5)
    assert torch.equal(first, augmented(images, policy, seed=1, step=5))
    for seed, step in ((2, 5), (1, 6)):
        assert not torch.equal(first, augmented(images, policy, seed, step))
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    augmented(images, policy)
    assert torch.equal(torch.rand(1), expected), "it draws from its own generator alone"


def test_colours_are_as_bright_saturated_and_contrasted_as_their_draws_say():
    images = some_images()
    draws = torch.rand(3, 64, 1, 1, 1, generator=stream("augmentation", 0, 0)).double()
    changed = augmented(images, "color")
    for i in range(64):
        x = images[i].double() + draws[0, i] - 0.5
        x = torch.lerp(x.mean(0, keepdim=True).expand_as(x), x, 2 * draws[1, i])
        x = torch.lerp(x.mean().expand_as(x), x, 0.5 + draws[2, i])
        torch.testing.assert_close(changed[i].double(), x, rtol=1e-4, atol=1e-5)


def test_a_translation_moves_an_image_by_up_to_an_eighth_and_leaves_zeros():
    images, moved = some_images(), augmented(some_images(), "translation")
    seen = set()
    for image, other in zip(images, moved, strict=True):
        padded = torch.nn.functional.pad(image, (2, 2, 2, 2))
        places = [(dy, dx) for dy in range(5) for dx in range(5)]
        (place,) = (p for p in places if torch.equal(padded[:, p[0] : p[0] + 16, p[1] : p[1] + 16], other))
        seen.add(place)
    assert len(seen) > 15
    assert {0, 4} <= {p[0] for p in seen} & {p[1] for p in seen}


def test_a_cutout_is_a_square_of_half_the_size_and_all_else_stays():
    images = some_images()
    cut = augmented(images, "cutout")
    heights = []
    for image, other in zip(images, cut, strict=True):
        gone = (other == 0).all(0)
        assert torch.equal(other[:, ~gone], image[:, ~gone])
        rows, columns = gone.any(1), gone.any(0)
        assert torch.equal(gone, rows[:, None] & columns[None, :])
        assert spans(rows.tolist()) == spans(columns.tolist()) == 1
        heights.append(int(rows.sum()))
    assert max(heights) == 8
    assert min(heights) >= 4, "a square is cut by the border at its centre at most"


def test_gradients_flow_to_every_image_as_the_transformation_is_linear_in_it():
    images = some_images(4).double().requires_grad_()

    def of_images(x: Tensor) -> Tensor:
        return augmented(x, "color,translation,cutout").sum(dim=(1, 2, 3))

    of_images(images).sum().backward()
    assert (images.grad.abs().sum(dim=(1, 2, 3)) > 0).all()
    direction = torch.randn_like(images)
    slope = (images.grad * direction).sum()
    numerical = (of_images(images + direction) - of_images(images - direction)).sum() / 2
    torch.testing.assert_close(slope, numerical)


def test_an_unknown_word_of_a_policy_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match="policy has 'colour': it takes color, translation, cutout"):
        augmented(some_images(2), "colour,cutout")


def test_a_gan_that_augments_trains_otherwise_and_resumes_with_the_same_bits(tmp_path: Path):
    config = tiny(augment={"name": "diffaugment"})
    whole = run(config, 4)[0]
    assert digest(whole) == digest(saved_and_resumed(config, tmp_path / "c.pt", 2, 4))
    usual = digest(run(tiny(), 4)[0])
    assert digest(whole) != usual
    assert digest(run(tiny(augment={"name": "diffaugment", "options": {"policy": ""}}), 4)[0]) == usual
    assert not any("augment" in name for name in resolved_settings(tiny(), 40))
    assert resolved_settings(config, 40)["augment.options.policy"] == "color,translation,cutout"
