"""Answers that are shown while they grow: by the predictor, at a terminal, on a page; who goes away ends the work."""

from __future__ import annotations

import io
import threading
import time
from contextlib import closing, redirect_stdout
from dataclasses import dataclass, replace

import gradio as gr
import pytest
import torch
from gradio_client import Client
from suite_toy.domain import TOY
from suite_toy.fitting import MODEL
from suite_toy.model import ToyModel

from suite import Answers
from suite.errors import SuiteError
from suite.inference.answering import predict_all
from suite.inference.predictor import Predictor
from suite.web.error_boundary import guard_handlers

SPELT: list[str] = []
"""Each letter that a model below has made."""


@dataclass
class Speller(ToyModel):
    """Answers with the word, a letter at a time."""

    wait: float = 0.0

    def infer(self, batch):
        *_, last = self.infer_stream(batch)
        return last

    def infer_stream(self, batch):
        words = [bytes(96 + code for code in row if code).decode() for row in batch["input_ids"].tolist()]
        for length in range(1, max(map(len, words)) + 1):
            assert not torch.is_grad_enabled() and not self.network.training
            SPELT.append(words[0][length - 1 : length])
            time.sleep(self.wait)
            yield [{"text": word[:length]} for word in words]


class Slow(Speller):
    """Takes its time over a letter."""

    @classmethod
    def load(cls, source, config, data):
        return replace(super().load(source, config, data), wait=0.1)


class Told(Answers):
    def render(self, prediction):
        return prediction["text"]


@pytest.fixture
def asked():
    """Makes a predictor of a toy with another model."""
    SPELT.clear()

    def make(kind=Speller, answers=Told, **settings):
        return Predictor(replace(TOY, model=kind.load, answers=answers, needs_rows=False).task(settings), str(MODEL))

    return make


WORDS = [{"word": "area"}, {"word": "by"}, {"word": "cue"}]


def test_pieces_grow_batch_by_batch_to_what_a_call_answers(asked):
    predictor = asked(micro_batch_size=2)
    pieces = [[answer["text"] for answer in piece] for piece in predictor.stream(WORDS)]
    assert pieces == [
        ["a", "b"], ["ar", "by"], ["are", "by"], ["area", "by"],
        ["area", "by", "c"], ["area", "by", "cu"], ["area", "by", "cue"],
    ]  # fmt: skip
    assert [{"text": text} for text in pieces[-1]] == predictor(WORDS)
    plain = asked(ToyModel)
    assert list(plain.stream(WORDS)) == [plain(WORDS)]  # a model that does not stream answers in one piece


def test_nothing_is_left_switched_on_between_pieces_and_each_may_be_asked_for_by_another_thread(asked):
    """Gradio asks for each piece in whatever thread is free."""
    for parts in (asked().stream(WORDS), asked(micro_batch_size=1).batches(WORDS)):
        seen = []
        while not seen or seen[-1][0] is not None:
            caller = threading.Thread(target=lambda: seen.append((next(parts, None), torch.is_grad_enabled())))  # noqa: B023
            caller.start()
            caller.join()
            assert seen and torch.is_grad_enabled()
        assert len(seen) > 3 and all(enabled for _, enabled in seen)


def test_a_stream_that_is_closed_ends_the_work(asked):
    with closing(asked().stream(WORDS)) as pieces:
        next(pieces)
    with pytest.raises(StopIteration):
        next(pieces)
    assert SPELT == ["a"]


@pytest.mark.parametrize("given", [[], [[{"text": "a"}]]])
def test_a_stream_that_does_not_answer_each_example_is_named(asked, given):
    class Wrong(Speller):
        def infer_stream(self, batch):
            yield from given

    with pytest.raises(ValueError, match=rf"Wrong.infer_stream gave {len(given)} predictions for 3 examples"):
        list(asked(Wrong).stream(WORDS))


class Terminal(io.StringIO):
    """What a person sees, piece by piece."""

    def __init__(self):
        super().__init__()
        self.pieces = []

    def write(self, text):
        self.pieces.append((text, len(SPELT)))
        return super().write(text)

    def isatty(self):
        return True


def at_a_terminal(predictor, *words, output=None):
    """What `suite DOMAIN predict` shows, and what it could not answer."""
    terminal = Terminal()
    with redirect_stdout(terminal):
        try:
            failures = predict_all(predictor.task, words, model=str(MODEL), output=output, form="text")
        except KeyboardInterrupt:
            failures = "interrupted"
    return terminal, failures


def test_a_terminal_shows_each_answer_growing(asked):
    terminal, failures = at_a_terminal(asked(), "area", "by")
    assert failures == [] and terminal.getvalue() == "area\nby\n"
    shown = [(text, made) for text, made in terminal.pieces if text.strip()]
    assert shown == [("a", 2), ("r", 3), ("e", 4), ("a", 4), ("b", 6), ("y", 6)]  # a letter behind


def test_json_and_files_are_written_whole(asked, tmp_path):
    predictor = asked(answers=Answers)  # renders JSON, of which no piece begins with the one before
    terminal, _ = at_a_terminal(predictor, "by")
    assert [text for text, _ in terminal.pieces if text.strip()] == ['{"text": "by"}']
    terminal, _ = at_a_terminal(predictor, "by", output=tmp_path / "a.jsonl")
    assert terminal.getvalue() == "" and '"by"' in (tmp_path / "a.jsonl").read_text()


@pytest.mark.parametrize("error", [SuiteError("No more letters."), KeyboardInterrupt()])
def test_what_cuts_an_answer_short_ends_its_line(asked, error):
    class Cut(Speller):
        def infer_stream(self, batch):
            for number, piece in enumerate(super().infer_stream(batch)):
                if number == 3:
                    raise error
                yield piece

    terminal, failures = at_a_terminal(asked(Cut), "area")
    assert failures == ([error] if isinstance(error, SuiteError) else "interrupted")
    assert terminal.getvalue() == "ar\n"


def test_a_visitor_who_goes_away_ends_the_work(asked):
    """The page stops the stream by its button; a program that asked and hung up is noticed likewise."""
    predictor = asked(Slow)
    _ = predictor.model
    with gr.Blocks(analytics_enabled=False) as blocks:
        word, answer = gr.Textbox(), gr.Textbox()

        def spell(text: str):
            for piece in predictor.stream([{"word": text}]):
                yield piece[0]["text"]

        gr.Button().click(spell, word, answer, api_name="spell")
    guard_handlers(blocks)
    blocks.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, share=False, ssr_mode=False)
    try:
        client = Client(blocks.local_url, verbose=False)
        job = client.submit("abcdefghijklmnopqrst", api_name="/spell")
        while len(SPELT) < 3:
            time.sleep(0.02)
        job.cancel()
        time.sleep(0.5)
        count = len(SPELT)
        time.sleep(0.5)
        assert len(SPELT) == count < 20
    finally:
        blocks.close(verbose=False)
