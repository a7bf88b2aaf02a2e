"""Placeholders: what is one and what is text, putting back and repairs."""

from __future__ import annotations

import pytest

from suite_translation.strings.placeholders import (
    SLOTS,
    icu_join,
    icu_parts,
    join_pieces,
    mask,
    mask_target,
    pieces,
    problems,
    unmask,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%s %d %-5.2f %1$s", ("%s", "%d", "%-5.2f", "%1$s")),
        ("%(name)d of %%", ("%(name)d", "%%")),
        ("{} {0} {name!r:>10} {{ }}", ("{}", "{0}", "{name!r:>10}", "{{", "}}")),
        ("{a.b[0]} {:{width}}", ("{a.b[0]}", "{:{width}}")),
        ("${x} $t(x) %{x} {{mustache}} $HOME", ("${x}", "$t(x)", "%{x}", "{{mustache}}", "$HOME")),
        ("%1 of %L2, %n files", ("%1", "%L2", "%n")),
        ("%PRODUCTNAME is ready", ("%PRODUCTNAME",)),
        ('<a href="%s">x</a><br/>&nbsp;&#160;', ('<a href="%s">', "</a>", "<br/>", "&nbsp;", "&#160;")),
        ("a\nb\tc", ("\n", "\t")),
        (r"a\nb \"c\" \u00e9", (r"\n", r"\"", r"\"", r"\u00e9")),
        ("see https://a.b/c%20d?x=1&y=2.", ("https://a.b/c%20d?x=1&y=2",)),
        ("mail me@example.org, now", ("me@example.org",)),
        ("{n, plural, one {# file} other {# files}} left", ("{n, plural, one {# file} other {# files}}",)),
        ("{when, date, short}", ("{when, date, short}",)),
        ("⟦0⟧", ("⟦", "⟧")),
        ("$1 of $2, costs $5.", ("$1", "$2", "$5")),
        ("$COUNT$ tabs in $user_name$", ("$COUNT$", "$user_name$")),
        ("Welcome %count% users, %user.name%!", ("%count%", "%user.name%")),
        ("Hello :name, (:Count)", (":name", ":Count")),
        ("By @user on !date: <b>!link</b>", ("@user", "!date", "<b>", "!link", "</b>")),
        ("[link]Go[/link] to [url=x?a]it[/url]", ("[link]", "[/link]", "[url=x?a]", "[/url]")),
        *(
            (text, ())
            for text in (
                "100 % sure", "50% off", "50%off", "AT&T", "R&D", "snake_case", r"C:\path", r"C:\new\table", "a < b",
                "~5", "costs $1.50", "Tom & Jerry", "{not a field}",
                "50% off%", "50%off%", "Note:name", "a::b", ":D", "12:30", "Hello!", "Hi!there", "a @ b", "cp [file]",
            )
        ),
    ],
)  # fmt: skip
def test_what_is_a_placeholder(text, expected):
    masked = mask(text)
    assert masked.placeholders == expected
    assert masked.accelerator == ""
    assert unmask(masked.text, masked) == text


def test_flags_of_gettext_decide_what_is_ambiguous():
    assert mask("100 % done", "c-format").placeholders == ("% d",)
    assert mask("100 % done").placeholders == mask("100 % done", "no-c-format").placeholders == ()
    assert mask("{{name}}", "python-brace-format").placeholders == ("{{", "}}")
    assert mask("{{name}}").placeholders == ("{{name}}",)
    assert mask("Item #{n}", "icu").placeholders == ("#", "{n}")
    assert mask("%s {x} <b>", "none").placeholders == ()
    assert mask("%s <b>", "html").placeholders == ("<b>",)
    assert mask("%1% done", "boost-format").placeholders == ("%1%",)
    assert mask("%1%", "qt-format").placeholders == ("%1",)


@pytest.mark.parametrize(
    ("text", "clean", "sign"),
    [
        ("&File", "File", "&"), ("_Open", "Open", "_"), ("~Edit", "Edit", "~"), ("E&xit", "Exit", "&"),
        ("Save _As…", "Save As…", "_"), ("Cu_t", "Cut", "_"), ("Fiel_d", "Field", "_"),
        ("Save && &Close", "Save ⟦0⟧ Close", "&"),
        ("AT&T", "AT&T", ""), ("R&D", "R&D", ""), ("snake_case", "snake_case", ""), ("MAX_VALUE", "MAX_VALUE", ""),
        ("__init__", "__init__", ""), ("_my_name", "_my_name", ""), ("~5", "~5", ""), ("a & b", "a & b", ""),
        ("&One &Two", "&One &Two", ""), ("?a=1&b=2", "?a=1&b=2", ""), ("&nbsp;x", "⟦0⟧x", ""),
    ],
)  # fmt: skip
def test_accelerators(text, clean, sign):
    masked = mask(text)
    assert (masked.text, masked.accelerator) == (clean, sign)


