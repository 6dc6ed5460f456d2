"""Lines that hold numbers in other forms than fields: ``V=0.1, I=2e-6``, whole rows in quotes, lists of a program.

Such lines are turned into fields before a table is looked for.
"""

import re
from collections.abc import Sequence

FEWEST = 3  # lines of a form that make a table
LONGEST = 1000  # characters of a line of such a form
MOSTLY = 0.6  # share of the lines that have the form
LIST = 12  # numbers of a list

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_ALONE = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eEdD][+-]?\d+)?|nan|NaN|NAN")
_PAIR = re.compile(
    rf"\s*(?P<key>[^\W\d][^=:,;\t]{{0,40}}?)\s*[=:]\s*(?P<value>{_NUMBER}\s?[^\W\d_]{{0,6}})\s*(?:[,;\t ]|$)"
)
_DIGITS = re.compile(r"\s*[+-]?\d[\d,+\-eE\s]*")
_TOUCHING = re.compile(r"(\.\d+[eEdD][+-]\d{2,3})(?=[+-]\d*\.\d)")
_FRACTION = re.compile(r"\d+(?:[eE][+-]?\d+)?")
_ROW = re.compile(rf"[\s\[({{]*[\[({{]\s*(?P<body>{_NUMBER}(?:\s*[,;\s]\s*{_NUMBER})+)\s*[\])}}][\])}}\s,;]*")
_WAVE = re.compile(r"WAVES\S*\s+'?(?P<name>[^'\s]+)'?|(?P<other>BEGIN|END|X\s.*|IGOR)")  # of Igor
_LIST = re.compile(r"\s*(?P<key>[^\W\d][^=:\[({]{0,40}?)\s*[=:]\s*[\[({](?P<body>[^\[\](){}]*)[\])}]\s*[;,]?\s*")


def in_fields(lines: Sequence[str]) -> list[str] | None:
    """Return lines with fields instead of another form, or None if they have no other form.

    Parameters
    ----------
    lines : sequence of str

    Returns
    -------
    list of str or None
    """
    there = [line for line in lines if line.strip()]
    for form in (_unquoted, _of_lists, _in_brackets, _below_each_other, _of_pairs, _with_two_kinds_of_commas, _glued):
        found = form(there)
        if found is not None:
            return found
    return None


def _unquoted(lines: Sequence[str]) -> list[str] | None:
    """Take off the quotes of lines that are quoted as a whole."""
    stripped = [line.strip() for line in lines]
    whole = [s for s in stripped if len(s) > 2 and s[0] == s[-1] == '"' and s.count('"') == 2]
    if len(whole) < FEWEST or len(whole) < len(stripped) or not any(c in whole[-1] for c in ",;\t"):
        return None
    return [s[1:-1] for s in whole]


def _of_lists(lines: Sequence[str]) -> list[str] | None:
    """Return a line for each list ``V = [0, 0.1, ...]``, its name first."""
    if len(lines) > 200:
        return None
    matches = [_LIST.fullmatch(line) for line in lines]
    found = [",".join([m["key"].strip(), *re.split(r"[\s,;]+", m["body"].strip(" ,;"))]) for m in matches if m]
    found = [line for line in found if line.count(",") >= LIST]
    return found if len(found) >= 2 and 2 * len(found) >= len(lines) else None


def _in_brackets(lines: Sequence[str]) -> list[str] | None:
    """Return rows without the brackets in which programs print them, as ``(0.1, 2e-6),`` or ``[0.1 2e-6]``."""
    if len(lines) < FEWEST and lines and lines[-1].count(")") + lines[-1].count("]") > LIST:
        lines = [*lines[:-1], *re.split(r"(?<=[)\]])\s*,\s*(?=[(\[])", lines[-1])]
    rows = [_ROW.fullmatch(line) if len(line) <= LONGEST else None for line in lines]
    if sum(row is not None for row in rows) < max(FEWEST, MOSTLY * len(lines)):
        return None
    return [
        line if row is None else "\t".join(re.split(r"[\s,;]+", row["body"].strip(" ,;")))
        for line, row in zip(lines, rows, strict=True)
    ]


