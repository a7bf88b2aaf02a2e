"""Widths in columns."""

from __future__ import annotations

import pytest

from suite_translation.strings.lengths import too_wide, width


@pytest.mark.parametrize(
    ("text", "columns"),
    [("", 0), ("Größe", 5), ("e\u0301te\u0301", 3), ("設定", 4), ("ﾊﾝ", 2), ("Ｆ", 2), ("a\u200db", 2), ("א", 1)],
)
def test_a_width_is_in_columns(text, columns):
    assert width(text) == columns


def test_what_is_too_wide_is_told_by_how_much():
    assert too_wide("Einstellungen", 8) == "It has 13 of at most 8 characters."
    assert too_wide("設定", 3) == "It has 4 of at most 3 characters."
    assert [too_wide("Einst.", 6), too_wide("x" * 99, None), too_wide("x" * 99, 0)] == ["", "", ""]
