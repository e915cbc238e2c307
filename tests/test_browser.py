"""The MLflow page in headless Chromium, on four jobs as the report has them."""

import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ablations.store import Store
from ablations.tracking import compare_link, run_ids, serve, sync
from fakeface.errors import UserError
from tests.tracking_jobs import EXPERIMENT, IMAGE_STEPS, Job, new_store

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
SERVE = """
import sys
from pathlib import Path
from ablations.store import Store
from ablations.tracking import serve
serve(Store(Path(sys.argv[1])), int(sys.argv[2]), on_ready=lambda url: print(url, flush=True))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The four runs; one of another group and one of the same name and tags, which the link must leave out."""
    store = new_store(tmp_path_factory.mktemp("page"))
    for index, run in enumerate(RUNS):
        Job(store, run).whole(level=1 + index / 2)
    Job(store, "extra", group="elsewhere").whole()
    Job(store, RUNS[0], settings="others").whole()
    assert sync(store, store.tracking_uri).complete
    return store


@pytest.fixture(scope="module")
def url(store: Store) -> Iterator[str]:
    """The page's address. At the end, SIGTERM must stop the server and all its workers."""
    port = free_port()
    command = [sys.executable, "-c", SERVE, str(store.root), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address == f"http://127.0.0.1:{port}"
        yield address
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(address, timeout=5)


@pytest.fixture
def page(store: Store, url: str) -> Iterator["Page"]:
    """The page that the compare link opens, its charts drawn."""
    if CHROMIUM is None:
        pytest.skip("needs the browser `chromium` on the PATH")
    from playwright.sync_api import sync_playwright

    link = compare_link(store, store.tracking_uri, EXPERIMENT, folders=chosen(store), base_url=url)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(viewport={"width": 1600, "height": 1300})
        context.add_init_script(PRESETS)
        page = context.new_page()
        page.set_default_timeout(90_000)
        page.goto(link)
        yield page
        browser.close()


def chosen(store: Store) -> list[str]:
    """The folders of the four jobs."""
    return [folder.name for folder in store.job_folders() if folder.name in JOBS]


def card(page: "Page", title: str) -> "Locator":
    """The chart with this title."""
    cards = page.get_by_test_id("experiment-view-compare-runs-card")
    found = cards.filter(has=page.get_by_role("heading", name=title, exact=True))
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
    page: "Page", store: Store, tmp_path: Path
) -> None:
    names = {f"{run}-s0" for run in RUNS}
    for title in ("Loss_D", "Loss_G"):
        chart = card(page, title)
        lines = chart.locator(".scatterlayer path.js-line")
        lines.nth(len(RUNS) - 1).wait_for(state="attached")
        colours = lines.evaluate_all("lines => lines.map(l => l.style.stroke)")
        assert len(set(colours)) == len(RUNS), colours
        assert set(re.findall(r"([\w-]+-s0) \(", chart.inner_text())) == names
    page.screenshot(path=tmp_path / "charts.png")

    slider = card(page, "samples").get_by_role("slider")
    slider.wait_for()
    assert page.get_by_role("slider").count() == 1
    ids = {run_id for folder, run_id in run_ids(store, store.tracking_uri).items() if "extra" not in folder}
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
    card(page, "samples").locator("button[data-component-id^=fullscreen]").click()
    page.get_by_role("dialog").get_by_role("slider").wait_for()
    page.wait_for_timeout(1_000)  # the dialog grows into place
    page.screenshot(path=tmp_path / "fullscreen.png")


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
    assert compare_link(store, store.tracking_uri, EXPERIMENT) == "http://127.0.0.1:5000/#/experiments"
    assert compare_link(store, "http://lab:80/", EXPERIMENT) == "http://lab:80/#/experiments"
