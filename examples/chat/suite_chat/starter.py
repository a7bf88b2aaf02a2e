"""The model and the data that work with no argument and no hub: both were made by `recipe/make_starter.py`."""

from __future__ import annotations

from suite import Asset, Starter

MODEL = Asset(
    name="chat-tiny",
    kind="model",
    summary="Llama of 120,256 parameters, trained from scratch on the simulated talk of 60 other towns",
    licence="CC0-1.0",
    url="https://example.org/suite-chat",
    shipped="suite_chat:assets/model",
)
DATA = Asset(
    name="chat-town",
    kind="data",
    summary="560 simulated conversations about when the places of one town open and close",
    licence="CC0-1.0",
    url="https://example.org/suite-chat",
    shipped="suite_chat:assets/data",
)
STARTER = Starter(model=MODEL.name, data=DATA.name, assets=(MODEL, DATA))
