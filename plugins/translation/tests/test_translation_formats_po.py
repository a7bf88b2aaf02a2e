"""gettext catalogues: exact bytes, polib as a second reader, msgfmt as a judge where it is installed."""

from __future__ import annotations

import shutil
import subprocess

import polib
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suite import SuiteError
from suite_translation.formats import Answer, Segment, plurals, read_document
from suite_translation.strings import languages

CATALOGUE = r"""# Translation of x.
# Copyright
msgid ""
msgstr ""
"Project-Id-Version: x\n"
"Content-Type: text/plain; charset=UTF-8\n"
"Language: de\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"

# kept
#. MAX LENGTH: 20
#: a.c:1
#, c-format
msgid "Open %s"
msgstr ""

#, fuzzy, python-format
#| msgid "old"
msgctxt "menu"
msgid "Close %(x)s"
msgstr "Zu"

msgid "%d file"
msgid_plural "%d files"
msgstr[0] "%d Datei"
msgstr[1] ""

msgid ""
"Two\n"
"lines \"quoted\"\t\\ end\n"
msgstr ""

#~ msgid "gone"
#~ msgstr "weg"
"""


def _read(tmp_path, text, language="de", name="a.po", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return read_document(path, language)


def _written(tmp_path, document, answers, language="de"):
    out = tmp_path / "out.po"
    document.write(out, answers, language=language)
    return out.read_bytes()


def test_segments(tmp_path):
    document = _read(tmp_path, CATALOGUE)
    assert (document.format, document.target_language) == ("po", "de")
    assert document.segments == [
        Segment("Open %s", "Open %s", note="MAX LENGTH: 20", style="c-format", max_length=20),
        Segment("menu\x04Close %(x)s", "Close %(x)s", "Zu", "menu", style="python-format", fuzzy=True),
        Segment("%d file[0]", "%d file", "%d Datei", plural=0),
        Segment("%d file[1]", "%d files", plural=1),
        Segment('Two\nlines "quoted"\t\\ end\n', 'Two\nlines "quoted"\t\\ end\n'),
    ]


def test_no_answer_changes_no_byte(tmp_path):
    for text in (CATALOGUE, CATALOGUE.replace("\n", "\r\n"), CATALOGUE.rstrip("\n"), CATALOGUE.replace("\n#", "\r#")):
        raw = text.encode()
        assert _written(tmp_path, _read(tmp_path, raw), {}) == raw
    raw = b"\xef\xbb\xbf" + CATALOGUE.encode()
    assert _written(tmp_path, _read(tmp_path, raw), {}) == raw


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_answers_change_targets_flags_and_our_comment_alone(tmp_path, newline):
    answers = {
        "Open %s": Answer("%s öffnen", fuzzy=True, why="Low\nconfidence."),
        "menu\x04Close %(x)s": Answer("%(x)s schließen"),
        "%d file[1]": Answer("%d Dateien"),
        'Two\nlines "quoted"\t\\ end\n': Answer('Zwei\n"Zeilen"\t\\ zu Ende\n'),
    }
    expected = CATALOGUE
    for old, new in [
        ('#, c-format\nmsgid "Open %s"\nmsgstr ""', '#, fuzzy, c-format\nmsgid "Open %s"\nmsgstr "%s öffnen"'),
        ("# kept\n", "# suite: Low confidence.\n# kept\n"),
        ('#, fuzzy, python-format\n#| msgid "old"\n', "#, python-format\n"),
        ('msgstr "Zu"', 'msgstr "%(x)s schließen"'),
        ('msgstr[1] ""', 'msgstr[1] "%d Dateien"'),
        ('end\\n"\nmsgstr ""', 'end\\n"\nmsgstr ""\n"Zwei\\n"\n"\\"Zeilen\\"\\t\\\\ zu Ende\\n"'),
    ]:
        assert expected.count(old) == 1
        expected = expected.replace(old, new)
    document = _read(tmp_path, CATALOGUE.replace("\n", newline))
    made = _written(tmp_path, document, answers)
    assert made.decode() == expected.replace("\n", newline)
    again = _read(tmp_path, made)
    assert [segment.target for segment in again.segments][0] == "%s öffnen"
    assert _written(tmp_path, again, answers) == made


def test_our_comment_and_the_flag_go_when_the_segment_is_settled(tmp_path):
    marked = CATALOGUE.replace("# kept\n", "# suite: Low confidence.\n# kept\n").replace("#, c-", "#, fuzzy, c-")
    made = _written(tmp_path, _read(tmp_path, marked), {"Open %s": Answer("%s öffnen")}).decode()
    assert made == CATALOGUE.replace('msgid "Open %s"\nmsgstr ""', 'msgid "Open %s"\nmsgstr "%s öffnen"')
    alone = '\n#, fuzzy\nmsgid "a"\nmsgstr "b"\n'
    assert _written(tmp_path, _read(tmp_path, CATALOGUE + alone), {"a": Answer("c")}).decode() == (
        CATALOGUE + '\nmsgid "a"\nmsgstr "c"\n'
    )


def test_flags_on_two_lines_are_one_list(tmp_path):
    text = CATALOGUE + '\n#, c-format\n#, fuzzy\n#| msgid "A"\n#| "B"\nmsgid "%s a"\nmsgstr "b"\n'
    document = _read(tmp_path, text)
    assert (document.segments[-1].fuzzy, document.segments[-1].style) == (True, "c-format")
    made = _written(tmp_path, document, {"%s a": Answer("%s c")}).decode()
    assert made == CATALOGUE + '\n#, c-format\nmsgid "%s a"\nmsgstr "%s c"\n'
    made = _written(tmp_path, document, {"%s a": Answer("%s c", fuzzy=True)}).decode()
    assert made == text.replace('"b"', '"%s c"')  # its previous source is still of use


def test_escaped_bytes_are_characters(tmp_path):
    text = CATALOGUE + '\nmsgid "a\\303\\234\\xc3\\xbc\\tb\\374\\\\303"\nmsgstr ""\n'
    assert _read(tmp_path, text).segments[-1].source == "aÜü\tbü\\303"


def test_a_plural_stays_marked_until_all_its_forms_are_settled(tmp_path):
    document = _read(tmp_path, CATALOGUE.replace('\nmsgid "%d file"', '\n#, fuzzy\nmsgid "%d file"'))
    answers = {"%d file[1]": Answer("%d Dateien")}
    assert b'#, fuzzy\nmsgid "%d file"' in _written(tmp_path, document, answers)
    answers["%d file[0]"] = Answer("%d Datei")
    assert b'#, fuzzy\nmsgid "%d file"' not in _written(tmp_path, document, answers)


def test_a_catalogue_with_plurals_gets_the_rule_it_lacks(tmp_path):
    rule = '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n'
    made = _written(tmp_path, _read(tmp_path, CATALOGUE.replace(rule, "")), {"%d file[1]": Answer("%d Dateien")})
    assert made.decode() == CATALOGUE.replace('msgstr[1] ""', 'msgstr[1] "%d Dateien"')


def test_comments_of_obsolete_messages_stay_with_them(tmp_path):
    text = CATALOGUE + '\n# about it\n#~ msgid "q"\n#~ msgstr "w"\n\nmsgid "new"\nmsgstr ""\n'
    made = _written(tmp_path, _read(tmp_path, text), {"new": Answer("neu", why="Why.")}).decode()
    assert made == text.replace('msgid "new"\nmsgstr ""', '# suite: Why.\nmsgid "new"\nmsgstr "neu"')


def test_a_broken_answer_is_not_written(tmp_path):
    made = _written(tmp_path, _read(tmp_path, CATALOGUE), {"Open %s": Answer("%d öffnen")}).decode()
    assert "# suite: %s is missing.\n# kept\n#. MAX LENGTH: 20\n#: a.c:1\n#, fuzzy, c-format\n" in made
    assert 'msgid "Open %s"\nmsgstr "Open %s"\n' in made
    assert "öffnen" not in made


TEMPLATE = r"""# SOME DESCRIPTIVE TITLE.
#, fuzzy
msgid ""
msgstr ""
"Language: \n"
"Content-Type: text/plain; charset=CHARSET\n"
"Content-Transfer-Encoding: 8bit\n"
"Plural-Forms: nplurals=INTEGER; plural=EXPRESSION;\n"

msgid "One file"
msgid_plural "%d files"
msgstr[0] ""
msgstr[1] ""

msgid "x"
msgstr ""
"""


@pytest.mark.parametrize(
    ("language", "sources"),
    [
        ("de", ["One file", "%d files"]),
        ("fr", ["%d files", "%d files"]),  # its first form is for 0 too
        ("ja", ["%d files"]),
        ("pl", ["One file", "%d files", "%d files"]),
        ("ru", ["%d files"] * 3),  # its first form is for 21 too
        ("ar", ["%d files", "One file", *["%d files"] * 4]),
    ],
)
def test_plural_forms_are_the_target_languages(tmp_path, language, sources):
    document = _read(tmp_path, TEMPLATE, language, "a.pot")
    forms = [segment for segment in document.segments if segment.plural is not None]
    assert [segment.source for segment in forms] == sources
    answers = {segment.key: Answer(f"{segment.source} {segment.plural}") for segment in forms}
    made = _written(tmp_path, document, answers, language).decode()
    lines = [f'msgstr[{segment.plural}] "{segment.source} {segment.plural}"' for segment in forms]
    assert 'msgid_plural "%d files"\n' + "\n".join(lines) + '\n\nmsgid "x"\nmsgstr ""\n' in made
    assert polib.pofile(made).metadata["Plural-Forms"].startswith(f"nplurals={len(sources)};")


def test_a_filled_form_that_the_header_does_not_count_is_kept(tmp_path):
    text = CATALOGUE.replace('msgstr[1] ""\n', 'msgstr[1] ""\nmsgstr[2] "%d Dateien!"\nmsgstr[3] ""\n')
    made = _written(tmp_path, _read(tmp_path, text), {"%d file[1]": Answer("%d Dateien")}).decode()
    assert 'msgstr[1] "%d Dateien"\nmsgstr[2] "%d Dateien!"\n\nmsgid ""' in made


def test_languages_have_their_plural_rule_or_a_sentence(tmp_path):
    assert plurals.rule_of("pt-br") == plurals.rule_of("pt_BR") == plurals.rule_of("fr") != plurals.rule_of("pt")
    assert all(plurals.parsed(plurals.rule_of(name), name) for name in languages._NAMES)
    with pytest.raises(SuiteError, match=r"a\.pot has plurals, and Suite does not know .* 'xx'.*'Plural-Forms: npl"):
        _read(tmp_path, TEMPLATE, "xx", "a.pot")
    document = _read(tmp_path, TEMPLATE.partition('\nmsgid "One')[0] + '\nmsgid "x"\nmsgstr ""\n', "xx", "a.pot")
    made = _written(tmp_path, document, {"x": Answer("y")}, "xx").decode()
    assert '"Language: xx\\n"' in made
    assert "nplurals=INTEGER" in made


def test_french_takes_the_singular_where_it_has_the_number(tmp_path):
    document = _read(tmp_path, TEMPLATE.replace("One file", "%d file"), "fr", "a.pot")
    assert [segment.source for segment in document.segments][:2] == ["%d file", "%d files"]


def test_a_templates_header_is_filled_in(tmp_path):
    document = _read(tmp_path, TEMPLATE, "de", "a.pot")
    assert _written(tmp_path, document, {}) == TEMPLATE.encode()
    made = _written(tmp_path, document, {"x": Answer("y")}).decode()
    expected = (
        TEMPLATE.replace("#, fuzzy\n", "")
        .replace("Language: ", "Language: de")
        .replace("CHARSET", "UTF-8")
        .replace("nplurals=INTEGER; plural=EXPRESSION;", "nplurals=2; plural=(n != 1);")
        .replace('msgid "x"\nmsgstr ""', 'msgid "x"\nmsgstr "y"')
    )
    assert made == expected
    with pytest.raises(SuiteError, match="other plural forms than pl's"):
        document.write(tmp_path / "b.po", {"x": Answer("y")}, language="pl")


def test_a_file_without_header_gets_one(tmp_path):
    made = _written(tmp_path, _read(tmp_path, 'msgid "x"\nmsgstr ""\n'), {"x": Answer("ü")}).decode()
    assert made.startswith('msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n')
    assert made.endswith('\n\nmsgid "x"\nmsgstr "ü"\n')
    assert polib.pofile(made).metadata["Language"] == "de"


def test_charsets(tmp_path):
    latin = CATALOGUE.replace("UTF-8", "ISO-8859-1").replace("Zu", "Schlüß")
    document = _read(tmp_path, latin, encoding="latin-1")
    assert document.segments[1].target == "Schlüß"
    answers = {"Open %s": Answer("%s öffnen")}
    assert "%s öffnen".encode("latin-1") in _written(tmp_path, document, answers)
    # A character that the charset lacks: all of the file becomes UTF-8.
    made = _written(tmp_path, document, {"Open %s": Answer("%s öffnen…")})
    assert "charset=UTF-8" in made.decode()
    assert "Schlüß" in made.decode()


def test_long_lines_are_broken_where_the_file_breaks_them(tmp_path):
    long = "word " * 30 + "end"
    wrapped = f'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "a"\nmsgstr "{"x" * 60}"\n'
    made = _written(tmp_path, _read(tmp_path, wrapped), {"a": Answer(long)}).decode()
    lines = made.split('msgid "a"\n')[1].splitlines()
    assert lines[0] == 'msgstr ""'
    assert lines[1] == f'"{"word " * 15}"'
    assert polib.pofile(made)[0].msgstr == long
    for width, text in ((80, "x" * 66 + " abcd"), (81, "x" * 66 + " abcde")):
        made = _written(tmp_path, _read(tmp_path, wrapped), {"a": Answer(text)}).decode()
        assert (f'msgstr "{text}"' in made) == (width == 80)
    unbroken = wrapped.replace("x" * 60, "x" * 100)
    assert f'msgstr "{long}"' in _written(tmp_path, _read(tmp_path, unbroken), {"a": Answer(long)}).decode()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (CATALOGUE.replace("nplurals=2; plural=(n != 1)", "nplurals=x"), "broken line 'Plural-Forms: nplurals=x;'"),
        (CATALOGUE.replace("(n != 1)", "n.real"), "broken line 'Plural-Forms: nplurals=2; plural=n.real;'"),
        (CATALOGUE.replace("(n != 1)", "n"), "broken line"),
        (CATALOGUE.replace("UTF-8", "UTF-99"), "names the encoding 'UTF-99', which is none of text"),
        (CATALOGUE.replace('msgid "Open %s"', 'msgid "Open %s'), "line 14: 'msgid \"Open %s' is no line of a PO file"),
        (CATALOGUE + '\nmsgid "Open %s"\nmsgstr ""\n', "line 36: the same msgid is on line 10 already"),
        (CATALOGUE + '\nmsgid "end"\n', "line 36: this message has no msgstr"),
        (CATALOGUE + '\nmsgstr "end"\n', "line 36: msgstr stands where none is expected"),
        (CATALOGUE + '\nmsgid "a"\nmsgstr[0] "end"\n', "line 37: msgstr\\[0\\] doesn't fit"),
        (CATALOGUE.encode() + '# é\n'.encode("latin-1"), "should be in utf-8, but line 35 is not \\(byte 0xe9\\)"),
        (CATALOGUE + '\nmsgid "' + "x" * 100_001 + '"\nmsgstr ""\n', "has 100,001 characters"),
    ],
)  # fmt: skip
def test_what_is_broken_is_told_and_left(tmp_path, text, sentence):
    with pytest.raises(SuiteError, match=sentence):
        _read(tmp_path, text)
    assert (tmp_path / "a.po").read_bytes() == (text if isinstance(text, bytes) else text.encode())


