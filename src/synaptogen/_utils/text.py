"""Text that others wrote, made harmless for comments, titles and terminals; numbers as people read them."""

import unicodedata

# control and format characters (which turn the direction of text), halves of a pair, line and paragraph ends
_UNPRINTABLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


def printable(text: str, keep: str = "") -> str:
    r"""Return text with a space in place of each character that ends a line, controls a terminal or cannot be encoded.

    Parameters
    ----------
    text : str
        Any text.
    keep : str
        Characters to keep all the same, such as ``"\n"``.

    Returns
    -------
    str
        Text of the same length; without ``keep`` it is one line in every language.
    """
    return "".join(c if c in keep or unicodedata.category(c) not in _UNPRINTABLE else " " for c in text)


def plain_number(value: float, digits: int) -> str:
    """Return a number with so many digits, without a power of ten from 0.0001 to ten million.

    Parameters
    ----------
    value : float
    digits : int
        Significant digits.

    Returns
    -------
    str
        Thousands are separated by commas.
    """
    short = f"{value:.{digits}g}"
    return f"{float(short):,.15g}" if 1e-4 <= abs(float(short)) < 1e7 else short
