"""The MLflow page in headless Chromium, on four jobs as the report has them."""

import contextlib
import functools
import re
import shutil
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ablations.store import Store
from ablations.tracking import chart_links, compare_link, run_ids, serve, sync
from ablations.tracking.shipped import runs
from fakeface.errors import UserError
from tests.mlflow_server import DIRECT
from tests.ports import free_port
from tests.tracking_jobs import IMAGE_STEPS, Job, new_store, note_as_shipped

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

CHROMIUM = shutil.which("chromium")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
PRESETS = """
localStorage.setItem("mlflow.assistant.panelOpen_v1", "false");
localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true");
"""
RUNS = ("baseline", "weight-init", "sgd", "both")
SEEDS = 12
SERVE = """
import sys
from pathlib import Path
from ablations.store import Store
from ablations.tracking import serve
serve(Store(Path(sys.argv[1])), int(sys.argv[2]), on_ready=lambda url: print(url, flush=True))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The four runs; one of other settings that has names and tags of the first; one of another experiment; and more
    seeds than MLflow shows by itself.
    """
    store = new_store(tmp_path_factory.mktemp("page"))
    for index, run in enumerate(RUNS):
        Job(store, run).whole(level=1 + index / 2)
    Job(store, RUNS[0], identity="others").whole()
    Job(store, "extra", experiment="elsewhere").whole()
    for seed in range(SEEDS):
        job = Job(store, "seeds", seed, experiment="seeds", log_model=seed == 0)
        job.session()
        job.steps(1, 4)
        job.outcome()
    assert sync(store, store.tracking_uri).complete
    return store


@pytest.fixture(scope="module")
def url(store: Store) -> Iterator[str]:
    """The page's address."""
    with served(store) as address:
        yield address


