"""A case's entities are those of the features: one hash for one thing however it is written, none for what is blank or no address."""

from __future__ import annotations

from core.privacy.vault import Vault
from fraud.cases.entities import FIELDS, NETWORK, entity_tokens
from fraud.features.entities import entity_token
from tests.fraud.conftest import event

SEEN = {"device": " d1 ", "phone": "+86 170 1234 5678", "address": "张江路８８號3栋501房", "payment_account": "pay-1", "ip": "203.0.113.7"}


def test_the_hashes_are_those_by_which_features_count(vault: Vault) -> None:
    told = event("e1", **SEEN)
    tokens = entity_tokens(vault, told.merchant, told.personal())
    assert {kind: tokens[kind] for kind in FIELDS} == {kind: entity_token(vault, told, kind) for kind in FIELDS}


def test_a_network_is_a_24_or_a_64_and_nothing_is_made_of_nothing(vault: Vault) -> None:
    nets = [
        entity_tokens(vault, "demo", {"ip": ip})[NETWORK]
        for ip in ("203.0.113.7", "203.0.113.255", "203.0.112.255", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
    ]
    assert [nets.index(one) for one in nets] == [0, 0, 2, 3, 3, 5]
    assert entity_tokens(vault, "demo", {"user": " ", "device": "", "ip": "none"}) == {}
    assert entity_tokens(vault, "demo", {"user": "u"}) != entity_tokens(vault, "other", {"user": "u"})
