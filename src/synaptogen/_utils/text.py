"""Text that others wrote, made harmless for comments, titles and terminals."""

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
