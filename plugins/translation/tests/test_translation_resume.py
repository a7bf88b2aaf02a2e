"""Going on after Ctrl-C, and a second run: what is there is kept, whatever the format."""

from __future__ import annotations

import pytest
from translation_files import Model

from suite import SuiteError
from suite_translation import formats
from suite_translation.formats import read_document
from suite_translation.localize.memory import Memory
from suite_translation.localize.run import CHUNK, Localizer, localize

COUNT = CHUNK + 8


def sources():
    return ["w" * number for number in range(1, COUNT + 1)]


def text_of(kind, header=""):
    if kind == "po":
        return f'msgid ""\nmsgstr "{header}Content-Type: text/plain; charset=UTF-8\\n"\n' + "".join(
            f'\nmsgid "{source}"\nmsgstr ""\n' for source in sources()
        )
    if kind == "json":
        return "{" + ",\n".join(f'"k{len(source)}": "{source}"' for source in sources()) + "}"
    if kind == "srt":
        cues = (
            f"{n}\n00:00:{n // 2:02},{n % 2}00 --> 00:00:{n // 2:02},{n % 2}99\n{source}"
            for n, source in enumerate(sources())
        )
        return "\n\n".join(cues) + "\n"
    return "id,source,target\n" + "".join(f"{len(source)},{source},\n" for source in sources())


@pytest.mark.parametrize("kind", ["po", "json", "srt", "csv"])
def test_the_same_call_goes_on_where_it_was_stopped(tmp_path, kind):
    path, output = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
    path.write_text(text_of(kind), encoding="utf-8")
    report = localize(path, output, Model(stop_after=1), language="de")
    assert (report.stopped, report.model, report.output) == (True, CHUNK, str(tmp_path / f"out.partial.{kind}"))
    model = Model()
    report = localize(path, output, model, language="de")
    assert sorted(model.sources) == sources()[CHUNK:]
    assert (report.kept, report.model, report.stopped) == (CHUNK, 8, False)
    done = read_document(output, "de").segments
    assert [segment.source if kind in ("json", "srt") else segment.target for segment in done] == [
        f"«{source}»" for source in sources()
    ]
    assert sorted(file.name for file in tmp_path.iterdir()) == [path.name, output.name]


@pytest.mark.parametrize("kind", ["po", "json", "srt", "csv"])
def test_what_people_edited_in_the_output_is_kept(tmp_path, kind):
    path, output = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
    path.write_text(text_of(kind), encoding="utf-8")
    localize(path, output, Model(), language="de")
    output.write_text(output.read_text(encoding="utf-8").replace("«www»", "Drei"), encoding="utf-8")
    model = Model()
    report = localize(path, output, model, language="de")
    assert (model.sources, report.kept, report.model) == ([], COUNT, 0)
    assert "Drei" in output.read_text(encoding="utf-8")


def test_subtitles_are_known_by_their_times(tmp_path):
    cue = "{}\n00:00:0{},000 --> 00:00:0{},500\n{}\n\n"
    path, output = tmp_path / "in.srt", tmp_path / "out.srt"
    path.write_text(cue.format(1, 1, 1, "One") + cue.format(2, 3, 3, "Three"))
    localize(path, output, Model(), language="de")
    path.write_text(cue.format(1, 1, 1, "One") + cue.format(2, 2, 2, "Two") + cue.format(3, 3, 3, "Three"))
    model = Model()
    localize(path, output, model, language="de")
    assert model.sources == ["Two"]
    assert [segment.source for segment in formats.read_document(output, "de").segments] == ["«One»", "«Two»", "«Three»"]


def test_corrections_win_over_an_earlier_output_and_it_over_memories():
    def memory(target):
        return Memory.of([{"source": "Save", "target": target, "language": "de"}])

    segment = formats.Segment("k", "Save")
    options = {"earlier": {"k": "Older"}}

    def answer(**more):
        ((_, outcome),) = Localizer(Model(), [memory("Known")], **options, **more).outcomes([segment], "de")
        return outcome.target, outcome.origin

    assert answer() == ("Older", "kept")
    assert answer(corrections=memory("Put right")) == ("Put right", "memory")


PLURAL = '\nmsgid "%d file"\nmsgid_plural "%d files"\nmsgstr[0] ""\nmsgstr[1] ""\n'
ENGLISH = (
    'msgid ""\nmsgstr ""\n"Language: en\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
    '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n'
)


@pytest.mark.parametrize(("language", "count"), [("ja", 1), ("ru", 3), ("fr", 2)])
def test_an_untranslated_catalogue_of_another_language_becomes_one_of_the_language_asked_for(tmp_path, language, count):
    path, output = tmp_path / "en.po", tmp_path / "out.po"
    path.write_text(ENGLISH + PLURAL)
    localize(path, output, Model(), language=language)
    text = output.read_text(encoding="utf-8")
    assert f'"Language: {language}\\n"' in text
    assert f'"Plural-Forms: nplurals={count};' in text
    assert text.count("msgstr[") == count
    model = Model()
    output.write_text(text.replace("«%d files»", "%d x"), encoding="utf-8")
    assert localize(path, output, model, language=language).kept == count
    assert model.sources == []
    assert "%d x" in output.read_text(encoding="utf-8")


def test_a_catalogue_translated_into_another_language_is_refused(tmp_path):
    path = tmp_path / "en.po"
    path.write_text(ENGLISH + PLURAL + '\nmsgid "Open"\nmsgstr "Open"\n')
    with pytest.raises(SuiteError, match="holds translations into en, not ja"):
        localize(path, tmp_path / "out.po", Model(), language="ja")
    assert not (tmp_path / "out.po").exists()


@pytest.mark.parametrize(
    ("version", "names", "unit"),
    [
        ("1.2", ("source-language", "target-language"), '<trans-unit id="a"><source>Save</source></trans-unit>'),
        ("2.0", ("srcLang", "trgLang"), '<unit id="a"><segment><source>Save</source></segment></unit>'),
    ],
)
def test_an_untranslated_xliff_of_another_language_too(tmp_path, version, names, unit):
    path, output = tmp_path / "a.xlf", tmp_path / "b.xlf"
    said = f' {names[0]}="en" {names[1]}="fr"'
    root, file = ("", said) if version == "1.2" else (said, "")
    path.write_text(f'<xliff version="{version}"{root}><file original="x"{file}>{unit}</file></xliff>')
    localize(path, output, Model(), language="de")
    assert f'{names[1]}="de"' in output.read_text(encoding="utf-8")
    output.write_text(output.read_text(encoding="utf-8").replace("«Save»", "Sichern"), encoding="utf-8")
    report = localize(path, output, Model(), language="de")
    assert (report.kept, report.model) == (1, 0)
    assert ">Sichern<" in output.read_text(encoding="utf-8")