def _below_each_other(lines: Sequence[str]) -> list[str] | None:
    """Return a table of quantities that stand below each other, a number in each line, and their names above them."""
    blocks: list[tuple[str, list[str]]] = []
    for line in lines:
        text = line.strip().strip(",;")
        wave = _WAVE.fullmatch(text)
        if wave and wave["other"]:
            continue
        text = wave["name"] if wave else text
        if len(text) > LONGEST or _ALONE.fullmatch(text) is None:
            if blocks and not blocks[-1][1]:
                blocks.pop()  # a line above a name
            blocks.append((text.strip("[]<>: "), []))
        elif not blocks:
            return None
        else:
            blocks[-1][1].append(text)
    lengths = {len(block) for _, block in blocks}
    if len(blocks) < 2 or len(lengths) != 1 or lengths.pop() < LIST:
        return None
    comma = not any("." in text for _, block in blocks for text in block)
    columns = [[text.replace(",", ".") if comma else text for text in block] for _, block in blocks]
    return ["\t".join(name for name, _ in blocks), *("\t".join(row) for row in zip(*columns, strict=True))]


def _of_pairs(lines: Sequence[str]) -> list[str] | None:
    """Return rows of the values behind the same names, and the names above them."""
    if not any(re.search(r"[=:]", line) for line in lines[-FEWEST:]):
        return None
    rows = [_pairs(line) for line in lines]
    keys = next((tuple(k for k, _ in row) for row in reversed(rows) if row), ())
    fitting = [row for row in rows if row and tuple(k for k, _ in row) == keys]
    if len(keys) < 2 or len(fitting) < max(FEWEST, MOSTLY * len(lines)):
        return None
    return ["\t".join(keys), *("\t".join(value for _, value in row) for row in fitting)]


def _with_two_kinds_of_commas(lines: Sequence[str]) -> list[str] | None:
    """Return rows in which commas part fields and are decimal signs too, if there are twice as many as in the names."""
    rows = [line for line in lines if _DIGITS.fullmatch(line)]
    if len(rows) < max(LIST, MOSTLY * len(lines)):
        return None
    commas = {row.count(",") for row in rows}
    width = (commas.pop() + 1) // 2 if len(commas) == 1 else 0
    above = [line for line in lines if line.count(",") == width - 1 and not _DIGITS.fullmatch(line)]
    if width < 2 or not above or not all(_halves_fit(row, width) for row in rows):
        return None
    return [above[-1].replace(",", "\t"), *("\t".join(_joined(row)) for row in rows)]


def _glued(lines: Sequence[str]) -> list[str] | None:
    """Return lines with a blank between numbers of a fixed width that touch each other, as ``1.00E+00-2.00E-06``."""
    if sum(_TOUCHING.search(line) is not None for line in lines) < FEWEST:
        return None
    return [_TOUCHING.sub(r"\1 ", line) for line in lines]


def _halves_fit(row: str, width: int) -> bool:
    fields = row.split(",")
    return len(fields) == 2 * width and all(_FRACTION.fullmatch(f.strip()) for f in fields[1::2])


def _joined(row: str) -> list[str]:
    fields = [field.strip() for field in row.split(",")]
    return [f"{whole}.{part}" for whole, part in zip(fields[::2], fields[1::2], strict=True)]


def _pairs(line: str) -> list[tuple[str, str]]:
    """Return names and values of a line that holds nothing but two or more of them, else nothing."""
    found, place = [], 0
    while place < len(line.rstrip()):
        match = _PAIR.match(line, place)
        if match is None:
            return []
        found.append((match["key"], match["value"].strip()))
        place = match.end()
    return found if len(found) >= 2 else []
