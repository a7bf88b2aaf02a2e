"""Words get the times of the path that costs least; words and repeats are told from tokens alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from suite_speech.model.align import repeated, warp, word_groups


class Letters:
    """Decodes bytes, as Whisper's tokenizer does where a character is parted over tokens."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def decode(self, tokens) -> str:
        return b"".join(self.pieces[token] for token in tokens).decode("utf-8", "replace")


def words(pieces: list[bytes]) -> list[str]:
    tokenizer = Letters(pieces)
    tokens = list(range(len(pieces)))
    return [tokenizer.decode(tokens[group]) for group in word_groups(tokenizer, tokens)]


def test_warp_follows_the_valley_of_a_matrix():
    cost = np.array([[0, 0, 9, 9, 9, 9], [9, 9, 0, 9, 9, 9], [9, 9, 9, 0, 0, 0]], float)
    assert warp(cost).tolist() == [0, 2, 3]


def test_warp_may_give_two_tokens_one_place():
    assert warp(np.array([[0.0, 9], [9, 0], [9, 0]])).tolist() == [0, 1, 1]


def paths(row: int, column: int) -> Iterator[list[tuple[int, int]]]:
    """Every monotone path from the first cell to this one."""
    if (row, column) == (0, 0):
        yield [(0, 0)]
        return
    for before in ((row - 1, column - 1), (row - 1, column), (row, column - 1)):
        if min(before) >= 0:
            yield from ([*path, (row, column)] for path in paths(*before))


@pytest.mark.parametrize("seed", range(5))
def test_warp_is_the_cheapest_of_all_paths(seed):
    """All paths through a matrix of 4 by 6 are tried; attention's negative costs make long ones worth it."""
    cost = np.random.default_rng(seed).normal(size=(4, 6))
    best = min(paths(3, 5), key=lambda path: sum(cost[cell] for cell in path))
    assert warp(cost).tolist() == [min(column for row, column in best if row == r) for r in range(4)]


@pytest.mark.parametrize(
    ("tokens", "kept"),
    [
        ([], 0),
        ([1, 2, 3], 3),
        ([7, 7, 7, 7], 4),  # said four times, as people do
        ([7] * 8, 1),
        ([5, *[7] * 9], 2),
        ([1, 2] * 3, 6),
        ([1, 2] * 4, 2),
        ([9, *[1, 2, 3] * 5], 4),
        ([*[1, 2] * 4, 9], 9),  # the circle was left
    ],
)
def test_a_phrase_in_circles_is_kept_once(tokens, kept):
    assert repeated(tokens) == kept


def test_words_begin_with_a_space_and_keep_their_punctuation():
    assert words([b" app", b"uyez", b" sur", b" l", b"'", b"\xc3", b"\xa9toile", b"."]) == [
        " appuyez",
        " sur",
        " l'étoile.",
    ]


def test_a_character_parted_over_tokens_stays_whole_in_scripts_without_spaces():
    assert words([b"\xe4\xbd", b"\xa0", "好".encode(), "世界".encode()]) == ["你", "好", "世界"]


def test_half_a_character_at_the_end_is_still_a_word():
    assert len(words([b" a", b" \xc3"])) == 2
