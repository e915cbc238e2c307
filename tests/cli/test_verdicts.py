"""What is recorded of the looks that reports take at claims."""

from pathlib import Path

import pytest

from ablations.cli.until_decided import _is_decided
from ablations.cli.verdicts import with_earlier_looks
from ablations.store import Store
from ablations.store.looks import Looks, TakenLook
from analysis.claims import Claim
from analysis.claims._base import Group
from analysis.claims.judging import Verdict
from analysis.statistics import VerdictWord
from tests.claim_journals import claims_of, compare


@pytest.fixture
def claim(tmp_path: Path) -> Claim:
    (found,) = claims_of(tmp_path, it=compare("lower", "by: 5%"))
    return found


def find(store: Store) -> Looks:
    return Looks.find(store, "it", "ab" * 32)


def report(claim: Claim, store: Store, word: VerdictWord, **seeds: range) -> Verdict:
    groups = [Group(run, dict.fromkeys(own, 1.0)) for run, own in seeds.items()]
    looks = {"it": find(store)}
    (found,) = with_earlier_looks([Verdict(claim, word, groups)], looks, [0, 1, 2])
    return found


def test_a_report_looks_at_the_seeds_that_all_runs_have(claim: Claim, tmp_path: Path):
    store = Store(tmp_path / "store")
    report(claim, store, VerdictWord.SUPPORTED, sgd=range(2), baseline=range(3))
    assert find(store).taken == [TakenLook((0, 1), 0.95, "supported")]
    assert not _is_decided(find(store), [0, 1, 2]), "one run had two of the three seeds"
    whole = report(claim, store, VerdictWord.UNDECIDED, sgd=range(3), baseline=range(3))
    assert whole.judged_before == (2,)


def test_the_newest_report_on_some_seeds_says_whether_they_decided(claim: Claim, tmp_path: Path):
    store = Store(tmp_path / "store")
    report(claim, store, VerdictWord.SUPPORTED, sgd=range(3), baseline=range(3))
    assert _is_decided(find(store), [0, 1, 2])
    report(claim, store, VerdictWord.UNDECIDED, sgd=range(3), baseline=range(3))
    assert not _is_decided(find(store), [0, 1, 2]), "a training was replaced, say"