@contextlib.contextmanager
def served(store: Store) -> Iterator[str]:
    """Serves the page. At the end, SIGTERM must stop the server and all its workers."""
    port = free_port()
    command = [sys.executable, "-c", SERVE, str(store.root), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address == f"http://127.0.0.1:{port}"
        try:
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    with pytest.raises(OSError, match="refused"):
        DIRECT.open(address, timeout=5)


@pytest.fixture
def page() -> Iterator["Page"]:
    """A page of the browser."""
    if CHROMIUM is None:
        pytest.skip("needs the browser `chromium` on the PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(viewport={"width": 1600, "height": 1300})
        context.add_init_script(PRESETS)
        page = context.new_page()
        page.set_default_timeout(90_000)
        yield page
        browser.close()


def folders_of(store: Store, *runs: str) -> list[str]:
    """The jobs of these runs, the one of other settings left out."""
    return [
        folder.name
        for folder in store.job_folders()
        if store.history(folder).job["code"]["fakeface/gan/step.py:gan_step"] in runs
    ]


def link_on(url: str, store: Store, folders: list[str]) -> str:
    """The link to compare, on a page that is not at the default port."""
    return compare_link(store, store.tracking_uri, folders).replace("http://127.0.0.1:5000", url)


def card(page: "Page", title: str) -> "Locator":
    """The chart with this title. The page renders a chart only when it is scrolled to."""
    cards = page.get_by_test_id("experiment-view-compare-runs-card")
    found = cards.filter(has=page.get_by_role("heading", name=title, exact=True))
    cards.first.wait_for()
    page.mouse.move(1_000, 800)
    page.mouse.wheel(0, -100_000)
    for _ in range(60):
        if found.count():
            break
        page.mouse.wheel(0, 300)
        page.wait_for_timeout(250)
    found.scroll_into_view_if_needed()
    return found


def steps_shown(page: "Page", count: int) -> dict[str, int]:
    """Run id -> the step of the picture shown for it, once `count` pictures are loaded."""
    page.wait_for_function(
        """count => {
            const shown = [...document.images].filter(i => i.src.includes("get-artifact"));
            return shown.length == count && shown.every(i => i.complete && i.naturalWidth > 0);
        }""",
        arg=count,
    )
    sources = page.evaluate("[...document.images].map(i => decodeURIComponent(i.src))")
    found = [re.search(r"images/samples\+step\+(\d+)\+.*run_uuid=(\w+)", source) for source in sources]
    return {match[2]: int(match[1]) for match in found if match}


@pytest.mark.browser
@pytest.mark.service
@pytest.mark.slow
def test_the_compare_link_overlays_the_four_runs_and_one_slider_moves_all_their_grids(
    page: "Page", store: Store, url: str, tmp_path: Path
) -> None:
    folders = folders_of(store, *RUNS)
    page.goto(link_on(url, store, folders))
    names = {f"{run}-s0" for run in RUNS}
    for title in ("Loss_D", "Loss_G"):
        chart = card(page, title)
        lines = chart.locator(".scatterlayer path.js-line")
        lines.nth(len(RUNS) - 1).wait_for(state="attached")
        colours = lines.evaluate_all("lines => lines.map(l => l.style.stroke)")
        assert len(set(colours)) == len(RUNS), colours
        assert set(re.findall(r"([\w-]+-s0) \(", chart.inner_text())) == names
    page.screenshot(path=tmp_path / "charts.png")

    samples = card(page, "samples")
    slider = samples.get_by_role("slider")
    slider.wait_for()
    assert page.get_by_role("slider").count() == 1
    ids = {run_ids(store, store.tracking_uri)[folder] for folder in folders}
    slider.focus()
    for step in IMAGE_STEPS[:4]:
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "step => document.querySelector('[role=slider]').getAttribute('aria-valuenow') == step",
            arg=str(step),
        )
        page.wait_for_function(
            "step => [...document.images].some(i => decodeURIComponent(i.src).includes(`+step+${step}+`))",
            arg=step,
        )
        assert steps_shown(page, len(RUNS)) == dict.fromkeys(ids, step)
    page.screenshot(path=tmp_path / "samples.png")
    samples.locator("button[data-component-id^=fullscreen]").click()
    page.get_by_role("dialog").get_by_role("slider").wait_for()
    page.wait_for_timeout(1_000)  # the dialog grows into place
    page.screenshot(path=tmp_path / "fullscreen.png")


@pytest.mark.browser
@pytest.mark.service
@pytest.mark.slow
def test_the_page_of_a_moved_store_shows_its_pictures(
    page: "Page", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # leads nowhere, and is not used
    store = new_store(tmp_path / "first")
    job = Job(store, "baseline").whole()
    assert sync(store, store.tracking_uri).complete
    moved = Store(store.root.rename(tmp_path / "moved #1?"))
    with served(moved) as url:
        page.goto(link_on(url, moved, [job.folder.name]))
        card(page, "samples").get_by_role("slider").focus()
        page.keyboard.press("ArrowLeft")  # from the last step, where a view begins
        page.wait_for_function(
            "step => [...document.images].some(i => decodeURIComponent(i.src).includes(`+step+${step}+`))",
            arg=IMAGE_STEPS[-2],
        )
        (run_id,) = run_ids(moved, moved.tracking_uri).values()
        assert steps_shown(page, 1) == {run_id: IMAGE_STEPS[-2]}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["moved #1?"]


@pytest.mark.browser
@pytest.mark.service
@pytest.mark.slow
def test_the_compare_link_shows_jobs_that_lie_in_two_experiments(
    page: "Page", store: Store, url: str
) -> None:
    folders = folders_of(store, "sgd", "extra")
    page.goto(link_on(url, store, folders))
    chart = card(page, "Loss_G")
    chart.locator(".scatterlayer path.js-line").nth(1).wait_for(state="attached")
    assert set(re.findall(r"([\w-]+-s0) \(", chart.inner_text())) == {"sgd-s0", "extra-s0"}


@pytest.mark.browser
@pytest.mark.service
@pytest.mark.slow
def test_the_charts_of_a_group_show_all_its_runs_and_its_table_their_outcomes(
    page: "Page", store: Store, url: str, tmp_path: Path
) -> None:
    link = dict(chart_links(store, url))["seeds, quick/report"]
    page.goto(link)
    page.get_by_test_id("experiment-view-compare-runs-card").first.get_by_text("Loss_D").first.wait_for()
    chart = card(page, "Loss_D")
    chart.locator(".scatterlayer path.js-line").nth(SEEDS - 1).wait_for(state="attached")
    card(page, "samples").get_by_role("slider").wait_for()
    page.screenshot(path=tmp_path / "group.png")

    page.goto(link.replace("CHART", "TABLE"))
    cells = page.locator(".ag-cell[col-id='tags.`dynamics`']")
    cells.nth(SEEDS - 1).wait_for()
    assert set(cells.all_inner_texts()) == {"balanced"}
    assert page.locator(".ag-cell[col-id='metrics.`Loss_G`']").first.is_visible()

    with page.context.expect_page() as opened:
        page.get_by_role("link", name="mean over seeds").click()
    opened.value.get_by_text("Group: seeds").wait_for()


@pytest.mark.browser
@pytest.mark.service
@pytest.mark.slow
def test_a_runs_files_its_model_and_the_comparison_with_another_are_on_their_pages(
    page: "Page", store: Store, url: str
) -> None:
    found = {
        shipped.facts.job["seed"]: shipped
        for name, shipped in runs(store, store.tracking_uri).items()
        if name.startswith("seeds-")
    }
    experiment, first, second = found[0].experiment_id, found[0].run_id, found[1].run_id
    page.goto(f"{url}/#/experiments/{experiment}/runs/{first}/artifacts")
    page.get_by_text("final_grid.png").click()
    page.wait_for_function("[...document.images].some(i => i.naturalWidth == 130)")
    page.goto(f"{url}/#/experiments/{experiment}/models?workflowType=machine_learning")
    page.get_by_role("link", name="generator-seeds-s0").wait_for()
    page.goto(f'{url}/#/compare-runs?runs=["{first}","{second}"]&experiments=["{experiment}"]')
    for name in ("seeds-s0", "seeds-s1", "Loss_G"):
        page.get_by_text(name, exact=True).first.wait_for()


@pytest.mark.service
@pytest.mark.slow
def test_a_taken_port_is_a_clear_error(store: Store, url: str) -> None:
    port = int(url.rpartition(":")[2])
    with pytest.raises(UserError, match=f"port {port} .* choose another with --port"):
        serve(store, port)


def test_a_store_without_a_mirror_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no MLflow data yet"):
        serve(Store(tmp_path), free_port())


def test_before_anything_was_shipped_the_link_leads_to_the_list_of_experiments(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert compare_link(store, store.tracking_uri, []) == "http://127.0.0.1:5000/#/experiments"
    assert compare_link(store, "http://lab:80/", []) == "http://lab:80/#/experiments"


def filter_of(link: str) -> str | None:
    """The search filter in a link."""
    return dict(urllib.parse.parse_qsl(link.partition("?")[2])).get("searchFilter")


def test_the_link_names_exactly_the_runs_of_the_given_jobs(tmp_path: Path) -> None:
    store = Store(tmp_path)
    jobs = [Job(store, "baseline", identity=settings) for settings in ("one", "two", "three")]
    ids = [note_as_shipped(store, "http://lab", job) for job in jobs[:2]]
    find = functools.partial(compare_link, store, "http://lab")
    names = [job.folder.name for job in jobs]
    assert filter_of(find(names[:1])) == f"attributes.run_id in ('{ids[0]}')"
    assert filter_of(find(names)) == f"attributes.run_id in ('{ids[0]}', '{ids[1]}')"
    assert find(names[2:]) == "http://lab/#/experiments"  # its run is not made yet
    assert find([]) == "http://lab/#/experiments"


def test_a_link_to_more_runs_than_it_can_name_goes_by_tags_without_the_empty_ones(tmp_path: Path) -> None:
    store = Store(tmp_path)
    jobs = [Job(store, seed=seed, identity=str(seed)) for seed in range(21)]
    for job in jobs:
        note_as_shipped(store, "http://lab", job)
    names = [job.folder.name for job in jobs]
    find = functools.partial(compare_link, store, "http://lab")
    tags = {"profile": "", "group": "report"}
    assert filter_of(find(names, tags=tags)) == 'tags.group = "report"'
    assert filter_of(find(names, tags={"profile": ""})) is None
    link = find(names[:20], tags=tags)
    assert str(filter_of(link)).count("'") == 40
    assert len(link) < 1_200
