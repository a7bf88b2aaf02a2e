"""Chat: a conversation in, its next reply out, word by word.

A description: it names the parts, which are imported when they are wanted, and imports nothing heavy itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field
from suite import Column, Columns, Domain, TrainConfig

from suite_chat import starter


@dataclass
class Message:
    """What a side of a conversation said."""

    role: Literal["system", "user", "assistant"]
    content: str


class Options(TrainConfig):
    """What a run can be told beyond what every domain's can."""

    epochs: float = Field(10.0, gt=0, description="Passes over the training examples.")
    learning_rate: float = Field(3e-3, gt=0, description="Peak learning rate of AdamW.")
    max_tokens: int = Field(256, ge=16, le=4096, description="Tokens of a conversation that are read: the last ones.")
    reply_tokens: int = Field(48, ge=1, le=1024, description="Tokens of a reply at most.")


CHAT = Domain(
    name="chat",
    title="Chat",
    Config=Options,
    columns=Columns(
        (
            Column(
                "messages",
                "structure",
                "a conversation, the last message the reply",
                aliases=("conversation",),
                shape=list[Message],
            ),
        ),
        unique=("messages",),
    ),
    metric="exact",
    starter=starter.STARTER,
    pipeline_tag="text-generation",
    needs_rows=False,
    limits="It knows what its training data say, and answers anything else in the same tone, with made-up facts.",
    lora_targets=("q_proj", "v_proj"),
    data="suite_chat.data:TalkData",
    model="suite_chat.model:load",
    scores="suite_chat.scores:ReplyScores",
    answers="suite_chat.answers:ReplyAnswers",
    baselines="suite_chat.scores:baselines",
    demo="suite_chat.demo:build",
    demo_call="suite_chat.demo:demo_call",
)
