"""XLIFF and TMX: exact bytes, inline elements, and what is refused."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suite import SuiteError
from suite_translation.formats import Answer, Segment, pairs, read_document

ONE = """<?xml version="1.0" encoding="UTF-8"?>
<!-- kept -->
<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">
  <file original="ä.ui" source-language="en" datatype="plaintext">
    <body>
      <trans-unit id="a" resname="btn" maxwidth="40" size-unit="char">
        <source>Press <g id="1">OK</g> or <ph id="2">&lt;b&gt;</ph> &amp; go</source>
        <note>A   button</note>
      </trans-unit>
      <trans-unit id="b" approved="yes"><source>Open</source><target state="new" >Auf</target></trans-unit>
      <trans-unit id="b" maxwidth="9"><source>Shut</source><target xml:lang='de'/></trans-unit>
      <group translate="no"><trans-unit id="d"><source>X</source></trans-unit></group>
      <trans-unit id="e">
        <source>Old</source>
        <target state="translated">Alt</target>
        <note from="suite">Low.</note>
        <alt-trans><source>Old</source><target>Uralt</target></alt-trans>
      </trans-unit>
    </body>
  </file>
</xliff>
"""

TWO = """<xliff version="2.1" xmlns="urn:oasis:names:tc:xliff:document:2.0" srcLang="en" xmlns:slr="s">
  <file id="f">
    <unit id="u" name="n" slr:sizeRestriction="5,60">
      <segment id="1">
        <source>Hi <pc id="1">you</pc><sc id="2"/>x<ec startRef="2"/><cp hex="0001"/></source>
      </segment>
      <ignorable><source> </source></ignorable>
      <segment id="2" state="initial"><source>Open</source><target>Auf</target></segment>
    </unit>
    <unit id="v" translate="no"><notes><note>Keep</note></notes><segment><source>X</source></segment></unit>
  </file>
</xliff>
"""

TMX = """<?xml version="1.0"?>
<tmx version="1.4"><header srclang="en"/><body>
<tu tuid="1">
  <note>Menu</note>
  <tuv xml:lang="en-US"><seg>Open <bpt i="1">&lt;b></bpt>file<ept i="1">&lt;/b></ept></seg></tuv>
  <tuv xml:lang="de"><prop type="x-fuzzy">true</prop><seg>Öffnen</seg></tuv>
