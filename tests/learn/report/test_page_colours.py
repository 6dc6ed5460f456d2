"""Text of the report can be read in light and in dark colours: contrast by the formula of WCAG 2.2."""

import importlib.resources
import re

import pytest

PAGE = (importlib.resources.files("synaptogen.learn.report") / "page.html").read_text(encoding="utf-8")
LIGHT, DARK = (dict(re.findall(r"--(\w+): (#\w+)", part)) for part in PAGE.split("prefers-color-scheme: dark", 1))


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
    parts = [int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_the_formula():
    assert contrast("#fff", "#000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "card"])
@pytest.mark.parametrize("text", ["ink", "muted", "link"])
def test_text_stands_out_from_its_ground(scheme, ground, text):
    assert contrast(scheme[text], scheme[ground]) >= 4.5


def test_both_schemes_name_the_same_colours_and_no_rule_has_its_own():
    assert LIGHT.keys() == DARK.keys()
    rules = PAGE[PAGE.index("* { box-sizing") : PAGE.index("</style>")]
    assert set(re.findall(r"#[0-9a-f]{3,6}\b", rules)) == {"#fff"}  # below figures, which are drawn on white
