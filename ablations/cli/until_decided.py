"""`ablate run --until-decided`: further seeds for the claims that are still open, and looks fixed before the first.

In each round the runs of the open claims get the seeds of their next look; then the look is taken and recorded. A
command that was killed finds designs and looks in the store, and resumes with the next one.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ablations.cli.printing import SafeConsole
from ablations.cli.verdicts import (
    claims_on_variants,
    last_look,
    looks_at_claims,
    newest_studies,
    verdicts_of,
)
from ablations.executors.loop import Dispatcher, Summary, run_plan
from ablations.jobs.plan import Job, make_plan
from ablations.jobs.status import Status, state_of
from ablations.spec import Run, Spec
from ablations.store import Snapshot, Store
from ablations.store.looks import Design, Looks, TakenLook
from analysis.claims.judging import Look, Verdict
from analysis.statistics import VerdictWord
from analysis.statistics.looks import look_counts, look_levels
from analysis.wording import counted, listed
from fakeface.config import DataConfig
from fakeface.data import ImageSet
from fakeface.errors import UserError

DEFAULT_MOST = 20
"""Of each run, where the command names no number."""
OPEN = (VerdictWord.UNDECIDED, VerdictWord.DESCRIBED)
"""The verdicts that further seeds may change."""
DECIDED = (VerdictWord.SUPPORTED, VerdictWord.REFUTED)
"""Any other verdict means that the claim cannot be judged."""


class UntilDecided:
    """The claims on some runs, and the looks at them."""

    def __init__(
        self,
        spec: Spec,
        runs: Sequence[Run],
        store: Store,
        find_data: Callable[[DataConfig], ImageSet | None],
        most: int | None,
    ) -> None:
        """Records a design for each claim that has none.

        Args:
            most: seeds of each run at the last look; None: those of the design, or `DEFAULT_MOST`.

        Raises:
            UserError: no claim is about these runs, or looks at one were fixed for another number of seeds.
        """
        self.spec, self.runs, self.store, self.find_data = spec, runs, store, find_data
        labels = {run.label for run in runs}
        claims = {
            claim.name: claim
            for claim in claims_on_variants(spec)
            if claim.kind.named_runs and labels >= set(claim.kind.named_runs)
        }
        if not claims:
            raise UserError(
                f"--until-decided: no claim of {spec.path} is about these runs and no others; choose all the runs "
                "that a claim names with --run or --group"
            )
        recorded = looks_at_claims(spec, store)
        self.decided = [name for name in claims if _is_decided(recorded[name], spec.seeds)]
        self.claims = {name: claim for name, claim in claims.items() if name not in self.decided}
        self.looks: dict[str, Looks] = {name: recorded[name] for name in self.claims}
        self.designs = {name: self._design(name, most) for name in self.claims}
        self.taken = {name: self.looks[name].taken_of(design) for name, design in self.designs.items()}
        self.verdicts: dict[str, Verdict] = {}

    def _design(self, name: str, most: int | None) -> Design:
        """The design of a claim, which is made and recorded if there is none."""
        known = self.looks[name].design_for(self.spec.seeds)
        if known is not None:
            if most not in (None, known.counts[-1]):
                raise UserError(
                    f"--max-seeds {most}: the looks at the claim {name!r} were fixed before the first, for "
                    f"{known.counts[-1]} seeds; use --max-seeds {known.counts[-1]}, or new --seeds for other looks"
                )
            return known
        design = design_of(self.spec.seeds, most or DEFAULT_MOST)
        self.looks[name].add_design(name, design)
        return design

    def first_jobs(self) -> list[Job]:
        """What the first round trains, and the runs that no claim names."""
        return _each_once([*self._jobs(self.runs, self.spec.seeds), *self.next_jobs()])

    def next_jobs(self) -> list[Job]:
        """The jobs of the next look; none where every claim is decided or has had its last look."""
        jobs: list[Job] = []
        for name in self._due():
            named, design = set(self.claims[name].kind.named_runs), self.designs[name]
            seeds = design.seeds[: design.counts[self.taken[name]]]
            jobs += self._jobs([run for run in self.runs if run.label in named], seeds)
        return _each_once(jobs)

    def all_jobs(self) -> list[Job]:
        """Every job that the looks that were taken, or the next ones, use."""
        jobs = [*self._jobs(self.runs, self.spec.seeds), *self.next_jobs()]
        for name, claim in self.claims.items():
            named = set(claim.kind.named_runs)
            jobs += self._jobs([run for run in self.runs if run.label in named], self._look_at(name).seeds)
        places = {run.label: place for place, run in enumerate(self.runs)}
        return sorted(_each_once(jobs), key=lambda job: (places[job.run], job.seed))

    def run(
        self,
        dispatcher: Dispatcher,
        expect: Callable[[int], None],
        out: SafeConsole,
    ) -> Summary:
        """Train rounds and take looks until every claim is decided or has had its last look, or a job does not end.

        Args:
            expect: called with the number of jobs that are left of those known so far.
        """
        if self.decided:
            out.say("Decided before, on the same seeds or more: {}", listed(self.decided), wrap=True)
        for words in dict.fromkeys(design_words(design) for design in self.designs.values()):
            out.say("{}", words, wrap=True)
        summary, jobs = dispatcher.summary, self.first_jobs()
        while jobs:
            before = Snapshot(self.store.root)
            todo = [job for job in jobs if state_of(job, before).status != Status.DONE]
            expect(len(todo))
            run_plan(todo, dispatcher)
            now = Snapshot(self.store.root)
            if not self.claims or any(state_of(job, now).status != Status.DONE for job in jobs):
                return summary  # a look takes all of its seeds
            self._look(now)
            out.say("{}", self._words(), wrap=True)
            jobs = self.next_jobs()
        return summary

    def _jobs(self, runs: Sequence[Run], seeds: tuple[int, ...]) -> list[Job]:
        return make_plan(replace(self.spec, seeds=seeds), runs, self.find_data)

    def _due(self) -> list[str]:
        """The open claims whose next look has the fewest seeds."""
        if any(self.taken.values()) and not self.verdicts:  # it was killed, say
            self._judge(Snapshot(self.store.root))
        following = {
            name: design.counts[self.taken[name]]
            for name, design in self.designs.items()
            if self.taken[name] < len(design.counts) and self._is_open(name)
        }
        return [name for name, count in following.items() if count == min(following.values())]

    def _is_open(self, name: str) -> bool:
        return not self.taken[name] or self.verdicts[name].word in OPEN

    def _look(self, store: Store) -> None:
        """Take the look that is due, and record it."""
        due = self._due()
        for name in due:
            self.taken[name] += 1
        self._judge(store)
        for name in due:
            look = self._look_at(name)
            self.looks[name].add_look(name, TakenLook(look.seeds, look.level, self.verdicts[name].word))

    def _judge(self, store: Store) -> None:
        """The verdicts at the last looks. Members of their families on other runs are judged as a report would."""
        others = {
            name: last_look(own, self.spec.seeds) for name, own in looks_at_claims(self.spec, store).items()
        }
        looks = others | {name: self._look_at(name) for name in self.claims}
        digests = {job.data_digest for job in self._jobs(self.runs, self.spec.seeds)}
        studies, _ = newest_studies(self.spec, digests, store)
        self.verdicts = {
            verdict.claim.name: verdict for verdict in verdicts_of(self.spec, store, studies, looks)
        }

    def _look_at(self, name: str) -> Look:
        design = self.designs[name]
        return Look(design.seeds[: design.counts[max(0, self.taken[name] - 1)]], design.counts, design.levels)

    def _words(self) -> str:
        """How the claims stand after a look."""
        looked = [name for name in self.claims if self.taken[name]]
        seeds = max(len(self._look_at(name).seeds) for name in looked)
        open_ = [name for name in looked if self._is_open(name)]
        decided = [name for name in looked if self.verdicts[name].word in DECIDED]
        refused = [name for name in looked if name not in (*open_, *decided)]
        words = [f"Look at {seeds} seeds a run: {len(decided)} of {counted(len(looked), 'claim')} decided"]
        words += [f"open: {listed(open_)}"] if open_ else []
        words += [f"cannot be judged: {listed(refused)} (`ablate report` says why)"] if refused else []
        return "; ".join(words)


def _is_decided(looks: Looks, seeds: Sequence[int]) -> bool:
    """Whether a report on these seeds, and perhaps more, decided a claim before looks at it were fixed."""
    if looks.design_for(seeds) is not None:
        return False
    newest = {frozenset(one.seeds): one.verdict for one in looks.taken}  # a training may have been replaced
    return any(verdict not in OPEN and known.issuperset(seeds) for known, verdict in newest.items())


def design_of(seeds: Sequence[int], most: int) -> Design:
    """Looks from these seeds on, with the numbers after the largest of them, at most `most` in all.

    Raises:
        UserError: these are more already, or too few for a first look.
    """
    try:
        counts = look_counts(len(seeds), most)
    except ValueError as error:
        raise UserError(f"--max-seeds {most}: {error}; raise it, or give fewer --seeds") from error
    further = range(max(seeds) + 1, max(seeds) + 1 + most - len(seeds))
    return Design((*seeds, *further), counts, look_levels(counts))


def design_words(design: Design) -> str:
    """ "Looks at 3, 5 and 8 seeds a run, judged at 98.9%, 99.4% and 99.2%"."""
    levels = listed(f"{level:.1%}" for level in design.levels)
    return f"Looks at {listed(map(str, design.counts))} seeds a run, judged at {levels}"


def _each_once(jobs: Iterable[Job]) -> list[Job]:
    return list({job.identity: job for job in jobs}.values())
