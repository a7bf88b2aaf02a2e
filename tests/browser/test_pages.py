"""The app in a real browser: gallery, demo, About, and what a broken plugin looks like."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_gallery_shows_every_application(page, server):
    page.goto(server.address)
    cards = page.get_by_label("Applications").get_by_role("link")
    expect(cards).to_have_count(3)
    toy = cards.filter(has_text="Toy words")
    expect(toy).to_contain_text("Tell whether a word has more vowels than consonants.")
    expect(toy).to_contain_text("toy/letters")
    toy.click()
    expect(page).to_have_url(re.compile(r"/toy/?$"))
    expect(page.get_by_role("heading", name="Toy words", level=1)).to_be_visible()


def test_gallery_says_what_is_broken_and_shows_no_markup_of_it(page, server):
    page.goto(server.address)
    expect(page.get_by_role("alert")).to_contain_text("torn (suite-torn 0.1.0): ImportError: the <b>torn</b> library")
    card = page.get_by_label("Applications").get_by_role("link").filter(has_text="Vanished")
    expect(card).to_contain_text("a_module_nobody_has")
    expect(card).to_contain_text("See why")


def test_demo_answers_an_example_at_the_first_click(page, server, told_by_predictor):
    page.goto(f"{server.address}/toy")
    page.get_by_role("button", name="rhythm").click()
    expect(page.get_by_label("Word", exact=True)).to_have_value("rhythm")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_test_id("label-output-value")).to_have_text(told_by_predictor("rhythm"), timeout=60_000)


def test_demo_is_there_once(page, server):
    page.goto(f"{server.address}/toy")
    expect(page.get_by_role("button", name="Decide")).to_have_count(1)


def test_page_says_which_model_answers_and_survives_a_reload(page, server):
    page.goto(f"{server.address}/toy")
    expect(page.get_by_text("Answering: toy/letters, not fine-tuned.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Answering: toy/letters, not fine-tuned.")).to_be_visible()
    expect(page.get_by_role("button", name="Decide")).to_be_visible()


def test_about_states_limits_licences_sources_and_commands(page, server):
    page.goto(f"{server.address}/toy")
    page.get_by_role("tab", name="About").click()
    expect(page.get_by_text("A toy: it knows the letters a to z.")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="toy/letters")
    expect(row.get_by_role("cell", name="Apache-2.0")).to_be_visible()
    expect(row.get_by_role("link", name="toy/letters")).to_have_attribute("href", "https://example.org")
    for command in ("suite toy data check ./mine", "suite toy train --data ./mine", "suite toy evaluate latest"):
        expect(page.get_by_text(command)).to_be_visible()
    expect(page.get_by_text("author (optional): Who wrote it.")).to_be_visible()


def test_headings_are_bold_in_one_font(page, server):
    """The semi-bold files of Gradio's wheel lack letters: a heading in weight 600 would mix two fonts."""
    page.goto(f"{server.address}/toy")
    page.get_by_role("tab", name="About").click()
    for heading in page.get_by_role("heading").all():
        weight, family = heading.evaluate("e => [getComputedStyle(e).fontWeight, getComputedStyle(e).fontFamily]")
        assert int(weight) >= 600, heading.text_content()
        assert "IBM Plex Sans" in family
    loaded = page.evaluate("[...document.fonts].filter(f => f.status == 'loaded').map(f => [f.family, f.weight])")
    plex = {weight for family, weight in loaded if "IBM Plex Sans" in family}
    assert plex == {"400", "700"}


def test_page_of_a_broken_demo_shows_the_reason_and_nothing_half_done(page, server):
    page.goto(f"{server.address}/grumpy")
    expect(page.get_by_role("alert")).to_contain_text("RuntimeError: not <i>today</i>")
    expect(page.get_by_label("Half a demo")).to_have_count(0)
    page.get_by_role("tab", name="About").click()
    expect(page.get_by_text("suite grumpy train --data ./mine")).to_be_visible()


@pytest.mark.parametrize(("path", "reason"), [("vanished", "a_module_nobody_has"), ("no-page", "no page today")])
def test_page_that_cannot_be_built_says_why(page, server, path, reason):
    page.goto(f"{server.address}/{path}")
    expect(page.get_by_role("alert")).to_contain_text(reason)


def test_a_users_mistake_is_told_and_a_bug_is_not_spelt_out(page, server):
    page.goto(f"{server.address}/two-mistakes")
    page.get_by_role("button", name="Mistake").click()
    expect(page.get_by_text("The file has no sound; record it again.")).to_be_visible()
    page.get_by_role("button", name="Stream").click()
    expect(page.get_by_text("The stream has ended too soon.")).to_be_visible()
    page.get_by_role("button", name="Bug").click()
    expect(page.get_by_text("This is a fault of the application, not of what you gave it.")).to_be_visible()
    assert "secret.wav" not in page.content()
    assert "secret.wav" in server.log.read_text()


@pytest.mark.parametrize("path", ["", "toy", "grumpy"])
def test_nothing_is_wider_than_a_phone(page, server, path):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.address}/{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    edges = page.evaluate("[...document.querySelectorAll('main *')].map(e => e.getBoundingClientRect().right)")
    assert 0 < max(edges) <= 390
