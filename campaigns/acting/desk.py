"""The desk of all commands: schedule → first look → risk check → gate → one transaction.

Losers leave before SQL; winners are durable before they are told.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from campaigns.acting.early import ask_of, refuse_early
from campaigns.acting.model import FULL, CommandRequest, Done, Outcome, Refused, not_meant, refusal
from campaigns.acting.snapshot import of_instance, of_key
from campaigns.acting.stage import After, Lease
from campaigns.acting.write import NOT_LET_THROUGH, Case, DryRun, RolledBack, Writer
from campaigns.catalogue import Catalogue, Standing
from campaigns.gate.keeper import GateKeeper
from campaigns.gate.model import Answer, Ask
from campaigns.gate.split import AnyGate
from campaigns.mechanics import command_named, mechanic_named
from campaigns.mechanics.base import Command
from campaigns.mechanics.situation import Refuse, Situation, Wish
from campaigns.policies import policy_named
from campaigns.ports import Decision, DecisionBook, RiskCheck
from core.access.idempotency import Reply, stored_reply
from core.clock import Clock
from core.db.engine import Database, OutcomeUnknown
from core.errors import Conflict, Unavailable
from core.privacy.subjects import find_subject
from core.privacy.vault import Vault
from core.text import Text

log = structlog.get_logger(__name__)
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything a command needs. `lease` is how long slots may be held between the gate and the commit; `settle` decides rewards that are due.

    What one person let through against the verdict is held for another above the amount of a release, see `core.access.inforce`.
    """

    database: Database
    catalogue: Catalogue
    keeper: GateKeeper
    risk: RiskCheck
    book: DecisionBook
    vault: Vault
    clock: Clock
    lease: timedelta
    keep: timedelta
    settle: Callable[[After], None] = lambda after: None

    def do(self, asked: CommandRequest) -> Outcome:
        """Do what is asked. Raises `NotFound`, `Conflict` (the key came with another body, or the campaign has another mechanic) and `Unavailable`
        (nothing was given)."""
        now = asked.at or self.clock.now()
        standing = self._standing(asked, fresh=False)
        for _ in range(_TRIES):
            outcome = self._try(standing, asked, now)
            if outcome is not None:
                return outcome
            standing = self._standing(asked, fresh=True)
        raise Unavailable("gate_busy", Text(zh="活动正在更新,请稍后重试。", en="the campaign is changing; try again shortly"))

    def turned_away(self, asked: CommandRequest) -> Refused | None:
        """Only the first look of a command about no instance: the gate's refusal, or None where `do` has more to say."""
        now = self.clock.now()
        standing, command = self._standing(asked, fresh=False), command_named(asked.mechanic, asked.command)
        if asked.at is not None or refuse_early(standing, command, asked, now) is not None:
            return None
        case = self._case(standing, command, asked, now)
        ask = None if case is None else ask_of(standing, case.wants, asked, self.vault, case.request_id, now)
        if case is None or not isinstance(ask, Ask):
            return None
        answer = self.keeper.gate(standing).attempt(ask, now)
        found = self._turned_away(answer, case) if answer.code in (*FULL, "limit") else None
        return found if isinstance(found, Refused) else None

    def _case(self, standing: Standing, command: Command, asked: CommandRequest, now: datetime) -> Case | None:
        """The command's case, None where its mechanic refuses it."""
        wish = Wish(None, asked.fields, asked.registered_at, asked.order_count, 0, asked.event.user)
        wants = command.wants(Situation(standing.campaign, now), wish)
        return None if isinstance(wants, Refuse) else Case(standing, command, asked, wish, wants, self._request_id(asked), now)

    def _request_id(self, asked: CommandRequest) -> str:
        return self.vault.token(asked.request.merchant, "claim", f"{asked.request.principal_id}\x00{asked.campaign}\x00{asked.request.key}")

    def _standing(self, asked: CommandRequest, fresh: bool) -> Standing:
        standing = self.catalogue.live(asked.request.merchant, asked.campaign, fresh=fresh)
        if standing.campaign.mechanic != asked.mechanic:
            text = Text(zh=f"该活动的玩法是 {standing.campaign.mechanic}", en=f"the campaign's mechanic is {standing.campaign.mechanic}")
            raise Conflict("other_mechanic", text, mechanic=standing.campaign.mechanic)
        return standing

    def _try(self, standing: Standing, asked: CommandRequest, now: datetime) -> Outcome | None:
        """One pass; None asks for another with what stands now."""
        command = command_named(asked.mechanic, asked.command)
        early = refuse_early(standing, command, asked, now)
        if early is not None:
            return self._replayed(asked) or early
        wish = Wish(None, asked.fields, asked.registered_at, asked.order_count, secrets.randbits(62), asked.event.user)
        situation, wish = self._look(standing, asked, wish, now)
        wants = command.wants(situation, wish)
        if isinstance(wants, Refuse):
            return self._replayed(asked) or self._refusal(asked, wants)
        request_id = self._request_id(asked)
        ask = ask_of(standing, wants, asked, self.vault, request_id, now)
        if isinstance(ask, Refused):
            return self._replayed(asked) or ask
        return self._admitted(Case(standing, command, asked, wish, wants, request_id, now), ask)

    def _look(self, standing: Standing, asked: CommandRequest, wish: Wish, now: datetime) -> tuple[Situation, Wish]:
        """The situation before anything is locked: a first look, which the transaction repeats."""
        command = command_named(asked.mechanic, asked.command)
        plain = Situation(standing.campaign, now)
        if command.about in ("nothing", "new"):
            return plain, wish
        with self.database.read() as connection:
            subject = find_subject(connection, self.vault, standing.merchant, asked.event.user)
            wish = replace(wish, caller=subject.id if subject else None)
            if command.about == "named":
                return of_instance(connection, standing.merchant, asked.campaign, asked.instance or "", now).situation, wish
            # A caller who was never seen has no instance of their own.
            named = "@caller" if command.key is None else command.key(plain, wish)
            key = wish.caller if named == "@caller" else named
            found = None if key is None else of_key(connection, standing.merchant, asked.campaign, key, now)
        return plain if found is None else found.situation, wish

    def _admitted(self, case: Case, ask: Ask | None) -> Outcome | None:
        asked, gate = case.asked, self.keeper.gate(case.standing)
        if ask is not None and not case.dry:
            first = self.keeper.settled(gate, lambda: gate.attempt(ask, case.now), case.now, lambda: self._add_pool(case, ask))
            if first.code == "seen":
                replayed = self._replayed(asked)
                if replayed is not None:
                    return replayed
            elif first.code != "ok":
                return self._turned_away(first, case)
        decision = self._decided(case)
        if decision is not None and decision.outcome in NOT_LET_THROUGH and not self.book.has_pass(decision, case.asked.event):
            return self._refused(decision, case)
        if ask is None:
            return self._written(case, gate, None, decision)
        return self._with_slots(case, gate, ask, decision)

    def _decided(self, case: Case) -> Decision | None:
        scene = case.command.scene
        if scene is None:
            return None
        check = self.risk.preview if case.dry else self.risk.check
        # Which group or bargain it is about is a fact of the event, told or not.
        return check(replace(case.asked.event, instance=case.asked.instance), scene, policy_named(case.standing.campaign, scene))

    def _with_slots(self, case: Case, gate: AnyGate, ask: Ask, decision: Decision | None) -> Outcome | None:
        if case.dry:
            return self._written(case, gate, Lease(ask, None, gate.epoch), decision)
        answer = self.keeper.settled(gate, lambda: gate.take(ask, case.now, _ms(self.lease)), case.now, lambda: self._add_pool(case, ask))
        if answer.code == "served":
            return self._replayed(case.asked)
        if answer.code != "ok":
            return self._turned_away(answer, case)
        return self._written(case, gate, Lease(ask, answer.slots, gate.epoch), decision)

    def _written(self, case: Case, gate: AnyGate, lease: Lease | None, decision: Decision | None) -> Outcome | None:
        after = After()
        try:
            with self.database.write() as connection:
                reply = Writer(self.vault, self.book, self.keep).write(connection, case, lease, decision, after)
        except DryRun as dry:
            return Done(dry.reply)
        except OutcomeUnknown:
            # It may stand: the lease stays until the sweeper has looked.
            raise
        except RolledBack as error:
            outcome = self._rolled_back(error, case, gate, lease)
            # A rival with the same pass was first.
            return self._refused(decision, case) if error.code == "risk_refused" and decision is not None and isinstance(outcome, Refused) else outcome
        except BaseException:
            if lease is not None and not case.dry:
                self.keeper.release_quietly(gate, lease.ask)
            raise
        if lease is not None:
            self.keeper.confirm_quietly(gate, lease.ask)
        for given in after.given:
            self.keeper.give_back_quietly(given)
        self.settle(after)
        return Done(reply)

    def _rolled_back(self, error: RolledBack, case: Case, gate: AnyGate, lease: Lease | None) -> Outcome | None:
        if lease is not None and not case.dry:
            # A gate in parts counts a customer in one of them, so SQL may know of a limit that another part does not: no fault of the gate.
            known_to_sql_alone = gate.parts > 1 and error.code.endswith("_limit")
            if error.conflict and not known_to_sql_alone and gate.has_lease(lease.ask.request_id):
                # The gate let through what SQL has no room for, under a lease that lives: its counts are wrong.
                log.warning("gate_stale", campaign=case.asked.campaign, epoch=gate.epoch, met=error.code)
                self.keeper.rebuild(case.standing, case.now)
            if error.code == "stale_gate":
                return None
            self.keeper.release_quietly(gate, lease.ask)
        if error.code in ("stale_lease", "stale_gate"):
            return refusal("sold_out") if case.dry else None
        if error.refuse is not None:
            return self._replayed(case.asked) or self._refusal(case.asked, error.refuse)
        return self._replayed(case.asked) or (refusal(error.code) if error.found is None else not_meant(error.found))

    def _refused(self, decision: Decision, case: Case) -> Refused:
        recorded = decision.id if case.dry else self.book.record_refusal(decision, case.asked.event)
        code = "risk_refused" if decision.outcome == "reject" else "challenge_required"
        return refusal(code, decision.reasons, recorded)

    def _refusal(self, asked: CommandRequest, refuse: Refuse) -> Refused:
        return refusal(refuse.code, words=mechanic_named(asked.mechanic).refusals, **refuse.details)

    def _turned_away(self, answer: Answer, case: Case) -> Outcome | None:
        if answer.code in ("epoch", "absent", "no_pool"):
            return None
        if answer.code == "reused":
            text = Text(zh="同一个 Idempotency-Key 带来了不同的请求内容", en="this Idempotency-Key came before with another request")
            raise Conflict("idempotency_key_reused", text)
        if answer.code == "limit":
            return refusal(f"{answer.limit}_limit", words=mechanic_named(case.asked.mechanic).refusals)
        return refusal(FULL[answer.code]) if not answer.left else refusal(FULL[answer.code], left=answer.left)

    def _add_pool(self, case: Case, ask: Ask) -> None:
        self.keeper.add_pool(case.standing, str(ask.pool), case.now)

    def _replayed(self, asked: CommandRequest) -> Done | None:
        if asked.at is not None:
            return None
        with self.database.read() as connection:
            reply: Reply | None = stored_reply(connection, asked.request)
        return None if reply is None else Done(reply)


def _ms(span: timedelta) -> int:
    return int(span / timedelta(milliseconds=1))
