"""Public endpoints: arguments of a wrong type are told, nothing passes by the queue, what is private stays so."""

from __future__ import annotations

import json
from typing import Any, Literal

import gradio as gr
import httpx
import pytest

from suite import SuiteError
from suite.plugins.loader import load_plugins
from suite.web.app import build
from suite.web.endpoints import App, described, parameters
from suite.web.error_boundary import guard_handlers


def titles(items: list[str], count: int = 3) -> dict[str, Any]:
    """What was taken."""
    if count > 3:
        raise SuiteError("count can be 3 at most.")
    return {"items": items, "count": count}


def shout(text: str, how: Literal["loud", "soft"], share: float | None) -> str:
    return f"{text.upper() if how == 'loud' else text}{share or ''}"


@pytest.fixture(scope="module")
def server():
    with App(analytics_enabled=False) as app:
        gr.api(titles, api_name="titles")
        boxes = [gr.Textbox(), gr.Textbox(), gr.Number()]
        gr.Button().click(shout, boxes, gr.Textbox(), api_name="shout")
        gr.Button().click(shout, boxes, gr.Textbox(), api_name="secret", api_visibility="private")
    guard_handlers(app)
    app.queue(api_open=False)
    app.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, show_error=True, ssr_mode=False)
    yield app.local_url.rstrip("/")
    app.close(verbose=False)


def ask(server, endpoint, *data):
    """The answer's first value, or the message of the error."""
    asked = httpx.post(f"{server}/gradio_api/call/{endpoint}", json={"data": list(data)})
    if asked.status_code != 200:
        return asked.status_code
    event = asked.json()["event_id"]
    lines = httpx.get(f"{server}/gradio_api/call/{endpoint}/{event}", timeout=30).text.splitlines()
    kind, value = (line.partition(": ")[2] for line in lines if line)
    content = json.loads(value)
    return content[0] if kind == "complete" else content["error"]


def test_what_is_asked_rightly_is_answered(server):
    assert ask(server, "titles", ["Alien", "Heat"], 2) == {"items": ["Alien", "Heat"], "count": 2}
    assert ask(server, "shout", "hello", "loud", None) == "HELLO"
    assert ask(server, "shout", "hello", "soft", 2) == "hello2"


@pytest.mark.parametrize(
    ("endpoint", "data", "sentence"),
    [
        ("titles", ["Alien", 2], "titles: items must be a list, each a text; 'Alien' is a text."),
        ("titles", [[1, 2], 2], "titles: items must be a list, each a text; '[1, 2]' is a list."),
        ("titles", [["Alien"], "2"], "titles: count must be a whole number; '2' is a text."),
        ("titles", [["Alien"], 2.5], "titles: count must be a whole number; '2.5' is a number."),
        ("titles", [["Alien"], None], "titles: count must be a whole number; 'None' is null."),
        ("titles", [["Alien"]], "titles takes 2 arguments (items, count); 1 were given."),
        ("titles", [["Alien"], 4], "count can be 3 at most."),
        ("shout", [["a"], "loud", 1], "shout: text must be a text; \"['a']\" is a list."),
        ("shout", ["a", "shrill", 1], "shout: how must be one of 'loud', 'soft'; 'shrill' is a text."),
        ("shout", ["a", "loud", "1"], "shout: share must be a number, or null; '1' is a text."),
    ],
)
def test_a_wrong_argument_is_told(server, endpoint, data, sentence):
    assert ask(server, endpoint, *data) == sentence


def test_what_is_private_is_no_endpoint_and_nothing_passes_by_the_queue(server):
    assert ask(server, "secret", "hello", "loud", 1) == ask(server, "unheard of", "hello", "loud", 1) == 500
    body = {"data": [["Alien"], 1]}
    for path in ("run/titles", "api/titles", "run/predict"):
        assert httpx.post(f"{server}/gradio_api/{path}", json=body | {"fn_index": 0}).status_code in (401, 404, 422)


def test_types_are_said_in_words():
    assert described(dict[str, Any]) == "an object"
    assert described(list[dict[str, int]] | None) == "a list, each an object, or null"
    assert described(bool) == "true or false"


def test_every_endpoint_of_every_domain_declares_its_types():
    public = [fn for fn in build(load_plugins()).fns.values() if fn.api_visibility == "public" and fn.fn]
    assert len(public) >= 7, "of the six domains and the toy"
    untyped = [
        f"{fn.api_name}: {name}"
        for fn in public
        for name, hint, component in parameters(fn)
        if hint is None and not component.stateful
    ]
    assert not untyped
