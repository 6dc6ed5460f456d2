"""Text that others wrote, made harmless."""

import sys

from synaptogen._utils import printable

EVERY = "".join(map(chr, range(sys.maxunicode + 1)))


def test_no_character_ends_a_line_or_cannot_be_encoded():
    text = printable("a" + EVERY + "b")
    assert len(text.splitlines()) == 1
    assert len(text.encode("utf-8").splitlines()) == 1
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_letters_of_all_languages_stay():
    text = "μ-Zellen, 抵抗, ячейки, (25 °C) \"quoted\" #1 ~ `x` 'y'"
    assert printable(text) == text


def test_lines_are_kept_on_request():
    assert printable("a\nb\rc", keep="\n") == "a\nb c"
