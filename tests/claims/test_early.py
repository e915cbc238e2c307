"""Claims about an early part of the trainings: a store that is cut short after it says the same."""

from pathlib import Path

import numpy as np
import pytest

from analysis.claims.judging import Verdict
from fakeface.scores import curve_steps
from tests.claim_journals import Trainings, judged

STEPS = 400
COMPARED = "run: sgd, against: baseline"
CLAIMS = {
    "loss": f"compare: {{{COMPARED}, metric: Loss_D at 50, direction: lower, by: 30%}}",
    "level": f"compare: {{{COMPARED}, metric: Loss_G at 100, direction: same, within: 20%}}",
    "best": f"compare: {{{COMPARED}, metric: best quality at 160, direction: not-higher, by: 10%}}",
    "mean": f"compare: {{{COMPARED}, metric: area quality at 160, direction: same, within: 10%}}",
    "ahead": f"steps: {{{COMPARED}, metric: Loss_D, below: 0.69, direction: lower, by: 50%}}",
    "share": f"steps: {{{COMPARED}, metric: quality, below: 60%, direction: same, within: 50%}}",
}


def store(folder: Path, length: int) -> Trainings:
    """Five seeds of two runs, the first `length` steps of each; the losses are noisy."""
    lab = Trainings(folder)
    steps, scored = np.arange(1, STEPS + 1), np.array(curve_steps(STEPS))
    for run, time, rate in (("baseline", 100, 1.0), ("sgd", 30, 1.05)):
        for seed in range(5):
            random = np.random.default_rng([seed, time])
            loss = (1.4 * np.exp(-steps / time) + 0.1) * random.lognormal(0, 0.3, STEPS)
            distance = (300 + 1000 * np.exp(-scored * rate / 90)) * random.lognormal(0, 0.02, len(scored))
            distances = dict(zip(scored.tolist(), distance.tolist(), strict=True))
            lab.job(
                run, seed, loss_d=loss[:length].tolist(), loss_g=loss[:length].tolist(), steps=length,
                along={step: distances.get(step, 300.0) for step in curve_steps(length)},
            )  # fmt: skip
    return lab


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    return judged(store(tmp_path_factory.mktemp("whole"), STEPS), **CLAIMS)


@pytest.mark.parametrize("share", [0.5, 0.7, 0.85])
def test_a_store_that_is_cut_says_the_same_of_early_steps(
    tmp_path: Path, whole: dict[str, Verdict], share: float
):
    cut = judged(store(tmp_path, round(share * STEPS)), **CLAIMS)
    assert {name: found.word for name, found in cut.items()} == {
        name: found.word for name, found in whole.items()
    }
    for name, found in cut.items():
        assert (found.estimate, found.low, found.high) == (
            whole[name].estimate,
            whole[name].low,
            whole[name].high,
        )


def test_early_claims_can_be_supported_and_refuted(whole: dict[str, Verdict]):
    words = {name: str(found.word) for name, found in whole.items()}
    assert words == {**dict.fromkeys(CLAIMS, "supported"), "level": "refuted"}
