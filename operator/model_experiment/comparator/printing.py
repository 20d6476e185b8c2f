"""Texts from strangers, made such that a scrape, a database and a terminal can take them.

JSON can spell half a character (a lone surrogate) and headers can have bytes that are no text; neither can be encoded.
A database may refuse the character NUL, and a terminal obeys control characters.
"""

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def storable(text: str) -> str:
    """The text with a question mark in place of what cannot be encoded or stored."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode(errors="replace").decode().replace("\0", "?")


def visible(text: str) -> str:
    r"""The text with control characters written out, but for tabs and line breaks.

    >>> print(visible("a\x1b[31mb"))
    a\x1b[31mb
    """
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
