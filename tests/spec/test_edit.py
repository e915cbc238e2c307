"""Adding a run to a specification: the one file that holds it changes, and nothing else."""

from pathlib import Path

from ablations.spec import load_spec
from ablations.spec.edit import add_run


def test_a_run_is_added_to_the_file_that_a_link_points_to(tmp_path: Path):
    shared = tmp_path / "shared"
    shared.mkdir()
    target, link = shared / "all runs.yaml", tmp_path / "runs.yaml"
    (tmp_path / "mine.py").write_text("")
    target.write_text("imports: [mine.py]\nruns:\n  baseline: {}  # as in the report\n\nseeds: [3]\n")
    target.chmod(0o640)
    link.symlink_to(Path("shared") / target.name)
    add_run(link, "tuned", "baseline", "rates", {"optimizer.lr": 0.03}, "Found by a study.")
    assert link.readlink() == Path("shared") / target.name
    assert target.stat().st_mode & 0o777 == 0o640
    assert target.read_text().startswith(
        "imports: [mine.py]\nruns:\n  baseline: {}  # as in the report\n\n  tuned:\n"
    )
    assert target.read_text().endswith("\n\nseeds: [3]\n")
    assert [run.name for run in load_spec(link).runs] == ["baseline", "tuned"]
    assert sorted(path.name for path in (*tmp_path.iterdir(), *shared.iterdir())) == [
        "all runs.yaml", "mine.py", "runs.yaml", "shared",
    ]  # fmt: skip
