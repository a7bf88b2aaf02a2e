"""The kit of the demo pages: numbers and times, what the server keeps for visitors, and corrections."""

from __future__ import annotations

import doctest
import importlib
import os
import time
from types import SimpleNamespace

import gradio as gr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite import Column, Corrections, SuiteError, demo
from suite.demo import CorrectionForm, Downloads, Held, percent, store_correction
from suite.demo.held import KEPT_SECONDS

NARROW = "\N{NARROW NO-BREAK SPACE}"

# ---- numbers and times -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["formats", "markup"])
def test_the_examples_in_the_docstrings_are_true(name):
    results = doctest.testmod(importlib.import_module(f"suite.demo.{name}"))
    assert results.attempted > 0 and results.failed == 0


@given(st.floats(0, 1), st.integers(0, 2))
def test_no_probability_is_shown_as_certain(share, digits):
    text = percent(share, digits)
    assert text.endswith(f"{NARROW}%") and " %" not in text
    value = float(text.strip("<>").split(NARROW)[0])
    assert 0 < value < 100
    if text[0] not in "<>":
        assert abs(value - 100 * share) <= 0.5001 * 10**-digits


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0:00.0"), (59.94, "0:59.9"), (59.96, "1:00.0"), (3599.99, "1:00:00.0"), (36_061.5, "10:01:01.5")],
)
def test_times_read_like_a_clock(seconds, expected):
    assert demo.clock(seconds) == expected


@pytest.mark.parametrize("write", [percent, demo.number])
def test_what_is_no_number_is_a_dash(write):
    assert write(float("nan")) == "–"


# ---- what the server keeps ---------------------------------------------------------------------------------------


def test_the_least_used_result_goes_first_and_says_so():
    held = Held(2, gone="Upload it again.")
    first, second = held.keep("a"), held.keep("b")
    assert held[first] == "a" and len(first) == 16 and first != second
    third = held.keep("c")
    assert (held[first], held[third]) == ("a", "c")
    for name in (second, "", "guessed"):
        with pytest.raises(SuiteError, match=r"Upload it again\."):
            held[name]


def test_files_to_take_away_stay_an_hour():
    downloads = Downloads("suite-test-")
    old, young = downloads.folder(), downloads.folder()
    for folder in (old, young):
        (folder / "answer.txt").write_text("42")
    os.utime(old, (time.time() - KEPT_SECONDS - 1,) * 2)
    os.utime(young, (time.time() - KEPT_SECONDS + 60,) * 2)
    new = downloads.folder()
    assert not old.exists() and (young / "answer.txt").is_file() and list(new.iterdir()) == []


def test_the_files_go_with_the_page():
    downloads = Downloads("suite-test-")
    folder = downloads.folder()
    del downloads
    assert not folder.exists()


# ---- corrections -------------------------------------------------------------------------------------------------


COLUMNS = (
    Column("picture", "image", "what is judged"),
    Column("text", "text", "what it says"),
    Column("label", "category", "what it is"),
    Column("size", "number", "how large"),
)


def form(*names, **options):
    with gr.Blocks() as page:
        made = CorrectionForm(COLUMNS, names, **options)
    return made, page


def test_a_form_has_a_field_for_each_column():
    made, _ = form(
        "text", "label", "size", labels={"label": "What is it?"}, choices={"label": ["a", "b"]}, elem_id="put"
    )
    kinds = [type(field).__name__ for field in made.inputs]
    assert kinds == ["Textbox", "Radio", "CheckboxGroup", "Number"]
    assert [field.label for field in made.inputs] == ["what it says", "What is it?", "What is it?", "how large"]
    assert [field.elem_id for field in made.inputs] == ["put-text", "put-label", None, "put-size"]
    assert made.inputs[1].choices == [("a", "a"), ("b", "b")]
    assert [button.value for button in made.buttons] == ["Store the correction"] and made.box.visible is False


def test_what_a_form_holds_by_column():
    made, _ = form("text", "label", "size")
    assert made.answer(" a ", "b", [], 0) == {"text": " a ", "label": "b", "size": 0}
    assert made.answer(" ", None, [], None) == {"text": None, "label": None, "size": None}
    assert made.answer(None, None, ["a", "b"], 1.5) == {"text": None, "label": ["a", "b"], "size": 1.5}


def test_a_form_asks_for_one_or_several():
    made, _ = form("text", "label")
    text, single, several = made.ask(choices={"label": ["a", "b"]}, values={"text": "old", "label": "a"})
    assert (text.value, single.value, single.visible, several.visible) == ("old", "a", True, False)
    text, single, several = made.ask(choices={"label": ["a", "b"]}, several=("label",), values={"label": ["b"]})
    assert (text.value, single.visible, several.visible, several.value) == (None, False, True, ["b"])
    assert several.choices == [("a", "a"), ("b", "b")]