def test_an_accelerator_goes_to_the_letter_of_the_source_at_a_words_start_or_to_the_first():
    assert unmask("Alles speichern", mask("Save &As")) == "&Alles speichern"
    assert unmask("Neu öffnen", mask("&Open")) == "&Neu öffnen"
    assert unmask("Datei speichern", mask("_Save")) == "Datei _speichern"
    assert unmask("lt; speichern", mask("&Keep")) == "lt; &speichern"  # "&lt;" would be an entity
    assert unmask("⟦0⟧ → 5", mask("%s _five")) == "%s → 5"  # no letter: better none than a wrong one
    assert mask("html &amp; _x", "html").accelerator == ""


def test_an_accelerator_stands_behind_what_has_no_latin_letters_and_never_in_a_placeholder():
    assert unmask("文件", mask("&File")) == "文件(&F)"
    assert unmask("파일 열기…", mask("_Open File…")) == "파일 열기(_O)…"
    assert unmask("打开 URL", mask("Open &URL")) == "打开 URL(&U)"
    assert mask_target("文件(&F)...", mask("&File...")) == "文件..."
    assert mask("保存(&S) %s").text == "保存 ⟦0⟧"
    assert unmask("Speichern ⟦0⟧", mask("保存(&S) %s")) == "&Speichern %s"
    assert unmask("⟦0⟧kB sichern", mask("&Save %dkB")) == "%dkB &sichern"
    assert unmask("⟦0⟧Datei⟦1⟧", mask("<b>&File</b>")) == "<b>&Datei</b>"
    assert unmask(r"C:\plan öffnen", mask(r"O&pen C:\plan")) == r"C:\plan &öffnen"


def test_slots_are_put_back_in_any_order_where_arguments_have_names():
    masked = mask("&Copy %(n)d files to <b>%(place)s</b>")
    assert masked.text == "Copy ⟦0⟧ files to ⟦1⟧⟦2⟧⟦3⟧"
    assert unmask("⟦1⟧⟦2⟧⟦3⟧: ⟦0⟧ Kopien", masked) == "<b>%(place)s</b>: %(n)d &Kopien"
    for broken in ("⟦0⟧ ⟦1⟧⟦2⟧", "⟦0⟧ ⟦0⟧ ⟦1⟧⟦2⟧⟦3⟧", "⟦0⟧ ⟦1⟧⟦2⟧⟦3⟧⟦4⟧", "⟦0⟧ ⟦3⟧⟦2⟧⟦1⟧", "⟦⟦⟧⟧ ⟦0⟧ ⟦1⟧⟦2⟧⟦3⟧"):
        assert unmask(broken, masked) is None


def test_arguments_without_numbers_keep_their_order_or_get_numbers():
    assert unmask("⟦1⟧ von ⟦0⟧", mask("%s of %s", "c-format")) == "%2$s von %1$s"
    assert unmask("⟦1⟧ von ⟦0⟧", mask("{} of {!r}", "python-brace-format")) == "{1!r} von {0}"
    assert unmask("⟦2⟧ x ⟦0⟧%s⟦1⟧", mask("<b>%s</b> %d", "c")) is None
    tagged = mask('<a href="%s">%5d</a> by %i', "c")
    assert unmask("⟦3⟧: ⟦0⟧⟦1⟧⟦2⟧", tagged) == '%3$i: <a href="%1$s">%2$5d</a>'
    for style in (None, "python-format"):  # nobody knows whether numbers are understood
        assert unmask("⟦1⟧ von ⟦0⟧", mask("%s of %s", style)) is None
    assert unmask("⟦1⟧ von ⟦0⟧", mask("%*d of %s", "c")) is None  # takes two arguments at once
    assert unmask("⟦1⟧ ⟦0⟧", mask("%1$s %2$s")) == "%2$s %1$s"


