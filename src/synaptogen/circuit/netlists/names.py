"""Names and model cards that users bring into a netlist: checked before anything is written."""

import re
from typing import Literal, TypeAlias

from synaptogen._utils import printable

Family: TypeAlias = Literal["spice", "spectre"]
"""Family of a netlist's language: SPICE, whose directives begin with a dot, or Spectre and VACASK."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LONGEST = 100
_TAKEN = frozenset(
    {
        "ahdl_include",
        "alter",
        "analysis",
        "cap",
        "capacitor",
        "cell",
        "control",
        "elaborate",
        "else",
        "elseif",
        "embed",
        "end",
        "endc",
        "ends",
        "export",
        "global",
        "ground",
        "if",
        "include",
        "inductor",
        "inline",
        "isource",
        "library",
        "load",
        "local",
        "model",
        "options",
        "parameters",
        "print",
        "real",
        "res",
        "resistor",
        "save",
        "section",
        "simulator",
        "statistics",
        "subckt",
        "sweep",
        "title",
        "var",
        "vsource",
        "vsrc",
    }
)
"""Words of the languages, and names of models that netlists of this package hold."""
_INCLUDES = re.compile(r"^\s*\.?(include|inc|lib|library|ahdl_include)\b", re.IGNORECASE | re.MULTILINE)
_STRAY = re.compile(r"^\s*(\.end|\.?control|\.?endc)\s*$", re.IGNORECASE | re.MULTILINE)


def identifier(name: str, given: str) -> str:
    """Check a name that stands in netlists, and in the names of files.

    Parameters
    ----------
    name : str
        Name of the argument.
    given : str
        Its value.

    Returns
    -------
    str
        The value.

    Raises
    ------
    TypeError
        If it is not a str.
    ValueError
        If it holds other characters than letters of English, digits and underscores, does not begin with a letter, is
        longer than 100 characters, or is a word of the languages of netlists.
    """
    if not isinstance(given, str):
        raise TypeError(f"{name}={given!r}: give a str")
    if not _NAME.fullmatch(given) or len(given) > _LONGEST:
        raise ValueError(
            f"{name}={given!r} is no name in netlists: take a letter first, then letters, digits and underscores"
            f" (English ones, at most {_LONGEST})"
        )
    if given.lower() in _TAKEN:
        raise ValueError(f"{name}={given!r} is a word that netlists use themselves: take another name")
    return given


def one_line(text: str) -> str:
    """Return text that stays within its line, whatever language it stands in as a comment or a title.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        A space in place of each character that ends a line or cannot be encoded; no backslash at the end, which would
        take in the next line.
    """
    return printable(text).rstrip("\\ ")


def model_card(card: str, model: str) -> str:
    """Check the text of a model card, which goes into netlists as it is.

    Parameters
    ----------
    card : str
        The text; "" where the model comes from elsewhere.
    model : str
        Name of the model that it is to hold.

    Returns
    -------
    str
        The card, all its lines ended by a line feed alone.

    Raises
    ------
    TypeError
        If it is not a str.
    ValueError
        If it holds control characters, ends the netlist or begins a control section, or neither holds the model nor
        includes a file that can hold it.
    """
    if not isinstance(card, str):
        raise TypeError(f"card={card!r}: give the text of the card, a str")
    text = card.replace("\r\n", "\n").rstrip()
    if printable(text, keep="\n\t") != text:
        raise ValueError("card holds characters that control a terminal, end a line or cannot be encoded: remove them")
    if stray := _STRAY.search(text):
        raise ValueError(f"card holds the line {stray[0].strip()!r}: give the model alone")
    if text.endswith("\\"):
        raise ValueError("card ends in a backslash, which would continue on the next line of the netlist: remove it")
    holds = re.search(rf"^\s*(inline\s+)?\.?(model|subckt)\s+{re.escape(model)}\b", text, re.IGNORECASE | re.MULTILINE)
    if text and not holds and not _INCLUDES.search(text):
        raise ValueError(f"card holds no model {model!r}: give its statement, or a line that includes its file")
    return text


def in_language(card: str, family: Family, dialect: str) -> str:
    """Check that a card is written in the language of a netlist.

    Parameters
    ----------
    card : str
        A checked card.
    family : {"spice", "spectre"}
        Family of the language.
    dialect : str
        Name of the language.

    Returns
    -------
    str
        The card.

    Raises
    ------
    ValueError
        If the card is empty or in the other family of languages.
    """
    if not card:
        raise ValueError("card is empty: give the model card of the transistor, for the netlist is to be run")
    dotted = any(line.lstrip().startswith(".") for line in card.splitlines())
    if dotted != (family == "spice") and "simulator" not in card:
        form = 'statements that begin with a dot, ".model ..."' if family == "spice" else '"model ...", without a dot'
        raise ValueError(f"card is not in the language of {dialect}, which has {form}: give the card for {dialect}")
    return card
