"""Tables larger than memory: what is held, what is read again, and that reading in pieces changes nothing."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from functools import partial

import numpy as np
import pyarrow as pa
import pytest
from datasets import Dataset
from pyarrow import csv, parquet

from suite import Column, Columns, SuiteError
from suite.tables import arrow, fingerprint, store
from suite.tables import readers as tables
from suite.tables.readers import Reading, read_table

READING = Reading(Columns((Column("user", "id", "who"), Column("item", "id", "what"))), {})

LOAD = """
import ctypes, re, sys
from pathlib import Path
import pyarrow as pa, pyarrow.csv, pyarrow.parquet, filelock
from suite import Column, Columns
from suite.tables import readers as tables

def anonymous():
    pa.default_memory_pool().release_unused()
    ctypes.CDLL(None).malloc_trim(0)  # what was freed counts no more
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

tables._LARGE = 0
reading = tables.Reading(Columns((Column("user", "id", "who"), Column("item", "id", "what"))), {})
before = anonymous()
table = tables.read_table(Path(sys.argv[1]), reading)
print(anonymous() - before, pa.default_memory_pool().max_memory(), table.num_rows)
"""


def write(path, rows):
    lines = [(f"user{n % 1000}", f"item{n % 777}", 1_600_000_000 + n) for n in range(rows)]
    if path.suffix == ".csv":
        path.write_text("user,item,time\n" + "".join(f"{u},{i},{t}\n" for u, i, t in lines))
    elif path.suffix == ".jsonl":
        path.write_text("".join(f'{{"user": "{u}", "item": "{i}", "time": {t}}}\n' for u, i, t in lines))
    else:
        parquet.write_table(pa.table(dict(zip(("user", "item", "time"), zip(*lines, strict=True), strict=True))), path)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what a process holds")
@pytest.mark.parametrize(("suffix", "few", "many"), [(".csv", 40, 600), (".parquet", 40, 600), (".jsonl", 20, 200)])
def test_memory_does_not_grow_with_the_rows(tmp_path, suffix, few, many):
    held, peak = {}, {}
    for thousands in (few, many):
        path = tmp_path / f"{thousands}{suffix}"
        write(path, thousands * 1000)
        done = subprocess.run(
            [sys.executable, "-c", LOAD, str(path)],
            env=os.environ
            | {
                "SUITE_CACHE": str(tmp_path / "cache"),
                "ARROW_DEFAULT_MEMORY_POOL": "system",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        held[thousands], peak[thousands], rows = map(int, done.stdout.split())
        assert rows == thousands * 1000
    # In memory the larger table takes 10 to 20 MB more, and its Python objects ten times that.
    assert held[many] - held[few] < 8e6, held
    # Arrow reads CSV ahead of what is parsed, by some 40 MB and so by all of these; bench/scale.py shows the end of it.
    assert suffix == ".csv" or peak[many] - peak[few] < 8e6, peak


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """Every file is kept in a cache of this test; gives what was read, by name."""
    monkeypatch.setenv("SUITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tables, "_LARGE", 0)
    asked = []

    def counted(read):
        def reader(path, *rest):
            asked.append(path.name)
            return read(path, *rest)

        return reader

    monkeypatch.setattr(tables, "_READERS", {suffix: counted(read) for suffix, read in tables._READERS.items()})
    return asked


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_a_second_run_only_maps_what_the_first_has_read(tmp_path, cached, suffix):
    write(tmp_path / f"a{suffix}", 100)
    first, second = (read_table(tmp_path / f"a{suffix}", READING) for _ in range(2))
    assert cached == [f"a{suffix}"] and second.equals(first) and second.schema == first.schema
    assert second.column("user").to_pylist()[:2] == ["user0", "user1"] and second.schema.field("time").type == "int64"


def test_another_content_of_equal_size_and_time_is_read_anew(tmp_path, cached):
    path = tmp_path / "a.csv"
    for name in "xyx":
        path.write_text(f"user,item\n{name},1\n")
        os.utime(path, ns=(0, 0))
        assert read_table(path, READING).column("user").to_pylist() == [name]
    assert len(cached) == 3 and len(list((tmp_path / "cache").rglob("*.arrow"))) == 1


def test_other_columns_to_be_read_as_text_are_read_anew(tmp_path, cached):
    (tmp_path / "a.csv").write_text("user,item,n\n1,1,007\n")
    as_text = Reading(READING.columns, {"item": "n"})
    for _ in range(2):
        assert read_table(tmp_path / "a.csv", READING).column("n").to_pylist() == [7]
        assert read_table(tmp_path / "a.csv", as_text).column("n").to_pylist() == ["007"]
    assert len(cached) == 2


def test_what_cannot_be_read_leaves_nothing_in_the_cache(tmp_path, cached):
    (tmp_path / "a.csv").write_text("user,item\n1,2\n1,2,3\n")
    for _ in range(2):
        with pytest.raises(SuiteError, match="row 3 has 3 fields where the header has 2"):
            read_table(tmp_path / "a.csv", READING)
    assert not list((tmp_path / "cache").rglob("*.arrow"))


def test_a_cache_that_cannot_be_written_is_told(tmp_path, cached, monkeypatch):
    (tmp_path / "a.csv").write_text("user,item\n1,2\n")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SUITE_CACHE", str(tmp_path / "file"))
    with pytest.raises(SuiteError, match="set SUITE_CACHE to a folder of yours"):
        read_table(tmp_path / "a.csv", READING)


def test_a_table_on_disk_has_no_name_and_outlives_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SUITE_CACHE", str(tmp_path))
    table = pa.table({"n": list(range(1000))})
    held = store.on_disk(table.schema, table.to_batches(max_chunksize=10))
    assert held.equals(table) and not list(tmp_path.rglob("*.arrow"))


# ---- read in pieces, with the same outcome ---------------------------------------------------------------------------

LONG = "99999999999999999999"
VALUES = (
    *("", "1", "0", "2.5", "true", "x", LONG, "2024-01-01", "10:00:00"),
    *("2024-01-01 10:00:00", "2024-01-01T10:00:00Z", "2024-01-01 10:00:00.123", "2024-01-01T10:00:00.123Z"),
)


@pytest.mark.parametrize("seed", range(40))
def test_types_of_csv_columns_are_those_of_reading_the_file_whole(tmp_path, monkeypatch, seed):
    draw = random.Random(seed)
    kinds = [draw.sample(VALUES, draw.choice([1, 2, 2, 3])) for _ in range(4)]
    lines = [",".join(draw.choice(kind) if n > 300 else kind[0] for kind in kinds) for n in range(400)]
    path = tmp_path / "a.csv"
    path.write_text("user,a,b,c\n" + "\n".join(lines) + "\n")
    whole = csv.read_csv(
        path,
        convert_options=csv.ConvertOptions(
            column_types={"user": pa.string()}, null_values=[""], strings_can_be_null=True
        ),
    )
    fields = list(zip(*(line.split(",") for line in lines), strict=True))
    for place, name in enumerate(whole.column_names):
        if pa.types.is_floating(whole.schema.field(name).type) and LONG in fields[place]:
            texts = pa.array([value or None for value in fields[place]], pa.string())
            whole = whole.set_column(place, name, texts)  # floating point would round it
    monkeypatch.setattr(csv, "ReadOptions", partial(csv.ReadOptions, block_size=1024))
    read = read_table(path, READING)
    assert read.schema == whole.schema and read.equals(whole)


@pytest.fixture
def by_twos(tmp_path, monkeypatch):
    """Function that reads JSON lines, two at a time."""
    monkeypatch.setattr(tables, "_LINES", 2)

    def read(*objects):
        path = tmp_path / "a.jsonl"
        path.write_text("".join(json.dumps(value) + "\n" for value in objects))
        return read_table(path, READING)

    return read


def test_json_lines_far_apart_go_together(by_twos):
    rows = [{"user": 7, "n": 1}, {"user": "b"}, {"user": None, "n": 2.5}, {"late": [1]}, {"late": [], "s": {"k": 1}}]
    assert by_twos(*rows).to_pylist() == [
        {"user": "7", "n": 1.0, "late": None, "s": None},
        {"user": "b", "n": None, "late": None, "s": None},
        {"user": None, "n": 2.5, "late": None, "s": None},
        {"user": None, "n": None, "late": [1], "s": None},
        {"user": None, "n": None, "late": [], "s": {"k": 1}},
    ]


def test_json_lines_far_apart_that_do_not_go_together_are_told(by_twos):
    with pytest.raises(SuiteError, match=r"a.jsonl: 'n' mixes values of several types \(.*\); use one."):
        by_twos({"n": 1}, {"n": 2}, {"n": "3"})
    with pytest.raises(SuiteError, match=r"entry 5 is a list, not an object"):
        by_twos({"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}, [5])


def test_repeats_are_those_of_looking_at_all_rows(monkeypatch):
    monkeypatch.setattr(arrow, "_AT_ONCE", 7)
    keys = np.random.default_rng(1).integers(-50, 50, 200)
    first = {}
    expected = [(place, first[key]) for place, key in enumerate(keys.tolist()) if first.setdefault(key, place) != place]
    assert expected and list(arrow.repeats(keys)) == expected


@pytest.mark.parametrize("largest", [1 << 62, 100])
def test_keys_tell_rows_apart_exactly(monkeypatch, largest):
    monkeypatch.setattr(arrow, "_LARGEST", largest)
    draw = np.random.default_rng(1)
    columns = {
        "a": [None if n == 3 else f"u{n}" for n in draw.integers(0, 6, 300)],
        "b": draw.integers(-5, 5, 300).tolist(),
        "c": [None if n == 3 else n for n in draw.integers(-4, 4, 300).tolist()],
    }
    keys = arrow.row_keys(Dataset.from_dict(columns), ("a", "b", "c"))
    rows = list(zip(*columns.values(), strict=True))
    assert len(set(keys.tolist())) == len(set(rows)) == len(set(zip(rows, keys.tolist(), strict=True)))


def test_fingerprint_is_the_same_in_parts(monkeypatch):
    draw = np.random.default_rng(1).integers(0, 9, 100).tolist()
    rows = Dataset.from_dict(
        {
            "t": [None if n == 3 else "é" * n for n in draw],
            "n": [None if n == 4 else n for n in draw],
            "x": [n / 2 for n in draw],
            "l": [[n] * (n % 3) for n in draw],
            "b": [n > 4 for n in draw],
        }
    )
    whole = fingerprint.fingerprint(rows)
    monkeypatch.setattr(fingerprint, "_ROWS", 8)
    assert fingerprint.fingerprint(rows) == whole
