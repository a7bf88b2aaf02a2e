"""What is doubtful in a format without a mark for it: listed beside the file, asked again, or left untranslated."""

from __future__ import annotations

import json

import pytest
from translation_files import Model

from suite import SuiteError
from suite_translation.commands.localize import targets
from suite_translation.localize import review
from suite_translation.localize.run import localize

UNSURE = {"Open, then close": ("Auf, dann zu", 0.2, "The model is not sure of it.")}
LISTED = """\
key,source,translation,confidence,why
open,"Open, then close","Auf, dann zu",0.2,The model is not sure of it.
"""


@pytest.fixture
def files(tmp_path):
    """The same two texts in three formats, by ending."""
    (tmp_path / "app.en.json").write_text('{"open": "Open, then close", "save": "Save"}')
    (tmp_path / "app.csv").write_text('key,source\nopen,"Open, then close"\nsave,Save\n')
    (tmp_path / "app.srt").write_text(
        "1\n00:00:01,000 --> 00:00:02,000\nOpen, then close\n\n2\n00:00:02,000 --> 00:00:03,000\nSave\n"
    )
    return {"json": tmp_path / "app.en.json", "csv": tmp_path / "app.csv", "srt": tmp_path / "app.srt"}


def written(path):
    """The texts in a file that was written: of "open", and of "save"."""
    if path.suffix == ".json":
        return list(json.loads(path.read_text(encoding="utf-8")).values())
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.suffix == ".csv":
        return [line.rsplit('"Open, then close",')[-1].strip('"').removeprefix("save,Save,") for line in lines[1:]]
    return [lines[2], lines[6]]


@pytest.mark.parametrize("ending", ["json", "csv", "srt"])
def test_what_is_doubtful_is_written_and_listed(files, tmp_path, ending):
    output = tmp_path / f"app.de.{ending}"
    report = localize(files[ending], output, Model(UNSURE), language="de")
    listed = output.with_name(f"app.de.{ending}.review.csv")
    assert written(output) == ["Auf, dann zu", "«Save»"]
    assert listed.read_text(encoding="utf-8") == LISTED.replace("open", "1" if ending == "srt" else "open", 1)
    assert (report.review, report.left, report.model) == (str(listed), False, 2)


@pytest.mark.parametrize("ending", ["json", "csv", "srt"])
def test_it_is_asked_again_until_somebody_looks_at_it(files, tmp_path, ending):
    output, listed = tmp_path / f"app.de.{ending}", tmp_path / f"app.de.{ending}.review.csv"

    def asked():
        model = Model(UNSURE)
        localize(files[ending], output, model, language="de")
        return model.sources, listed.exists()

    assert asked() == (["Save", "Open, then close"], True)
    assert asked() == (["Open, then close"], True)
    put_right = output.read_text(encoding="utf-8").replace("Auf, dann zu", "Auf und zu")
    output.write_text(put_right, encoding="utf-8")
    assert asked() == ([], False)
    assert written(output)[0] == "Auf und zu"


def test_a_line_taken_out_of_the_list_counts_as_looked_at(files, tmp_path):
    output = tmp_path / "app.de.json"
    localize(files["json"], output, Model(UNSURE), language="de")
    review.beside(output).write_text(LISTED.splitlines()[0] + "\n")
    model = Model()
    report = localize(files["json"], output, model, language="de")
    assert (model.asked, report.kept, report.review) == ([], 2, "")


@pytest.mark.parametrize(("ending", "left"), [("json", "Open, then close"), ("csv", ""), ("srt", "Open, then close")])
def test_only_what_is_sure_is_written_if_asked(files, tmp_path, ending, left):
    output = tmp_path / f"app.de.{ending}"
    report = localize(files[ending], output, Model(UNSURE), language="de", only_sure=True)
    assert written(output) == [left, "«Save»"]
    assert (report.source, report.model, report.doubts[0]["target"]) == (1, 1, "Auf, dann zu")
    assert "suggestion" in review.beside(output).read_text(encoding="utf-8").splitlines()[0]


def test_a_suggestion_that_somebody_took_over_stays(files, tmp_path):
    output = tmp_path / "app.de.json"
    localize(files["json"], output, Model(UNSURE), language="de", only_sure=True)
    output.write_text('{"open": "Auf, dann zu", "save": "«Save»"}', encoding="utf-8")
    report = localize(files["json"], output, Model(UNSURE), language="de", only_sure=True)
    assert written(output)[0] == "Auf, dann zu" and report.kept == 2


def test_a_catalogue_marks_what_is_doubtful_itself(tmp_path):
    (tmp_path / "a.po").write_text('msgid "Open, then close"\nmsgstr ""\n')
    report = localize(tmp_path / "a.po", tmp_path / "b.po", Model(UNSURE), language="de", only_sure=True)
    assert 'fuzzy\nmsgid "Open, then close"\nmsgstr "Auf, dann zu"' in (tmp_path / "b.po").read_text(encoding="utf-8")
    assert (report.left, report.review) == (False, "") and not list(tmp_path.glob("*.csv"))


def test_a_stopped_call_lists_what_it_came_to_and_the_next_one_cleans_up(files, tmp_path):
    output = tmp_path / "app.de.json"
    texts = {f"k{number}": f"{number} word" for number in range(64)} | {"open": "Open, then close", "z": "z" * 90}
    files["json"].write_text(json.dumps(texts))
    report = localize(
        files["json"], output, Model(UNSURE | {"0 word": ("x", 0.1, "No.")}, stop_after=64), language="de"
    )
    assert report.stopped and report.review == str(tmp_path / "app.de.partial.json.review.csv")
    report = localize(files["json"], output, Model(UNSURE), language="de")
    assert not report.stopped and report.kept == 63
    assert [path.name for path in sorted(tmp_path.glob("app.de*"))] == ["app.de.json", "app.de.json.review.csv"]


def test_lists_are_no_tables_to_translate(files, tmp_path):
    localize(files["json"], tmp_path / "app.de.json", Model(UNSURE), language="de")
    (tmp_path / "mine.review.csv").write_text("source\nSave\n")
    pairs = targets([tmp_path], "de", None, source_language="en", overwrite=True)
    assert [path.name for path, _ in pairs] == ["app.csv", "app.en.json", "app.srt", "mine.review.csv"]


def test_a_table_of_another_kind_in_its_place_is_told(files, tmp_path):
    (tmp_path / "app.de.json.review.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SuiteError, match="is no list of translations to look at, as it has no column 'key'"):
        localize(files["json"], tmp_path / "app.de.json", Model(), language="de")
