"""Similarities of texts against their definitions."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_experiment.comparator.texts import MOST_WORDS, edit, overlap, words

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12).map(" ".join)


def table_distance(one, other):
    """The classical table, cell by cell."""
    cells = {(row, 0): row for row in range(len(one) + 1)} | {(0, column): column for column in range(len(other) + 1)}
    for row, column in product(range(1, len(one) + 1), range(1, len(other) + 1)):
        change = cells[row - 1, column - 1] + (one[row - 1] != other[column - 1])
        cells[row, column] = min(change, cells[row - 1, column] + 1, cells[row, column - 1] + 1)
    return cells[len(one), len(other)]


@given(TEXTS, TEXTS)
def test_edit_is_the_distance_of_the_classical_table(first, second):
    one, other = first.split(), second.split()
    longest = max(len(one), len(other))
    assert edit(first, second) == (1 - table_distance(one, other) / longest if longest else 1)


@given(st.text(), st.text())
def test_similarities_lie_between_0_and_1_and_do_not_care_who_is_first(first, second):
    for similarity in (edit, overlap):
        assert 0 <= similarity(first, second) <= 1
        assert similarity(first, second) == similarity(second, first)
        assert similarity(first, first) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("It's 3.5!", ["It", "'", "s", "3", ".", "5", "!"], id="punctuation marks are words"),
        pytest.param("東京は good", ["東", "京", "は", "good"], id="signs without spaces are words"),
        pytest.param("größer_als", ["größer_als"], id="letters of any language"),
        pytest.param(" \n\t", [], id="space is none"),
    ],
)
def test_words_are_what_a_reader_counts(text, found):
    assert words(text) == found


def test_only_the_first_words_of_a_long_text_are_looked_at():
    same = "word " * MOST_WORDS
    assert edit(same + "end", same + "other end") == overlap(same + "end", same) == 1
