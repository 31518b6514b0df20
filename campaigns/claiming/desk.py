"""The claim desk: schedule → first look → risk check → gate → one transaction. Losers leave before SQL; winners are durable before they are told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from campaigns.catalogue import Catalogue, Standing
from campaigns.claiming.eligibility import ask_of, refuse_early
from campaigns.claiming.model import Claimed, ClaimRequest, Outcome, Refused, not_meant, refusal
from campaigns.claiming.write import Lease, RolledBack, Writer
from campaigns.gate.gate import Answer, Ask, Gate
from campaigns.gate.keeper import GateKeeper
from campaigns.ports import Decision, DecisionBook, RiskCheck
from core.access.idempotency import Reply, stored_reply
from core.clock import Clock
from core.db.engine import Database, OutcomeUnknown
from core.errors import Conflict, Unavailable
from core.privacy.vault import Vault
from core.text import Text

log = structlog.get_logger(__name__)
_TRIES = 4
_REFUSALS = {"sold_out": "sold_out", "budget": "budget_exhausted"}


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything a claim needs. `lease` is how long a slot may be held between the gate and the commit."""

    database: Database
    catalogue: Catalogue
    keeper: GateKeeper
    risk: RiskCheck
    book: DecisionBook
    vault: Vault
    clock: Clock
    lease: timedelta
    keep: timedelta

    def claim(self, claim: ClaimRequest) -> Outcome:
        """Claim a reward. Raises `NotFound`, `Conflict` (the key came with another body) and `Unavailable` (nothing was given)."""
        merchant, now = claim.request.merchant, self.clock.now()
        request_id = self.vault.token(merchant, "claim", f"{claim.request.principal_id}\x00{claim.campaign}\x00{claim.request.key}")
        standing = self.catalogue.live(merchant, claim.campaign)
        early = refuse_early(standing, claim, now)
        if early is not None:
            return self._replayed(claim) or early
        for _ in range(_TRIES):
            outcome = self._try(standing, claim, ask_of(standing, claim, self.vault, request_id), now)
            if outcome is not None:
                return outcome
            standing = self.catalogue.live(merchant, claim.campaign, fresh=True)
        raise Unavailable("gate_busy", Text(zh="活动正在更新,请稍后重试。", en="the campaign is changing; try again shortly"))

    def _try(self, standing: Standing, claim: ClaimRequest, ask: Ask, now: datetime) -> Outcome | None:
        """One pass; None asks for another with what stands now."""
        gate = self.keeper.gate(standing)
        first = self.keeper.settled(gate, lambda: gate.attempt(ask, now), now)
        if first.code == "seen":
            replayed = self._replayed(claim)
            if replayed is not None:
                return replayed
        elif first.code != "ok":
            return self._turned_away(first, claim)
        decision = self.risk.check(claim.event, f"{standing.campaign.mechanic}.claim", standing.campaign.policy)
        if decision.outcome in ("reject", "challenge"):
            return self._refused(decision, claim)
        return self._with_slot(standing, gate, claim, ask, decision, now)

    def _with_slot(self, standing: Standing, gate: Gate, claim: ClaimRequest, ask: Ask, decision: Decision, now: datetime) -> Outcome | None:
        answer = self.keeper.settled(gate, lambda: gate.take(ask, now, _ms(self.lease), _ms(self.keep)), now)
        if answer.code == "served":
            return self._replayed(claim)
        if answer.code != "ok" or answer.slot is None:
            return self._turned_away(answer, claim)
        lease = Lease(ask, answer.slot if answer.slot >= 0 else None, gate.epoch)
        try:
            with self.database.write() as connection:
                reply = self._writer().write(connection, standing, claim, lease, decision, now)
        except OutcomeUnknown:
            # The reward may stand: the lease stays until the sweeper has looked.
            raise
        except RolledBack as error:
            return self._rolled_back(error, standing, gate, claim, ask, now)
        except BaseException:
            self.keeper.release_quietly(gate, ask)
            raise
        self.keeper.confirm_quietly(gate, ask)
        return Claimed(reply)

    def _rolled_back(self, error: RolledBack, standing: Standing, gate: Gate, claim: ClaimRequest, ask: Ask, now: datetime) -> Outcome | None:
        if error.conflict and gate.has_lease(ask.request_id):
            # The gate let through what SQL has no room for, under a lease that lives: its counts are wrong.
            log.warning("gate_stale", campaign=standing.campaign.id, epoch=gate.epoch, met=error.code)
            self.keeper.rebuild(standing, now)
        if error.code == "stale_gate":
            return None
        self.keeper.release_quietly(gate, ask)
        if error.code == "stale_lease":
            return None
        return self._replayed(claim) or (refusal(error.code) if error.found is None else not_meant(error.found))

    def _refused(self, decision: Decision, claim: ClaimRequest) -> Refused:
        recorded = self.book.record_refusal(decision, claim.event)
        code = "risk_refused" if decision.outcome == "reject" else "challenge_required"
        return refusal(code, decision.reasons, recorded)

    def _turned_away(self, answer: Answer, claim: ClaimRequest) -> Outcome | None:
        if answer.code in ("epoch", "absent"):
            return None
        if answer.code == "reused":
            text = Text(zh="同一个 Idempotency-Key 带来了不同的请求内容", en="this Idempotency-Key came before with another request")
            raise Conflict("idempotency_key_reused", text)
        return refusal(f"{answer.limit}_limit" if answer.code == "limit" else _REFUSALS[answer.code])

    def _replayed(self, claim: ClaimRequest) -> Claimed | None:
        with self.database.read() as connection:
            reply: Reply | None = stored_reply(connection, claim.request)
        return None if reply is None else Claimed(reply)

    def _writer(self) -> Writer:
        return Writer(self.vault, self.book, self.keep)


def _ms(span: timedelta) -> int:
    return int(span / timedelta(milliseconds=1))
