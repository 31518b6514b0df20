"""Every column of every table by what it holds of a person; a test fails for a column that is not here, and for a page that says otherwise.

`none` lists what says nothing of anybody, so that a new column has to be thought about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.text import Text

# Class → what it means, and what an erasure does to it.
CLASSES: Mapping[str, Text] = {
    "sealed": Text(zh="以本人密钥加密;删除时密钥销毁,字段清空", en="encrypted under the person's own key; an erasure destroys the key and empties the field"),
    "matched": Text(zh="带密钥的哈希,可对应到人;删除时删去", en="a keyed hash that leads to a person; an erasure deletes it"),
    "limit": Text(zh="限领用的哈希;按保存期限保留,之后删除", en="a keyed hash of a limit; it stays for its time, then goes"),
    "words": Text(zh="人写的文字,可能提到某人;删除时清空", en="what people wrote, which may name somebody; an erasure empties it"),
    "hashed": Text(zh="内容的哈希;删除时清空或随密钥失效", en="a hash of what was said; an erasure empties it, or its key is gone"),
    "choice": Text(zh="本人的选择;删除时删去", en="what the person chose; an erasure deletes it"),
    "subject": Text(zh="随机编号,本身不说明是谁", en="a random id, which says nothing by itself"),
    "chosen": Text(zh="商家自定的编号,请勿含个人信息", en="an id that the shop chose; it should name nobody"),
    "staff": Text(zh="操作人员的编号、名称或留言,不得提到顾客", en="ids, names and words of staff, which name no customer"),
    "none": Text(zh="与个人无关", en="nothing of a person"),
}


@dataclass(frozen=True, slots=True)
class Held:
    """Columns by class, names by spaces."""

    none: str
    sealed: str = ""
    matched: str = ""
    limit: str = ""
    words: str = ""
    hashed: str = ""
    choice: str = ""
    subject: str = ""
    chosen: str = ""
    staff: str = ""

    def of(self, kind: str) -> list[str]:
        """The columns of one class."""
        return str(getattr(self, kind)).split()


INVENTORY: Mapping[str, Held] = {
    "accounts": Held("merchant kind guarded balance_fen", subject="id"),
    "api_keys": Held("id merchant hash scopes created_at expires_at revoked_at", staff="principal_id"),
    "approval_parties": Held("approval_id role", staff="principal_id"),
    "approval_proxies": Held("approval_id role delegation_id expires_at at", staff="delegate delegator"),
    "approval_rules": Held("nth version name document adopted_at"),
    "delegations": Held("id merchant kinds scopes created_at expires_at revoked_at", staff="delegator delegate reason revoked_by"),
    "rule_stops": Held("id merchant policy rule state stopped_at approval_id started_at", staff="reason stopped_by"),
    "approvals": Held(
        "id merchant kind content_hash proposed_at state decided_role decided_at needed scopes expires_at rules_version",
        subject="target",
        words="note reason",
        staff="proposed_by decided_by",
    ),
    "audit_entries": Held("id merchant at action before_hash after_hash seq", subject="target body", staff="actor"),
    "audit_nodes": Held("level position hash"),
    "audit_seals": Held("number size at body signature leaves peaks"),
    "budget_draws": Held("holder fen", limit="scope"),
    "budget_scopes": Held("merchant campaign used_fen used_count", limit="scope"),
    "budgets": Held("merchant campaign cap_fen used_fen"),
    "campaign_versions": Held(
        "merchant campaign version content_hash document source state note approval_id created_at live_from law", staff="author approver"
    ),
    "campaigns": Held("merchant id mechanic status live_version gate_epoch created_at"),
    "check_outcomes": Held("decision_id merchant told amount_fen at", chosen="order_id", staff="told_by"),
    "choice_generation": Held("id generation"),
    "code_batches": Held("id merchant campaign pattern count done secret created_at", staff="author"),
    "commissions": Held("rebate_id number tier merchant rate amount_fen taken_fen state", subject="subject_id"),
    "coupon_codes": Held("merchant campaign token batch used_at", chosen="used_by"),
    "decisions": Held(
        "id merchant scene campaign outcome score policy policy_version degraded at hash timing seq", hashed="body", subject="subject_id", chosen="event_id"
    ),
    "erasures": Held("merchant at swept_at", subject="subject_id receipt", staff="actor"),
    "events": Held("merchant type occurred_at received_at", sealed="personal", hashed="content_hash", subject="subject_id", chosen="id body effects"),
    "firsts": Held("merchant kind holder at", limit="token", subject="subject_id"),
    "idempotency": Held("merchant status created_at expires_at", words="reply", hashed="body_hash", chosen="key", staff="principal_id"),
    "instances": Held("id merchant campaign version mechanic state seats hold_fen data deadline created_at updated_at", subject="key owner"),
    "labels": Held("merchant decision_id label source at", staff="labelled_by"),
    "list_changes": Held("approval_id merchant list count", matched="body"),
    "list_entries": Held("merchant list added_at expires_at removed_at revision", matched="entry", words="shown reason", staff="owner removed_by"),
    "lists": Held("merchant name kind match field note revision created_at", staff="created_by"),
    "notices": Held("merchant campaign name at"),
    "order_lines": Held("merchant number category list_fen paid_fen", chosen="order_id sku"),
    "order_refunds": Held("merchant amount_fen lines at", chosen="order_id refund_id"),
    "order_steps": Held("merchant kind id at taken_at effects", chosen="order_id ref", staff="actor"),
    "orders": Held("merchant paid_fen paid_at cancelled_at created_at", subject="subject_id", chosen="id"),
    "outbox": Held("id merchant topic created_at seq", subject="ref body"),
    "parts": Held(
        "id merchant campaign version mechanic instance_id decision_id role state seat quantity price_fen list_fen pay_by live doubted data "
        "created_at updated_at",
        sealed="actor",
        hashed="body_hash",
        subject="subject_id",
        chosen="request_id order_id",
    ),
    "policies": Held("merchant id scene live_version created_at left_since"),
    "policy_generation": Held("id generation"),
    "policy_versions": Held(
        "merchant policy version content_hash state document source includes note approval_id effective_from effective_to created_at "
        "live_from recorded_since based_on",
        staff="author approver",
    ),
    "principals": Held("merchant kind created_at disabled_at", staff="id name"),
    "promoter_binds": Held("merchant campaign bound_at until doubted", subject="subject_id promoter_id"),
    "promoters": Held("merchant campaign level created_at", sealed="actor", subject="subject_id"),
    "rebate_orders": Held("id merchant campaign version doubted due_at settled_at", subject="buyer chain", chosen="order_id"),
    "refund_instructions": Held("merchant bill_no reward_id amount_fen reason created_at", chosen="order_id"),
    "refusals": Held("merchant campaign reasons_digest hour decision_id times last_at", sealed="personal", subject="subject_id"),
    "resources": Held("id merchant campaign kind pool closes_at capacity"),
    "retention_marks": Held("name at"),
    "review_entities": Held("review_id kind merchant", matched="token"),
    "review_notes": Held("id merchant review_id at", words="text", staff="author"),
    "review_rules": Held("review_id rule"),
    "reviews": Held(
        "id merchant kind decision_id reward_id rebate_id campaign state opened_at due_at locked_until approval_id resolution resolved_at",
        words="request reason",
        staff="assignee resolved_by",
    ),
    "risk_passes": Held(
        "id merchant review_id decision_id scene campaign granted_at expires_at used_at used_decision_id reward_id part_id",
        subject="subject_id",
        staff="granted_by",
    ),
    "rewards": Held(
        "id merchant campaign version mechanic kind part_id decision_id state face_fen posted_fen reversed_fen currency threshold_fen "
        "valid_from valid_until lock_for_seconds terms used_fen use_state locked_until created_at updated_at",
        hashed="body_hash",
        subject="subject_id",
        chosen="request_id order_id given_for",
    ),
    "sandbox_transfers": Held("bill_no merchant amount_fen state told created_at", hashed="content_hash"),
    "shipped_rulesets": Held("version document first_seen"),
    "slots": Held("resource_id slot capacity holder taken_at", limit="token"),
    "snooze_generation": Held("id generation"),
    "snoozes": Held(
        "id merchant policy rule field state created_at expires_at approval_id ended_at", matched="token", words="shown comment", staff="created_by ended_by"
    ),
    "subject_accesses": Held("id merchant action at", words="reason", subject="subject_id", staff="actor"),
    "subject_choices": Held(
        "merchant at", choice="marketing sensitive_data under_14 guardian_consent no_automated_decision", subject="subject_id", staff="told_by"
    ),
    "subject_matches": Held("merchant kind", matched="keyed_hash", subject="subject_id"),
    "subjects": Held("merchant created_at erased_at", sealed="wrapped_key", subject="id"),
    "timers": Held("id merchant kind due_at state attempts last_error", subject="ref"),
    "transfers": Held("id merchant amount_fen currency reason reward_id at", subject="debit credit", chosen="order_id once_key"),
    "unmaskings": Held("approval_id merchant fields until", subject="subject_id", staff="asked_by"),
    "webhook_deliveries": Held(
        "id merchant endpoint_id message_id seq topic state attempts next_at leased_until last_status last_error delivered_at", subject="ref"
    ),
    "webhook_endpoints": Held("id merchant url topics enabled secret_number overlap_until cursor created_at", staff="author"),
    "withdrawals": Held(
        "id merchant campaign version bill_no state gross_fen fee_fen tax_fen net_fen regime basis channel decision_id approval_id "
        "requested_at due_at instructed_at ended_at channel_ref reason",
        sealed="receiver",
        subject="subject_id",
        staff="requested_by",
    ),
}
