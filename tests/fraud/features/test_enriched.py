"""What follows from an event's fields counts live as the oracle says, and entities meet however they are spelled."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.event import Event
from core.hotstate.clients import HotState
from core.privacy.vault import Vault
from fraud.decision import recorded
from fraud.features.online import offline_features
from fraud.features.read import FeatureReader
from rules.cases.run import values_at
from rules.files.load import load_ruleset
from rules.model import Ruleset
from tests.fraud.conftest import SCENE, event
from tests.fraud.features.test_record import LATENESS, record

SOURCE = """\
policy: enriched
scene: coupon.claim
features:
  people_of_flat: {distinct: user, by: address, window: 1h}
  flats_of_house: {distinct: address, by: address_area, window: 1h}
  people_of_net: {distinct: user, by: ip_net, window: 1h, where: ip_kind != "private"}
  people_of_mailbox: {distinct: user, by: email, window: 1h}
  virtual_numbers: {distinct: phone, by: device, window: 1h, where: phone_kind == "virtual"}
  last_app: {last: agent_app, by: user, window: 1h}
  emulated: {count: events, by: user, window: 1h, where: device_emulator}
  invited: {distinct: user, by: inviter, window: 1h, where: not agent_robot}
  products: {distinct: product, by: invite_code, window: 1h}
rules:
  - id: throw-away
    when: email_disposable or address_area == "x"
    score: 1
    reason: {code: throw_away, zh: 一次性邮箱, en: a throw-away mailbox}
bands: {review: 1, reject: 2}
when_unavailable: hold
"""
HAPPENING = st.fixed_dictionaries(
    {"user": st.sampled_from(["u1", "u2", "u3"])},
    optional={
        "device": st.sampled_from(["d1", "d2"]),
        "address": st.sampled_from(["阳光小区3幢2单元501室", "陽光小區3-2-501 放门口", "阳光小区3-2-502", "😀"]),
        "ip": st.sampled_from(["8.8.8.8", "::ffff:8.8.8.9", "2400:3200::1", "10.0.0.1"]),
        "email": st.sampled_from(["a+1@qq.com", "A@qq.com", "b@mailinator.com", "nobody"]),
        "phone": st.sampled_from(["17012345678", "+86 170-1234-5678", "13800138000"]),
        "user_agent": st.sampled_from(["curl/8", "Mozilla/5.0 MicroMessenger/8"]),
        "device_flags": st.sampled_from([(), ("emulator", "vpn"), ("rooted",)]),
        "inviter": st.sampled_from(["i1", "i2"]),
        "invite_code": st.sampled_from(["c1", "c2"]),
        "product": st.sampled_from(["p1", "p2"]),
    },
)


@pytest.fixture(scope="module")
def policy() -> Ruleset:
    return load_ruleset(SOURCE.encode(), "enriched.yaml").ruleset


def told_by(reader: FeatureReader, one: Event) -> dict[str, Any]:
    """As the language names it, without what a reader works out."""
    return {name: value for name, value in reader.record(one).items() if value is not None and name not in ("address_area", "email_disposable")}


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(happenings=st.lists(HAPPENING, min_size=1, max_size=12))
def test_derived_fields_count_live_as_the_oracle_says(hot: HotState, vault: Vault, policy: Ruleset, happenings: list[dict[str, Any]]) -> None:
    hot.flushall()
    reader = FeatureReader(vault, [policy], LATENESS)
    seen: list[dict[str, Any]] = []
    for number, given_ in enumerate(happenings):
        one = event(f"e{number}", given_["user"], after=number, **{name: value for name, value in given_.items() if name != "user"})
        seen.append(told_by(reader, one))
        live = record(hot, (reader, policy), one)
        defined = values_at(policy, seen)
        assert {name: live[name] for name in policy.features} == {name: defined[name] for name in policy.features}
        assert reader.record(one).get("email_disposable") == defined.get("email_disposable")


def test_where_somebody_lives_is_recorded_as_present_only(policy: Ruleset, vault: Vault) -> None:
    one = event("e", "u", address="阳光小区3幢2单元501室", email="x@qq.com")
    values = FeatureReader(vault, [policy], LATENESS).record(one)
    assert values["address_area"] == "阳光小区-3-2"
    kept = recorded(policy, values)
    assert kept["address_area"] == "(personal)"
    assert kept["email_disposable"] is False


def test_only_what_policies_read_is_worked_out(policy: Ruleset, vault: Vault) -> None:
    one = event("e", "u", ip="8.8.8.8", address="阳光小区3幢2单元501室")
    assert "ip_net" in FeatureReader(vault, [policy], LATENESS).record(one)
    assert "ip_net" not in FeatureReader(vault, [], LATENESS).record(one)


def test_the_value_of_a_hidden_field_cannot_be_a_live_feature() -> None:
    source = SOURCE.replace("{last: agent_app,", "{last: address_area,")
    assert offline_features(load_ruleset(source.encode(), "x.yaml").ruleset) == ["last_app"]
    assert SCENE in load_ruleset(source.encode(), "x.yaml").ruleset.scene
