"""Masks keep what lets people recognise their own, and nothing by which another is found."""

from __future__ import annotations

import pytest

from core.event import PERSONAL_FIELDS
from core.privacy.masking import MASKS, PAYEE_FIELDS, mask_log, masked, masked_words, tells_of_somebody


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("phone", "13812345678", "138****5678"),
        ("phone", "+86 138-1234-5678", "138****5678"),
        ("phone", "12345", "****"),
        ("real_name", "张三", "张**"),
        ("real_name", "欧阳娜娜", "欧**"),
        ("address", "浙江省杭州市西湖区文三路 1 号", "浙江省杭州市****"),
        ("address", "文三路 1 号", "文****"),
        ("payment_account", "6222020200112233445", "****3445"),
        ("receiver", "o6_bmasdasdsad6_2sgVt7", "****gVt7"),
        ("email", "ann@example.com", "a****@example.com"),
        ("email", "ann", "****"),
        ("ip", "203.0.113.77", "203.0.*.*"),
        ("ip", "2001:db8::1", "2001:****"),
        ("user", "ann", "a****"),
        ("user", "customer-123456", "cu****56"),
        ("device", "", ""),
        ("campaign", "spring", "spring"),
    ],
)
def test_a_value_is_masked_by_its_field(field: str, value: str, shown: str) -> None:
    assert masked(field, value) == shown


def test_every_personal_field_has_its_mask_and_no_long_value_comes_through() -> None:
    assert {*PERSONAL_FIELDS, *PAYEE_FIELDS} == set(MASKS)
    for field in MASKS:
        value = "abcdefghijklmnopqrstuvwxyz0123456789"
        assert masked(field, value) != value


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("call 13812345678 now", "call 138****5678 now"),
        ("+86 138 1234 5678", "138****5678"),
        ("id 11010519491231002X.", "id ****002X."),
        ("card 6222020200112233", "card ****2233"),
        ("write to ann@example.com", "write to a****@example.com"),
        ("order 20261120 of rwd_01M8S6SWS5DN5EJA29V7Y84MWD", None),
        ("took 12 ms at 2026-11-20T04:00:00.123456Z", None),
        ("hash 0139123456781391234567813912345678139123", None),
    ],
)
def test_words_are_masked_where_they_tell_of_somebody(words: str, shown: str | None) -> None:
    assert masked_words(words) == (words if shown is None else shown)
    assert tells_of_somebody(words) is (shown is not None)


def test_a_log_line_is_masked_by_names_by_words_and_within() -> None:
    line = {"event": "failed for 13812345678", "phone": "13812345678", "ms": 12.5, "who": {"address": "浙江省杭州市西湖区文三路", "n": [1, "a@b.cn"]}}
    masked_line = mask_log(None, "info", line | {"error": ValueError("ann@example.com"), "body": b"13812345678"})
    assert masked_line["event"] == "failed for 138****5678"
    assert masked_line["phone"] == "138****5678"
    assert masked_line["who"] == {"address": "浙江省杭州市****", "n": [1, "a****@b.cn"]}
    assert (masked_line["ms"], masked_line["error"], masked_line["body"]) == (12.5, "a****@example.com", "<11 bytes>")
