"""What a ladder says about each hypothesis, in sentences and as a table, computed: they cannot disagree with the data.

Names stand between backticks, as in `analysis.words`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.claims.ladder import LadderSpec, RungResult, Standing, climb, standings, word_of
from analysis.frames.jobs import Frames
from analysis.frames.quality import quality_name
from analysis.wording import name_seeds, number, percent

_VERDICTS = {"reaches": "yes", "part way": "in part", "no better": "no", "worse": "no, it makes things worse"}
ONE_SEED = "one seed: a description, not a verdict"


def hypothesis_words(frames: Frames, ladder: LadderSpec) -> list[tuple[str, str]]:
    """For each hypothesis, by its short name, what the runs that test it say, with their numbers.

    The nearest rung that starts from the floor speaks for its hypothesis and the others follow. The verdict is a yes
    where it reaches the goal, "in part" where it is part of the way there, else a no; with several seeds the range of
    the shares is given, and told where it spans more than one word. A rung that starts elsewhere says whether what
    it changes matters there.
    """
    results = climb(frames, ladder)
    sentences = []
    for name, words in ladder.hypotheses.items():
        own = [result for result in results if result.rung.hypothesis == name]
        sentences.append((name, f"“{words}”: {_finding(own, ladder)}"))
    return sentences


def _finding(results: Sequence[RungResult], ladder: LadderSpec) -> str:
    if not results:
        return "no run tests it."
    known = sorted((result for result in results if result.share is not None), key=_nearest)
    climbed = [result for result in known if result.rung.start in (None, ladder.floor)]
    beside = [result for result in known if result not in climbed]
    reasons = "; ".join(dict.fromkeys(result.why for result in results if result.share is None))
    if not known:
        return f"undecided: {reasons}."
    text = _climbed(climbed, ladder.goal) if climbed else ""
    for result in beside:
        text += f"{' ' if text else ''}{_change(result)}."
    one = max(len(result.seeds) for result in known) == 1
    text += f" Unknown: {reasons}." if reasons else ""
    return f"{text.removesuffix('.')} ({ONE_SEED})." if one else text


def _climbed(results: Sequence[RungResult], goal: str) -> str:
    """What the rungs that start from the floor say."""
    best, *others = results
    text = _lead(best, goal)
    if others:
        text += f"; {', '.join(f'`{other.rung.run}` {_effect(other)}{_diverged(other)}' for other in others)}"
    return f"{text}: {_verdict(best, others)}."


def _change(result: RungResult) -> str:
    """ "From `sgd-tuned`, a tenth of the images (`sgd-tuned-tenth-data`) changes 584.8 to 547.2, 7% of the gap for the
    better: it hardly matters there"."""
    assert result.share is not None
    way = "better" if result.share > 0 else "worse"
    size = f"{percent(abs(result.share))} of the gap for the {way}"
    if result.low is not None and result.high is not None and len(result.seeds) > 1:
        size += f" ({percent(result.low)} to {percent(result.high)} over {len(result.seeds)} seeds)"
    verdict = (
        "it hardly matters there" if result.word == "hardly matters" else f"it matters there, for the {way}"
    )
    if result.word == "diverged":
        verdict = "undecided, since it diverges"
    return (
        f"From `{result.rung.start}`, {_subject(result)} changes {number(result.start)} to {number(result.mean)}, "
        f"{size}{_samples(result)}: {verdict}"
    )


def _lead(result: RungResult, goal: str) -> str:
    """ "ten times the steps (`sgd-10x`) brings the distance from 1,174 to 1,050 and closes 23% of the gap"."""
    effect = f"{_effect(result)} of the gap to `{goal}`"
    if result.low is not None and result.high is not None and len(result.seeds) > 1:
        effect += f" ({percent(result.low)} to {percent(result.high)} over {len(result.seeds)} seeds)"
    way = f"brings the distance from {number(result.start)} to {number(result.mean)}"
    return f"{_subject(result)} {way} and {effect}{_diverged(result)}{_samples(result)}"


def _subject(result: RungResult) -> str:
    rung = result.rung
    phrase = rung.description.strip().rstrip(".")
    # A description may be a question, which cannot be the subject of a sentence.
    return f"{_lowered(phrase)} (`{rung.run}`)" if phrase and not phrase.endswith("?") else f"`{rung.run}`"


