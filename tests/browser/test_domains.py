"""The demos people come for, with their real starters, driven as a visitor would."""

import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

LONG = 120_000  # ms: the first click loads a model, on a busy machine


@pytest.fixture(scope="module")
def real(serve):
    """Every installed domain, without the toys; the slices to click on are made first, as `make demo` does."""
    subprocess.run([sys.executable, "-m", "suite", "fetch", "medical-imaging"], check=True, timeout=300)
    with serve(
        ["-m", "suite", "launch", "--no-browser", "--port", "17870"],
        SUITE_PLUGINS="speech,recommendations,medical-imaging,fraud,translation,image-generation",
    ) as process:
        yield process


def test_speech_answers_an_example_and_offers_subtitles(page, real):
    page.goto(f"{real.address}/speech")
    page.get_by_text(re.compile("^English: ")).first.click(timeout=LONG)
    expect(page.get_by_text("real-time factor")).to_be_visible(timeout=LONG)
    with page.expect_download() as download:
        page.get_by_text("Save as SRT").click()
    assert download.value.path().read_text().startswith("1\n00:00:0")


def test_recommendations_answer_an_example_and_ask_for_a_pick_without_one(page, real):
    page.goto(f"{real.address}/recommendations")
    example = page.get_by_role("button", name=re.compile("^Try: ")).first
    expect(example).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Recommend", exact=True).click()
    expect(page.get_by_text("Pick at least one title you liked.")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("Error", exact=True)).to_have_count(0)
    example.click()
    expect(page.locator("#recommendations-list [role=listitem]")).to_have_count(10, timeout=LONG)


def test_medical_imaging_answers_an_example(page, real):
    page.goto(f"{real.address}/medical-imaging")
    expect(page.get_by_text("Not for clinical use.", exact=True)).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Thumbnail 7 of 7").click(timeout=LONG)  # a DICOM file
    expect(page.get_by_text("Truth: lesion")).to_be_visible(timeout=LONG)
    expect(page.locator("#medical-views img")).to_have_count(3)
    expect(page.locator("#medical-views .kit-facts")).to_contain_text("MONOCHROME1")
    page.mouse.wheel(0, 2000)
    expect(page.get_by_text("Not for clinical use.", exact=True)).to_be_in_viewport()


def test_fraud_queue_ranks_alerts_and_keeps_decisions(page, real):
    page.goto(f"{real.address}/fraud")
    cards = page.locator("#fraud-queue [data-row]")
    expect(cards).to_have_count(25, timeout=LONG)
    expect(page.get_by_text("25 of 700 alerts")).to_be_visible()
    page.locator("#fraud-capacity input[type=number]").fill("10")
    expect(page.get_by_text("25 of 70 alerts")).to_be_visible(timeout=LONG)
    expect(page.locator("#fraud-figures figure")).to_have_count(2)
    cards.nth(1).click()
    expect(page.get_by_text("This customer's last 10 transactions")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="It is fraud").click()
    expect(page.get_by_text("You said so; it is stored.")).to_be_visible(timeout=LONG)
    page.reload()
    expect(cards.nth(1).locator(".kit-badge")).to_have_text("fraud", timeout=LONG)
    expect(page.get_by_text("1 decided")).to_be_visible()


def test_translation_links_words_keeps_a_correction_and_gives_the_file(page, real):
    page.goto(f"{real.address}/translation")
    expect(page.locator("#translation-language input")).to_have_value("German", timeout=LONG)
    page.get_by_role("button", name="Translate", exact=True).click()
    expect(page.get_by_text("5 segments", exact=True)).to_be_visible(timeout=LONG)
    expect(page.locator("[data-row='1'] .kit-end .kit-code")).to_have_text("%d")
    page.get_by_role("tab", name="File").click()
    page.get_by_role("button", name="Try a small messages.po").click()
    expect(page.get_by_text("17 segments", exact=True)).to_be_visible(timeout=LONG)
    password = page.locator("[data-row]", has_text=re.compile("^Password"))
    password.click()
    page.locator("#translation-target textarea").fill("Kennwort (%s)", timeout=LONG)
    page.get_by_role("button", name="Keep this correction").click()
    expect(page.get_by_text("Not kept:")).to_be_visible(timeout=LONG)
    page.locator("#translation-target textarea").fill("Kennwort")
    page.get_by_role("button", name="Keep this correction").click()
    expect(password.locator(".kit-end")).to_have_text("Kennwort", timeout=LONG)
    word = page.locator("#translation-detail .kit-passage:last-of-type .kit-mark").first
    word.hover()
    expect(page.locator("#translation-detail .kit-passage:first-of-type .kit-lit")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save messages.de.po").click()
    assert 'msgid "Password"\nmsgstr "Kennwort"\n' in download.value.path().read_text()


def test_image_generation_draws_an_example_which_its_file_makes_again(page, real):
    page.goto(f"{real.address}/image-generation")
    page.get_by_role("button", name="red heart", exact=True).click(timeout=LONG)
    pictures = page.locator("#images-gallery .thumbnail-item")
    expect(pictures).to_have_count(4, timeout=LONG)
    expect(page.locator("#images-strip figure")).to_have_count(8)
    expect(page.locator("#images-nearest figure")).to_have_count(4, timeout=LONG)
    pictures.nth(2).click()
    expect(page.get_by_text("How the picture of seed 44 came about")).to_be_visible(timeout=LONG)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").first.click()
    page.locator("#images-prompt textarea").fill("something else")
    page.get_by_role("button", name="Make a picture again from its PNG").click()
    page.locator("#images-again input[type=file]").set_input_files(
        {"name": "again.png", "mimeType": "image/png", "buffer": download.value.path().read_bytes()}
    )
    expect(page.get_by_text("This model made it")).to_be_visible(timeout=LONG)
    expect(page.locator("#images-prompt textarea")).to_have_value("red heart")
    expect(page.locator("#images-seed input")).to_have_value("44")
