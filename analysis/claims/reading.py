"""The `claims` of a specification: from nodes that know their lines to claims, by the kinds that are registered."""

from collections.abc import Iterator
from typing import Annotated, Any, cast

from pydantic import Field, StringConstraints, create_model

from ablations.spec import Names, Node, Problem, Spec, SpecError
from ablations.spec.layers import unknown, validate
from ablations.spec.names import Name
from analysis.claims._base import KINDS, Claim, Kind, RunName, StudyName
from analysis.claims.closes import Closes
from fakeface.config import Settings


class ClaimEntry(Settings):
    """A statement, written before the runs, that the data can support, refute or leave undecided."""

    says: Annotated[str, StringConstraints(min_length=1)]
    """The statement in words."""
    source: str = ""
    """Who said so, where."""
    family: Name | None = None
    """Claims of one family are corrected for being several (Holm); keep it small."""


def claims_form() -> type[ClaimEntry]:
    """The form of an entry of `claims`: what every claim has, and one key for each registered kind."""
    kinds: dict[str, Any] = {
        name: (KINDS[name] | None, Field(None, description=_first_line(KINDS[name]))) for name in KINDS
    }
    return cast(
        type[ClaimEntry], create_model("ClaimEntry", __base__=ClaimEntry, __doc__=ClaimEntry.__doc__, **kinds)
    )


def claims_of(spec: Spec) -> list[Claim]:
    """The claims of a specification. Raises SpecError with all that is wrong, a line each."""
    problems: list[Problem] = []
    claims = read_claims(spec.claims, spec.names, problems)
    if problems:
        raise SpecError(problems)
    return claims


def read_claims(section: Node, names: Names | None, problems: list[Problem]) -> list[Claim]:
    """The claims of a section; what cannot be judged as written is added to `problems`.

    Args:
        names: of the runs and studies, which claims may name; None where those are not known yet, and only the form of
            each claim is checked.
    """
    validate(_Section, Node({"claims": section}, section.place, section.key), problems)
    form, claims = claims_form(), []
    for name, node in section.fields().items():
        given = [kind for kind in KINDS if node.get(kind).value is not None]
        if names is not None:
            for kind in given:
                problems += _unknown_names(KINDS[kind], node.get(kind), names)
        entry = validate(form, node, problems)
        if entry is None:
            continue
        if len(given) != 1:
            found = f"got {' and '.join(given)}" if given else "got none"
            problems.append(Problem(node.key, f"a claim is one of {', '.join(KINDS)} ({found})"))
            continue
        claim = Claim(name, entry.says, entry.source, entry.family, getattr(entry, given[0]))
        if names is not None:
            problems += _misfits(claim, node, given[0], names)
        claims.append(claim)
    return claims


class _Section(Settings):
    """Checks the names of claims."""

    claims: dict[Name, Any] | None


def _unknown_names(kind: type[Kind], form: Node, names: Names) -> Iterator[Problem]:
    """The runs and studies that a form names and the specification does not have."""
    for refers, what, known in ((RunName, "run", names.runs), (StudyName, "study", tuple(names.studies))):
        for node in kind.nodes(form, refers):
            if isinstance(node.value, str) and node.value not in known:
                yield Problem(node.place, unknown(what, node.value, known))


def _misfits(claim: Claim, node: Node, key: str, names: Names) -> Iterator[Problem]:
    """What a sound form says that cannot be judged."""
    form = node.get(key)
    for field, words in claim.kind.problems(names):
        at = form.fields().get(field)
        yield Problem(at.place if at else form.key, words)
    if claim.family is not None and not claim.kind.in_families:
        words = "is judged by an interval, not by a p-value: it cannot be in a `family`"
        yield Problem(node.get("family").place, f"a {key} {words}")


def guests(spec: Spec, runs: set[str]) -> set[str]:
    """The runs that the ladder of some runs needs beside them.

    They are those that are named by the claims on the share of a gap that one of these runs closes, and by the other
    claims of their families.
    """
    claims = claims_of(spec)
    ladder = [claim for claim in claims if isinstance(claim.kind, Closes) and runs & set(claim.kind.subjects)]
    families = {claim.family for claim in ladder if claim.family is not None}
    needed = [claim for claim in claims if claim in ladder or claim.family in families]
    return {run for claim in needed for run in claim.kind.named_runs}


def _first_line(kind: type[Kind]) -> str:
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split())