def test_small_repairs():
    masked = mask("Open %s in <b>%d</b>\n")
    for made in (
        "⟦ 0 ⟧ in ⟦⟦1⟧⟧⟦2⟧⟦3⟧ öffnen⟦4⟧",
        "[0] in ⟦1⟧⟦2⟧⟦3⟧ öffnen ⟦4⟧",
        "⟦0 in ⟦1⟧ ⟦2⟧ ⟦3⟧ öffnen⟦4⟧ ",
        "⟦0⟧ in\n⟦1⟧ ⟦2⟧ ⟦3⟧ öffnen 【4】",
    ):
        assert unmask(made, masked) == "%s in <b>%d</b> öffnen\n", made
    assert unmask("[0] von ⟦0⟧", mask("[0] of %s")) == "[0] von %s"
    assert unmask("[0] von", mask("[0] of %s")) is None  # these brackets are the source's own
    assert unmask("Name :", mask("  Name: ")) == "  Name : "
    assert unmask("", mask("Name")) is None


def test_what_a_model_adds_is_never_shipped():
    for source, made in [
        ("Open", "%s öffnen"), ("Open", "<b>öffnen</b>"), ("Open", "{name}"), ("Open", "a\\nb"), ("Open", "ö\x00"),
        ("%d done", "⟦0⟧ 100 % d"), ("Open", "&Datei"), ("_Open", "snake_case öffnen"), ("Open", "https://x.org"),
        ("Open", "⟦0⟧"), ("<b>x</b>", "⟦0⟧x < y⟦1⟧"), ("Say %s", "⟦0⟧\\"), ("&Open", "&Datei && öffnen"),
    ]:  # fmt: skip
        assert unmask(made, mask(source)) is None, (source, made)
    assert unmask("100 % de", mask("100 percent")) == "100 % de"


@pytest.mark.parametrize(
    ("source", "target", "style", "complaint"),
    [
        ("%s files", "Dateien", None, "%s is missing."),
        ("%s files", "%d Dateien", None, "%s is missing."),
        ("files", "%s", None, "%s is not in the source, or not so often."),
        ("%s", "%s %s", None, "%s is not in the source, or not so often."),
        ("%s %d", "%d %s", None, "The arguments %s %d are taken in another order: %d %s."),
        ("{} {!r}", "{!r} {}", "brace", "The arguments {} {!r} are taken in another order: {!r} {}."),
        ("%s %d", "%2$s %1$d", "c", "%s is missing."),
        ("%s %s", "%1$s %1$s", "c", "%s is missing."),
        ("<b><i>x</i></b>", "<b><i>x</b></i>", None, "The tags don't close in the order in which they open."),
        ("<b>x</b>", "<b>x", None, "</b> is missing."),
        ("x\n", "x", None, "One ends with a new line and the other doesn't."),
        ("x", "\nx", None, "One begins with a new line and the other doesn't."),
        ("a\tb", "a b", None, "A tab is missing."),
        (r"a\n", "a", None, r"\n is missing."),
        ("%d%%", "%d %", None, "%% is missing."),
        ("%d", "%d %", None, "A stray % that the source doesn't have."),
        ("100 %", "100", "c", ""),
        ("{0} {", "{0}", None, "There are not as many { as in the source."),
        ("&File", "&&Datei", None, "&& is not in the source, or not so often."),
        ("&File", "&Da&tei", None, "A keyboard accelerator & too many."),
        ("&File", "&Datei & so", None, "A second & beside the keyboard accelerator."),
        ("a & b", "a & b", "html", ""),
        ("a", "a & b", "html", "A stray & that the source doesn't have."),
        ("$1 of $2", "$2 von", None, "$1 is missing."),
        ("Hello :name", "Hallo :Name", None, ":name is missing."),
        ("By @user", "Von @nutzer", None, "@user is missing."),
        ("See !link", "Siehe !Verweis", None, "!link is missing."),
        ("%count% users", "%zahl% Leute", None, "%count% is missing."),
        ("$COUNT$ tabs", "$ZAHL$ Tabs", None, "$COUNT$ is missing."),
        ("[b]x[/b]", "[f]x[/f]", None, "[b] is missing."),
        ("[b][i]x[/i][/b]", "[b][i]x[/b][/i]", None, "The tags don't close in the order in which they open."),
        ("File", "", None, "The translation is empty."),
        ("File", "Da\x0btei", None, "A control character, '\\x0b', that no file of strings may hold."),
    ],
)
def test_problems(source, target, style, complaint):
    complaints = problems(source, target, style)
    assert complaint in complaints if complaint else complaints == []


def test_what_is_safe_has_no_problems():
    assert problems("%s of %d", "%2$d von %1$s", "c-format") == []
    assert problems("{} of {}", "{1} von {0}", "python-brace-format") == []
    assert problems("%(a)s %(b)d", "%(b)d %(a)s", "python-format") == []
    assert problems("one\ntwo\nthree\n", "eins zwei\ndrei\n") == []
    assert problems("&File", "Datei") == []
    assert problems("100% sure", "100 % sicher") == []


