"""Every feature of the language, live and as the oracle defines it: event by event, retries and late events among them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.event import Event
from core.hotstate.clients import HotState
from core.hotstate.scripts import run_together
from core.privacy.vault import Vault
from fraud.features.plan import LOG_MAX
from fraud.features.read import PEEK, FeatureReader
from rules.files.load import load_ruleset
from rules.model import AtLeast, Ruleset
from rules.windows.oracle import features_at
from tests.fraud.conftest import SCENE, event
from tests.fraud.features.test_record import LATENESS, record

SOURCE = """\
policy: all-of-them
scene: coupon.claim
zone: Asia/Shanghai
fields: {items: number, channel: text, gift: boolean}
features:
  pair_count: {count: events, by: [user, device], window: 10m}
  dear_count: {count: events, by: user, window: 10m, where: amount >= ¥5.00}
  night_count: {count: events, by: device, window: 10m, where: "time_of_day(at) < 12:30 and exists(channel)"}
  order_count: {count: events, by: channel, window: 10m, cap: 3}
  devices: {distinct: device, by: user, window: 10m, where: "items > 1"}
  channels: {distinct: channel, by: user, window: 10m}
  per_user: {count: events, by: merchant, per: user, window: 10m}
  money_per_user: {sum: amount, by: device, per: user, window: 10m}
  total: {sum: amount, by: user, window: 10m}
  fast_total: {sum: items, by: user, window: 10m, any_window: 1h}
  most_per_user: {count: events, by: merchant, per: user, window: 10m, any_window: 1h}
  crowd: {count: events, by: device, window: 10m, any_window: 20m}
  most_devices: {distinct: device, by: user, window: 10m, any_window: 1h}
  mean_amount: {mean: amount, by: user, window: 10m}
  spread: {stddev: items, by: user, window: 10m}
  evenness: {cv: items, by: user, window: 10m}
  least: {min: amount, by: device, window: 10m}
  most: {max: items, by: [merchant, channel], window: 10m}
  high: {percentile: amount, rank: 90, by: user, window: 10m}
  half: {percentile: items, rank: "50.5", by: user, window: 10m}
  slow_count: {count: events, by: user, window: 10m, mode: bucketed, bucket: 5m}
  slow_people: {distinct: user, by: device, window: 10m, mode: bucketed, bucket: 1m}
  slow_total: {sum: amount, by: user, window: 10m, mode: bucketed, bucket: 2m}
  slow_mean: {mean: amount, by: user, window: 10m, mode: bucketed, bucket: 5m, where: "amount != ¥5.00"}
  slow_items: {distinct: items, by: user, window: 10m, mode: bucketed, bucket: 5m}
  slow_few: {count: events, by: device, window: 10m, mode: bucketed, bucket: 1m, cap: 3, on: [order.paid]}
  slow_high: {percentile: amount, rank: 90, by: user, window: 10m, mode: bucketed, bucket: 5m}
  last_channel: {last: channel, by: user, window: 10m}
  last_gift: {last: gift, by: user, window: 10m, where: "amount < ¥9.00"}
  pause: {time_since: events, by: user, window: 10m}
  pause_dear: {time_since: events, by: user, window: 10m, where: amount > ¥5.00}
  others: {count: events, by: user, window: 10m, on: [order.paid]}
  rhythm: {gap_cv: events, by: user, window: 30m}
  rhythm_dear: {gap_cv: events, by: [user, device], window: 30m, where: amount > ¥4.00}
  breath: {gap_mean: events, by: device, window: 20m, on: [order.paid, coupon.claim]}
  paid_before: {seen_before: order.paid, by: user, window: 10m}
  came_before: {seen_before: [coupon.claim, order.paid], by: device, window: 10m, where: exists(channel)}
