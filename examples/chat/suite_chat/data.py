"""Rows: which are unusable, and what an example is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from suite import Data, Finding, SuiteError

if TYPE_CHECKING:
    from datasets import Dataset

Message = dict[str, str]
ROLES = ("system", "user", "assistant")


class TalkData(Data):
    """A table of conversations."""

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """What is no conversation, or ends without a reply."""
        for index, messages in enumerate(rows["messages"]):
            if messages is not None:
                try:
                    example(messages)
                except SuiteError as error:
                    yield Finding("error", str(error), index)


def example(messages: list[Message]) -> dict[str, Any]:
    """A conversation as `collate` takes it: the last message is what the model is to say.

    Raises `SuiteError` where it answers no question, or says nothing.
    """
    asked(messages[:-1])
    if messages[-1]["role"] != "assistant" or not messages[-1]["content"]:
        raise SuiteError("The last message is no reply; end with the role 'assistant' and what it says.")
    return {"messages": messages[:-1], "reply": messages[-1]["content"]}


def asked(messages: Any) -> list[Message]:
    """Messages that want a reply. Raises `SuiteError` for anything else."""
    good = isinstance(messages, list) and all(
        isinstance(m, dict) and m.get("role") in ROLES and isinstance(m.get("content"), str) for m in messages
    )
    if not good or not messages or messages[-1]["role"] != "user" or not messages[-1]["content"].strip():
        raise SuiteError(
            "There is no question; give messages with a role (system, user or assistant) and content, the last of "
            "them a user's."
        )
    return messages
