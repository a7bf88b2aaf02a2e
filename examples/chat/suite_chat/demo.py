"""The Demo tab: a conversation whose replies appear word by word, and a button that stops one.

Built before anybody asks a model, so torch stays out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
from suite import Predictor

from suite_chat.data import Message, asked

QUESTIONS = ["When does the pool open on Sunday?", "Until when is the library open on Friday?", "And on Monday?"]


def build(predictor: Predictor) -> None:
    """Draws the tab inside an open `gr.Blocks`; a `SuiteError` becomes a message on the page."""
    talk = gr.Chatbot(label="Conversation")
    text = gr.Textbox(label="Your message", submit_btn=True)
    stop = gr.Button("Stop")
    gr.Examples(QUESTIONS, inputs=text)

    def reply(text: str, talk: list[Any]) -> Iterator[tuple[list[Message], str]]:
        messages = asked([*map(plain, talk or []), {"role": "user", "content": text}])
        for (prediction,) in predictor.stream([{"messages": messages}]):
            yield [*messages, {"role": "assistant", "content": prediction["reply"]}], ""

    growing = text.submit(reply, [text, talk], [talk, text], api_name="reply")
    stop.click(None, cancels=[growing], api_visibility="private")


def plain(message: Any) -> Message:
    """A message of the page, whose content may be in parts."""
    content = message["content"]
    parts = content if isinstance(content, list) else [content]
    return {"role": message["role"], "content": "".join(p if isinstance(p, str) else p.get("text", "") for p in parts)}


def demo_call(predictor: Predictor) -> tuple[str, list[Any]]:
    """A question that any model of this domain answers; `suite space try` asks it."""
    return "reply", [QUESTIONS[0], []]
