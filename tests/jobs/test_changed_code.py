"""What `ablate plan` says after a line of the code was edited: through the command, on a copy of the packages."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SPEC = """\
profiles:
  quick:
    data: {name: synthetic, count: 96, image_size: 32}
    network: {width: 4, latent_dim: 8}
    train: {steps: 12, batch_size: 8}
    evaluation: {num_samples: 48, num_reference: 48, curve_samples: 0}
    samples: {num_grids: 8, grid_size: 2}
    tracking: {log_model: false}
runs:
  baseline: {}
  sgd: {extends: baseline, optimizer: sgd}
"""


class Copy:
    """The packages in a folder of their own, whose code a test may edit, and a store trained with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for package in ("fakeface", "ablations", "analysis"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / package, folder / package, ignore=ignored)
        (folder / "runs.yaml").write_text(SPEC)

    def ablate(self, *arguments: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(self.folder), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "ablations.cli.app", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def states(self) -> dict[str, tuple[str, str]]:
        rows = json.loads(self.ablate("plan", "--json"))["jobs"]
        return {row["run"]: (row["state"], row["detail"]) for row in rows}

    def move(self, file: str, to: str) -> None:
        """Move a file, with the imports that follow it."""
        (self.folder / file).rename(self.folder / to)
        before, after = (name.removesuffix(".py").replace("/", ".") for name in (file, to))
        for path in self.folder.glob("*/**/*.py"):
            path.write_text(path.read_text().replace(before, after))

    def edit(self, file: str, before: str, after: str) -> "Edit":
        return Edit(self.folder / file, before, after)


class Edit:
    """A change of a file's text that is taken back."""

    def __init__(self, path: Path, before: str, after: str) -> None:
        self.path, self.text = path, path.read_text()
        assert self.text.count(before) == 1, f"{path}: {before!r} is there {self.text.count(before)} times"
        path.write_text(self.text.replace(before, after))

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self.path.write_text(self.text)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    made = Copy(tmp_path_factory.mktemp("copy"))
    made.ablate("run", "--no-mirror", "--threads", "1")
    assert {state for state, _ in made.states().values()} == {"done"}
    return made


@pytest.mark.slow
def test_one_line_of_the_step_makes_every_job_stale_and_is_named(copy: Copy):
    with copy.edit("fakeface/gan/step.py", "    state.step += 1\n", "    state.step += 2 - 1\n"):
        states = copy.states()
    assert {state for state, _ in states.values()} == {"stale"}
    for _, detail in states.values():
        assert "gan_step in fakeface/gan/step.py changed" in detail
    assert {state for state, _ in copy.states().values()} == {"done"}


@pytest.mark.slow
def test_one_line_of_an_optimizer_makes_its_own_jobs_stale_only(copy: Copy):
    before, after = "return optim.SGD(parameters, lr=lr,", "return optim.SGD(parameters, lr=1 * lr,"
    with copy.edit("fakeface/gan/optimizers/standard.py", before, after):
        states = copy.states()
    assert states["baseline"][0] == "done"
    assert states["sgd"] == ("stale", "sgd in fakeface/gan/optimizers/standard.py changed")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        (
            "fakeface/gan/step.py",
            "    state.step += 1\n",
            "    state.step += 1  # the last thing of all\n",
        ),
        (
            "fakeface/gan/optimizers/standard.py",
            '@OPTIMIZERS.register("rmsprop")',
            '@OPTIMIZERS.register("newest")\ndef newest(parameters, *, lr):\n    """New."""\n'
            '    return optim.SGD(parameters, lr=lr)\n\n\n@OPTIMIZERS.register("rmsprop")',
        ),
        (
            "fakeface/evaluation/extractors/_base.py",
            "def protocol_of(",
            '@EXTRACTORS.register("newest")\nclass Newest:\n    """New."""\n\n\ndef protocol_of(',
        ),
    ],
    ids=["a comment", "a new optimizer", "a new metric"],
)
def test_what_changes_no_training_makes_no_job_stale(copy: Copy, file: str, before: str, after: str):
    with copy.edit(file, before, after):
        assert {state for state, _ in copy.states().values()} == {"done"}


@pytest.mark.slow
def test_a_moved_file_makes_no_job_stale(copy: Copy):
    copy.move("fakeface/randomness.py", "fakeface/data/streams.py")
    try:
        assert {state for state, _ in copy.states().values()} == {"done"}
    finally:
        copy.move("fakeface/data/streams.py", "fakeface/randomness.py")


MEASURE = (
    '@MEASURES.register("mean", heading="mean", better=Better.NEITHER)\n'
    "def mean(samples, reference):\n    return samples.features.mean()\n\n\ndef _compared("
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("fakeface/evaluation/scoring.py", "final=final,", "final=bool(final),"),
        ("fakeface/evaluation/quality.py", "def _compared(", MEASURE),
    ],
    ids=["a line of Scorer.score", "a new measure"],
)
def test_changed_scoring_scores_kept_weights_again_and_trains_nothing(
    copy: Copy, file: str, before: str, after: str
):
    checkpoints = {path: path.stat().st_mtime_ns for path in copy.folder.glob("results/jobs/*/checkpoint.pt")}
    assert len(checkpoints) == 2
    with copy.edit(file, before, after):
        assert {state for state, _ in copy.states().values()} == {"re-score"}
        copy.ablate("run", "--no-mirror", "--threads", "1")
        assert {state for state, _ in copy.states().values()} == {"done"}
    assert {path: path.stat().st_mtime_ns for path in checkpoints} == checkpoints
