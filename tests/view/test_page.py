"""The page, in a real browser without a window: what it draws, its keys, its sizes."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from numcodecs_neural.serve.run import ServeOptions, bind, make_server
from numcodecs_neural.view.app import Exhibit, view_app
from numcodecs_neural.view.subject import Subject
from tests.annotations import Image

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
# A machine may be busy: what is waited for comes in a second otherwise.
PATIENCE_MS = 120_000
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
Page = Any


@pytest.fixture(scope="module")
def address(store: Path, tiff: Path, stack: Path, lossy: Path) -> Iterator[str]:
    """Return where the page is served: beside each other a store and its slide; a stack; others."""
    exhibits = [
        Exhibit(shown=Subject(store), against=Subject(tiff)),
        Exhibit(shown=Subject(stack)),
        Exhibit(shown=Subject(store), against=Subject(stack)),
        Exhibit(shown=Subject(lossy)),
    ]
    listening = bind(ServeOptions(port=0))
    server = make_server(view_app(exhibits), ServeOptions())
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    server.should_exit = True
    thread.join()
    for exhibit in exhibits:
        exhibit.close()


@pytest.fixture(scope="module")
def lossy(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the store that has lost a file."""
    path = tmp_path_factory.mktemp("view") / "lossy.ome.zarr"
    shutil.copytree(store, path)
    next(one for one in (path / "1" / "c").rglob("*") if one.is_file()).unlink()
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Page]:
    """Return the page with its first slide drawn; an error in the console fails the test."""
    opened = browser.new_page(viewport={"width": 1000, "height": 700})
    opened.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []
    opened.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(address)
    drawn(opened)
    yield opened
    opened.close()
    assert complaints == []


def drawn(page: Page) -> None:
    """Wait until all tiles of the view are there."""
    page.wait_for_selector('#viewer[aria-busy="false"]')


def screen(page: Page, path: Path) -> Image:
    """Return what the page looks like, (height, width, 3)."""
    page.screenshot(path=path)
    return np.asarray(PIL.Image.open(path).convert("RGB"))


def share_of_tissue(picture: Image) -> float:
    """Return how much of a picture is coloured as the tissue is, brown or blue."""
    return float((np.ptp(picture[100:-100].astype(int), axis=-1) > 40).mean())


def test_a_slide_is_drawn(page: Page, tmp_path: Path) -> None:
    assert share_of_tissue(screen(page, tmp_path / "page.png")) > 0.01
    assert page.inner_text("#facts").startswith("1800 x 1300 uint8")
    assert page.get_attribute("#scale", "aria-label") in {
        f"scale bar: {length} µm" for length in (50, 100, 200)
    }


