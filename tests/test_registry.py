"""A component's keyword arguments are its options: which there are, their defaults, and what is refused."""

import pytest

from fakeface.errors import UserError
from fakeface.registry import Registry

PARTS: Registry[object] = Registry("part", given=1)


@PARTS.register("plain")
def plain(given):
    return given


@PARTS.register("tuned")
class Tuned:
    def __init__(self, given, *, lr, scale=0.5, count=2, flag=False, mode="a", free=None):
        if scale < 0:
            raise ValueError(f"scale must not be negative, not {scale}")
        self.all = (given, lr, scale, count, flag, mode, free)


def test_options_are_the_arguments_that_the_caller_does_not_give():
    assert list(PARTS.parameters("plain")) == []
    assert PARTS.arguments("tuned", {"count": 3}, {"lr": 0.1, "momentum": 0.9}) == {
        "lr": 0.1, "scale": 0.5, "count": 3, "flag": False, "mode": "a", "free": None
    }  # fmt: skip
    assert PARTS.build("plain", {}, 7, lr=0.1) == 7
    assert PARTS.build("tuned", {"free": "x"}, 7, lr=0.1).all == (7, 0.1, 0.5, 2, False, "a", "x")


def test_an_integer_for_a_float_is_that_float():
    (written, same) = (PARTS.arguments("tuned", {"scale": s}, {"lr": 1.0})["scale"] for s in (1, 1.0))
    assert repr(written) == repr(same)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"scal": 1},
            r"part 'tuned' has no option 'scal' — did you mean 'scale'. \(options: scale, count, flag",
        ),
        ({"lr": 1}, "has no option 'lr'"),
        ({"scale": "big"}, "the option 'scale' must be a number .got 'big'."),
        ({"scale": True}, "the option 'scale' must be a number"),
        ({"count": 1.5}, "the option 'count' must be an integer"),
        ({"flag": 1}, "the option 'flag' must be true or false"),
        ({"mode": 1}, "the option 'mode' must be a string"),
        ({"scale": -1}, "part 'tuned': scale must not be negative, not -1"),
    ],
)
def test_an_option_that_does_not_fit_is_refused_by_name(options: dict, message: str):
    with pytest.raises(UserError, match=message):
        PARTS.build("tuned", options, 7, lr=0.1)


def test_a_component_without_options_says_so_and_one_without_a_default_must_be_given():
    with pytest.raises(UserError, match=r"part .plain. has no option .x. .options: none"):
        PARTS.arguments("plain", {"x": 1})
    with pytest.raises(UserError, match="part 'tuned' needs the option 'lr'"):
        PARTS.arguments("tuned", {})
