"""What changed between two attempts is marked word by word, and nothing of either text is lost."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.assignments.comparing import Fate, compare_files, compare_links, compare_texts
from tests.domain.assignments.arranging import stored

WORDS = st.lists(st.sampled_from(["light", "shade", " ", "\n", ".", "window", "the "]), max_size=60).map("".join)


def marked(older: str, newer: str) -> tuple[str, str]:
    old, new = compare_texts(older, newer)
    return tuple("".join(f"[{piece.text}]" if piece.changed else piece.text for piece in side) for side in (old, new))


@pytest.mark.parametrize(
    ("older", "newer", "shown"),
    [
        ("", "", ("", "")),
        ("The same.", "The same.", ("The same.", "The same.")),
        ("", "New.", ("", "[New.]")),
        ("A red chair.", "A blue chair.", ("A [red] chair.", "A [blue] chair.")),
        ("One.\nTwo.\nThree.", "One.\nThree.", ("One.\n[Two.\n]Three.", "One.\nThree.")),
        ("Ɛyɛ fɛ.", "Ɛyɛ fɛ paa.", ("Ɛyɛ fɛ.", "Ɛyɛ fɛ[ paa].")),
    ],
)
def test_what_is_gone_and_what_is_new_is_marked(older: str, newer: str, shown: tuple[str, str]) -> None:
    assert marked(older, newer) == shown


@given(st.text() | WORDS, st.text() | WORDS)
def test_the_pieces_are_both_texts_whole_and_what_is_unmarked_is_in_both(older: str, newer: str) -> None:
    old, new = compare_texts(older, newer)
    assert "".join(piece.text for piece in old) == older
    assert "".join(piece.text for piece in new) == newer
    unmarked = ["".join(piece.text for piece in side if not piece.changed) for side in (old, new)]
    assert unmarked[0] == unmarked[1]
    for side in (old, new):
        assert all(piece.text for piece in side)
        assert all(one.changed != other.changed for one, other in pairwise(side))


def essay(words: int, *, changed: frozenset[int] = frozenset()) -> str:
    """Return a text of one paragraph, sentence by sentence, some words of it others."""
    return " ".join(
        f"{'other' if number in changed else 'word'}{number * 7919 % 997}{'.' if number % 17 == 0 else ''}"
        for number in range(words)
    )


def test_a_long_essay_in_one_paragraph_shows_the_words_that_changed() -> None:
    older, newer = essay(12_000), essay(12_000, changed=frozenset({5, 6_000, 11_990}))
    _, new = compare_texts(older, newer)
    assert [piece.text[:5] for piece in new if piece.changed] == ["other", "other", "other"]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("a " * 50_000, "b " + "a " * 49_998 + "c"),
        ("a\n" * 50_000, "b\n" + "a\n" * 49_998 + "c"),
        (essay(12_000), " ".join(reversed(essay(12_000).split()))),
        (essay(650).replace(".", ""), " ".join(reversed(essay(650).replace(".", "").split()))),
        (". " * 50_000, ".. " * 33_000),
    ],
    ids=["one word", "one line", "turned round", "turned round, one sentence", "points"],
)
def test_the_longest_texts_are_compared_in_a_moment(older: str, newer: str) -> None:
    begun = time.process_time()
    compare_texts(older, newer)
    assert time.process_time() - begun < 3


def test_files_of_the_same_hash_are_the_same_whatever_their_names() -> None:
    old = [stored("a.jpg", content=b"1"), stored("b.jpg", content=b"2"), stored("c.jpg", content=b"3")]
    new = [stored("renamed.jpg", content=b"1"), stored("b.jpg", content=b"22")]
    assert [compared.fate for compared in compare_files(old, new)] == [Fate.SAME, Fate.CHANGED, Fate.ONLY]
    assert [compared.fate for compared in compare_files(new, old)] == [Fate.SAME, Fate.CHANGED]
    assert compare_links(["https://a", "https://b"], ["https://b"]) == [
        ("https://a", Fate.ONLY), ("https://b", Fate.SAME)
    ]  # fmt: skip
