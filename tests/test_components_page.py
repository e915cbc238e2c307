"""docs/components.yaml names every component, and docs/components.py makes the page of it."""

import runpy
from pathlib import Path

import analysis
from ablations.jobs.plan import check_components
from ablations.spec import load_spec
from fakeface.gan.augmentations import AUGMENTATIONS
from fakeface.gan.losses import LOSSES
from fakeface.gan.networks import NETWORKS
from fakeface.gan.optimizers import OPTIMIZERS
from fakeface.gan.penalties import PENALTIES
from tests.commands import run_command

DOCS = Path(__file__).parents[1] / "docs"


def test_the_specification_trains_every_component_and_names_no_other():
    runs = load_spec(DOCS / "components.yaml").runs
    check_components(runs)
    for registry, setting in (
        (LOSSES, "loss"), (PENALTIES, "penalty"), (NETWORKS, "network"), (OPTIMIZERS, "optimizer"),
        (AUGMENTATIONS, "augment"),
    ):  # fmt: skip
        assert {getattr(run.config, setting).name for run in runs} == set(registry), setting
    assert any(run.config.train.ema_decay for run in runs)
    assert any(run.config.optimizer.clip_norm for run in runs)


def test_the_page_has_a_row_and_a_picture_of_each_run(tmp_path: Path):
    text = (DOCS / "components.yaml").read_text()
    for usual, tiny in (
        ("count: 20000", "count: 96"), ("width: 32", "width: 4"),
        ("steps: 300, batch_size: 64", "steps: 2, batch_size: 8"),
        ("num_samples: 2000, num_reference: 5000", "num_samples: 8, num_reference: 48"),
    ):  # fmt: skip
        assert usual in text
        text = text.replace(usual, tiny)
    (tmp_path / "runs.yaml").write_text(text)
    chosen = ("--run", "baseline", "--run", "least-squares")
    run_command(tmp_path, "run", "--no-mirror", "--threads", "1", *chosen)
    render = runpy.run_path(str(DOCS / "components.py"))["render"]
    page = render(analysis.load(tmp_path / "results"), tmp_path / "pictures")
    rows = [line for line in page.splitlines() if line.startswith(("| baseline", "| least-squares"))]
    assert len(rows) == 2
    assert "`loss.name=least-squares`" in rows[1]
    assert "loss" not in rows[0]
    assert "finished" in rows[0]
    for name in ("baseline", "least-squares"):
        assert f"![samples of {name}](pictures/{name}.png)" in page
        assert (tmp_path / "pictures" / f"{name}.png").stat().st_size < 20_000
