"""Claims that were added or changed after their runs began are marked, and only those."""

from pathlib import Path
from typing import Any

import pytest

from ablations.store import journal
from analysis.claims import Claim
from analysis.claims.preregistration import Change, changes, registered
from tests.analysis_journals import JOB, begin
from tests.claim_journals import claims_of, compare

NOISE = "outcome: {run: sgd, samples: noise}"


def begun(claims: list[Claim] | None, *runs: str, day: int = 0) -> dict[str, list[dict[str, Any]]]:
    """The `job` records of trainings that began under these claims, one of each run; None: of an earlier version."""
    digests = {} if claims is None else {"claims": registered(claims)}
    return {run: [{"seed": 0, "time": day * 86_400_000, **digests}] for run in runs}


def how(before: list[Claim] | None, now: list[Claim]) -> dict[str, str]:
    found = changes(now, begun(before, "baseline", "sgd"))
    return {name: change.how for name, change in found.items()}


def test_what_says_nothing_else_is_the_same_claim(tmp_path: Path):
    before = claims_of(tmp_path, one=compare("lower", "by: 5%"), two=f"family: f, {NOISE}")
    after = claims_of(
        tmp_path,
        new_name=f"family: g, source: somebody, {NOISE.replace('}', ', share: null}')}",
        one=compare("lower", "by: 5%"),
    )
    assert how(before, after) == {}, "a name, a source, an order, a default, a name of a family"
    assert registered(before)["sha256"] != registered(after)["sha256"], "of the whole: its names count"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"it": compare("lower", "by: 10%")}, {"it": "changed"}),
        ({"it": compare("higher", "by: 5%")}, {"it": "changed"}),
        ({"it": NOISE}, {"it": "changed"}),
        ({"it": compare("lower", "by: 5%"), "more": NOISE}, {"more": "added"}),
        ({"it": "family: f, " + compare("lower", "by: 5%")}, {"it": "put into another family"}),
    ],
)
def test_a_change_says_how(tmp_path: Path, written: dict[str, str], expected: dict[str, str]):
    before = claims_of(tmp_path, it=compare("lower", "by: 5%"))
    assert how(before, claims_of(tmp_path, **written)) == expected


def test_another_member_changes_the_family_of_all(tmp_path: Path):
    bodies = {"a": "family: f, " + compare("lower", "by: 5%"), "b": f"family: f, {NOISE}"}
    before, after = claims_of(tmp_path, **bodies), claims_of(tmp_path, a=bodies["a"])
    assert how(before, after) == {"a": "put into another family"}
    assert how(after, before) == {"a": "put into another family", "b": "added"}


def test_it_counts_the_trainings_before_the_change_and_names_the_first(tmp_path: Path):
    old = claims_of(tmp_path, it=compare("lower", "by: 5%"))
    new = claims_of(tmp_path, it=compare("lower", "by: 10%"))
    jobs = begun(old, "baseline", "sgd", day=3)
    jobs["sgd"] += begun(old, "sgd", day=2)["sgd"] + begun(new, "sgd", day=1)["sgd"]
    (change,) = changes(new, jobs).values()
    assert change == Change("changed", "sgd", 0, 2 * 86_400_000, count=3, of=4)
    assert (
        "after 3 of its 4 trainings had begun (the first: `sgd` with seed 0, on 1970-01-03)"
        in change.sentence
    )
    assert changes(new, begun(new, "baseline", "sgd")) == {}


def test_a_study_counts_as_its_trainings(tmp_path: Path):
    claims = claims_of(tmp_path, it="window: {study: sgd-lr, excludes: 2e-4}")
    assert changes(claims, begun([], "sgd-lr"))["it"].how == "added"
    assert changes(claims, begun([], "adam-lr")) == {}


def test_journals_of_an_earlier_version_tell_nothing(tmp_path: Path):
    claims = claims_of(tmp_path, it=compare("lower", "by: 5%"))
    assert how(None, claims) == {}
    begin(tmp_path / "sgd-0").close()
    record = journal.first(tmp_path / "sgd-0" / "journal.jsonl")
    assert record is not None
    assert record["claims"] is JOB.claims is None
    assert changes(claims, {"sgd": [record]}) == {}


def test_the_first_record_is_read_alone(tmp_path: Path):
    path = tmp_path / "journal.jsonl"
    assert journal.first(path) is None
    path.write_bytes(journal.encode({"kind": "note", "time": 1, "text": ""}) + b"damage\n")
    assert journal.first(path) == {"kind": "note", "time": 1, "text": ""}
    path.write_bytes(b"torn")
    assert journal.first(path) is None
