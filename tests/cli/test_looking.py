"""Commands that only look import neither torch nor what else they can do without."""

import os
import subprocess
import sys
from pathlib import Path

COMMAND = """
import sys
from ablations.cli.app import main

try:
    main()
finally:
    heavy = ("torch", "mlflow", "optuna", "matplotlib", "pandas", "scipy.stats")
    print([name for name in heavy if name in sys.modules])
"""
SPEC = """
seeds: [0]
runs:
  baseline:
    data: {name: synthetic, count: 64, image_size: 32}
    network: {width: 4, latent_dim: 8}
    train: {steps: 2, batch_size: 8}
    evaluation: {num_samples: 16, num_reference: 32, curve_samples: 0}
"""


def modules_after(folder: Path, *arguments: str) -> str:
    """Which heavy modules a command has imported, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


def test_looking_at_a_finished_store_imports_no_torch(tmp_path: Path):
    (tmp_path / "runs.yaml").write_text(SPEC)
    assert "torch" in modules_after(tmp_path, "run", "--no-mirror", "--executor", "serial")
    assert modules_after(tmp_path, "plan") == modules_after(tmp_path, "run", "--dry-run") == "[]"
    assert modules_after(tmp_path, "status") == "[]"
    assert modules_after(tmp_path, "status", "--json") == "[]"
    assert modules_after(tmp_path, "status", "--watch") == "[]"
    assert modules_after(tmp_path, "show", "baseline") == "[]"
    assert modules_after(tmp_path, "diff", "baseline-s0", "baseline-s1") == "[]"
    assert modules_after(tmp_path, "--help") == "[]"
    assert "torch" not in modules_after(tmp_path, "report")


def test_a_plan_that_was_made_before_imports_no_torch(tmp_path: Path):
    (tmp_path / "runs.yaml").write_text(SPEC)
    assert "torch" in modules_after(tmp_path, "plan", "--set", "loss=hinge")
    assert modules_after(tmp_path, "plan", "--set", "loss=hinge") == "[]"
