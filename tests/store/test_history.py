"""Series of a journal: what one record brings at once is what its steps bring one by one."""

import zlib
from pathlib import Path

import pytest

from ablations.store.history import History, Series, load
from ablations.store.journal import encode


@pytest.mark.parametrize(
    "blocks",
    [
        [[1, 2, 3], [4, 5]],
        [[1, 2, 3], [3, 4], [2, 6]],  # repeated after a resume
        [[4, 5], [1, 2]],
        [[3, 1, 2]],
        [[], [1]],
    ],
)
def test_a_record_at_once_is_its_steps_one_by_one(blocks: list[list[int]]):
    at_once, one_by_one = History(Path()), Series()
    for time, steps in enumerate(blocks):
        values = [10.0 * time + step for step in steps]
        at_once.apply({"kind": "metrics", "time": time, "steps": steps, "values": {"a": values}})
        for step, value in zip(steps, values, strict=True):
            one_by_one.add(step, value, time)
    series = at_once.series["a"]
    assert vars(series) == vars(one_by_one)
    assert list(series.steps) == sorted(set(series.steps))


@pytest.mark.parametrize(
    "text",
    [
        b'{"kind":"metrics","time":1}',
        b'{"kind":"metrics","time":1,"steps":[1,2],"values":{"a":[1.0]}}',
        b'{"kind":"metrics","time":1,"kind":"note","text":""}',
        b'{"kind":"metrics",',
    ],
)
def test_what_only_begins_like_metrics_is_a_damaged_line(tmp_path: Path, text: bytes):
    path = tmp_path / "journal.jsonl"
    sound = encode({"kind": "metrics", "time": 1, "steps": [3], "values": {"a": [0.5]}})
    damaged = b"%08x %s\n" % (zlib.crc32(text), text)
    path.write_bytes(damaged + sound + damaged + b"torn in the middle\n")
    history = load(path)
    assert history.damaged == [4], "what the checksum shows is known at once"
    assert history.damaged_lines == [1, 3, 4]
    assert vars(history.series["a"]) == vars(Series([3], [0.5], [1]))


def test_records_that_are_read_late_are_those_of_a_reading_at_once(tmp_path: Path):
    diagnosis = {"kind": "diagnosis", "time": 1, "label": "noise", "evidence": "", "values": {}}
    image = {"kind": "image", "time": 1, "key": "samples", "file": "a.png", "sha256": ""}
    metrics = {"kind": "metrics", "time": 1, "values": {"a": [0.5]}}
    records = [
        *(
            {**record, "step": step, "steps": [step]}
            for step in (1, 2, 3)
            for record in (image, diagnosis, metrics)
        ),
        {"kind": "branch", "time": 2, "step": 2, "reason": ""},
        {**image, "time": 3, "step": 2},
    ]
    path, at_once = tmp_path / "journal.jsonl", History(tmp_path / "journal.jsonl")
    path.write_bytes(b"".join(map(encode, records)))
    for record in records:
        at_once.apply(record)
    late = load(path)
    assert [(one["step"], one["time"]) for one in late.images] == [(1, 1), (2, 3)]
    assert late.images == at_once.images
    assert late.diagnoses == at_once.diagnoses
    assert vars(late.series["a"]) == vars(at_once.series["a"]) == vars(Series([1], [0.5], [1]))
