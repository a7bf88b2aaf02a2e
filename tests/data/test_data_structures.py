"""Columns of lists and structures: alike whatever they are read from, checked, compared and hashed by content."""

import copy
import json
import subprocess
import sys
from dataclasses import dataclass

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from suite import Column, Columns
from suite.data.checks import Where, leaks
from suite.data.corrections import Corrections, source
from suite.data.load import load
from suite.domain.answers import write_predictions
from suite.tables.fingerprint import fingerprint
from suite.tables.origin import Origin
from suite.tables.splits import split_rows
from suite.tables.structures import arrow_type, structured
from suite.tables.values import settled


@dataclass
class Thing:
    box: tuple[float, float, float, float]
    label: str
    crowd: int = 0


@dataclass
class Turn:
    role: str
    content: str
    name: str | None = None


@dataclass
class Pair:
    key: str
    value: int


THINGS = Column("things", "structure", "what is there, and where", shape=list[Thing], aliases=("objects",))
COLUMNS = Columns((Column("name", "id", "which"), THINGS), unique=("things",))
ROWS = [
    {"name": "a", "things": [{"box": [1.0, 2.0, 3.5, 4.0], "label": "cat", "crowd": 0}]},
    {"name": "b", "things": []},
    {
        "name": "c",
        "things": [
            {"box": [0.0, 0.0, 1.0, 1.0], "label": "dog, old", "crowd": 1},
            {"box": [5.0, 6.0, 7.0, 8.0], "label": 'a "cat"', "crowd": 0},
        ],
    },
]


def columnwise(things):
    return {key: [thing[key] for thing in things] for key in ("box", "label", "crowd")}


def written(form, folder):
    """The rows in a file of this form."""
    path, nested = folder / f"rows.{form.partition(' ')[0]}", [row["things"] for row in ROWS]
    names, texts = [row["name"] for row in ROWS], [json.dumps(things, indent=1) for things in nested]
    if path.suffix == ".json":
        path.write_text(json.dumps(ROWS))
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    elif path.suffix == ".csv":
        cells = [text.replace('"', '""') for text in texts]
        path.write_text("name,objects\n" + "".join(f'{n},"{c}"\n' for n, c in zip(names, cells, strict=True)))
    else:
        values = {"parquet": nested, "parquet of columns": [columnwise(t) for t in nested], "parquet of text": texts}
        pq.write_table(pa.table({"name": names, "things": values[form]}), path)
    return path


FORMS = ["json", "jsonl", "csv", "parquet", "parquet of columns", "parquet of text"]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_values_and_the_same_fingerprint(task_of, tmp_path, form):
    data = load(task_of(COLUMNS), str(written(form, tmp_path)))
    assert data.rows.to_list() == ROWS and data.report.rejected == []
    assert data.rows.data.column("things").type.equals(arrow_type(list[Thing]))
    assert data.fingerprint == "d62ed0e5cf9f89f1"


def test_a_changed_value_far_inside_changes_the_fingerprint(task_of, tmp_path):
    path = tmp_path / "rows.json"
    seen = set()
    for label in ("cat", "cats", 3, None):
        rows = copy.deepcopy(ROWS)
        rows[0]["things"][0]["label"] = label
        path.write_text(json.dumps(rows))
        seen.add(load(task_of(COLUMNS), str(path)).fingerprint)
    assert len(seen) == 4


def test_classes_inside_go_by_their_names_where_text_is_wanted():
    inside = {"box": datasets.List(datasets.Value("float32")), "label": datasets.ClassLabel(names=["cat", "dog"])}
    things = {"box": [[1, 2, 3, 4], [5, 6, 7, 8]], "label": [1, 0]}
    rows = datasets.Dataset.from_list(
        [{"name": "a", "things": things}],
        features=datasets.Features(
            {"name": datasets.Value("string"), "things": {key: datasets.List(value) for key, value in inside.items()}}
        ),
    )
    (row,) = settled(rows, COLUMNS)[0].to_list()
    assert [thing["label"] for thing in row["things"]] == ["dog", "cat"]
    numbered = Column("labels", "structure", "", shape=list[int])
    made, wrong = structured(numbered, pa.chunked_array([[[1, 0]]]), datasets.List(inside["label"]))
    assert made.to_pylist() == [[1, 0]] and wrong == []


