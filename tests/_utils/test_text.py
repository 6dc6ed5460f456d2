"""Text that others wrote, made harmless; numbers as people read them."""

import sys

import pytest

from synaptogen._utils import plain_number, printable

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


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (68761.4, 3, "68,800"),
        (1234567.8, 4, "1,235,000"),
        (-0.91763, 4, "-0.9176"),
        (9999999.9, 3, "1e+07"),
        (2.5e9, 3, "2.5e+09"),
        (0.0, 3, "0"),
        (float("nan"), 3, "nan"),
        (float("-inf"), 3, "-inf"),
        (1.2e-5, 3, "1.2e-05"),
    ],
)
def test_numbers_have_powers_of_ten_only_where_they_must(value, digits, text):
    assert plain_number(value, digits) == text
