"""The store of corrections: nothing is lost, and what is stored can be trained on."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from suite_toy.domain import TOY

from suite.data.corrections import Corrections, source
from suite.data.sources import load_rows
from suite.errors import SuiteError


@pytest.fixture
def store(tmp_path):
    return Corrections("toy", tmp_path)


def correct(store, word, before, after, **more):
    answers = {"before": {"label": before}, "after": {"label": after}}
    return store.add({"word": word, "label": before}, source="demo", model="toy/letters", **answers, **more)


def test_a_correction_is_one_line_with_all_that_was_known(store):
    made = correct(store, "area", "consonants", "vowels")
    (line,) = store.path.read_text().splitlines()
    assert json.loads(line) == {
        "row": {"word": "area", "label": "consonants"},
        "source": "demo",
        "model": "toy/letters",
        "before": {"label": "consonants"},
        "after": {"label": "vowels"},
        "time": made.time,
    }
    assert store.read() == [made]


def test_a_line_torn_by_a_power_cut_costs_neither_the_lines_before_nor_those_after(store):
    first = correct(store, "area", "consonants", "vowels")
    with store.path.open("a") as file:
        file.write('{"row": {"wo')
    assert store.read() == [first]
    second = correct(store, "rhythm", "vowels", "consonants")
    assert store.read() == [first, second]


def test_processes_that_append_at_once_lose_nothing(store):
    script = (
        "import sys, pathlib; from suite import Corrections; store = Corrections('toy', pathlib.Path(sys.argv[1]))\n"
        "for i in range(50): store.add({'word': sys.argv[2] * 500, 'i': i}, source='', model='', before={}, after={})"
    )
    folder = store.path.parents[2]
    started = [subprocess.Popen([sys.executable, "-c", script, str(folder), letter]) for letter in "abc"]
    assert [process.wait() for process in started] == [0, 0, 0]
    rows = {(correction.row["word"][0], correction.row["i"]) for correction in store.read()}
    assert rows == {(letter, i) for letter in "abc" for i in range(50)}


def test_files_are_copied_in_by_content(store, tmp_path):
    picture = tmp_path / "Scan of Mr Smith.PNG"
    picture.write_bytes(b"pixels")
    names = {correct(store, "x", "vowels", "vowels", files={"image": picture}).row["image"] for _ in range(2)}
    (name,) = names
    assert name.endswith(".png") and "Smith" not in name
    assert (store.path.parent / name).read_bytes() == b"pixels"
    assert sorted(path.name for path in store.path.parent.iterdir()) == sorted([name, store.path.name])


def test_what_cannot_be_written_is_said(store, tmp_path):
    (tmp_path / "toy").write_text("a file where the folder should be")
    with pytest.raises(SuiteError, match=r"The correction could not be stored in .*corrections"):
        correct(store, "area", "consonants", "vowels")


def test_corrected_rows_are_data_with_the_last_answer(store, tmp_path):
    correct(store, "area", "consonants", "vowels")
    correct(store, "rhythm", "vowels", "consonants")
    correct(store, "area", "consonants", "consonants")
    task = TOY.task(output=tmp_path)
    for reference in ("corrections:", f"corrections:{tmp_path}"):
        rows = load_rows(reference, task).to_list()
        assert rows == [{"word": "area", "label": "consonants"}, {"word": "rhythm", "label": "consonants"}]


def test_no_correction_yet_is_a_sentence(toy, tmp_path):
    with pytest.raises(SuiteError, match="Nothing was corrected yet"):
        source(str(tmp_path), toy)
