"""The made-up market is the same for a seed and says only what events may say; what the judge counts adds up to it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from api.v1.events import SEEN
from bench.market.account import fen_by_outcome, of_group
from bench.market.addresses import some_flat, spelled
from bench.market.generate import GROUPS, generate
from bench.market.judge import HELD_AT_MOST, TOLD, UNREACHED, Verdicts, event_of, judge
from bench.market.model import ATTACKS, HONEST, KINDS, Act, Gain, Market, Sizes
from bench.market.names import Names, Persona
from bench.market.report import report
from campaigns.orders.facts import ORDER_FACTS
from core.event import DEVICE_FLAGS
from core.hotstate.clients import HotState
from fraud.packs import load_policies
from fraud.policies import Policies
from rules.files.fields import EVENT_FIELDS
from rules.files.load import ruleset_from_document
from rules.lang.kinds import Kind
from rules.model import OUTCOMES

PACKS = Path(__file__).resolve().parents[2] / "rules" / "packs"
TINY = Sizes(**{one.name: 3 for one in dataclasses.fields(Sizes)})
# Large enough that each honest group does everything, small enough to be judged within a second.
SMALL = dataclasses.replace(TINY, neighbours=45, students_each=8, farm_phones=2, farm_accounts_each=6)


@pytest.fixture(scope="module")
def market() -> Market:
    return generate(7, SMALL)


@pytest.fixture(scope="module")
def shipped() -> Policies:
    return load_policies(PACKS)


def test_a_seed_gives_one_market_and_another_seed_another(market: Market) -> None:
    assert generate(7, SMALL) == market
    assert generate(8, SMALL) != market


def test_another_size_of_one_group_leaves_what_the_others_do(market: Market) -> None:
    other = generate(7, dataclasses.replace(SMALL, drip_devices=5))

    def said(one: Market, *groups: str) -> list[dict[str, str | int]]:
        return [{**act.record, "id": ""} for act in one.acts if act.group in groups]

    rest = [group for group in GROUPS if group != "slow_drip"]
    assert said(other, *rest) == said(market, *rest)
    assert len(said(other, "slow_drip")) > len(said(market, "slow_drip"))


def test_events_come_in_the_order_of_time_under_ids_of_their_own(market: Market) -> None:
    times = [act.record["at"] for act in market.acts]
    assert times == sorted(times)
    assert len({act.record["id"] for act in market.acts}) == len(market.acts)


def test_records_say_only_what_the_catalogue_of_events_knows(market: Market) -> None:
    for act in market.acts:
        assert act.record.keys() <= EVENT_FIELDS.keys()
        assert {name for name, known in EVENT_FIELDS.items() if known.never_missing} <= act.record.keys()
        for name, value in act.record.items():
            assert type(value) is {Kind.TEXT: str, Kind.BOOLEAN: bool}.get(EVENT_FIELDS[name].kind, int), name
        assert int(act.record.get("session_started_at", 0)) <= int(act.record["at"])


def test_no_record_tells_its_label(market: Market) -> None:
    assert not [act for act in market.acts if any(group in str(value) for value in act.record.values() for group in GROUPS)]


def test_judged_events_have_a_shipped_policy_and_told_ones_a_type_that_shops_tell(market: Market, shipped: Policies) -> None:
    for kind in {str(act.record["type"]) for act in market.acts if act.judged}:
        assert shipped.find(kind).scene == kind
    assert {str(act.record["type"]) for act in market.acts if not act.judged} <= {*SEEN, *ORDER_FACTS}
    assert {policy.scene for policy in shipped} == {str(act.record["type"]) for act in market.acts if act.judged}


def test_every_group_is_there_with_its_money(market: Market) -> None:
    assert {act.group for act in market.acts} == {*HONEST, *ATTACKS}
    assert {gain.kind for gain in market.gains.values()} == set(KINDS)
    assert sum(market.stake_of_group_fen(group) for group in GROUPS) == sum(gain.fen for gain in market.gains.values())
    assert all(market.stake_of_group_fen(group) > 0 for group in GROUPS)


def test_every_gain_has_a_judged_gate_of_its_own_group(market: Market) -> None:
    gates = {(gain, act.group) for act in market.acts if act.judged for gain in act.guards}
    assert gates == {(gain.id, gain.group) for gain in market.gains.values()}
    assert all(market.stake_fen(act) == sum(market.gains[one].fen for one in act.guards) for act in market.acts)


def test_the_smallest_market_has_every_group() -> None:
    one_of_each = generate(1, Sizes(**{one.name: 1 for one in dataclasses.fields(Sizes)}))
    assert {act.group for act in one_of_each.acts} == {*HONEST, *ATTACKS}
    with pytest.raises(ValueError, match="flats, inviters"):
        Sizes(flats=0, inviters=0)


def test_a_flat_is_written_in_many_ways_that_all_name_the_room() -> None:
    rng = np.random.default_rng(3)
    flat = some_flat(rng)
    ways = [spelled(rng, flat) for _ in range(50)]
    digits = str.maketrans("0123456789〇一二三四五六七八九", "01234567890123456789")
    assert len(set(ways)) > 40
    assert all(str(flat.room) in way.translate(digits) for way in ways)


def test_a_record_becomes_the_event_that_it_tells_of() -> None:
    record = {
        "id": "e1",
        "type": "seckill.pay",
        "merchant": "m",
        "at": 5_000_000,
        "session_started_at": 1_000_000,
        "user": "u",
        "ip": "10.0.0.1",
        "amount": 990,
    }
    event = event_of(record)
    assert (event.occurred_at, event.amount_fen, event.device) == (event.received_at, 990, None)
    assert (event.occurred_at - event.session_started_at).total_seconds() == 4  # type: ignore[operator]
    assert event.device_flags is None
    probed = event_of({**record, **{f"device_{flag}": flag == "vpn" for flag in DEVICE_FLAGS}})
    assert probed.device_flags == ("vpn",)


def test_a_probe_that_sees_all_sees_every_rack_and_scripts_run_none(market: Market) -> None:
    seen = generate(7, dataclasses.replace(SMALL, probe_percent=100))
    farm = [act.record for act in seen.acts if act.group == "device_farm" and act.record["type"] == "coupon.claim"]
    assert all(record["device_group_control"] for record in farm)
    assert not any("device_emulator" in act.record for act in market.acts if act.group == "ip_pool")


def test_what_the_judge_counts_adds_up(market: Market, shipped: Policies, hot: HotState) -> None:
    verdicts = judge(market, shipped, hot)
    assert verdicts.degraded == 0
    assert [one.act for one in verdicts.acts] == list(market.acts)
    assert {one.outcome for one in verdicts.acts if one.act.judged} <= {*OUTCOMES, UNREACHED}
    accounts = [of_group(market, verdicts, group) for group in GROUPS]
    counts = Counter(one.outcome for one in verdicts.acts)
    assert sum(one.decisions for one in accounts) == sum(counts[outcome] for outcome in OUTCOMES)
    assert all(one.fen.total() == market.stake_of_group_fen(one.name) for one in accounts)
    assert all(one.people.total() == len({act.record["user"] for act in market.acts if act.group == one.name and act.judged}) for one in accounts)
    text = report(market, verdicts)
    assert all(group in text for group in GROUPS)
    assert "not valid" not in text


def fixed(score: int, *scenes: str) -> Policies:
    """Policies that give everybody the same score: 2 rejects, 0 lets through."""
    head = {"form": 1, "bands": [{"needs": [], "review": 1, "reject": 2}], "when_unavailable": "hold"}
    rule = {"id": "always", "when": "true", "score": score, "reason": {"code": "always", "zh": "z", "en": "e"}}
    return Policies(ruleset_from_document({**head, "policy": scene.replace(".", "-"), "scene": scene, "rules": [rule]}) for scene in scenes)


def two_gates(scene: str, fen: int = 700) -> Market:
    """A gate, a payment that is told, and another gate, all on the way to one gain."""
    steps = ((scene, True), ("order.paid", False), ("seckill.pay", True))
    who = Persona("u", Names(np.random.default_rng(1), 1, 100).home())
    acts = [
        Act({"id": f"e{at}", "type": kind, "merchant": "m", "at": at * 1_000_000, "user": who.user, "ip": who.ip}, "ip_pool", ("g",), judged)
        for at, (kind, judged) in enumerate(steps, 1)
    ]
    return Market(tuple(acts), {"g": Gain("g", "ip_pool", "seckill", fen)})


def outcomes(verdicts: Verdicts) -> list[str]:
    return [one.outcome for one in verdicts.acts]


def test_whoever_is_refused_does_not_come_to_the_payment(hot: HotState) -> None:
    market = two_gates("seckill.buy")
    verdicts = judge(market, fixed(2, "seckill.buy", "seckill.pay"), hot)
    assert outcomes(verdicts) == ["reject", UNREACHED, UNREACHED]
    assert fen_by_outcome(market, verdicts, "ip_pool") == {"reject": 700}


def test_a_rejection_of_what_was_paid_holds_and_the_money_counts_once(hot: HotState) -> None:
    market = two_gates("group_buy.success")
    assert {"group_buy.success", "seckill.pay"} <= HELD_AT_MOST
    verdicts = judge(market, fixed(2, "group_buy.success", "seckill.pay"), hot)
    assert outcomes(verdicts) == ["review", TOLD, "review"]
    assert fen_by_outcome(market, verdicts, "ip_pool") == {"review": 700}
    assert fen_by_outcome(market, verdicts, "ip_pool", "coupon") == {}


def test_what_nobody_stops_is_shown_as_got_through(hot: HotState) -> None:
    market = two_gates("seckill.buy")
    account = of_group(market, judge(market, fixed(0, "seckill.buy", "seckill.pay"), hot), "ip_pool")
    assert (account.fen, account.people, account.hit, account.codes) == ({"allow": 700}, {"allow": 1}, 0, {})