rules: []
bands: {review: 1, reject: 2}
when_unavailable: hold
"""
# What compares the newest of several events of one instant, or the last sighting of a late one.
ORDERED = {"last_channel", "last_gift"}
SIGHTINGS = {"devices", "channels", "pair_count", "dear_count", "night_count", "order_count", "others"}
# What is kept by buckets only has no more of a late event's own bucket than all of it.
RINGS = {"slow_count", "slow_people", "slow_total", "slow_mean", "slow_items", "slow_few"}

HAPPENING = st.fixed_dictionaries(
    {
        "gap": st.sampled_from([1, 1_000, 60_000, 299_999, 300_000, 600_000, 1_200_000]),
        "user": st.sampled_from(["u1", "u2"]),
        "device": st.sampled_from(["d1", "d2", None]),
        "amount": st.sampled_from([None, 0, 1, 499, 500, 900, 10**12, 2**53]),
        "kind": st.sampled_from([SCENE, SCENE, SCENE, "order.paid"]),
        "custom": st.fixed_dictionaries(
            {},
            optional={"items": st.sampled_from([0, 1, 2, 2.0, 2.5, -1, 1e300]), "channel": st.sampled_from(["app", "web"]), "gift": st.booleans()},
        ),
    }
)


@pytest.fixture(scope="module")
def policy() -> Ruleset:
    return load_ruleset(SOURCE.encode(), "all.yaml").ruleset


def stream(happenings: list[dict[str, Any]]) -> list[Event]:
    found, at = [], 0
    for number, one in enumerate(happenings):
        at += one["gap"]
        more = {"device": one["device"], "amount_fen": one["amount"], "custom": one["custom"]}
        found.append(event(f"e{number:03}", one["user"], after=at / 1000, kind=one["kind"], **more))
    return found


def same(answered: object, defined: object) -> bool:
    if isinstance(defined, AtLeast):
        return (answered.count if isinstance(answered, AtLeast) else answered) >= defined.count  # type: ignore[operator]
    return type(answered) is type(defined) and answered == defined


@given(st.lists(HAPPENING, min_size=1, max_size=25))
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
def test_every_feature_equals_its_definition(hot: HotState, vault: Vault, policy: Ruleset, happenings: list[dict[str, Any]]) -> None:
    hot.flushall()
    made = FeatureReader(vault, [policy], LATENESS), policy
    seen = []
    for one in stream(happenings):
        seen.append(made[0].record(one))
        defined = features_at(policy.features, {}, seen, seen[-1], policy.zone)
        prepared = made[0].prepare(one, one.type, policy, PEEK)
        looked = made[0].values(one, one.type, policy, prepared, run_together(hot, prepared.calls))
        for answered in (looked, record(hot, made, one), record(hot, made, one)):
            wrong = {name: (answered[name], value) for name, value in defined.items() if not same(answered[name], value)}
            assert not wrong, (one.id, wrong)


@given(st.lists(HAPPENING, min_size=2, max_size=15), st.randoms(use_true_random=False))
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
def test_late_events_see_their_own_time(hot: HotState, vault: Vault, policy: Ruleset, happenings: list[dict[str, Any]], order: Any) -> None:
    hot.flushall()
    made = FeatureReader(vault, [policy], LATENESS), policy
    events = stream(happenings)
    order.shuffle(events)
    seen = []
    for one in events:
        seen.append(made[0].record(one))
        defined = features_at(policy.features, {}, seen, seen[-1], policy.zone)
        answered = record(hot, made, one)
        wrong = {name: (answered[name], value) for name, value in defined.items() if name not in SIGHTINGS | RINGS and not same(answered[name], value)}
        assert not wrong, (one.id, wrong)


def test_a_log_keeps_the_newest_and_is_bounded(hot: HotState, vault: Vault, policy: Ruleset) -> None:
    few = replace(policy, features={name: policy.features[name] for name in ("total", "crowd", "last_channel", "pause")})
    made = FeatureReader(vault, [few], LATENESS), few
    for number in range(LOG_MAX + 200):
        found = record(hot, made, event(f"e{number}", "u1", after=number / 1000, device="d1", amount_fen=1))
    # One more was read before the oldest was forgotten.
    assert LOG_MAX <= found["total"] <= LOG_MAX + 1  # type: ignore[operator]
    assert max(hot.zcard(key) for key in hot.scan_iter("*:log.*")) <= LOG_MAX
    assert max(hot.zcard(key) for key in hot.scan_iter("*:newest.*")) <= 50
    assert all(hot.pttl(key) > 0 for key in hot.scan_iter("sd:f:*"))