</tu>
<tu><tuv xml:lang="en"><seg>Shut</seg></tuv></tu>
<tu><tuv xml:lang="fr"><seg>Sans anglais</seg></tuv></tu>
</body></tmx>
"""


def _read(tmp_path, text, name="a.xlf", language="de"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_document(path, language)


def _written(tmp_path, document, answers, language="de"):
    document.write(tmp_path / "out.bin", answers, language=language)
    return (tmp_path / "out.bin").read_bytes()


def _changed(text, changes):
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def test_segments_of_version_one(tmp_path):
    document = _read(tmp_path, ONE)
    assert (document.source_language, document.target_language) == ("en", "de")
    assert document.segments == [
        Segment("ä.ui/a", "Press <g-1>OK</g-1> or <ph-2/> & go", context="btn", note="A button", max_length=40),
        Segment("ä.ui/b", "Open", "Auf", "b", fuzzy=True),
        Segment("ä.ui/b (2)", "Shut", context="b"),  # a width in pixels is no number of characters
        Segment("ä.ui/d", "X", context="d", translate=False),
        Segment("ä.ui/e", "Old", "Alt", "e"),
    ]


def test_answers_in_version_one(tmp_path):
    answers = {
        "ä.ui/a": Answer("<ph-2/> und <g-1>O & K</g-1> los", fuzzy=True, why="Too {wide} <x>"),
        "ä.ui/b": Answer("Öffnen", fuzzy=True),
        "ä.ui/b (2)": Answer("Zu"),
        "ä.ui/d": Answer("never"),
        "ä.ui/e": Answer("Älter"),
    }
    expected = _changed(
        ONE,
        [
            ('datatype="plaintext"', 'datatype="plaintext" target-language="de"'),
            (
                "go</source>\n",
                'go</source>\n        <target state="needs-review-translation"><ph id="2">&lt;b&gt;</ph> und '
                '<g id="1">O &amp; K</g> los</target>\n'
                '        <note from="suite">Too {wide} &lt;x&gt;</note>\n',
            ),
            ('approved="yes"', 'approved="no"'),
            ('<target state="new" >Auf</target>', '<target state="needs-review-translation" >Öffnen</target>'),
            ("<target xml:lang='de'/>", "<target xml:lang='de'>Zu</target>"),
            (">Alt<", ">Älter<"),
            ('\n        <note from="suite">Low.</note>', ""),
        ],
    )
    for newline in ("\n", "\r\n"):
        document = _read(tmp_path, ONE.replace("\n", newline))
        made = _written(tmp_path, document, answers)
        assert made.decode() == expected.replace("\n", newline)
        again = _read(tmp_path, made)
        assert [segment.target for segment in again.segments][0] == answers["ä.ui/a"].target
        assert [segment.fuzzy for segment in again.segments] == [True, True, False, False, False]
        assert _written(tmp_path, again, answers) == made


def test_segments_and_answers_of_version_two(tmp_path):
    document = _read(tmp_path, TWO)
    assert document.segments == [
        Segment("f/u/1", "Hi <pc-1>you</pc-1><sc-2>x</sc-2><cp-n4/>", context="n", max_length=60),
        Segment("f/u/2", "Open", "Auf", "n", fuzzy=True, max_length=60),
        Segment("f/v", "X", context="v", note="Keep", translate=False),
    ]
    answers = {
        "f/u/1": Answer("<cp-n4/><sc-2>x</sc-2> <pc-1>du</pc-1>", fuzzy=True, why="One."),
        "f/u/2": Answer("Öffnen", why="Two."),
    }
    expected = _changed(
        TWO,
        [
            ('xmlns:slr="s"', 'xmlns:slr="s" trgLang="de"'),
            (
                '      <segment id="1">',
                '      <notes><note category="suite">One. Two.</note></notes>\n      <segment id="1" state="initial">',
            ),
            (
                '<cp hex="0001"/></source>\n',
                '<cp hex="0001"/></source>\n        <target><cp hex="0001"/><sc id="2"/>x<ec startRef="2"/> '
                '<pc id="1">du</pc></target>\n',
            ),
            ('state="initial"><source>', 'state="translated"><source>'),
            (">Auf<", ">Öffnen<"),
        ],
    )  # fmt: skip
    made = _written(tmp_path, document, answers)
    assert made.decode() == expected
    again = _read(tmp_path, made)
    assert _written(tmp_path, again, answers) == made
    settled = {key: Answer(answer.target) for key, answer in answers.items()}
    assert b"note category" not in _written(tmp_path, again, settled)
    assert b"<notes></notes>" not in _written(tmp_path, again, settled)


def test_translation_memories(tmp_path):
    document = _read(tmp_path, TMX, "a.tmx")
    assert document.segments == [
        Segment("1", "Open <bpt-1>file</bpt-1>", "Öffnen", "1", "Menu", fuzzy=True),
        Segment("2", "Shut"),
    ]
    answers = {"1": Answer("<bpt-1>Datei</bpt-1> öffnen"), "2": Answer("Zu", fuzzy=True, why="Why?")}
    expected = _changed(
        TMX,
        [
            (
                '<prop type="x-fuzzy">true</prop><seg>Öffnen',
                '<seg><bpt i="1">&lt;b></bpt>Datei<ept i="1">&lt;/b></ept> öffnen',
            ),
            (
                "<seg>Shut</seg></tuv>",
                '<seg>Shut</seg></tuv><tuv xml:lang="de"><prop type="x-fuzzy">true</prop>'
                '<prop type="x-suite">Why?</prop><seg>Zu</seg></tuv>',
            ),
        ],
    )
    made = _written(tmp_path, document, answers)
    assert made.decode() == expected
    assert _written(tmp_path, _read(tmp_path, made, "a.tmx"), answers) == made
    french = _written(tmp_path, _read(tmp_path, TMX, "a.tmx", "fr"), {"1": Answer("<bpt-1>x</bpt-1>")}, "fr").decode()
    assert '<seg>Öffnen</seg></tuv>\n  <tuv xml:lang="fr"><seg><bpt i="1">' in french
    with pytest.raises(SuiteError, match="has de, fr beside en; say which language is wanted"):
        _read(tmp_path, TMX, "a.tmx", "")


@pytest.mark.parametrize(("text", "name"), [(ONE, "a.xlf"), (TWO, "a.xliff"), (TMX, "a.tmx")])
def test_no_answer_changes_no_byte(tmp_path, text, name):
    utf16 = text.replace("UTF-8", "UTF-16").encode("utf-16")
    for raw in (text.encode(), b"\xef\xbb\xbf" + text.encode(), utf16, text.replace("\n", "\r\n").encode()):
        assert _written(tmp_path, _read(tmp_path, raw, name), {}) == raw
    if name == "a.xlf":
        raw = text.replace("UTF-8", "ISO-8859-1").encode("latin-1")
        document = _read(tmp_path, raw, name)
        assert _written(tmp_path, document, {}) == raw
        assert "<target xml:lang='de'>ü&#8230;</target>".encode("latin-1") in _written(
            tmp_path, document, {"ä.ui/b (2)": Answer("ü…")}
        )
        assert _read(tmp_path, utf16, name).segments == _read(tmp_path, text, name).segments


def test_inline_elements_that_are_lost_leave_the_source_marked(tmp_path):
    for made in ("Nur Text", "<g-1>OK <ph-2/>", "</g-1><ph-2/><g-1>", "<g-1></g-1><ph-2/><x/>"):
        text = _written(tmp_path, _read(tmp_path, ONE), {"ä.ui/a": Answer(made)}).decode()
        source = ONE.split("<source>")[1].split("</source>")[0]
        assert f'<target state="needs-review-translation">{source}</target>' in text, made


def test_tags_that_overlap_in_the_source_must_still_make_xml(tmp_path):
    source = '<bpt id="1">b</bpt><g id="2">x<ept id="1">e</ept></g>'
    text = ONE.replace("Shut", source)
    document = _read(tmp_path, text)
    assert document.segments[2].source == "<bpt-1><g-2>x</bpt-1></g-2>"
    made = _written(tmp_path, document, {"ä.ui/b (2)": Answer("</g-2><bpt-1>x<g-2></bpt-1>")}).decode()
    assert f"<target xml:lang='de' state=\"needs-review-translation\">{source}</target>" in made


def test_line_ends_in_targets_are_the_files(tmp_path):
    document = _read(tmp_path, ONE.replace("Shut", "Sh\nut").replace("\n", "\r\n"))
    assert b">Z\r\nu</target>" in _written(tmp_path, document, {"ä.ui/b (2)": Answer("Z\nu")})


def test_prefixes_and_protected_text(tmp_path):
    text = (
        '<x:xliff version="1.2" xmlns:x="u"><x:file original="f" target-language="de"><x:body><x:trans-unit id="1">'
        '<x:source>A<x:mrk mtype="protected" translate="no">B</x:mrk><x:g id="!">C</x:g><x:g id="!">D</x:g></x:source>'
        "</x:trans-unit></x:body></x:file></x:xliff>"
    )
    document = _read(tmp_path, text)
    source = document.segments[0].source
    assert source == "A<mrk-n0/><g-n1>C</g-n1><g-n3>D</g-n3>"
    made = _written(tmp_path, document, {"f/1": Answer(source.replace("A", "Ä"))}).decode()
    target = text.split("<x:source>")[1].split("</x:source>")[0].replace("A", "Ä")
    assert f"</x:source><x:target>{target}</x:target></x:trans-unit>" in made


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        ('<!DOCTYPE x [<!ENTITY a "b">]><xliff version="1.2"/>', "a.xlf", "line 1: it declares a document type"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><xliff/>', "a.xlf", "it declares a document type"),
        ('<!DOCTYPE x SYSTEM "x.dtd" [<!ENTITY a SYSTEM "b.dtd">]><xliff/>', "a.xlf", "it declares a document type"),
        (ONE.replace("&amp;", "&nbsp;"), "a.xlf", "is broken XML, line 7: undefined entity"),
        ('<!DOCTYPE tmx SYSTEM "tmx14.dtd"><tmx>\n&nbsp;</tmx>', "a.tmx", "line 2: undefined entity &nbsp;"),
        (ONE[:-10], "a.xlf", "is broken XML, line 24: unclosed token|line 2.: "),
        ("<html/>", "a.xlf", "is no XLIFF file: its outermost element is <html>"),
        ("<html/>", "a.tmx", "is no TMX file: its outermost element is <html>"),
        (
            '<?xml version="1.0" encoding="UTF-99"?><xliff/>',
            "a.xlf",
            "names the encoding 'UTF-99', which is none of text",
        ),
        (ONE.encode("latin-1"), "a.xlf", "should be in utf-8, but line 4 is not"),
        ("<a>" * 200 + "</a>" * 200, "a.xlf", "its elements are more than 100 deep"),
        ("", "a.tmx", "is empty: it has 0 bytes"),
        (ONE.replace("Shut", "x" * 100_001), "a.xlf", "has 100,001 characters"),
    ],
)
def test_what_is_broken_is_told_and_left(tmp_path, text, name, sentence):
    with pytest.raises(SuiteError, match=sentence):
        _read(tmp_path, text, name)


TEXT = st.text(st.sampled_from("ab <>&\"'é…\n%{}"), min_size=1, max_size=20).filter(str.strip)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(TEXT, TEXT)
def test_another_parser_reads_what_is_written(tmp_path, source, target):
    root = ElementTree.Element("xliff", version="1.2")
    unit = ElementTree.SubElement(ElementTree.SubElement(root, "file", original="f"), "trans-unit", id="1")
    ElementTree.SubElement(unit, "source").text = source
    document = _read(tmp_path, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
    assert document.segments[0].source == source
    made = ElementTree.fromstring(_written(tmp_path, document, {"f/1": Answer(target)}))
    element = made.find(".//target")
    marked = element.get("state") == "needs-review-translation"
    assert element.text == (source if marked else target)


def _several(tmp_path, *files):
    """An XLIFF file of one text for each (source language, target language, target)."""
    parts = (
        f'<file original="{number}" source-language="{source}"{f" target-language={target!r}" if target else ""}>'
        '<body><trans-unit id="a"><source>Save</source>'
        f"{f'<target>{text}</target>' if text else ''}</trans-unit></body></file>"
        for number, (source, target, text) in enumerate(files)
    )
    path = tmp_path / "several.xlf"
    path.write_text(f'<xliff version="1.2">{"".join(parts)}</xliff>', encoding="utf-8")
    return path


def test_only_the_files_of_the_language_asked_for_are_translated(tmp_path):
    path = _several(tmp_path, ("en", "fr", "Garder"), ("en", "de", ""), ("en", "", ""), ("sv", "de", "Spara"))
    document = read_document(path, "de")
    assert [segment.key for segment in document.segments if segment.translate] == ["1/a", "2/a"]
    assert (document.source_language, document.target_language) == ("en", "de")
    assert document.others == ["en into fr", "sv into de"]
    assert [pair["target"] for pair in pairs(read_document(path, "fr"))] == ["Garder"]
    document.write(tmp_path / "out.xlf", {key: Answer("Sichern") for key in ("0/a", "1/a", "2/a")}, language="de")
    said = re.findall(r"target-language=.(\w+)|<target>(\w+)", (tmp_path / "out.xlf").read_text(encoding="utf-8"))
    assert ["".join(groups) for groups in said] == ["fr", "Garder", "de", "Sichern", "de", "Sichern", "de", "Spara"]


def test_a_file_for_several_other_languages_is_told(tmp_path):
    path = _several(tmp_path, ("en", "fr", ""), ("en", "es", ""))
    with pytest.raises(SuiteError, match=r"is for en into es and en into fr, not into de; ask for one of these"):
        read_document(path, "de")
    assert read_document(_several(tmp_path, ("en", "fr", ""), ("en", "fr", "")), "de").others == []
