"""`suite translation localize`: which files it writes, what it says, and the starter at work."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from translation_files import HEAD, Model

import suite
from suite import SuiteError
from suite_translation import formats
from suite_translation.commands import localize as commands
from suite_translation.commands.localize import targets
from suite_translation.data.glossary import configured
from suite_translation.demo.page import SAMPLE
from suite_translation.formats.naming import named
from suite_translation.strings import placeholders


@pytest.fixture
def catalogue(tmp_path):
    path = tmp_path / "messages.po"
    path.write_text(HEAD + '\nmsgid "Close"\nmsgstr ""\n\nmsgid "Delete the file"\nmsgstr ""\n', encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("messages.pot", "messages.de.po"),
        ("messages.po", "messages.de.po"),
        ("app.en.json", "app.de.json"),
        ("app.en_US.json", "app.de.json"),
        ("en.xlf", "de.xlf"),
        ("app.de.po", "app.de.po"),
        ("v1.2.srt", "v1.2.de.srt"),
        ("app_en.arb", "app_de.arb"),
        ("strings_en-US.json", "strings_de.json"),
        ("app_fr.arb", "app_fr.de.arb"),
        ("taken.po", "taken.de.po"),
    ],
)
def test_outputs_are_named_after_their_input(tmp_path, name, expected):
    assert named(tmp_path / name, "de", "en") == tmp_path / expected


def made(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(HEAD + '\nmsgid "Save"\nmsgstr ""\n')


def pairs(folder, *files, output=None, overwrite=False):
    paths = [folder / name for name in files]
    pairs = targets(paths, "de", output, source_language="en", overwrite=overwrite)
    return [(str(path.relative_to(folder)), str(target.relative_to(folder))) for path, target in pairs]


def test_folders_are_walked_and_earlier_outputs_left_out(tmp_path):
    made(tmp_path, "in/a.po", "in/deep/b.pot", "in/.hidden.po", "in/note.txt")
    assert pairs(tmp_path, "in") == [("in/a.po", "in/a.de.po"), ("in/deep/b.pot", "in/deep/b.de.po")]
    into = tmp_path / "out"
    assert pairs(tmp_path, "in", output=into) == [("in/a.po", "out/a.de.po"), ("in/deep/b.pot", "out/deep/b.de.po")]
    made(tmp_path, "in/a.de.po", "in/fr.de.po")
    with pytest.raises(SuiteError, match=r"a\.de\.po exists; give another --output, or --overwrite"):
        pairs(tmp_path, "in")
    made(tmp_path, "in/a.de.partial.po")
    assert [pair[0] for pair in pairs(tmp_path, "in", overwrite=True)] == ["in/a.po", "in/deep/b.pot", "in/fr.de.po"]


def test_one_file_goes_where_it_is_sent(tmp_path):
    made(tmp_path, "a.po")
    (tmp_path / "out").mkdir()
    assert pairs(tmp_path, "a.po", output=tmp_path / "b.po") == [("a.po", "b.po")]
    assert pairs(tmp_path, "a.po", output=tmp_path / "out") == [("a.po", "out/a.de.po")]


@pytest.mark.parametrize(
    ("files", "output", "message"),
    [
        (["none.po"], None, "There is no file or folder"),
        (["empty"], None, "holds no file to translate; they end in .po"),
        (["a.po", "a.pot"], None, r"would both become .*a\.de\.po"),
        (["a.po", "b.po"], "b.po", "is a file, and there are 2 to write"),
    ],
)
def test_what_can_not_be_done_is_told_before_the_work(tmp_path, files, output, message):
    made(tmp_path, "a.po", "a.pot", "b.po")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SuiteError, match=message):
        pairs(tmp_path, *files, output=output and tmp_path / output)


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Runs the command with a model that is a table; gives its exit status, stdout, stderr, and that model."""
    monkeypatch.chdir(tmp_path)
    model = Model()
    monkeypatch.setattr(suite, "Predictor", lambda task, source: setattr(model, "task", task) or model)

    def run(*arguments):
        result = CliRunner().invoke(commands.localize, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr, model

    return run


def test_the_command_translates_with_memory_glossary_and_settings(catalogue, call, tmp_path):
    (tmp_path / "memory.csv").write_text("source,target\nClose,Schließen\n", encoding="utf-8")
    (tmp_path / "terms.csv").write_text("source,target\nfile,Datei\n")
    status, out, err, model = call(
        "messages.po", "--to", "de", "--memory", "memory.csv", "--glossary", "terms.csv", "--set", "beams=2"
    )
    assert (status, err) == (0, "")
    assert out.startswith("messages.de.po: 2 segments in ")
    assert 'msgstr "Schließen"' in (tmp_path / "messages.de.po").read_text(encoding="utf-8")
    assert (model.task.config.beams, model.task.config.target_language) == (2, "de")
    assert configured(model.task.config).terms[0].target == "Datei"


def test_one_bad_file_does_not_harm_the_others(catalogue, call, tmp_path):
    (tmp_path / "bad.po").write_text("nothing of the kind")
    status, out, err, _ = call(".", "--to", "de", "--format", "json")
    assert status == 2
    assert "Left out: bad.po: bad.po, line 1:" in err
    (report,) = json.loads(out)
    assert (report["file"], report["output"], report["segments"]) == ("messages.po", "messages.de.po", 2)


def test_one_bad_file_alone_is_an_error(call, tmp_path):
    (tmp_path / "bad.po").write_text("nothing of the kind")
    with pytest.raises(SuiteError, match=r"bad\.po, line 1"):
        call("bad.po", "--to", "de")


def test_a_stopped_command_says_where_the_work_is(catalogue, call):
    model = call("messages.po", "--to", "de", "--output", "x.po")[3]
    model.stop_after = 0
    status, _, err, _ = call("messages.po", "--to", "de")
    assert status == 130
    assert err == "Stopped. What was done is in messages.de.partial.po; the same command goes on from there.\n"


def test_mistakes_are_told_before_the_model_is_asked(catalogue, call, tmp_path):
    (tmp_path / "terms.csv").write_text("source,german\nfile,Datei\n")
    with pytest.raises(SuiteError, match="no column 'target'"):
        call("messages.po", "--to", "de", "--glossary", "terms.csv")
    with pytest.raises(SuiteError, match="language"):
        call("messages.po", "--to", "")


def test_the_starter_translates_the_sample_into_each_of_its_languages(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for language in ("de", "fr", "es"):
        result = CliRunner().invoke(
            commands.localize,
            [str(SAMPLE), "--to", language, "--output", f"{language}.po", "--format", "json"],
            catch_exceptions=False,
        )
        (report,) = json.loads(result.stdout)
        assert (report["segments"], report["kept"]) == (17, 0)
        assert report["model"] >= 12  # the others keep their source, and say why
        done = formats.read_document(tmp_path / f"{language}.po", language).segments
        assert [placeholders.problems(segment.source, segment.target, segment.style) for segment in done] == [[]] * 17
        assert all(segment.fuzzy for segment in done if segment.target == segment.source)
    assert "Passw" in (tmp_path / "de.po").read_text(encoding="utf-8")
