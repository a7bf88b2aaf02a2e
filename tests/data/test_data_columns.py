"""The mapping of the data's columns to ours."""

from __future__ import annotations

import pytest
from datasets import Dataset

from suite import Column, Columns, SuiteError
from suite.tables.columns import map_columns, match_columns

COLUMNS = Columns(
    (
        Column("text", "text", "what is said", aliases=("sentence", "transcription")),
        Column("image", "image", "a picture", required=False),
        Column("speaker", "id", "who speaks", required=False, aliases=("client_id", "user")),
    )
)


@pytest.mark.parametrize(
    ("names", "given", "mapping"),
    [
        (["text", "sentence"], {}, {"text": "text"}),
        (["id", "sentence"], {}, {"text": "sentence"}),
        (["Client-ID", " TEXT "], {}, {"text": " TEXT ", "speaker": "Client-ID"}),
        (["sentence", "Text"], {}, {"text": "sentence"}),
        (["text", "said"], {"text": "said"}, {"text": "said"}),
        (["text", "path", "file_name"], {}, {"text": "text", "image": "file_name"}),
        (["text", "fold"], {"split": "fold"}, {"text": "text", "split": "fold"}),
        (["text", "client_id", "user"], {}, {"text": "text"}),
    ],
    ids=["exact", "alias", "likeness", "alias before likeness", "given", "file", "split", "optional and ambiguous"],
)
def test_mapping(names, given, mapping):
    assert match_columns(names, COLUMNS, given) == mapping


def test_map_renames_keeps_the_rest_and_drops_what_clashes():
    table = Dataset.from_dict({"text": ["old"], "said": ["new"], "weight": [1.5]})
    mapped, mapping = map_columns(table, COLUMNS, {"text": "said"})
    assert mapping == {"text": "said"}
    assert mapped.column_names == ["text", "weight"]
    assert mapped.to_dict() == {"text": ["new"], "weight": [1.5]}


def test_map_swaps_names():
    columns = Columns((Column("a", "text", "one"), Column("b", "text", "other")))
    mapped, _ = map_columns(Dataset.from_dict({"a": [1], "b": [2]}), columns, {"a": "b", "b": "a"})
    assert mapped[0] == {"a": 2, "b": 1}


@pytest.mark.parametrize(
    ("names", "given", "message"),
    [
        (
            ["sentance", "id"],
            {},
            "No column for 'text' (what is said). The data's columns: sentance, id. "
            "Say which holds it: --columns text=sentance",
        ),
        (
            ["teext", "id"],
            {},
            "No column for 'text' (what is said). The data's columns: teext, id. "
            "The nearest is 'teext'; say which: --columns text=teext",
        ),
        (
            ["sentence", "transcription"],
            {},
            "The column 'text' (what is said) could be 'sentence' or 'transcription'; "
            "say which: --columns text=sentence",
        ),
        (
            ["said"],
            {"txt": "said"},
            "No column 'txt'. Did you mean 'text'? Known: image, speaker, split, text. Write --columns OURS=THEIRS.",
        ),
        (
            ["said"],
            {"text": "sayd"},
            "No column of the data 'sayd'. Did you mean 'said'? Known: said. It was given as --columns text=sayd.",
        ),
        (
            ["said"],
            {"text": "said", "speaker": "said"},
            "--columns gives 'said' for several columns; each column of the data serves one.",
        ),
    ],
)
def test_mistakes(names, given, message):
    with pytest.raises(SuiteError) as error:
        map_columns(Dataset.from_dict({name: ["x"] for name in names}), COLUMNS, given)
    assert str(error.value) == message
