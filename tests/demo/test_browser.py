"""The demo in headless Chromium, with the bundled weights."""

import base64
import io
import re
import shutil

import numpy as np
import pytest
from PIL import Image

import fashiongen
from fashiongen.commands import examples
from fashiongen.demo.server import serving
from fashiongen.demo.studio import Source, Studio

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SILENT = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE = 120_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine (Debian: apt install chromium)"),
]


@pytest.fixture(scope="module")
def studio():
    return Studio({name: fashiongen.load(name) for name in ("viton", "cagan")})


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(SILENT))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def address(studio):
    with serving(studio) as address:
        yield address


@pytest.fixture
def tab(browser, address):
    """A page of a visitor of its own; at its end nothing was asked of other machines, and nothing was complained about."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address, timeout=PATIENCE)
    page.wait_for_selector("#try-on-button")
    yield page
    foreign = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    context.close()
    assert foreign == [] and complaints == []


def choose(tab, kind, number):
    tab.click(f"#try-on-{kind}-examples button.thumbnail-item >> nth={number}")
    tab.wait_for_selector(f"#try-on-{kind}-preview figcaption:has-text('example {number}')")


def results(tab, count):
    """Presses the button; the pictures that are shown then, by the beginning of their title."""
    tab.click("#try-on-button")
    tab.wait_for_function(f"document.querySelectorAll('#try-on-results img').length == {count}")
    tab.wait_for_selector("#try-on-button:not([disabled])")
    shown = {}
    for figure in tab.query_selector_all("#try-on-results figure"):
        encoded = figure.query_selector("img").get_attribute("src").partition(",")[2]
        shown[figure.inner_text().split()[0]] = Image.open(io.BytesIO(base64.b64decode(encoded)))
    return shown


def expected(studio, person, garment, names=("viton", "cagan")):
    return {answer.model: answer.pictures[0] for answer in studio.try_on(names, person, garment)}


def agree(shown, wanted):
    return shown.keys() == wanted.keys() and all(np.array_equal(shown[name], wanted[name]) for name in shown)


def test_examples_give_the_pictures_of_the_verb_beside_each_other(tab, studio):
    choose(tab, "person", 3)
    choose(tab, "garment", 2)
    shown = results(tab, 2)
    assert agree(shown, expected(studio, Source(example=3), Source(example=2)))
    viton = studio.models["viton"]
    assert np.array_equal(shown["viton"], viton.try_on(examples.person(3, viton), examples.garment(2, viton)))
    tab.click("text=What the models saw and drew on the way")
    titles = tab.inner_text("#try-on-way")
    assert all(
        title in titles
        for title in ("the person's key points", "the person's parsing", "coarse", "warped", "matte", "swapped back")
    )


def test_a_broken_file_is_refused_and_a_good_one_is_drawn(tab, studio, tmp_path):
    broken, photograph = tmp_path / "broken.png", tmp_path / "alice.png"
    broken.write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    picture = fashiongen.mannequin.person(12, framing="upper").to_pil().resize((360, 480))
    picture.save(photograph)
    tab.set_input_files("#try-on-person-upload >> xpath=.. >> input[type=file]", broken)
    tab.wait_for_selector(".toast-body")
    assert "not a JPEG, PNG or WebP picture" in tab.inner_text(".toast-body")
    assert "example 1" in tab.inner_text("#try-on-person-preview")  # what was chosen before stays
    tab.set_input_files("#try-on-person-upload >> xpath=.. >> input[type=file]", photograph)
    tab.wait_for_selector("#try-on-person-preview figcaption:has-text('your picture')")
    tab.uncheck("#try-on-models input >> nth=1")
    shown = results(tab, 1)
    uploaded = Source(picture=(fashiongen.data.pictures.read_picture(picture) + 1).mul(127.5).round().byte())
    assert agree(shown, expected(studio, uploaded, Source(example=5), ["viton"]))
    assert "has seen no photographs" in tab.inner_text("#try-on-results")


def test_two_visitors_at_once_get_their_own(browser, address, studio):
    wanted = {number: expected(studio, Source(example=number), Source(example=5), ["viton"]) for number in (0, 6)}
    tabs = {}
    for number in wanted:
        tabs[number] = browser.new_context().new_page()
        tabs[number].set_default_timeout(PATIENCE)
        tabs[number].goto(address, timeout=PATIENCE)
        tabs[number].wait_for_selector("#try-on-button")
        choose(tabs[number], "person", number)
        tabs[number].uncheck("#try-on-models input >> nth=1")
    for tab in tabs.values():
        tab.click("#try-on-button", no_wait_after=True)
    for number, tab in tabs.items():
        tab.wait_for_selector("#try-on-results img")
        encoded = re.search(r"base64,([^'\"]+)", tab.inner_html("#try-on-results"))[1]
        assert np.array_equal(Image.open(io.BytesIO(base64.b64decode(encoded))), wanted[number]["viton"])
        tab.context.close()


def test_it_fits_a_telephone(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(address, timeout=PATIENCE)
    page.wait_for_selector("#try-on-button", timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
