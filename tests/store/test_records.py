"""Records with a sound checksum and a form that is not their kind's: damaged lines, which no reader sees."""

import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from ablations.store import journal
from ablations.store.history import job_history
from ablations.store.records import is_sound
from analysis.frames.jobs import load
from tests.analysis_journals import train

CHANGES: dict[str, dict[str, Any]] = {
    "a kind that is no word": {"kind": ["metrics"]},
    "a time that is no number": {"time": "now"},
    "a step that is a text": {"step": "12"},
    "a step before the first": {"step": -1},
    "a step that no frame holds": {"step": 2**63},
    "true for a number": {"step": True},
    "values that are a list": {"values": [1.0]},
    "a column that is a number": {"values": {"Loss_D": 1.0}},
    "a column that is too short": {"values": {"Loss_D": [1.0]}},
    "a value that is a text": {"values": {"Loss_D": [1.0, 1.0, "2"]}},
    "an exit that ends nothing": {"exit": "running"},
    "a word that is not known": {"samples": "odd"},
    "evidence without a part": {"evidence": {"exit": "why"}},
}


def records_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line.partition(b" ")[2]) for line in path.read_bytes().splitlines()]


def write(path: Path, records: list[Any]) -> None:
    path.write_bytes(b"".join(map(journal.encode, records)))


@pytest.mark.parametrize("change", CHANGES)
def test_a_record_of_another_form_is_a_damaged_line_and_the_others_are_read(change: str, tmp_path: Path):
    selected = train(tmp_path / "run-0", [1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    path = selected.folder / "journal.jsonl"
    records = records_of(path)
    assert journal.read(path).damaged == []
    changed = [
        record | CHANGES[change] if CHANGES[change].keys() <= record.keys() else record for record in records
    ]
    lines = [number for number, record in enumerate(changed, 1) if not is_sound(record)]
    assert lines
    write(path, changed)
    reading = journal.read(path)
    assert reading.damaged == lines
    assert reading.records == [record for record in changed if is_sound(record)]
    notes = load([selected]).notes
    assert [text for text in notes["text"] if "damaged lines" in text] == [
        f"damaged lines of its journal were left out: {', '.join(map(str, lines))}"
    ]


def test_every_field_that_a_reader_needs_is_required(tmp_path: Path):
    """Any one of them may be missing, of any record: no reader raises."""
    selected = train(tmp_path / "run-0", [1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    path = selected.folder / "journal.jsonl"
    records = records_of(path)
    for number, record in enumerate(records):
        for field in record:
            write(
                path,
                [
                    r if i != number else {k: v for k, v in r.items() if k != field}
                    for i, r in enumerate(records)
                ],
            )
            frames = load([selected])
            assert len(frames.outcomes) == 1, (record["kind"], field)


def test_fields_and_kinds_of_a_later_version_are_no_damage(tmp_path: Path):
    selected = train(tmp_path / "run-0", [1.0], [1.0])
    path = selected.folder / "journal.jsonl"
    write(path, [*({**record, "later": {}} for record in records_of(path)), {"kind": "later", "time": 0}])
    assert journal.read(path).damaged == []


@pytest.mark.parametrize("text", [b"[" * 100_000, b"1", b"null", b"[]", b"{}", b"1" * 5_000])
def test_json_that_is_no_record_is_a_damaged_line(text: bytes, tmp_path: Path):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"%08x %s\n" % (zlib.crc32(text), text))
    assert job_history(tmp_path).damaged_lines == [1]