NO_MESSAGE = "The translation is no ICU message any more: its braces or branches are broken."
FILES = "{count, plural, =0 {No file} one {# file by {who}} other {# files by {who}}} left"


def test_icu_parts_are_translated_and_joined():
    assert icu_parts(FILES) == ["No file", "# file by {who}", "# files by {who}", " left"]
    joined = icu_join(FILES, ["Keine Datei", "# Datei von {who}", "# Dateien von {who}", " übrig"])
    assert joined == "{count, plural, =0 {Keine Datei} one {# Datei von {who}} other {# Dateien von {who}}} übrig"
    assert problems(FILES, joined) == []
    with pytest.raises(ValueError, match="3 texts for the 4 parts"):
        icu_join(FILES, ["a", "b", "c"])
    assert icu_parts("Hello {name}") is icu_parts("{n, plural, one {#}") is icu_parts("{n, plural, one {#}}") is None


def test_icu_nests_and_quotes():
    text = "{g, select, male {{n, plural, other {his '{'#'}' file}}} other {it''s {x, number}}}"
    assert icu_parts(text) == ["his '{'#'}' file", "it''s {x, number}"]
    assert icu_join(text, icu_parts(text)) == text
    assert icu_parts("{a,select,other{" * 500 + "x" + "}}" * 500) is None


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        (FILES.replace("# files by {who}", "# files"), "{who} is missing."),
        (FILES.replace("# file ", "a file "), "# is missing."),
        (FILES.replace("=0 {No file}", ""), "The branch =0 of count is missing."),
        (FILES.replace("one", "single"), "count has no branch single."),
        (FILES.replace("=0", "one"), "A branch of count is there twice."),
        (FILES.replace("count", "number"), "The plural and select arguments are not those of the source."),
        (FILES.replace("plural", "select"), "The plural and select arguments are not those of the source."),
        (FILES[:-8], NO_MESSAGE),
        (
            FILES.replace("by {who}", "d'{who}"),
            "The translation is no ICU message any more: its braces or branches are broken.",
        ),
    ],
)
def test_broken_icu(target, complaint):
    assert complaint in problems(FILES, target)


def test_other_plural_categories_are_the_target_languages_own():
    few = FILES.replace("one {# file by {who}}", "one {# by {who}} few {# pliki {who}}")
    assert problems(FILES, few) == []


def test_an_apostrophe_before_an_icu_argument_is_doubled():
    masked = mask("file of {who}", "icu")
    assert unmask("fichier d'⟦0⟧", masked) == "fichier d''{who}"
    assert unmask("fichier d'⟦0⟧", mask("file of {who}", "brace")) == "fichier d'{who}"
    assert problems("file of {who}", "fichier d'{who}", "icu") == [
        "{who} is missing.",
        "'{who} is not in the source, or not so often.",
    ]


def test_more_than_ten_go_piece_by_piece():
    source = " and ".join(["%d"] * 12)
    masked = mask(source)
    assert len(masked.placeholders) == 12 > len(SLOTS)
    assert pieces(masked) == ["", *[" and "] * 11, ""]
    german = ["und" if piece else "x" for piece in pieces(masked)]
    assert join_pieces(german, masked) == " und ".join(["%d"] * 12)
    german[3] = "%d"
    assert join_pieces(german, masked) is None


def test_pieces_keep_white_space_and_what_has_no_letters():
    masked = mask("_Size: %d × %d pixels ")
    assert pieces(masked) == ["Size: ", " × ", " pixels "]
    assert join_pieces(["Größe:", "mal", "Bildpunkte"], masked) == "_Größe: %d × %d Bildpunkte "


def test_a_reference_gets_the_slots_of_its_source():
    masked = mask("&Copy %d files to <b>%s</b>\n", "c-format")
    assert mask_target("%d &Dateien nach <b>%s</b>\n", masked) == "⟦0⟧ Dateien nach ⟦1⟧⟦2⟧⟦3⟧⟦4⟧"
    assert mask_target("%d Dateien\n", masked) is None
    assert mask_target("%(b)s %(a)s", mask("%(a)s %(b)s")) == "⟦1⟧ ⟦0⟧"
    assert mask_target("%s %s", mask("%s and %s")) == "⟦0⟧ ⟦1⟧"
    assert mask_target("a \n b", mask("a\nb")) == "a⟦0⟧b"


def test_an_accelerator_returns_behind_a_slot_that_hangs_on_a_path():
    masked = mask(r" plain C:\path%s$AT&T")
    assert unmask(masked.text.replace("plain", "schlicht"), masked) == r" schlicht C:\path%s$AT&T"
