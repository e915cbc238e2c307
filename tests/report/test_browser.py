"""The report's page in headless Chromium."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from analysis.frames.jobs import load
from analysis.report.build import build
from tests.analysis_journals import train

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two runs with two seeds; one of them stopped after its first grids."""
    folder: Path = tmp_path_factory.mktemp("page")
    jobs = [train(folder / f"adam-{seed}", [1.0] * 60, [4.0] * 60) for seed in (0, 1)]
    jobs += [
        train(folder / "sgd-0", [1.0] * 30, [4.0] * 30, exit_="crashed"),
        train(folder / "sgd-1", [1.0], [4.0]),
    ]
    return build(load(jobs), folder / "report", title="t", command="c").page.as_uri()


def test_the_page_asks_for_nothing_and_complains_of_nothing(browser: "Browser", address: str) -> None:
    page = browser.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address)
    assert [url for url in asked if not url.startswith("data:")] == [address]
    assert said == []
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")


def test_the_scrubber_moves_all_runs_together(browser: "Browser", address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    slider, shown = page.locator("input[type=range]"), page.locator("#viewer img:visible")
    assert [image.get_attribute("data-step") for image in shown.all()] == ["60", "30"]
    assert page.locator("#viewer figure:visible .at").all_inner_texts() == ["", "still at step 30"]
    slider.focus()
    slider.press("Home")
    assert [image.get_attribute("data-step") for image in shown.all()] == ["1", "1"]
    assert page.locator("#viewer output").inner_text() == "1"


def test_choosing_a_seed_shows_its_jobs_only(browser: "Browser", address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    page.get_by_role("radio", name="1").check()
    captions = page.locator("#viewer figure:visible figcaption").all_inner_texts()
    assert [" ".join(caption.split()) for caption in captions] == ["adam seed 1", "sgd seed 1"]


@pytest.mark.parametrize("width", [390, 1280])
def test_the_contents_lead_to_every_section_and_open_what_is_folded(
    browser: "Browser", address: str, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(address)
    links = page.locator("nav a")
    assert links.all_inner_texts() == page.locator("section h2").all_inner_texts()
    page.get_by_role("link", name="Every job").click()
    assert page.locator("#runs table").is_visible()
    assert page.locator("#runs").bounding_box()["y"] < 800  # type: ignore[index]
    nav = page.locator("nav").bounding_box()
    assert nav is not None and (nav["y"] >= 0) == (width == 1280), "beside the sections where there is room"


def test_everything_folded_is_printed_and_folded_again(browser: "Browser", address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    folded = "document.querySelectorAll('details:not([open])').length"
    before = page.evaluate(folded)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert before > 2 and page.evaluate(folded) == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(folded) == before


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_width_makes_the_page_scroll_sideways(
    browser: "Browser", address: str, width: int, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(address)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 27)"
    assert dark == (scheme == "dark")
