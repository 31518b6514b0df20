"""Codes are derived alike for ever, differ from each other, and cannot be guessed."""

from __future__ import annotations

import pytest

from campaigns.codes.patterns import ALPHABET, bits_needed, bits_of, codes, normal

SECRET = bytes(range(32))


def test_the_codes_of_a_secret_never_change() -> None:
    assert list(codes(SECRET, "SD-####-####-####", 0, 2)) == GOLDEN
    assert next(codes(SECRET, "SD-####-####-####", 1, 1)) == GOLDEN[1]


GOLDEN = ["SD-LHZ8-XKAM-K4XE", "SD-TCUG-NDDZ-Z8V4"]


def test_codes_differ_and_use_every_character_evenly() -> None:
    made = list(codes(SECRET, "############", 0, 20_000))
    assert len(set(made)) == 20_000
    letters = "".join(made)
    counts = [letters.count(letter) for letter in ALPHABET]
    assert sum(counts) == len(letters)
    # 7,500 each; five standard deviations are 430.
    assert all(abs(count - 7500) < 430 for count in counts)


def test_another_secret_makes_other_codes() -> None:
    assert not set(codes(SECRET, "############", 0, 1000)) & set(codes(b"x" * 32, "############", 0, 1000))


@pytest.mark.parametrize(("count", "bits"), [(1, 41), (2, 41), (1000, 50), (1_000_000, 60), (5_000_000, 63)])
def test_more_codes_need_longer_ones(count: int, bits: int) -> None:
    assert bits_needed(count) == bits


def test_a_place_has_five_bits_and_a_typed_code_is_brought_to_its_form() -> None:
    assert bits_of("SD-####-####") == 40
    assert normal("  sd-ab2c ") == "SD-AB2C"
