"""The life of one reward, from its campaign's first draft to the money: who wrote and approved the rules, who decided and why, what was paid and taken back.

Put together from the audit log, the decision's own record, the ledger and the orders. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from api.chronicle.entries import Entry, Question, find_entries, told
from api.chronicle.words import value_of, yuan
from campaigns.rewards import Reward, find_reward
from campaigns.store.tables import order_refunds, transfers
from campaigns.withdrawals.statement import trace_of
from core.db.tables import audit_entries
from core.text import Text
from fraud.decision import Decision
from fraud.queries import find_decision
from fraud.rulesets.tables import policy_versions

# One reward has tens of entries; whoever has more is asked about by a question.
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Moment:
    """One step. `entry` is the audit entry that says so, None where a table does."""

    at: datetime
    kind: str
    ref: str
    words: Text
    entry: str | None = None

    def public(self) -> dict[str, Any]:
        words = {"zh": self.words.zh, "en": self.words.en}
        return {"at": self.at.isoformat(), "kind": self.kind, "ref": self.ref, "words": words, "entry": self.entry}


def reward_timeline(connection: Connection, merchant: str, reward_id: str) -> list[Moment]:
    """Oldest first; of one moment in the order in which one follows from another. Raises `NotFound`."""
    reward = find_reward(connection, merchant, reward_id)
    decision = find_decision(connection, reward.decision_id, merchant)
    own = find_entries(connection, Question(merchant, reward=reward_id), _MOST, oldest_first=True)
    steps = [
        *_rules(connection, merchant, reward, decision),
        _decided(decision),
        *(_of(entry) for entry in own if entry.action != "decision.recorded"),
        *_money(connection, merchant, reward),
        *_payouts(connection, merchant, reward),
    ]
    # A verdict is reached within the request that gave the reward, whose entries have the time of its beginning.
    began = min((entry.at for entry in own), default=decision.at)
    # Stable: of one moment what was first above, which is what the rest follows from.
    return sorted(steps, key=lambda step: min(step.at, began) if step.kind == "decision" else step.at)


def _rules(connection: Connection, merchant: str, reward: Reward, decision: Decision) -> Iterator[Moment]:
    """The campaign's versions up to the reward's own, what was done to the campaign meanwhile, and the policy's version that decided."""
    targets = [f"{reward.campaign}@{number}" for number in range(1, reward.version + 1)]
    own = (policy_versions.c.policy == decision.policy, policy_versions.c.content_hash == decision.policy_version)
    published = connection.execute(select(policy_versions.c.merchant, policy_versions.c.version).where(*own)).all()
    judged = {row.merchant: f"{decision.policy}@{row.version}" for row in published if row.merchant in (merchant, "*")}
    wanted = [(audit_entries.c.merchant == merchant) & audit_entries.c.target.in_(targets)]
    wanted += [(audit_entries.c.merchant == owner) & (audit_entries.c.target == target) for owner, target in judged.items()]
    rows = connection.execute(select(audit_entries).where(or_(*wanted)).order_by(audit_entries.c.id).limit(_MOST)).all()
    yield from (_of(entry) for entry in told(connection, rows))
    acts = find_entries(connection, Question(merchant, target=reward.campaign, action="campaign."), _MOST, oldest_first=True)
    yield from (_of(entry) for entry in acts)


def _decided(decision: Decision) -> Moment:
    """The decision with its reasons, as its record has them."""
    reasons = [reason.text for reason in decision.reasons]
    why = Text(zh=":" + ";".join(text.zh for text in reasons), en=": " + "; ".join(text.en for text in reasons)) if reasons else Text(zh="", en="")
    name, version = decision.policy, decision.policy_version[:12]
    words = Text(
        zh=f"风控决策:{value_of(decision.outcome, 'zh')}({decision.score} 分,策略 {name} {version}){why.zh}",
        en=f"risk decision: {value_of(decision.outcome, 'en')} (score {decision.score}, policy {name} {version}){why.en}",
    )
    return Moment(decision.at, "decision", decision.id, words)


def _money(connection: Connection, merchant: str, reward: Reward) -> Iterator[Moment]:
    rows = connection.execute(select(transfers).where(transfers.c.merchant == merchant, transfers.c.reward_id == reward.id)).all()
    for row in rows:
        debit, credit = (side.removeprefix(f"{merchant}/") for side in (row.debit, row.credit))
        words = Text(zh=f"账本:{yuan(row.amount_fen)} 从 {debit} 到 {credit}", en=f"ledger: {yuan(row.amount_fen)} from {debit} to {credit}")
        yield Moment(row.at, "transfer", row.id, words)
    if reward.order_id is not None:
        of_it = (order_refunds.c.merchant == merchant, order_refunds.c.order_id == reward.order_id)
        for row in connection.execute(select(order_refunds).where(*of_it)):
            words = Text(zh=f"订单 {row.order_id} 退款 {yuan(row.amount_fen)}", en=f"{yuan(row.amount_fen)} of the order {row.order_id} was refunded")
            yield Moment(row.at, "refund", row.refund_id, words)


def _payouts(connection: Connection, merchant: str, reward: Reward) -> Iterable[Moment]:
    """A commission leaves by withdrawals, what was earned first leaving first."""
    if reward.kind != "commission":
        return
    lots = trace_of(connection, merchant, reward.subject_id).lots
    mine = [lot for lot in lots if lot.order_id in (reward.id, reward.order_id)]
    for name in {ref for lot in mine for kind, ref, _ in lot.uses if kind == "withdrawn"}:
        yield from (_of(entry) for entry in find_entries(connection, Question(merchant, target=name), _MOST, oldest_first=True))


def _of(entry: Entry) -> Moment:
    return Moment(entry.at, entry.action, entry.target, entry.words, entry.id)
