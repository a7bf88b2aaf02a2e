"""What only this domain knows: its conversations, its tokens, its stream, its figures."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
import torch
from suite import SuiteError, check, resolve_model

from suite_chat.data import example
from suite_chat.demo import plain
from suite_chat.domain import CHAT
from suite_chat.model import load
from suite_chat.scores import likeness, words
from suite_chat.starter import STARTER
from suite_chat.talk import town

QUESTION = {"role": "user", "content": "When does the pool open on Sunday?"}
REPLY = {"role": "assistant", "content": "The pool opens at 9 on Sunday."}


@pytest.fixture(scope="module")
def model():
    """The starter's model."""
    model = load(resolve_model(STARTER.model, STARTER.assets), CHAT.Config(reply_tokens=32), None)
    model.network.eval()
    return model


def test_the_town_says_the_same_each_time():
    talks = list(town(7))
    assert len(talks) == len({json.dumps(talk) for talk in talks}) == 560 and talks == list(town(7))
    assert Counter(map(len, talks)) == {2: 448, 4: 112}


def test_labels_are_the_reply_and_its_end(model):
    talks = [[QUESTION, REPLY], [QUESTION, REPLY, {"role": "user", "content": "And on Monday?"}, REPLY]]
    batch = model.collate([example(talk) for talk in talks])
    for row in range(2):
        kept = batch["labels"][row][batch["labels"][row] != -100]
        assert model.processor.decode(kept) == "The pool opens at 9 on Sunday.<|end|>"
        prompt = model.processor.decode(batch["prompt"][row][batch["prompt_mask"][row] == 1])
        assert prompt.endswith("<|end|><|assistant|>") and prompt.startswith("<|user|>When does")
    assert batch["prompt_mask"][0, 0] == 0 and model.count(batch) == int((batch["labels"] != -100).sum())


def test_a_stream_grows_by_a_token_and_ends_as_transformers_generates(model):
    batch = model.collate([{"messages": [QUESTION]}, {"messages": [QUESTION, REPLY, QUESTION]}])
    with torch.no_grad():
        pieces = list(model.infer_stream(batch))
        theirs = model.network.generate(
            batch["prompt"], attention_mask=batch["prompt_mask"], max_new_tokens=32, do_sample=False
        )
    made = model.processor.batch_decode(theirs[:, batch["prompt"].shape[1] :], skip_special_tokens=True)
    assert [answer["reply"] for answer in pieces[-1]] == made
    texts = [piece[0]["reply"] for piece in pieces]
    assert len(texts) > 5 and all(after.startswith(before) for before, after in zip(texts, texts[1:], strict=False))


def test_metrics_are_over_all_words():
    scores = CHAT.task().scores(None)
    rows = [scores.score({"reply": "at 9"}, "at 9"), scores.score({"reply": "at 9 or so"}, "at 8")]
    stacked = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    assert scores.metrics(stacked) == {"exact": 0.5, "word_f1": 2 * 3 / (6 + 4)}
    assert likeness(words([QUESTION]), words([{"content": "when does it OPEN"}])) == 3 / 8


SILENT = [QUESTION, {**REPLY, "content": ""}]
KING = [{"role": "king", "content": "x"}]


@pytest.mark.parametrize("messages", [[], SILENT, [REPLY], [QUESTION], [QUESTION, QUESTION]])
def test_a_row_that_teaches_no_reply_is_refused(messages):
    with pytest.raises(SuiteError):
        example(messages)


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", "[1]", json.dumps(KING), json.dumps([QUESTION, REPLY])])
def test_a_file_that_asks_nothing_is_refused(model, tmp_path, text):
    (tmp_path / "talk.json").write_text(text)
    with pytest.raises(SuiteError):
        model.inputs(str(tmp_path / "talk.json"))


def test_rows_are_read_by_their_shape(tmp_path):
    rows = [[QUESTION, REPLY], [{**QUESTION, "content": "Sunday?"}, REPLY], KING, [QUESTION]]
    (tmp_path / "talks.jsonl").write_text("\n".join(json.dumps({"messages": row}) for row in rows))
    report = check("chat", data=str(tmp_path / "talks.jsonl"), max_rejected=1.0)
    assert [(entry["line"], entry["reason"].split(",")[0]) for entry in report["rejected"]] == [
        (3, "messages[0].role is 'king'"),
        (4, "There is no question; give messages with a role (system"),
    ]


def test_a_message_of_the_page_may_be_in_parts():
    assert plain({"role": "user", "content": [{"text": "a", "type": "text"}, "b"]}) == {"role": "user", "content": "ab"}
