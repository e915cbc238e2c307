"""The looks at claims in a store: designs that never change, and the looks that were taken."""

from pathlib import Path

import pytest

from ablations.store import Store, journal
from ablations.store.looks import Design, Looks, TakenLook
from fakeface.errors import UserError

DESIGN = Design((0, 1, 2, 3, 4), (3, 5), (0.97, 0.98))
DIGEST = "ab" * 32


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def find(store: Store, claim: str = "it") -> Looks:
    return Looks.find(store, claim, DIGEST)


def test_what_is_recorded_is_read_again_under_any_name_of_the_claim(store: Store):
    assert (find(store).designs, find(store).taken) == ([], [])
    find(store).add_design("it", DESIGN)
    look = TakenLook((0, 1, 2), 0.97, "undecided")
    find(store).add_look("it", look)
    find(store).add_look("it", look)
    found = find(store, "renamed")
    assert (found.designs, found.taken) == ([DESIGN], [look]), "a look counts once"
    assert found.folder == store.looks / f"it-{DIGEST[:12]}"
    assert Looks.find(store, "it", "cd" * 32).designs == []


def test_a_design_serves_the_seeds_with_which_it_begins(store: Store):
    find(store).add_design("it", DESIGN)
    found = find(store)
    assert found.design_for([0, 1, 2]) == found.design_for([0]) == DESIGN
    assert found.design_for([2, 0, 1]) == DESIGN, "in whatever order"
    assert found.design_for([1, 2]) is None
    assert found.design_for(range(6)) is None


def test_looks_of_a_design_and_looks_beside_it_are_told_apart(store: Store):
    find(store).add_design("it", DESIGN)
    find(store).add_look("it", TakenLook((0, 1, 2), 0.97, "undecided"))
    find(store).add_look("it", TakenLook((1, 2), 0.95, "undecided"))
    find(store).add_look("it", TakenLook((0, 1, 2), 0.95, "undecided"))
    found = find(store)
    assert found.taken_of(DESIGN) == 1
    assert found.taken_besides((0, 1, 2), DESIGN) == (2, 3)
    assert found.taken_besides((0, 1, 2)) == (2,), "a report that is written again is the same look"
    assert found.taken_besides((0, 1, 2, 3)) == (2, 3)
    assert found.taken_besides((5, 6)) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"levels": [0.97]},
        {"counts": [5, 3]},
        {"counts": [3, 4]},
        {"seeds": [0, 1, 2, 3, 3]},
        {"levels": [0.97, 1.0]},
    ],
)
def test_a_design_that_does_not_fit_together_is_a_damaged_line(store: Store, change: dict):
    find(store).add_design("it", DESIGN)
    path = find(store).folder / "journal.jsonl"
    (record,) = journal.read(path).records
    path.write_bytes(journal.encode(record | change))
    assert find(store).designs == []
    assert journal.read(path).damaged == [1]


def test_looks_are_not_written_through_a_link(store: Store, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    store.looks.mkdir()
    (store.looks / f"it-{DIGEST[:12]}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="a link"):
        find(store).add_design("it", DESIGN)
