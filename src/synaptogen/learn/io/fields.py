"""Fields of text tables: separators, and numbers as instruments and spreadsheets write them.

A field is a number in any of these forms, besides the plain one: with a decimal comma; with thousands parted by commas,
points, blanks or apostrophes; with a typographic minus; with the exponent of Fortran (``1D-6``); with its unit behind
it (``12.3 mV``), which is taken out, or a prefix alone (``12.3m``); or behind the status letters of a parameter
analyser (``NAI+1.2E-06``).
"""

import csv
import re
from dataclasses import dataclass
from functools import lru_cache

from .units import UNITS, base_unit, is_unit

LONGEST = 40  # characters of a number
MISSING = frozenset(
    (
        *("", "nan", "NaN", "NAN", "#N/A", "N/A", "n/a", "NA", "null", "None", "--", "-", "---", "inf", "Inf", "INF"),
        *("#NUM!", "#DIV/0!", "#VALUE!", "#REF!", "1.#QNAN", "-1.#IND", "1.#INF", "-1.#INF", "nan(ind)", "-nan(ind)"),
    )
)
WORDS = frozenset(("DataName", "DataValue"))  # with which parameter analysers begin each row
STATES = WORDS | frozenset(
    (
        *("T", "F", "True", "False", "TRUE", "FALSE", "true", "false", "Yes", "No", "On", "Off", "ON", "OFF"),
        *("OK", "Ok", "Pass", "Fail", "PASS", "FAIL", "Front", "Rear", "2-wire", "4-wire", "N", "C", "Main ADC"),
    )
)

_EXPONENT = r"(?:[eEdD][+-]?\d+)?"
_NUMBER = re.compile(rf"[+-]?(?:\d+\.?\d*|\.\d+){_EXPONENT}")
_WITH_COMMA = re.compile(rf"[+-]?(?:\d+,\d*|,\d+|\d+){_EXPONENT}")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?")
_GROUPED_COMMA = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d*)?")
_GAPS = re.compile(r"(?<=\d)['\N{RIGHT SINGLE QUOTATION MARK}\u00a0\u202f\u2009 ](?=\d{3})")
_UNIT = re.compile(r"(?P<number>[+-]?[\d.,][\d.,eEdD+-]*?)\s*(?P<unit>[^\W\d_]{1,6})")
_PREFIX = re.compile(r"(?P<number>[+-]?\d*\.\d+)(?P<prefix>[fpnumk\N{MICRO SIGN}])")  # of circuit simulators
_PREFIXES = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "\N{MICRO SIGN}": 1e-6, "m": 1e-3, "k": 1e3}
_STATUS = re.compile(r"[A-Z](?P<channel>[A-Z])(?P<kind>[VI])(?P<number>[+-]\d+\.?\d*(?:[eE][+-]?\d+)?)")
_PLAIN_LINE = re.compile(r"[\d\s.,;|+\-eEdD]*")


@dataclass(frozen=True)
class Dialect:
    """Separator and decimal sign of a text.

    Attributes
    ----------
    separator : str
        A character; a blank stands for any number of them.
    comma : bool
        Whether the decimal sign is a comma.
    """

    separator: str
    comma: bool

    def fields(self, line: str) -> list[str]:
        """Return the fields of a line."""
        if self.separator == " ":
            return [part.strip('"') for part in line.split()]
        if '"' in line:
            line = line.replace(f'"{self.separator} ', f'"{self.separator}').replace(
                f'{self.separator} "', f'{self.separator}"'
            )
            return [part.strip() for part in next(csv.reader([line], delimiter=self.separator))]
        parts = [part.strip() for part in line.split(self.separator)]
        if self.separator == "|" and len(parts) > 2 and not parts[0] and not parts[-1]:
            return parts[1:-1]  # a table as it stands in a text
        return parts

    def number(self, field: str) -> bool:
        """Return whether a field is a number."""
        return self.parsed(field) is not None

    def parsed(self, field: str) -> tuple[float, str] | None:
        """Return a number in SI units and its unit, which is empty where there is none; None if it is no number."""
        return _parsed(field, self.comma)

    def counts(self, line: str) -> tuple[int, int, int]:
        """Return how many fields a line has, how many are numbers, and how many are words."""
        if self.separator != "," and not self.comma and "," not in line and _PLAIN_LINE.fullmatch(line):
            return self._plain_counts(line)
        fields = self.fields(line)
        numbers = sum(map(self.number, fields))
        words = sum(f not in MISSING and f not in WORDS and not self.number(f) for f in fields)
        if words > numbers >= 2:  # states of an instrument in each row are no words
            words = sum(self._is_word(f, before) for f, before in zip(fields, ["", *fields], strict=False))
        return len(fields), numbers, words

    def _is_word(self, field: str, before: str) -> bool:
        """Return whether a field is neither a number, nor a state, nor the unit of the number before it."""
        if field in MISSING or field in STATES or self.number(field):
            return False
        return not (is_unit(field) and self.number(before))

    def _plain_counts(self, line: str) -> tuple[int, int, int]:
        fields = self.fields(line)
        numbers = sum(map(self.number, fields))
        return len(fields), numbers, sum(f not in MISSING and not self.number(f) for f in fields)


@lru_cache(maxsize=1 << 16)
def _parsed(field: str, comma: bool) -> tuple[float, str] | None:
    if not field or len(field) > LONGEST:
        return None
    if (_WITH_COMMA if comma else _NUMBER).fullmatch(field):
        return _value(field, comma), ""
    if field[0].isalpha() and field[0].isascii():
        status = _STATUS.fullmatch(field)
        return (_value(status["number"], False), "V" if status["kind"] == "V" else "A") if status else None
    plain = field.replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-")
    plain = _GAPS.sub("", plain)
    if (_GROUPED_COMMA if comma else _GROUPED).fullmatch(plain):
        plain = plain.replace("." if comma else ",", "")
    if (_WITH_COMMA if comma else _NUMBER).fullmatch(plain):
        return _value(plain, comma), ""
    prefixed = None if comma else _PREFIX.fullmatch(plain)
    if prefixed:
        return float(prefixed["number"]) * _PREFIXES[prefixed["prefix"]], ""
    with_unit = _UNIT.fullmatch(plain)
    if with_unit and with_unit["unit"] in UNITS:
        number = _parsed(with_unit["number"], comma)
        if number is not None:
            unit = with_unit["unit"]
            return number[0] * UNITS[unit], base_unit(unit)
    return None


def _value(text: str, comma: bool) -> float:
    plain = text.replace(",", ".") if comma else text
    return float(plain.replace("D", "E").replace("d", "e"))


def status_name(field: str) -> str | None:
    """Return the name of a quantity behind status letters, as "VA" for the voltage of channel A, or None."""
    status = _STATUS.fullmatch(field)
    return f"{status['kind']}{status['channel']}" if status else None