@pytest.mark.parametrize("width", [400, 1024, 2560])
def test_nothing_is_cut_off_at_any_width(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    drawn(page)

    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    boxes = [page.locator(one).bounding_box() for one in ("#viewer", "#help", "#scale", "#bits")]

    assert overflow <= 0
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
    assert boxes[0]["height"] > 400


def test_keys_do_what_they_say(page: Page) -> None:
    whole = page.inner_text("#facts").split(", ")[-1].removesuffix(" %")
    page.keyboard.press("1")
    page.wait_for_selector("#facts:has-text(' 100 %')")
    page.keyboard.press("0")
    page.wait_for_selector(f"#facts:has-text(' {whole} %')")
    page.keyboard.press("?")

    assert page.is_visible("#keys")
    assert page.get_attribute("#help", "aria-expanded") == "true"


def test_overlays_come_and_go(page: Page, tmp_path: Path) -> None:
    plain = screen(page, tmp_path / "plain.png")
    for key, button in (("m", "#tissue"), ("b", "#bits")):
        page.keyboard.press(key)
        assert page.get_attribute(button, "aria-pressed") == "true"
    page.wait_for_selector("#legend")
    drawn(page)
    laid_over = screen(page, tmp_path / "over.png")
    page.keyboard.press("m")
    page.keyboard.press("b")

    assert (laid_over != plain).mean() > 0.05
    assert page.get_attribute("#bits", "aria-pressed") == "false"
    assert page.is_hidden("#legend")


def test_the_handle_is_moved_by_keys(page: Page) -> None:
    def position() -> float:
        return float(page.evaluate("document.getElementById('divider').getBoundingClientRect().x"))

    before = position()
    page.keyboard.press(".")

    assert position() == pytest.approx(before + 50, abs=1)
    assert page.inner_text("#left") == "store"
    assert page.inner_text("#right") == "slide"


def test_letters_are_keys_where_a_slider_has_the_focus(page: Page) -> None:
    page.focus("#swipe")
    page.keyboard.press("?")

    assert page.is_visible("#keys")


def test_everything_that_takes_the_focus_has_a_name(page: Page) -> None:
    page.select_option("#slides", "1")
    page.wait_for_selector("#channel-1")

    without = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, summary, [tabindex='0']")]
          .filter((one) => !(one.ariaLabel || one.innerText || one.labels?.[0]?.innerText))
          .map((one) => one.outerHTML)"""
    )

    assert without == []


def test_a_larger_slide_is_seen_on_its_side_of_the_handle_only(page: Page, tmp_path: Path) -> None:
    page.select_option("#slides", "2")
    page.wait_for_selector("#right:has-text('stack')")
    drawn(page)
    picture = screen(page, tmp_path / "both.png").astype(int)

    # The stack reaches further down than the store.
    rows = np.flatnonzero(np.ptp(picture[:, 520:760], axis=-1).max(1) > 60)
    left = np.ptp(picture[rows[-1] - 2, 240:480], axis=-1)

    assert left.max() < 20


def test_what_is_lost_is_said_in_the_words_of_the_server(browser: Any, address: str) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    drawn(page)
    page.select_option("#slides", "3")

    page.wait_for_selector("#trouble:has-text('lossy.ome.zarr')")

    assert "was stored and is lost" in page.inner_text("#trouble")
    page.close()


def test_the_page_is_as_the_system_asks(browser: Any, address: str) -> None:
    size = {"width": 400, "height": 700}
    page = browser.new_page(viewport=size, color_scheme="dark", reduced_motion="reduce")
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    drawn(page)
    is_dark = page.evaluate("document.body.classList.contains('dark')")
    page.keyboard.press("1")
    page.wait_for_selector("#facts:has-text(' 100 %')")
    page.select_option("#slides", "1")
    page.wait_for_selector("#controls:visible")

    assert is_dark
    # Folded: it would hide the slide of a narrow screen.
    assert page.is_hidden("#channel-1")
    page.close()


def test_another_slide_has_its_own_controls(page: Page, tmp_path: Path) -> None:
    page.keyboard.press("n")
    page.wait_for_selector("#channel-1")
    drawn(page)
    both = screen(page, tmp_path / "both.png")
    with page.expect_request("**/shown/**"):
        page.locator("#channel-1 input[type=checkbox]").uncheck()
    drawn(page)
    one = screen(page, tmp_path / "one.png")
    page.locator("#z").press("ArrowRight")

    assert page.locator("#z").input_value() == "1"
    middle = np.s_[300:400, 450:550]
    # The first channel is green, the second magenta.
    assert both[middle][..., 0].mean() > 50
    assert one[middle][..., 0].mean() < 5
    assert one[middle][..., 1].mean() > 50
    assert page.is_hidden("#swipe")


def test_lengths_of_the_scale_bar_are_round(page: Page) -> None:
    found = page.evaluate(
        """async () => {
          const { roundLength, lengthText } = await import("./page/scale_bar.js");
          return [0.37, 1, 4.9, 73, 1999].map((one) => lengthText(roundLength(one)));
        }"""
    )

    assert found == ["200 nm", "1 µm", "2 µm", "50 µm", "1 mm"]
