"""A campaign and its document are the same thing twice: what is hashed and kept reads back as what was checked."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.files.load import LoadedCampaign, campaign_from_document, document_of, load_campaign
from campaigns.model import Campaign
from core.canon import canonical, digest_of
from core.money import Money

EXAMPLES = Path(__file__).parents[3] / "examples"
ZONES = ("Asia/Shanghai", "Asia/Urumqi", "UTC", "America/New_York", "Europe/London", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Apia")
words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=30)
spans = st.builds(lambda count, unit: f"{count}{unit}", st.integers(1, 3660), st.sampled_from("smhd"))
yuan = st.integers(1, 10**7).map(lambda fen: Money(fen).yuan())


def few(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def moments(draw: st.DrawFn, years: tuple[int, int]) -> str:
    at = datetime.combine(draw(st.dates(date(years[0], 1, 1), date(years[1], 12, 31))), draw(st.times()))
    form = draw(st.sampled_from(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f+05:30", "%Y-%m-%dT%H:%MZ"]))
    return at.strftime(form)


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """A valid file as plain data, with keys left out and in any order."""
    amount = draw(st.integers(1, 10**6))
    coupon: dict[str, Any] = {"amount": Money(amount).yuan(), "threshold": draw(few(st.integers(amount + 1, 10**7).map(lambda fen: Money(fen).yuan())))}
    if draw(st.booleans()):
        coupon["valid_for"] = draw(spans)
    else:
        coupon |= {"valid_from": draw(moments((2026, 2027))), "valid_until": draw(moments((2030, 2040)))}
    count = few(st.integers(1, 100))
    limits = {"total": draw(st.integers(1, 10**8)), "per_user": draw(count), "per_device": draw(count), "per_phone": draw(count)}
    found: dict[str, Any] = {
        "campaign": draw(st.from_regex(r"[a-z][a-z0-9-]{1,62}", fullmatch=True)),
        "mechanic": "coupon",
        "title": draw(words | st.fixed_dictionaries({"zh": words, "en": words})),
        "zone": draw(few(st.sampled_from(ZONES))),
        "starts": draw(moments((2026, 2027))),
        "ends": draw(moments((2028, 2029))),
        "limits": {name: value for name, value in limits.items() if value is not None},
        "budget": draw(few(st.fixed_dictionaries({"total": st.integers(amount, 10**12 // 100).map(lambda fen: Money(fen).yuan())}))),
        "risk": draw(few(st.fixed_dictionaries({"policy": st.from_regex(r"[a-z][a-z0-9-]{1,20}", fullmatch=True)}))),
        "eligible_when": draw(
            few(st.builds(lambda span, more: f"account_age < {span}{more}", spans, st.sampled_from(["", " and first_order", " or phone in ['1']"])))
        ),
        "coupon": {name: value for name, value in coupon.items() if value is not None},
    }
    return dict(draw(st.permutations([(name, value) for name, value in found.items() if value is not None])))


def load(found: dict[str, Any]) -> LoadedCampaign:
    return load_campaign(json.dumps(found, ensure_ascii=False).encode(), "x.yaml")


def instants(campaign: Campaign) -> list[datetime]:
    return [at.astimezone(UTC) for at in (campaign.starts, campaign.ends, campaign.terms.valid_from, campaign.terms.valid_until) if at is not None]


@given(files())
def test_a_campaign_reads_back_from_its_document(found: dict[str, Any]) -> None:
    loaded = load(found)
    back = campaign_from_document(loaded.document)
    assert back == loaded.campaign
    assert instants(back) == instants(loaded.campaign)
    assert document_of(back) == loaded.document


@given(files())
def test_the_canonical_bytes_survive_storage(found: dict[str, Any]) -> None:
    document = load(found).document
    stored = canonical(document)
    assert canonical(json.loads(stored)) == stored
    assert campaign_from_document(json.loads(stored)) == campaign_from_document(document)


@given(files(), st.randoms())
def test_the_order_of_keys_changes_no_hash(found: dict[str, Any], random: Any) -> None:
    pairs = list(found.items())
    random.shuffle(pairs)
    assert digest_of(load(dict(pairs)).document) == digest_of(load(found).document)


@pytest.mark.parametrize("clock", ["2026-11-01T01:30-04:00", "2026-11-01T01:30-05:00", "2026-03-08T02:30"])
def test_coupon_dates_in_an_hour_that_clocks_repeat_or_skip_read_back(clock: str) -> None:
    dates = {"amount": "1.00", "valid_from": clock, "valid_until": "2027-01-01"}
    found = {"campaign": "fold", "mechanic": "coupon", "title": "t", "zone": "America/New_York", "starts": "2026-01-01", "ends": "2026-12-31"}
    loaded = load({**found, "limits": {"total": 1}, "coupon": dates})
    back = campaign_from_document(json.loads(canonical(loaded.document)))
    assert back == loaded.campaign
    assert instants(back) == instants(loaded.campaign)


def test_defaults_are_written_out() -> None:
    found = {"campaign": "plain", "mechanic": "coupon", "title": "t", "starts": "2026-11-11", "ends": "2026-11-11", "limits": {"total": 1}}
    assert load({**found, "coupon": {"amount": 5, "valid_for": "1d"}}).document == {
        "form": 1,
        "campaign": "plain",
        "mechanic": "coupon",
        "title": {"zh": "t", "en": "t"},
        "zone": "Asia/Shanghai",
        "starts": "2026-11-11T00:00:00+08:00",
        "ends": "2026-11-12T00:00:00+08:00",
        "limits": {"total": 1, "per_user": 1, "per_device": None, "per_phone": None},
        "budget_fen": None,
        "policy": "new-user-claim",
        "eligible_when": None,
        "coupon": {"amount_fen": 500, "threshold_fen": None, "valid_for_seconds": 86400, "valid_from": None, "valid_until": None, "lock_for_seconds": 900},
    }


def test_a_document_of_a_later_form_is_refused() -> None:
    document = load_campaign((EXAMPLES / "new-user-coupon.yaml").read_bytes(), "x.yaml").document
    with pytest.raises(ValueError, match="unknown form"):
        campaign_from_document({**document, "form": 2})


def test_every_part_of_a_campaign_shows_in_its_hash() -> None:
    document = load_campaign((EXAMPLES / "new-user-coupon.yaml").read_bytes(), "x.yaml").document
    changes: dict[str, Any] = {
        "campaign": "other",
        "title": {"zh": "x", "en": "x"},
        "zone": "UTC",
        "starts": "2026-11-02T00:00:00+08:00",
        "ends": "2027-04-02T00:00:00+08:00",
        "limits": {**document["limits"], "per_phone": 1},
        "budget_fen": 1,
        "policy": "other",
        "eligible_when": "first_order",
        "coupon": {**document["coupon"], "lock_for_seconds": 1},
    }
    assert document.keys() - {"form", "mechanic"} == changes.keys()
    hashes = {digest_of({**document, name: value}) for name, value in changes.items()}
    assert len(hashes | {digest_of(document)}) == len(changes) + 1


def test_a_coupon_is_valid_for_its_length_or_between_its_dates() -> None:
    now = datetime(2026, 11, 20, 4, tzinfo=UTC)
    first = load_campaign((EXAMPLES / "first-order-coupon.yaml").read_bytes(), "x.yaml").campaign.terms
    new = load_campaign((EXAMPLES / "new-user-coupon.yaml").read_bytes(), "x.yaml").campaign.terms
    assert new.validity(now) == (now, now + timedelta(days=7))
    zone = ZoneInfo("Asia/Shanghai")
    assert first.validity(now) == (datetime(2026, 11, 1, tzinfo=zone), datetime(2027, 4, 8, tzinfo=zone))
