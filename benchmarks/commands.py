"""Commands that only look: their processor time against the import of torch alone, and the planning of many jobs."""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from ablations.jobs.plan import make_plan
from ablations.spec import load_spec
from ablations.store import Store
from ablations.store.journal import encode, read
from benchmarks.ratio import Ratio, compare, of_pairs, seconds_of
from fakeface.data import ImageSet

ABLATE = "from ablations.cli.app import main; main()"
SPEC = """\
name: bench
seeds: {seeds}
runs:
  baseline:
    data: {{name: synthetic, count: 64, image_size: 32}}
    network: {{width: 4, latent_dim: 8}}
    train: {{steps: 2, batch_size: 8}}
    evaluation: {{num_samples: 16, num_reference: 32, curve_samples: 0}}
  lr: {{extends: baseline, grid: {{optimizer.lr: [{rates}]}}}}
"""
RUNS = 99
"""Of the grid, besides `baseline`."""


def bench_commands(pairs: int) -> list[Ratio]:
    """`--help`, `plan` and `status` of a finished store, against `import torch`: user time of a new process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "runs.yaml").write_text(SPEC.format(seeds="[0]", rates="0.001"))
        _user_seconds(folder, ABLATE, "run", "--no-mirror", "--executor", "serial")
        found = []
        for command in ("--help", "plan", "status"):
            times = [
                (_user_seconds(folder, ABLATE, command), _user_seconds(folder, "import torch"))
                for _ in range(pairs)
            ]
            found.append(of_pairs(f"ablate {command}, user time", "import torch", times))
        return found


def bench_planning(jobs: int, pairs: int) -> Ratio:
    """A plan of many jobs, without reading a store, against the import of torch."""
    images = ImageSet(np.zeros((64, 32, 32, 3), np.uint8), "0" * 64, "synthetic", "synthetic", ())
    seeds = list(range(jobs // (RUNS + 1)))
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "runs.yaml"
        rates = ", ".join(f"{1e-4 * (index + 1):.6f}" for index in range(RUNS))
        file.write_text(SPEC.format(seeds=seeds, rates=rates))

        def plan() -> list[str]:
            spec = load_spec(file)
            return [job.identity for job in make_plan(spec, spec.runs, lambda _: images)]

        count = len(plan())
        many = f"planning {count:,} jobs"
        return compare(
            many, plan, "import torch in a process", lambda: _user_seconds(file.parent, "import torch"), pairs
        )


def bench_listing(jobs: int, pairs: int) -> list[Ratio]:
    """`plan` and `status` of a store of many finished jobs, against the parsing of their journals with `json`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "runs.yaml").write_text(SPEC.format(seeds="[0]", rates="0.001"))
        _user_seconds(folder, ABLATE, "run", "--run", "baseline", "--no-mirror", "--executor", "serial")
        store = Store(folder / "results")
        (trained,) = store.job_folders()
        spec = load_spec(folder / "runs.yaml", seeds=",".join(map(str, range(jobs))))
        records = read(trained / "journal.jsonl").records
        journals = []
        for job in make_plan(spec, spec.runs[:1], lambda config: store.find_data(config).images):
            journal = store.folder_for(job.plain, job.seed, job.identity) / "journal.jsonl"
            journal.parent.mkdir(exist_ok=True)
            own = {**records[0], "identity": job.identity, "seed": job.seed}
            journal.write_bytes(b"".join(map(encode, [own, *records[1:]])))
            journals.append(journal)

        def parse() -> None:
            for path in journals:
                for line in path.read_bytes().splitlines():
                    json.loads(line.partition(b" ")[2])

        found = []
        for command in ("plan", "status"):
            arguments = (command, "--run", "baseline", "--seeds", f"0-{jobs - 1}", "--json")
            times = [(_user_seconds(folder, ABLATE, *arguments), seconds_of(parse)) for _ in range(pairs)]
            case = f"ablate {command} of {jobs:,} finished jobs, user time"
            found.append(of_pairs(case, "json.loads of all journals", times))
        return found


def _user_seconds(folder: Path, code: str, *arguments: str) -> float:
    """User time of Python code in a process of its own, which finds what an earlier one remembered."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    here = str(Path(__file__).parents[1])
    paths = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    variables = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPATH": paths}
    command = [sys.executable, "-c", code, *arguments]
    subprocess.run(command, cwd=folder, env=variables, check=True, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
