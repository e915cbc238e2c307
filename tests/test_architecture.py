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
    ["fakeface.registry", "fakeface.files", "fakeface.evaluation.measures"],
    ["fakeface.config"],
    ["fakeface.images"],
    ["fakeface.data"],
    ["fakeface.randomness", "fakeface.gan.normalized"],
    ["fakeface.gan.networks", "fakeface.gan.initializers", "fakeface.gan.optimizers", "fakeface.gan.losses"],
    ["fakeface.gan.training"],
    ["fakeface.gan.checkpoints"],
    ["fakeface.evaluation"],
    ["ablations.spec.yaml_tree", "fakeface.environment"],
    ["ablations.spec.layers"],
    ["ablations.spec.names"],
    ["ablations.spec.claim_models"],
    ["ablations.spec.models"],
    ["ablations.spec.runs", "ablations.spec.schema"],
    ["ablations.spec.studies", "ablations.spec.claims"],
    ["ablations.spec.specification"],
    ["ablations.jobs.identity", "ablations.jobs.schedule"],
    ["ablations.jobs.plan"],
    ["ablations.store.journal", "ablations.store.columns", "fakeface.outcomes"],
    ["ablations.store.history"],
    ["ablations.store.layout", "ablations.jobs.resuming", "ablations.jobs.outcome"],
    ["ablations.jobs.status"],
    ["ablations.tracking"],
    ["ablations.jobs.machine", "ablations.jobs.scoring", "ablations.jobs.estimate"],
    ["ablations.jobs.context"],
    ["ablations.jobs.session"],
    ["ablations.jobs.rescoring", "ablations.jobs.audit", "ablations.jobs.cleaning"],
    ["ablations.executors"],
    ["analysis"],
    ["ablations.cli.view"],
    ["ablations.executors.loop", "ablations.cli.listing", "ablations.cli.options"],
    ["ablations.studies", "ablations.cli.report_inputs", "ablations.spec.edit"],
    ["ablations.cli.commands_data", "ablations.cli.commands_store"],
    ["ablations.cli.commands_work"],
    ["ablations.cli.running", "ablations.cli.commands_tune"],
    ["ablations.cli.data", "ablations.cli.work", "ablations.cli.results", "ablations.cli.store"],
    ["ablations.cli.app"],
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
        ("yaml", "ablations.spec.yaml_tree"),
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
        ("ablations.spec.specification", ["torch", "mlflow", "pandas"]),
        ("ablations.cli.app", ["torch", "mlflow", "pandas", "matplotlib"]),
        ("ablations.tracking", ["mlflow"]),
        ("analysis.report.build", ["torch", "mlflow"]),
    ],
)
def test_importing_a_module_stays_light(module: str, absent: list[str]):
    code = f"import sys, {module}; print([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
