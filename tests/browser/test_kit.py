"""The kit's components in a real browser: picking, marks that belong together, and text that stays text."""

from __future__ import annotations

from types import SimpleNamespace

import gradio as gr
import pytest
from playwright.sync_api import expect

from suite import Column
from suite.demo import CorrectionForm, Mark, PickList, Row, card, marked, panel, passage, rows, stylesheet
from suite.demo.components import STYLE as PIECES
from suite.web.theme import STYLE, theme

pytestmark = pytest.mark.browser

COLUMNS = (Column("text", "text", "what is judged"), Column("label", "category", "what it is"))
HOSTILE = "<img src=x onerror=document.title='run'> ${document.title='run'} {{value}} `+alert(1)+`"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page with a list to pick from, a linked text and a page's own style, on a port nobody else has."""
    runs = tmp_path_factory.mktemp("runs")
    domain = SimpleNamespace(name="weather", starter=SimpleNamespace(answering="starter"), columns=COLUMNS)
    task = SimpleNamespace(domain=domain, config=SimpleNamespace(output=runs))
    predictor = SimpleNamespace(task=task, source="")
    sheet = tmp_path_factory.mktemp("page") / "page.css"
    sheet.write_text("#own { letter-spacing: 3px; }")
    with gr.Blocks(analytics_enabled=False) as blocks:
        stylesheet(sheet)
        listed = PickList(PickList.rows([Row(HOSTILE), Row("second", key=7), Row("third")]), elem_id="list")
        said = gr.Textbox(elem_id="said")
        shown = panel(elem_id="shown", linked=True)
        text = marked("a b c", [Mark(0, 1, group=1), Mark(2, 3, group=2), Mark(4, 5, group=1)])
        panel(card(passage(text)), elem_id="linked", linked=True)
        panel(rows([Row("own", end="1"), HOSTILE], label="rows"), elem_id="own")

        text = gr.Textbox("fog", label="Text")
        ask = gr.Button("Judge")
        answer = gr.Label(label="Answer")
        CorrectionForm(COLUMNS, ["label"]).follow(predictor, answer, {"text": text})

    def pick(event: gr.SelectData):
        return str(event.index), card(HOSTILE), PickList.rows([Row("anew", strong=True)])

    with blocks:
        ask.click(lambda text: {"sun": 0.75, text: 0.25}, text, answer)
        listed.select(pick, None, [said, shown, listed])
    _, url, _ = blocks.launch(
        prevent_thread_lock=True, quiet=True, server_port=17890, theme=theme(), css_paths=[STYLE, PIECES]
    )
    yield url
    blocks.close()


def test_a_row_is_picked_and_its_list_replaced(page, address):
    page.goto(address)
    page.get_by_role("button", name="second").click()
    expect(page.locator("#said textarea")).to_have_value("7")
    expect(page.locator("#list [data-row]")).to_have_text(["anew"])
    expect(page.locator("#list .kit-strong")).to_have_css("cursor", "pointer")


def test_a_row_is_picked_by_the_keyboard(page, address):
    page.goto(address)
    page.get_by_role("button", name="third").press("Enter")
    expect(page.locator("#said textarea")).to_have_value("2")


def test_text_stays_text(page, address):
    page.goto(address)
    expect(page.locator("#list [data-row='0']")).to_have_text(HOSTILE)
    expect(page.locator("#own .kit-gap")).to_have_text(HOSTILE)
    page.get_by_role("button", name="second").click()
    expect(page.locator("#shown .kit-card")).to_have_text(HOSTILE)
    assert page.title() != "run" and page.locator("#list img, #shown img, #own img").count() == 0


def test_marks_of_a_group_light_up_together(page, address):
    page.goto(address)
    page.locator("#linked .kit-mark").first.hover()
    expect(page.locator("#linked .kit-lit")).to_have_text(["a", "c"])
    page.locator("#own").hover()
    page.locator("#linked .kit-mark").nth(1).hover()
    expect(page.locator("#linked .kit-lit")).to_have_text(["b"])


def test_pieces_are_styled_and_fold_up_on_a_phone(page, address):
    page.goto(address)
    card_ = page.locator("#linked .kit-card")
    expect(card_).to_have_css("border-radius", "16px")
    expect(card_).to_have_css("padding-left", "20.8px")
    expect(page.locator("#own")).to_have_css("letter-spacing", "3px")
    page.set_viewport_size({"width": 390, "height": 800})
    expect(card_).to_have_css("padding-left", "16px")


def test_an_answer_is_put_right(page, address):
    page.goto(address)
    page.get_by_role("button", name="Judge").click()
    page.get_by_label("Text", exact=True).fill("typed afterwards")
    page.get_by_role("radio", name="fog").check()
    page.get_by_role("button", name="Store the correction").click()
    expect(page.locator(".kit-card[role=status]")).to_contain_text("Stored as fog. 1 correction so far.")
