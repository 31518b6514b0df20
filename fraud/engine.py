"""The risk engine: one round trip records the event and reads every window, a pure verdict, one round trip settles the answer.

When Redis is away or late the policy's `when_unavailable` speaks, never more mildly than a verdict that was reached.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from core.clock import Clock
from core.errors import Conflict, Unavailable
from core.event import Event
from core.hotstate.clients import HotState
from core.hotstate.outage import Outage
from core.hotstate.scripts import run_together
from core.ids import new_id
from core.privacy.chosen import SILENT, Choices
from core.privacy.vault import Vault
from core.text import Text
from fraud.aftermath import Aftermath, DirectWriter
from fraud.answers import Answers, Place
from fraud.decision import Decision, from_record, recorded
from fraud.features.read import CANCEL, PEEK, FeatureReader, Prepared
from fraud.laps import Laps
from fraud.lists.live import NO_LISTS, ListBook
from fraud.policies import Policies
from fraud.rounds import Look, Round
from fraud.rulesets.bundle import Bundle
from fraud.snoozes.live import NO_SNOOZES, SnoozeBook
from fraud.streamed import Streamed
from rules.evaluate import Evaluation, evaluate
from rules.evidence import Reason
from rules.model import FeatureValue, severity
from rules.windows.spec import Listed

PERSON_DECIDES = Reason("person_decides", Text(zh="顾客要求由人工决定", en="the customer asked that a person decides"))
RISK_AWAY = Reason("risk_unavailable", Text(zh="风控暂时不可用,已按应急规则处理", en="risk data was unavailable; the fallback was applied"))
_UNJUDGED = Evaluation(0, "allow", {}, ())


class RiskEngine:
    """Checks events. One for each process; safe to share between threads.

    `bundle` gives what is live now. The client's socket timeout bounds a round trip that hangs: connect it with about `deadline_ms`.
    """

    def __init__(
        self,
        client: HotState,
        vault: Vault,
        bundle: Callable[[], Bundle],
        clock: Clock,
        *,
        direct: DirectWriter | None = None,
        deadline_ms: int = 300,
        lateness_seconds: int = 86_400,
        monotonic: Callable[[], float] = time.monotonic,
        lists: Callable[[], ListBook] = lambda: NO_LISTS,
        snoozes: Callable[[], SnoozeBook] = lambda: NO_SNOOZES,
        choices: Callable[[str, str], Choices] = lambda merchant, user: SILENT,
        timer: Callable[[], int] = time.perf_counter_ns,
        timed: Callable[[Mapping[str, int]], None] = lambda stages: None,
    ) -> None:
        """`timed` hears how long the stages of each check took, in µs."""
        self._client = client
        self._vault = vault
        self._bundle = bundle
        self._clock = clock
        self._direct = direct
        self._deadline_ms = deadline_ms
        self._lateness = timedelta(seconds=lateness_seconds)
        self._monotonic = monotonic
        self._lists = lists
        self._snoozes = snoozes
        self._choices = choices
        self._timer = timer
        self._timed = timed
        self._reader_of: Callable[[Policies], FeatureReader] = lambda policies: FeatureReader(vault, list(policies), lateness_seconds)
        self._answers = Answers(client, vault)
        self._aftermath = None if direct is None else Aftermath(direct, monotonic)

    def check(self, event: Event, scene: str, policy: str | None = None, deadline_ms: int | None = None) -> Decision:
        """Decide in memory and Redis; writes no SQL. The same event id with the same content gives the same decision for a day.

        Raises `Malformed` for an unknown policy and `Conflict` when the event id came before with other content.
        """
        return self._decide(self._round(event, scene, policy, deadline_ms), self._answers.settle)

    def check_and_stream(self, event: Event, scene: str, policy: str | None = None, deadline_ms: int | None = None, outage: Outage | None = None) -> Decision:
        """As `check`, for checks that gate no reward: the decision goes to SQL by the stream, or at once when Redis is away or the stream full.

        Checks of one batch share an `outage`: what it has met is not waited for again. Raises `Unavailable` when neither Redis nor SQL could take it.
        """
        one = self._round(event, scene, policy, deadline_ms, outage)
        earlier = None if self._aftermath is None else self._aftermath.earlier(one.event, scene, one.event_hash)
        full: list[Decision] = []

        def settle(place: Place, made: Decision) -> Decision:
            if earlier is not None:
                return one.outage.ask(lambda: self._answers.settle(place, earlier))
            settled = one.outage.ask(lambda: self._answers.settle_and_stream(place, made, one.event))
            if settled is None:
                full.append(made)
            return settled or made

        decision = self._decide(one, settle)
        if earlier is not None:
            return self._same_content(one, earlier)
        if full:
            return self._around_the_stream(one, decision)
        if decision.degraded and self._aftermath is not None:
            return self._same_content(one, self._aftermath.record(decision, one.event))
        return decision

    def _around_the_stream(self, one: Round, made: Decision) -> Decision:
        """Nobody drains the stream: the caller waits until SQL has the decision, and hears it only then."""
        if self._direct is None:
            raise Unavailable("stream_full", Text(zh="决策缓冲已满,请稍后重试", en="the buffer of decisions is full; try again shortly"))
        decision = self._same_content(one, self._direct.record_check(made, one.event))
        if decision.id == made.id:
            # The answer is for retries; that it cannot be kept takes nothing from a decision on record.
            with suppress(Unavailable):
                return self._answers.settle(one.place, decision)
        return decision

    def preview(self, event: Event, scene: str, policy: str | None = None) -> Decision:
        """What `check` would say now. Nothing is recorded, so nobody is judged by it later."""
        one = self._round(event, scene, policy, None)
        prepared = one.reader.prepare(one.event, one.scene, one.policy, PEEK)
        now = one.event.received_at
        try:
            answers = run_together(self._client, prepared.calls) if prepared.calls else []
        except Unavailable:
            return self._degraded(one, self._made(one, _UNJUDGED, {}, now))
        values = self._values(one, prepared, answers)
        return self._judged(one, Look(None, values, self._silenced(one, values)), now)

    def observe(self, event: Event, outage: Outage | None = None) -> None:
        """Record an event that asks for no decision (a page view, an order) in every feature that counts its type; those of a batch share an `outage`.

        Raises `Unavailable` when Redis is away: the caller may go on, a seen event gates nothing.
        """
        believed = event.believed(self._lateness)
        reader = self._bundle().view(believed.merchant).kept(self._reader_of)
        calls = reader.prepare(believed, believed.type, None).calls
        if calls:
            (outage or Outage()).ask(lambda: run_together(self._client, calls))

    def take_back(self, event: Event, scene: str) -> None:
        """The event was checked in the scene and did not happen after all: it counts no more where that is exact, and a retry of it is recorded nowhere.

        Give it the believed event. Idempotent. Raises `Unavailable` when Redis is away: then it may count still.
        """
        reader = self._bundle().view(event.merchant).kept(self._reader_of)
        calls = reader.prepare(event, scene, None, CANCEL).calls
        if calls:
            run_together(self._client, calls)

    def waiting(self, decision_id: str) -> Streamed | None:
        """The decision, with its event, while it waits in the stream. Raises `Unavailable`."""
        return self._answers.waiting(decision_id)

    def _round(self, event: Event, scene: str, policy: str | None, deadline_ms: int | None, outage: Outage | None = None) -> Round:
        until = self._monotonic() + (self._deadline_ms if deadline_ms is None else deadline_ms) / 1000
        believed = event.believed(self._lateness)
        # Keyed, because the content holds phone numbers and the like, and these bytes are kept for good.
        event_hash = self._vault.token(believed.merchant, "content", believed.content_hash())
        # One view for the whole check: a bundle that is swapped meanwhile changes nothing in it.
        view = self._bundle().view(believed.merchant)
        found, reader = view.policies.find(scene, policy), view.kept(self._reader_of)
        cold = reader.cold(believed, found, view.late)
        return Round(believed, scene, found, reader, self._answers.place(believed, scene), event_hash, until, cold, outage or Outage())

    def _decide(self, one: Round, settle: Callable[[Place, Decision], Decision]) -> Decision:
        laps = Laps(self._timer)
        decision = self._reached(one, settle, laps)
        self._timed(laps.us)
        # What was made here has the laps from the beginning; a stored one, which this check only heard, gets this check's own.
        return decision if decision.timing is laps.us else replace(decision, timing=laps.us)

    def _reached(self, one: Round, settle: Callable[[Place, Decision], Decision], laps: Laps) -> Decision:
        try:
            look = self._look(one, laps)
        except Unavailable:
            return self._degraded(one, self._made(one, _UNJUDGED, {}, self._clock.now(), laps.us))
        if look.stored is not None:
            return self._same_content(one, look.stored)
        now = self._clock.now()
        made = self._judged(one, look, now, laps.us)
        laps.done("evaluate")
        if self._monotonic() >= one.until:
            return self._degraded(one, made)
        try:
            return self._same_content(one, settle(one.place, made))
        except Unavailable:
            return self._degraded(one, made)
        finally:
            laps.done("settle")

    def _look(self, one: Round, laps: Laps) -> Look:
        """Round trip 1."""
        prepared = one.reader.prepare(one.event, one.scene, one.policy)
        try:
            *answers, stored = one.outage.ask(lambda: run_together(self._client, [*prepared.calls, self._answers.look(one.place)]))
        finally:
            laps.done("features")
        if stored is not None:
            return Look(from_record(stored), {})
        values = self._values(one, prepared, answers)
        return Look(None, values, self._silenced(one, values))

    def _values(self, one: Round, prepared: Prepared, answers: Sequence[Any]) -> dict[str, FeatureValue]:
        """All that rules may read. The lists are in memory, so a look at them costs no round trip."""
        record = prepared.record()
        features = one.reader.values(one.event, one.scene, one.policy, prepared, answers)
        features |= dict.fromkeys(one.cold)
        return record | features | self._listed(one, record)

    def _listed(self, one: Round, record: Mapping[str, FeatureValue]) -> dict[str, FeatureValue]:
        """What the lists say; missing in a process that never could read them, since a check goes on without SQL."""
        try:
            return self._lists().values(self._vault, one.event.merchant, one.policy, record, self._clock.now())
        except Unavailable:
            return {name: None for name, feature in one.policy.features.items() if isinstance(feature, Listed)}

    def _silenced(self, one: Round, values: Mapping[str, FeatureValue]) -> Collection[str]:
        """Rules that a snooze sets aside; none in a process that never could read them."""
        try:
            return self._snoozes().rules(self._vault, one.event.merchant, one.policy.id, values, self._clock.now())
        except Unavailable:
            return ()

    def _stopped(self, one: Round) -> Collection[str]:
        """Rules that one person has stopped; none in a process that never could read them, where they refuse as ever."""
        try:
            return self._snoozes().stopped(one.event.merchant, one.policy.id)
        except Unavailable:
            return ()

    def _judged(self, one: Round, look: Look, now: datetime, timing: Mapping[str, int] | None = None) -> Decision:
        verdict = evaluate(one.policy, look.values, now=now, snoozed=look.snoozed, stopped=self._stopped(one))
        return self._softened(one, self._made(one, verdict, recorded(one.policy, look.values), now, timing))

    def _made(self, one: Round, verdict: Evaluation, features: dict[str, FeatureValue], now: datetime, timing: Mapping[str, int] | None = None) -> Decision:
        return Decision(
            id=new_id("dec"),
            merchant=one.event.merchant,
            scene=one.scene,
            event_id=one.event.id,
            event_hash=one.event_hash,
            campaign=one.event.campaign,
            outcome=verdict.outcome,
            score=verdict.score,
            reasons=verdict.reasons,
            results=verdict.notable,
            features=features,
            policy=one.policy.id,
            policy_version=one.policy.version,
            degraded=False,
            at=now,
            cold=one.cold if features else (),
            timing=timing,
        )

    def _degraded(self, one: Round, made: Decision) -> Decision:
        # The id stays: when the answer was stored and only its reply was lost, both are one decision.
        outcome = max(one.policy.outcome_when_unavailable, made.outcome, key=severity)
        return self._softened(one, replace(made, outcome=outcome, reasons=(*made.reasons, RISK_AWAY), degraded=True))

    def _softened(self, one: Round, made: Decision) -> Decision:
        """Who refuses a decision by a machine alone is refused by none: a person looks (PIPL, article 24)."""
        if made.outcome != "reject" or not self._choices(one.event.merchant, one.event.user).no_automated_decision:
            return made
        said = made.reasons if PERSON_DECIDES in made.reasons else (*made.reasons, PERSON_DECIDES)
        return replace(made, outcome="review", reasons=said)

    def _same_content(self, one: Round, stored: Decision) -> Decision:
        if stored.event_hash == one.event_hash:
            return stored
        text = Text(zh="同一个事件编号带来了不同的内容", en="this event id came before with other content")
        raise Conflict("event_id_reused", text, event_id=one.event.id)