def test_a_structure_is_edited_as_json_and_held_to_its_shape():
    boxes = Column("boxes", "structure", "where", shape=list[tuple[int, int]])
    with gr.Blocks():
        made = CorrectionForm([boxes], ["boxes"])
    (field,) = made.inputs
    assert (type(field).__name__, field.language, field.interactive) == ("Code", "json", None)
    (asked,) = made.ask(values={"boxes": [[1, 2]]})
    assert made.answer(asked.value) == {"boxes": [[1, 2]]}
    assert made.answer("[]") == {"boxes": []} and made.answer(" \n") == {"boxes": None}
    for text, said in {"[[1]]": r"boxes\[0\]\[1\] is missing; give \[\[integer, integer\]\]", "{": "not JSON"}.items():
        with pytest.raises(SuiteError, match=said):
            made.answer(text)


def test_a_click_hands_the_answer_to_the_handler():
    seen = []
    with gr.Blocks() as page:
        state, shown = gr.State("now"), gr.HTML()
        made = CorrectionForm(COLUMNS, ["label"])
        made.on_store(lambda *given: seen.append(given), [state], [shown], api_visibility="private")
    (function,) = page.fns.values()
    assert function.inputs == [state, *made.inputs] and function.outputs == [shown]
    function.fn("now", "a", [])
    assert seen == [("now", {"label": "a"})]


def test_verdicts_are_a_button_each():
    seen = []
    with gr.Blocks() as page:
        made = CorrectionForm(COLUMNS, ["label"], verdicts={"It is": 1, "It is not": 0})
        made.on_store(lambda *given: seen.append(given), [gr.State(3)], [])
    assert [(button.value, button.variant) for button in made.buttons] == [
        ("It is", "stop"),
        ("It is not", "secondary"),
    ]
    for function in page.fns.values():
        function.fn(3)
    assert seen == [(3, {"label": 1}), (3, {"label": 0})] and made.inputs == made.ask() == []


def followed(tmp_path):
    """The two handlers of a form below a label: what is asked after an answer, and what is stored."""
    domain = SimpleNamespace(name="weather", starter=SimpleNamespace(answering="starter"), columns=COLUMNS)
    task = SimpleNamespace(domain=domain, config=SimpleNamespace(output=tmp_path))
    with gr.Blocks() as page:
        fields = {"text": gr.Textbox(), "picture": gr.Image(type="filepath")}
        answer = gr.Label()
        made = CorrectionForm(COLUMNS, ["label"])
        made.follow(SimpleNamespace(task=task, source=""), answer, fields)
    asks, stores = page.fns.values()
    assert asks.api_visibility == stores.api_visibility == "private"
    return asks.fn, stores.fn


def test_a_form_below_a_label_asks_for_its_labels_and_stores_the_row(tmp_path):
    ask, store = followed(tmp_path)
    (tmp_path / "a.png").write_bytes(b"picture")
    row, box, single, several, said = ask({"a": 0.9, "b": 0.1}, "typed", str(tmp_path / "a.png"))
    assert (box.visible, single.choices, several.visible, said) == (True, [("a", "a"), ("b", "b")], False, "")
    said = store(row, {"a": 0.9, "b": 0.1}, "b", [])
    assert "<b>Stored as b.</b> 1 correction so far." in said
    (kept,) = Corrections("weather", tmp_path).read()
    assert (kept.row["text"], kept.source, kept.model) == ("typed", "demo", "starter")
    assert (kept.before, kept.after) == ({"label": "a"}, {"label": "b"})
    assert (tmp_path / "weather" / "corrections" / kept.row["picture"]).read_bytes() == b"picture"


def test_a_form_below_a_label_hides_without_an_answer_and_asks_for_a_choice(tmp_path):
    ask, store = followed(tmp_path)
    assert ask(None, "", None)[1].visible is False
    with pytest.raises(SuiteError, match=r"Choose what it is first\."):
        store({"text": "typed", "picture": None}, {"a": 1.0}, None, [])
    assert Corrections("weather", tmp_path).read() == []


def test_what_nobody_can_type_is_refused():
    with pytest.raises(ValueError, match="'picture' is a file"):
        form("picture")
    with pytest.raises(ValueError, match="one column"):
        form("label", "size", verdicts={"yes": 1})
    with pytest.raises(KeyError):
        form("weight")


def test_a_correction_is_stored_with_the_model_that_answered(tmp_path):
    domain = SimpleNamespace(name="weather", starter=SimpleNamespace(answering="s"))
    task = SimpleNamespace(domain=domain, config=SimpleNamespace(output=tmp_path))
    (tmp_path / "a.txt").write_text("file")
    for source in ("runs/first", ""):
        count = store_correction(
            SimpleNamespace(task=task, source=source), {"text": "t"}, source="upload", before={"label": "a"},
            after={"label": "b"}, files={"picture": tmp_path / "a.txt"},
        )  # fmt: skip
    first, second = Corrections("weather", tmp_path).read()
    assert count == 2 and (first.model, second.model) == ("runs/first", "s")
    assert (first.row["text"], first.source, first.before, first.after) == (
        "t",
        "upload",
        {"label": "a"},
        {"label": "b"},
    )
    assert (tmp_path / "weather" / "corrections" / first.row["picture"]).read_text() == "file"