def _samples(result: RungResult) -> str:
    samples = sorted({result.standing.samples[seed] or "undiagnosed" for seed in result.seeds})
    return "" if samples == ["healthy"] else f", with {' and '.join(samples)} samples"


def _effect(result: RungResult) -> str:
    """What it does to the gap; "of the gap" may follow."""
    assert result.share is not None
    shown = percent(result.share)
    if shown == "0%":
        return "closes nothing"
    return f"closes {shown}" if result.share > 0 else f"adds {percent(-result.share)}"


def _diverged(result: RungResult) -> str:
    seeds = result.standing.diverged
    return f" ({name_seeds(seeds)} diverged)" if seeds else ""


def _nearest(result: RungResult) -> tuple[bool, float]:
    return bool(result.standing.diverged), -(result.share or 0.0)


def _verdict(best: RungResult, others: Sequence[RungResult]) -> str:
    if best.word == "diverged":
        return "undecided, since it diverges"
    verdict = _VERDICTS[best.word]
    worse = [f"`{other.rung.run}`" for other in others if other.word == "worse"]
    if best.word == "no better" and worse:
        verdict = f"no, though what it changes matters ({' and '.join(worse)} worse)"
    if len(best.seeds) == 1:
        return verdict
    if best.low is None or best.high is None:
        return f"{verdict} on average; with some seeds there is no gap to close"
    least, most = (word_of(share, healthy=True) for share in (best.low, best.high))
    return (
        verdict if least == most else f"{verdict} on average, but its seeds range from “{least}” to “{most}”"
    )


def _lowered(phrase: str) -> str:
    """A phrase in mid-sentence; a name or an abbreviation keeps its capitals."""
    return phrase if phrase[:2].isupper() and phrase[:2] != "A " else phrase[0].lower() + phrase[1:]


@dataclass(frozen=True)
class LadderView:
    """What the page shows of a ladder, beside its figure."""

    name: str
    description: str
    floor: str
    goal: str
    words: Sequence[str]
    """A sentence for each hypothesis."""
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


def ladder_view(frames: Frames, ladder: LadderSpec, *, name: str, description: str) -> LadderView:
    """`name` and `description` are those of the ladder's group in the specification."""
    words = [sentence for _, sentence in hypothesis_words(frames, ladder)]
    headings = ladder_headings(frames)
    return LadderView(
        name, description, ladder.floor, ladder.goal, words, headings, ladder_rows(frames, ladder)
    )


def ladder_headings(frames: Frames) -> list[str]:
    """What the columns of `ladder_rows` are."""
    return ["run", "change", "outcome", "seeds", quality_name(frames), "share of the gap closed", "word"]


def ladder_rows(frames: Frames, ladder: LadderSpec) -> list[list[str]]:
    """The ladder as text: the floor, the rungs by hypothesis with the nearest to the goal first, the goal."""
    ends = standings(frames, [ladder.floor, ladder.goal])
    order = [*ladder.hypotheses, None]
    rungs = sorted(climb(frames, ladder), key=lambda result: order.index(result.rung.hypothesis))
    floor = _cells(ends[ladder.floor], "", "–", "the floor")
    goal = _cells(ends[ladder.goal], "", "–", "the goal")
    return [floor, *(_result_cells(result) for result in rungs), goal]


def _result_cells(result: RungResult) -> list[str]:
    share = "–" if result.share is None else percent(result.share)
    if result.low is not None and result.high is not None and len(result.seeds) > 1:
        share += f" ({percent(result.low)} to {percent(result.high)})"
    word: str = "" if result.word == "unknown" else result.word
    if result.word in ("better", "worse", "hardly matters"):
        word = f"{word}, from {result.rung.start or 'the floor'}"
    told = [word, result.why if result.why != result.standing.unscored else ""]
    return _cells(result.standing, result.rung.description, share, "; ".join(filter(None, told)))


def _cells(standing: Standing, description: str, share: str, word: str) -> list[str]:
    told = "; ".join(filter(None, [word, standing.missing]))
    seeds = str(len(standing.scores))
    return [standing.run, description, standing.outcome, seeds, number(standing.mean), share, told]