WRONG = {
    '"none"': "things is 'none', not JSON",
    "3": "things is 3, which should be a valid array",
    '{"box": [[1, 2, 3, 4]], "label": []}': "things holds lists of several lengths (1 of box, 0 of label)",
    '[{"label": "a"}]': "things[0].box is missing",
    '[{"box": [1, 2, 3, 4], "label": null}]': "things[0].label is missing",
    '[{"box": [1, 2, 3, 4], "label": "a"}, 4]': "things[1] is 4, which should be an object",
    '[{"box": [1, 2, 3, "4"], "label": "a"}]': "things[0].box[3] is '4', which should be a valid number",
    '[{"box": [1, 2, 3], "label": "a"}]': "things[0].box[3] is missing",
    '[{"box": [1, 2, 3, 4, 5], "label": "a"}]': "things[0].box is [1, 2, 3, 4, 5], which should have at most 4 items",
    '[{"box": [1, 2, 3, 4], "label": 7}]': "things[0].label is 7, which should be a valid string",
    '[{"box": [1, 2, 3, NaN], "label": "a"}]': "NaN is no number",
    '[{"box": [1, 2, 3, 4], "label": "a", "crowd": 0.5}]': "things[0].crowd is 0.5, which should be a valid integer",
    "null": "things is missing",
}


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet of text"])
def test_what_has_another_shape_is_left_out_with_its_place(task_of, tmp_path, form):
    good = json.dumps(ROWS[0]["things"])
    cells, path = [good, *WRONG], tmp_path / f"rows.{form.partition(' ')[0]}"
    if form == "jsonl":
        path.write_text("".join(f'{{"name": "{n}", "things": {cell}}}\n' for n, cell in enumerate(cells)))
    elif form == "csv":
        texts = ["" if c == "null" else "none" if c == '"none"' else c.replace('"', '""') for c in cells]
        path.write_text("name,things\n" + "".join(f'{n},"{text}"\n' for n, text in enumerate(texts)))
    else:
        texts = [None if c == "null" else "none" if c == '"none"' else c for c in cells]
        pq.write_table(pa.table({"name": [str(n) for n in range(len(cells))], "things": texts}), path)
    report = load(task_of(COLUMNS), str(path)).report
    reasons = {entry["row"]: entry["reason"] for entry in report.rejected}
    assert sorted(reasons) == list(range(1, len(cells)))
    for row, said in enumerate(WRONG.values(), start=1):
        assert said in reasons[row] and (said == "things is missing" or "things is missing" not in reasons[row])
    first, unit = {"csv": (3, "line"), "jsonl": (2, "line"), "parquet of text": (2, "row")}[form]
    assert (
        f"things is 'none', not JSON (Expecting value: line 1 column 1 (char 0)) (rows.{path.suffix[1:]}, {unit} "
        in (report.render())
    )
    assert report.to_json()["rejected"][0]["line"] == first


def test_lists_that_arrow_holds_are_checked_too(task_of, tmp_path):
    things = [[{"box": [1.0, 2.0, 3.0, float(last)], "label": "a"}] for last in (4, "nan", 6)]
    things[2][0]["box"].pop()
    pq.write_table(pa.table({"name": ["a", "b", "c"], "things": things}), tmp_path / "rows.parquet")
    report = load(task_of(COLUMNS), str(tmp_path / "rows.parquet")).report
    assert [(entry["row"], entry["reason"]) for entry in report.rejected] == [
        (1, "things holds NaN or infinity, not numbers"),
        (2, "things[0].box[3] is missing"),
    ]


