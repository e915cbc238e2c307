"""Data flows one way: a room imports only from rooms above it, and the heavy libraries stay in theirs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("fakeface", "ablations", "analysis")

ROOMS = [
    ["fakeface.errors"],
    ["fakeface.registry", "fakeface.files", "fakeface.measures"],
    ["fakeface.config"],
    ["fakeface.images"],
    ["fakeface.data"],
    ["fakeface.randomness", "fakeface.normalized"],
    ["fakeface.networks", "fakeface.initializers", "fakeface.optimizers", "fakeface.losses"],
    ["fakeface.training"],
    ["fakeface.checkpoints"],
    ["fakeface.evaluation"],
    ["ablations.yaml_tree", "ablations.environment"],
    ["ablations.settings_tree"],
    ["ablations.spec_names"],
    ["ablations.spec_claim_models"],
    ["ablations.spec_models"],
    ["ablations.spec_runs", "ablations.spec_schema"],
    ["ablations.spec_studies", "ablations.spec_claims"],
    ["ablations.spec"],
    ["ablations.identity", "ablations.schedule"],
    ["ablations.plan"],
    ["ablations.journal", "ablations.columns", "ablations.regimes"],
    ["ablations.history"],
    ["ablations.store", "ablations.resuming", "ablations.outcomes"],
    ["ablations.state"],
    ["ablations.tracking"],
    ["ablations.machine", "ablations.scoring", "ablations.estimate"],
    ["ablations.context"],
    ["ablations.jobs"],
    ["ablations.rescoring", "ablations.audit", "ablations.cleaning"],
    ["ablations.executors"],
    ["analysis"],
    ["ablations.view"],
    ["ablations.runner", "ablations.listing", "ablations.options"],
    ["ablations.studies", "ablations.asked", "ablations.spec_edit"],
    ["ablations.commands_data", "ablations.commands_store"],
    ["ablations.commands_work"],
    ["ablations.commands", "ablations.commands_tune"],
    ["ablations.cli_data", "ablations.cli_work", "ablations.cli_results", "ablations.cli_store"],
    ["ablations.cli"],
]
"""From the top down. Rooms on one line do not import each other; inside a package the order is its own."""


def room_of(module: str) -> tuple[int, str] | None:
    for level, rooms in enumerate(ROOMS):
        for room in rooms:
            if module == room or module.startswith(room + "."):
                return level, room
    return None


def modules() -> list[tuple[str, Path]]:
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found.append((name, path))
    return found


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at its top or late; `from a import b` counts as a.b where that is a module."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_every_module_has_its_place():
    homeless = [name for name, _ in modules() if room_of(name) is None and name not in PACKAGES]
    assert homeless == []


@pytest.mark.parametrize(
    ("name", "path"), [m for m in modules() if m[0] not in PACKAGES], ids=lambda v: str(v)[-40:]
)
def test_a_room_imports_only_from_rooms_above_it(name: str, path: Path):
    level, room = room_of(name)
    for imported in imports(path):
        place = room_of(imported)
        if place is not None and place[1] != room:
            assert place[0] < level, f"{name} imports {imported}, which lies below it or beside it"


@pytest.mark.parametrize(
    ("library", "home"),
    [
        ("mlflow", "ablations.tracking"),
        ("matplotlib", "analysis"),
        ("yaml", "ablations.yaml_tree"),
        ("optuna", "ablations.studies"),
        ("optuna_dashboard", "ablations.studies"),
    ],
)
def test_a_library_is_imported_in_its_room_only(library: str, home: str):
    users = {name for name, path in modules() if any(i.split(".")[0] == library for i in imports(path))}
    allowed = {name for name in users if name.startswith((home, "ablations.tracking"))}
    assert users == allowed


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("fakeface.config", ["torch", "numpy", "mlflow"]),
        ("ablations.spec", ["torch", "mlflow", "pandas"]),
        ("ablations.cli", ["torch", "mlflow", "pandas", "matplotlib"]),
        ("ablations.tracking", ["mlflow"]),
        ("analysis.report", ["torch", "mlflow"]),
    ],
)
def test_importing_a_module_stays_light(module: str, absent: list[str]):
    code = f"import sys, {module}; print([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
