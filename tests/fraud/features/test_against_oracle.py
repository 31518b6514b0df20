"""What the hot state answers equals the language's own definition of a window, event by event."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from core.hotstate.clients import HotState
from core.hotstate.scripts import run_together
from core.privacy.vault import Vault
from fraud.features.read import PEEK, FeatureReader, record_of
from rules.lang.kinds import MICROS
from rules.model import AtLeast
from rules.windows.oracle import features_at, value_of
from rules.windows.spec import Aggregate, SinceSessionStart, Window
from tests.conftest import START
from tests.fraud.conftest import SCENE, event, ruleset_of
from tests.fraud.features.test_record import LATENESS, ON_SERVER, WINDOW, accounts_of, reader_of, record

HAPPENINGS = st.lists(st.tuples(st.integers(0, 6), st.one_of(st.none(), st.sampled_from("de")), st.integers(0, 2_000)), min_size=1, max_size=30)


@ON_SERVER
@given(HAPPENINGS, st.sampled_from([4, 100]))
def test_counts_and_distinct_counts_equal_the_definition(hot: HotState, vault: Vault, found: list[tuple[int, str | None, int]], cap: int) -> None:
    hot.flushall()
    features = {"accounts": accounts_of(WINDOW, cap), "claims": Window(Aggregate.COUNT, None, ("device",), WINDOW * MICROS, (SCENE,), cap=cap)}
    made = reader_of(vault, **features)
    seen = []
    for number, (user, device, at) in enumerate(sorted(found, key=lambda one: one[2])):
        one = event(f"e{number}", f"u{user}", after=at, device=device)
        seen.append(record_of(one))
        answered = record(hot, made, one)
        for name, feature in features.items():
            defined = value_of(feature, seen, seen[-1])
            assert _same(answered[name], defined), (name, answered[name], defined)


def test_more_windows_than_a_byte_numbers_share_one_log(hot: HotState, vault: Vault) -> None:
    """A merchant's policies and the platform's ask 399 windows of one content."""
    spans = {"p": range(1, 200), "platform": range(200, 400)}
    policies = [
        ruleset_of(name, features={f"claims_{s}": Window(Aggregate.COUNT, None, ("device",), s * MICROS, (SCENE,), cap=100) for s in seconds})
        for name, seconds in spans.items()
    ]
    reader, seen = FeatureReader(vault, policies, LATENESS), []
    for number, after in enumerate((0, 30, 199, 250, 255, 256, 399)):
        one = event(f"e{number}", after=after, device="d")
        seen.append(record_of(one))
        for policy in policies:
            defined = features_at(policy.features, {}, seen, seen[-1], policy.zone)
            prepared = reader.prepare(one, one.type, policy, PEEK)
            assert reader.values(one, one.type, policy, prepared, run_together(hot, prepared.calls)) == defined
            assert record(hot, (reader, policy), one) == defined


def _same(answered: object, defined: object) -> bool:
    """From the cap on "or more" may be told with what is known past it, and as a plain number where nothing was forgotten yet."""
    if isinstance(defined, AtLeast):
        return (answered.count if isinstance(answered, AtLeast) else answered) >= defined.count  # type: ignore[operator]
    return type(answered) is type(defined) and answered == defined


VISITS = st.lists(st.tuples(st.sampled_from(["s", "t", None]), st.integers(1, 30), st.one_of(st.none(), st.integers(-5, 40))), min_size=1, max_size=15)


@ON_SERVER
@given(VISITS)
def test_the_start_of_a_session_equals_the_definition(hot: HotState, vault: Vault, visits: list[tuple[str | None, int, int | None]]) -> None:
    hot.flushall()
    features = {"since": SinceSessionStart()}
    made = reader_of(vault, **features)
    seen, at = [], 0
    for number, (session, gap, ago) in enumerate(visits):
        # One after another: of two events at one instant, which one began the session depends on which arrived first.
        at += gap
        start = None if ago is None else START + timedelta(seconds=at - ago)
        one = event(f"e{number}", after=at, session=session, session_started_at=start)
        seen.append(record_of(one))
        assert record(hot, made, one) == features_at(features, {}, seen, seen[-1], ZoneInfo("UTC"))