def test_duplicates_and_leaks_are_told_by_content(task_of, tmp_path):
    rows = [{"name": str(n), "things": [{"box": [1, 2, n // 2, 4], "label": "a"}]} for n in range(6)]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    report = load(task_of(COLUMNS), str(tmp_path / "rows.json")).report
    assert [(r["row"], r["reason"]) for r in report.rejected] == [
        (n, f"duplicate: same things as rows.json, entry {n}") for n in (1, 3, 5)
    ]
    marked = [{**row, "split": split} for row, split in zip(rows[:3], ("train", "validation", "test"), strict=True)]
    marked[1]["things"] = [{"box": [9, 9, 9, 9], "label": "a"}]
    marked[2]["things"] = marked[0]["things"]
    made, _ = settled(datasets.Dataset.from_list(marked), COLUMNS)
    (finding,) = leaks(split_rows(made, COLUMNS, task_of(COLUMNS).config), COLUMNS, Where(Origin(), made, ()))
    assert finding.message.startswith(
        "1 values of things are in both train and test, such as [{'box': [1.0, 2.0, 0.0, 4.0]"
    )


def test_a_map_is_read_as_pairs_where_a_structure_wants_it_and_left_out_elsewhere(task_of, tmp_path):
    maps = pa.array([[("a", 1)], None, [], [("b", 2), ("c", 3)]], pa.map_(pa.string(), pa.int64()))
    pq.write_table(pa.table({"name": list("wxyz"), "m": maps}), tmp_path / "maps.parquet")
    pairs = Columns((Column("name", "id", ""), Column("m", "structure", "", required=False, shape=list[Pair])))
    rows = load(task_of(pairs), str(tmp_path / "maps.parquet")).rows
    assert rows["m"][3] == [{"key": "b", "value": 2}, {"key": "c", "value": 3}] and rows["m"][1] is None
    plain = Columns((Column("name", "id", ""),))
    assert load(task_of(plain), str(tmp_path / "maps.parquet")).rows.column_names == ["name"]


def test_fields_that_may_be_missing_have_their_default(task_of, tmp_path):
    talk = Columns((Column("talk", "structure", "turns", shape=list[Turn]),))
    turns = [[{"role": "user", "content": "Hi", "name": "Ada"}], [{"role": "user", "content": "Yes", "extra": 1}]]
    (tmp_path / "talks.jsonl").write_text("".join(json.dumps({"talk": turn}) + "\n" for turn in turns))
    assert load(task_of(talk), str(tmp_path / "talks.jsonl")).rows["talk"][1] == [
        {"role": "user", "content": "Yes", "name": None}
    ]


def test_a_mask_is_a_list_of_lists(task_of, tmp_path):
    mask = (np.arange(12).reshape(3, 4) % 2).tolist()
    masks = Columns((Column("mask", "structure", "", shape=list[list[int]]),))
    pq.write_table(pa.table({"mask": [mask, mask[:1]]}), tmp_path / "masks.parquet")
    assert load(task_of(masks), str(tmp_path / "masks.parquet")).rows["mask"][:] == [mask, mask[:1]]


def test_a_column_says_its_shape_or_is_no_structure():
    with pytest.raises(ValueError, match="a structure has a shape"):
        Column("things", "structure", "what is there")
    with pytest.raises(ValueError, match="no other kind has"):
        Column("things", "text", "what is there", shape=list[str])
    with pytest.raises(TypeError, match="no column can hold"):
        arrow_type(tuple[int, str])


def test_corrections_of_structures_are_rows_again(task_of, tmp_path):
    task = task_of(COLUMNS, output=tmp_path)
    store = Corrections("rows", tmp_path)
    after = {"things": ROWS[2]["things"]}
    store.add({"name": "a"}, source="demo", model="m", before={"things": []}, after=after)
    store.add({"name": "b"}, source="demo", model="m", before={"things": []}, after={"things": "none"})
    store.add({"name": "c"}, source="demo", model="m", before={"things": []}, after={"things": []})
    assert len(source("", task)) == 3
    report = load(task, "corrections:").report
    assert report.rows["things"][:] == [ROWS[2]["things"], []]
    assert report.rejected == [{"row": 1, "reason": "things is 'none', which should be a valid array"}]


def test_what_predict_writes_is_read_back(task_of, tmp_path):
    answers = [(row["name"], {"name": row["name"], "things": row["things"]}) for row in ROWS]
    for ending in ("csv", "json", "jsonl"):
        write_predictions(answers, tmp_path / f"answers.{ending}")
        assert load(task_of(COLUMNS), str(tmp_path / f"answers.{ending}")).rows["things"][:] == [
            row["things"] for row in ROWS
        ]


def test_the_fingerprint_of_checked_rows_is_that_of_rows_as_given(task_of, tmp_path):
    data = load(task_of(COLUMNS), str(written("csv", tmp_path)))
    assert fingerprint(data.rows, COLUMNS) == data.fingerprint


def test_a_description_with_a_structure_waits_for_no_arrow():
    described = "import sys; from suite import Column; Column('a', 'structure', '', shape=list[int])"
    line = [sys.executable, "-c", f"{described}; print('pyarrow' in sys.modules)"]
    assert subprocess.run(line, capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_parquet_file_of_a_data_set_keeps_the_names_of_its_classes(task_of, tmp_path):
    columns = Columns((Column("name", "id", "which"), Column("label", "category", "what")))
    features = datasets.Features({"name": datasets.Value("string"), "label": datasets.ClassLabel(names=["cat", "dog"])})
    rows = [{"name": "a", "label": 1}, {"name": "b", "label": 0}]
    datasets.Dataset.from_list(rows, features=features).to_parquet(tmp_path / "rows.parquet")
    assert load(task_of(columns), str(tmp_path / "rows.parquet")).rows["label"][:] == ["dog", "cat"]
    table = pq.read_table(tmp_path / "rows.parquet")
    for metadata in (b"{", b"[]", b'{"info": {"features": {"label": {"_type": "Nothing"}}}}', b'{"info": 3}'):
        pq.write_table(table.replace_schema_metadata({b"huggingface": metadata}), tmp_path / "rows.parquet")
        assert load(task_of(columns), str(tmp_path / "rows.parquet")).rows["label"][:] == ["1", "0"]


def test_a_picture_inside_a_structure_is_never_opened(task_of, tmp_path):
    columns = Columns((Column("name", "id", "which"),))
    features = datasets.Features(
        {
            "name": datasets.Value("string"),
            "inside": datasets.List({"picture": datasets.Image()}),
            "alone": {"picture": datasets.Image()},
        }
    )
    outside = tmp_path / "outside.png"
    outside.write_bytes(b"secret")
    named = {"picture": {"bytes": None, "path": str(outside)}}
    table = pa.table(
        {"name": ["a"], "inside": [[named]], "alone": [named]}, schema=features.arrow_schema
    ).replace_schema_metadata(features.arrow_schema.metadata)
    (tmp_path / "data").mkdir()
    pq.write_table(table, tmp_path / "data" / "rows.parquet")
    (row,) = load(task_of(columns), str(tmp_path / "data" / "rows.parquet")).rows
    assert row["inside"] == [named] and row["alone"] == named
