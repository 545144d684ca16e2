"""Words of constants as they are stored with parity: any single flip leaves an odd number of ones. The check itself is proved
(``make prove ONLY=parity``)."""

import numpy as np

from hw.stream import parity


def test_a_stored_word_has_an_even_number_of_ones_and_keeps_its_bits():
    words = [0, 1, 0b1011, *np.random.default_rng(1).integers(0, 1 << 62, 40).tolist()]
    stored, width = parity.stored(words, 62)
    assert width == 63
    assert [word & ((1 << 62) - 1) for word in stored] == words
    assert {word.bit_count() % 2 for word in stored} == {0}
    flipped = {(word ^ 1 << bit).bit_count() % 2 for word in stored for bit in range(width)}
    assert flipped == {1}


def test_without_a_check_words_are_stored_as_they_are():
    assert parity.stored([3, 4], 3, checked=False) == ([3, 4], 3)
