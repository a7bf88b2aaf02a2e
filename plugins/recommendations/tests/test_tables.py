"""Reading, filtering and splitting logs; above all that nothing of the future gets into the past."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from datasets import Dataset
from recommendation_toys import config, write_log

from suite import SuiteError, Task
from suite.data.load import load, load_splits
from suite_recommendations.data import tables
from suite_recommendations.data.catalogue import Catalogue
from suite_recommendations.data.columns import COLUMNS
from suite_recommendations.data.examples import Windows
from suite_recommendations.domain import RECOMMENDATIONS


def frame(rows: list[tuple[str, str, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["user", "item", "time"])


LOG = frame(
    [
        ("a", "x", 1),
        ("a", "y", 2),
        ("a", "z", 3),
        ("b", "y", 1),
        ("b", "x", 9),
        ("c", "x", 2),
        ("c", "z", 2),
        ("c", "w", 8),
    ]
)


def test_leave_one_out_by_hand():
    parts = tables.leave_one_out(tables.interactions(LOG, config()))
    seen = {name: [(r["user"], r["history"], r["target"]) for r in rows] for name, rows in parts.items()}
    # b is too short to be asked about: it trains.
    assert seen["train"] == [("a", ["x"], ""), ("b", ["y", "x"], ""), ("c", ["x"], "")]
    assert seen["validation"] == [("a", ["x"], "y"), ("c", ["x"], "z")]
    assert seen["test"] == [("a", ["x", "y"], "z"), ("c", ["x", "z"], "w")]


def test_ties_are_broken_by_the_order_of_rows():
    rows = frame([("a", "second", 5), ("a", "third", 5), ("a", "first", 1)])
    assert tables.interactions(rows, config())["item"].tolist() == ["first", "second", "third"]
    assert tables.interactions(rows.iloc[[1, 0, 2]], config())["item"].tolist() == ["first", "third", "second"]


def random_log(seed: int) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    rows = [(f"u{u}", f"i{i}", float(t)) for u, i, t in generator.integers(0, [12, 15, 90], (400, 3))]
    return frame(rows).drop_duplicates(["user", "item"])


@pytest.mark.parametrize("seed", range(5))
def test_temporal_split_lets_nothing_of_the_future_into_the_past(seed: int):
    log = tables.interactions(random_log(seed), config())
    settings = config(protocol="temporal", validation_share=0.2, test_share=0.2)
    parts = tables.temporal(log, settings)
    when = log.set_index(["user", "item"])["time"]
    latest_training = max(when[row["user"], item] for row in parts["train"] for item in row["history"])
    asked = {name: [when[row["user"], row["target"]] for row in parts[name]] for name in ("validation", "test")}
    assert parts["validation"] and parts["test"]
    assert latest_training < min(asked["validation"]) <= max(asked["validation"]) < min(asked["test"])
    for name in asked:
        for row in parts[name]:
            past = [when[row["user"], item] for item in row["history"]]
            assert past and max(past) < min(asked[name])


@pytest.mark.parametrize("seed", range(5))
def test_leave_one_out_never_shows_a_target(seed: int):
    log = tables.interactions(random_log(seed), config())
    parts = tables.leave_one_out(log)
    train = {row["user"]: row["history"] for row in parts["train"]}
    for before, after in zip(parts["validation"], parts["test"], strict=True):
        assert before["user"] == after["user"] and before["history"] == train[before["user"]]
        assert after["history"] == [*before["history"], before["target"]]
        assert before["target"] not in before["history"] and after["target"] not in after["history"]


def test_core_drops_until_nothing_is_rare():
    rows = frame(
        [("a", "x", 1), ("b", "x", 2), ("a", "y", 3), ("b", "y", 4), ("c", "x", 5), ("a", "z", 6), ("c", "z", 7)]
    )
    kept = tables.core(rows, 2)
    assert set(kept["user"]) == {"a", "b", "c"} and set(kept["item"]) == {"x", "y", "z"}
    kept = tables.core(rows.iloc[:-1], 2)  # without c's z both c and z are rare
    assert set(kept["user"]) == {"a", "b"} and set(kept["item"]) == {"x", "y"}


def test_min_rating_and_its_missing_column():
    rows = LOG.assign(rating=[5, 1, 5, 5, 5, 5, 5, 5])
    assert len(tables.interactions(rows, config(min_rating=3.0))) == 7
    with pytest.raises(SuiteError, match="no rating column"):
        tables.interactions(LOG, config(min_rating=3.0))


def test_ids_and_times_of_all_kinds():
    assert tables.as_ids(pd.Series([1.0, 2.0])).tolist() == ["1", "2"]
    assert tables.as_ids(pd.Series(["07", " b "])).tolist() == ["07", "b"]
    assert tables.times(pd.DataFrame({"time": ["1970-01-02", "1970-01-01T00:00:05Z"]})).tolist() == [86400, 5]
    assert np.isnan(tables.times(pd.DataFrame({"time": ["3", "soon"]})).tolist()[1])


def test_a_folder_is_joined_with_its_items(tmp_path):
    task = Task(RECOMMENDATIONS, config(data=str(write_log(tmp_path / "log"))))
    loaded, splits = load_splits(task)
    assert loaded.mapping == {"user": "userId", "item": "movieId", "time": "timestamp", "rating": "rating"} | {
        "title": "title",
        "text": "text",
    }
    known = splits.training.context
    assert (known.ids[0], known.titles[0], known.texts[0]) == ("i0", "Title 0", "Title 0. red green")
    assert known is splits.context and len(known) == 12


def test_recbole_files_are_read(tmp_path):
    (tmp_path / "x.inter").write_text("user_id:token\titem_id:token\ttimestamp:float\n1\t7\t5\n1\t8\t6\n")
    (tmp_path / "x.item").write_text("item_id:token\tmovie_title:token_seq\tclass:token_seq\n7\tSeven\tDrama  Crime\n")
    rows = Task(RECOMMENDATIONS, config()).data.read(tmp_path)
    assert rows["title"] == ["Seven", None] and rows["text"] == ["Drama Crime", None]
    assert rows["user_id"] == ["1", "1"]


def check(tmp_path, text: str, **settings: object):
    (tmp_path / "log.csv").write_text(text)
    task = Task(RECOMMENDATIONS, config(**settings))
    return [(f.severity, f.message) for f in load(task, str(tmp_path / "log.csv")).report.findings]


def test_one_user_is_refused(tmp_path):
    findings = check(tmp_path, "user,item,time\na,x,1\na,y,2\na,z,3\n")
    assert any(severity == "error" and "one user (a)" in message for severity, message in findings)


def test_missing_time_same_time_ties_and_duplicates_are_told(tmp_path):
    text = " ".join(m for _, m in check(tmp_path, "user,item\na,x\na,y\nb,x\n"))
    assert "no time column" in text and "neither title nor text" in text and "2 users have fewer than 3" in text
    text = " ".join(m for _, m in check(tmp_path, "user,item,time\na,x,1\na,y,1\nb,x,1\na,x,1\n"))
    assert "All rows have the same time" in text and "1 users (50%) have equal times" in text and "duplicate" in text


def test_a_time_that_is_none_rejects_its_row(tmp_path):
    (tmp_path / "log.csv").write_text("user,item,time\na,x,1\na,y,soon\nb,x,2\nb,y,3\n")
    report = load(Task(RECOMMENDATIONS, config()), str(tmp_path / "log.csv")).report
    assert [entry["row"] for entry in report.rejected] == [1]


def test_a_core_that_leaves_nothing_is_told(tmp_path):
    findings = check(tmp_path, "user,item,time\na,x,1\nb,y,2\n", k_core=5)
    assert any(severity == "error" and "Nothing is left after k_core=5" in message for severity, message in findings)


def test_no_column_for_items_names_the_columns(tmp_path):
    pd.DataFrame({"user": ["a"], "thing": ["x"]}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(SuiteError, match=r"no column for 'item'.*user, thing"):
        tables.find(tables.read_table(tmp_path / "t.csv"), COLUMNS, "item", tmp_path / "t.csv")


@pytest.mark.parametrize("protocol", ["leave-one-out", "temporal"])
def test_a_split_in_a_file_holds_the_rows_that_are_asked_for_one_by_one(tmp_path, monkeypatch, protocol):
    monkeypatch.setenv("SUITE_CACHE", str(tmp_path))
    monkeypatch.setattr(tables, "_LARGE", 0)
    monkeypatch.setattr(tables, "_AT_ONCE", 5)
    shares = {"validation_share": 0.2, "test_share": 0.2} if protocol == "temporal" else {}
    settings = config(protocol=protocol, **shares)
    log = tables.interactions(random_log(1), settings)
    for rows in tables.split(log, settings).values():
        assert tables.dataset(rows).to_list() == [rows[i] for i in range(len(rows))]


def test_a_large_log_is_held_as_a_few_bytes_a_row():
    rows, users = 400_000, 4_000
    numbers = np.arange(rows)
    table = pa.table(
        {
            "user": pa.array([f"user {n}" for n in range(users)]).take(pa.array(numbers % users)),
            "item": pa.array([f"item {n}" for n in range(500)]).take(pa.array(numbers * 7 % 500)),
            "time": numbers,
        }
    )
    known = Catalogue(*([f"item {n}" for n in range(500)] for _ in range(3)))
    tracemalloc.start()
    splits = tables.leave_one_out(tables.interactions(Dataset(table, fingerprint="x"), config()))
    held = [tracemalloc.get_traced_memory()]
    splits = {name: tables.dataset(part) for name, part in splits.items()}
    tracemalloc.reset_peak()
    windows = Windows(splits["train"], known, 8)
    held.append(tracemalloc.get_traced_memory())
    tracemalloc.stop()
    assert len(windows) == users * 13 and windows[13].user == "user 1"
    # Python's strings and lists took 200 bytes a row and more.
    assert held[0][0] < 12 * rows and held[0][1] < 70 * rows, held
    assert held[1][0] < 12 * rows, held
