"""The order of the house: imports go down the list of floors, and a heavy library has one home."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = (
    "ablations.cli", "analysis.report", "analysis.figures", "analysis.claims", "analysis.frames", "analysis.statistics",
    "analysis", "ablations.studies", "ablations.tracking", "ablations.executors", "ablations.jobs", "ablations.store",
    "ablations.spec", "ablations.code", "fakeface.evaluation", "fakeface.gan", "fakeface.data", "fakeface",
)  # fmt: skip
"""From the top down. A file belongs to the first floor whose name its own begins with."""
HOMES = {
    "mlflow": "ablations.tracking",
    "optuna": "ablations.studies",
    "yaml": "ablations.spec",
    "ray": "ablations.executors",
}


def floor_of(module: str) -> int | None:
    return next((i for i, name in enumerate(FLOORS) if f"{module}.".startswith(f"{name}.")), None)


def imports() -> list[tuple[str, str]]:
    """(module, what it imports) for every import of the product, at the top of a file or late."""
    found = []
    for path in sorted(
        path for package in ("fakeface", "ablations", "analysis") for path in (ROOT / package).rglob("*.py")
    ):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found += [(module, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found += [(module, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def test_imports_go_down():
    upwards = {
        (a, b) for a, b in imports() if (floor_of(a) or 0) > (floor_of(b) if floor_of(b) is not None else 99)
    }
    # The package's front door, `analysis.load`, imports what it needs when it is called.
    assert sorted(f"{a} -> {b}" for a, b in upwards if a != "analysis") == []


def test_a_library_has_one_home():
    astray = {
        f"{a} -> {b}" for a, b in imports() if (home := HOMES.get(b.split(".")[0])) and not a.startswith(home)
    }
    assert astray == set()


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("fakeface.config", ["torch", "numpy", "mlflow"]),
        ("fakeface.evaluation.measures", ["torch"]),
        ("ablations.spec", ["torch", "mlflow", "pandas"]),
        ("ablations.cli.app", ["torch", "mlflow", "pandas", "matplotlib"]),
        ("ablations.cli.tables", ["torch", "mlflow", "scipy.stats", "matplotlib"]),
        ("ablations.cli.claim_tables", ["torch", "scipy.stats"]),
        ("ablations.jobs.status", ["torch"]),
        ("ablations.tracking", ["mlflow"]),
        ("analysis.claims.reading", ["torch", "mlflow", "pandas", "matplotlib"]),
        ("analysis", ["torch", "mlflow", "pandas", "matplotlib"]),
        ("analysis.report.build", ["torch", "mlflow"]),
    ],
)
def test_importing_a_module_stays_light(module: str, absent: list[str]):
    code = f"import sys, {module}; print([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
