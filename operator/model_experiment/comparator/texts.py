"""How near two texts are, from 0 to 1, counted in words; symmetric, and without a model.

``edit`` is 1 - (fewest words to insert, delete or replace) / (words of the longer); ``overlap`` is the share of words
that stand in both, in any order (2 |A and B| / (|A| + |B|), also known as token F1). Punctuation marks are words, and
so is each sign of the scripts that write no spaces. The trap is time: an edit distance is quadratic, so no more than
the first ``MOST_WORDS`` words are looked at, in blocks of bits that Python handles at once.
"""

import re
from collections import Counter, defaultdict

MOST_WORDS = 5000

_SIGN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_SIGN}]|[^\W{_SIGN}]+|[^\w\s]")


def words(text: str) -> list[str]:
    """The words of a text, at most the first ``MOST_WORDS``."""
    found = (match.group() for match in _WORD.finditer(text))
    return [word for word, _ in zip(found, range(MOST_WORDS), strict=False)]


def edit(first: str, second: str) -> float:
    """1 less the edit distance in words, as a share of the longer text; 1 for two texts without words.

    >>> edit("the cat sat", "the cat sat down")
    0.75
    """
    one, other = words(first), words(second)
    longest = max(len(one), len(other))
    return 1 - _distance(one, other) / longest if longest else 1.0


def overlap(first: str, second: str) -> float:
    """The share of words in both texts; 1 for two texts without words.

    >>> overlap("sat the cat", "the cat sat down").__round__(3)
    0.857
    """
    one, other = Counter(words(first)), Counter(words(second))
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 1.0


def _distance(one: list[str], other: list[str]) -> int:
    """The edit distance, a bit a word (Myers 1999, in the form of Hyyrö 2003).

    ``up`` and ``down`` have a bit for each row of the present column of the classical table whose value is one above,
    or below, the row before it.
    """
    if not one:
        return len(other)
    places: defaultdict[str, int] = defaultdict(int)
    for place, word in enumerate(one):
        places[word] |= 1 << place
    mask, last = (1 << len(one)) - 1, 1 << (len(one) - 1)
    up, down, distance = mask, 0, len(one)
    for word in other:
        same = places.get(word, 0)
        diagonal = (((same & up) + up) ^ up) | same | down
        right_up, right_down = down | ~(diagonal | up), up & diagonal
        distance += bool(right_up & last) - bool(right_down & last)
        right_up = (right_up << 1) | 1
        up = ((right_down << 1) | ~(diagonal | right_up)) & mask
        down = right_up & diagonal & mask
    return distance