def test_forty_megabytes_in_one_string_are_refused_quickly(tmp_path):
    with pytest.raises(SuiteError, match="has 40,000,000 characters and a segment may have 100,000"):
        _read(tmp_path, 'msgid "' + "x" * 40_000_000 + '"\nmsgstr ""\n')


# Without U+2028, at which polib breaks lines and gettext doesn't.
TEXT = st.text(st.sampled_from('ab %\\"\n\té…{}'), min_size=1, max_size=30)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(st.tuples(TEXT, TEXT, st.booleans()), max_size=4, unique_by=lambda row: row[0]), st.booleans())
def test_polib_reads_what_is_written(tmp_path, rows, wrapped):
    catalogue = polib.POFile(wrapwidth=40 if wrapped else 0)
    catalogue.metadata = {"Content-Type": "text/plain; charset=UTF-8", "Language": "de"}
    for source, _, fuzzy in rows:
        catalogue.append(polib.POEntry(msgid=source, flags=["fuzzy"] if fuzzy else [], occurrences=[("a b.c", "1")]))
    document = _read(tmp_path, str(catalogue))
    assert [(segment.source, segment.fuzzy) for segment in document.segments] == [
        (source, fuzzy) for source, _, fuzzy in rows
    ]
    assert _written(tmp_path, document, {}) == str(catalogue).encode()
    made = _written(tmp_path, document, {source: Answer(target, not fuzzy) for source, target, fuzzy in rows}).decode()
    targets = {segment.key: (segment.target, segment.fuzzy) for segment in _read(tmp_path, made).segments}
    again = {entry.msgid: (entry.msgstr, entry.fuzzy) for entry in polib.pofile(made)}
    assert again == targets
    assert all(targets[source][0] in (source, target) for source, target, _ in rows)


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="gettext is not installed")
def test_msgfmt_accepts_what_is_written(tmp_path):
    sources = ["%s of %d", "%d%%", "%-5.2f %s\n", "100%% of %s", "%1$s %2$d", "&File %s", "%*d %s"]
    rows = "".join(
        f'\n#, c-format\nmsgid "{source}"\nmsgstr ""\n'.replace("\n\"", '\\n"') for source in sources
    )  # fmt: skip
    document = _read(tmp_path, CATALOGUE.partition("# kept")[0] + rows)
    for made in ("%d of %s", "%2$d von %1$s", "%s", "100 % der %s %d", "%d%%", "%s %-5.2f\n", "%2$d %1$s", "Datei %s"):
        answers = {segment.key: Answer(made) for segment in document.segments}
        (tmp_path / "b.po").write_bytes(_written(tmp_path, document, answers).replace(b"#, fuzzy, ", b"#, "))
        subprocess.run(["msgfmt", "-c", "-o", "/dev/null", tmp_path / "b.po"], check=True, capture_output=True)


def test_a_header_that_is_new_stands_before_the_marks_of_the_first_message(tmp_path):
    made = _written(
        tmp_path, _read(tmp_path, 'msgid "Open"\nmsgstr ""\n'), {"Open": Answer("Auf", fuzzy=True, why="Doubt.")}
    )
    assert made.decode().startswith('msgid ""\nmsgstr "')
    assert made.decode().endswith('\n\n# suite: Doubt.\n#, fuzzy\nmsgid "Open"\nmsgstr "Auf"\n')
