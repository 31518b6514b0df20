"""The forms of replies. Amounts are integers of fen; times are ISO 8601 with an offset. The service may add members."""

from __future__ import annotations

from typing import Any, TypedDict


class Reward(TypedDict, total=False):
    id: str
    campaign: str
    version: int
    mechanic: str
    kind: str
    state: str
    use_state: str
    amount_fen: int
    posted_fen: int
    reversed_fen: int
    discount_fen: int | None
    order_id: str | None
    valid_from: str
    valid_until: str


class Decision(TypedDict, total=False):
    id: str
    outcome: str
    score: int
    reasons: list[dict[str, Any]]
    degraded: bool


class CheckTold(TypedDict):
    """What stands of a check: `outcome_told` has `told` (confirmed or cancelled), `at`, `amount_fen` and `order_id`."""

    decision_id: str
    outcome_told: dict[str, Any]


class Label(TypedDict):
    """`changed` is false where the same stood already."""

    decision_id: str
    label: str
    changed: bool


class CommandReply(TypedDict):
    """What stands now: the instance and the part that it made, the reward and its decision."""

    instance: dict[str, Any] | None
    part: dict[str, Any] | None
    reward: Reward | None
    decision: Decision | None
    review_id: str | None
    effects: list[dict[str, Any]]


class EventReply(TypedDict):
    id: str
    effects: list[dict[str, Any]]


class BatchReply(TypedDict):
    """`items` in the order sent, each with `status` and `body` or `problem`; `failed` counts those that were refused."""

    items: list[dict[str, Any]]
    failed: int


class Order(TypedDict):
    """`state` is open, paid, partially_returned or cancelled."""

    id: str
    state: str
    subject: str
    paid_fen: int | None
    refunded_fen: int
    lines: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    given: list[dict[str, Any]]


class QuoteReply(TypedDict):
    lines: list[dict[str, Any]]
    freight: dict[str, Any]
    list_fen: int
    discount_fen: int
    total_fen: int
    applied: list[dict[str, Any]]
    not_applied: list[dict[str, Any]]
    bounded: bool


class Withdrawal(TypedDict, total=False):
    """`state` is auditing, approved, paying, paid, rejected, transfer_failed or closed. `basis` says how the tax follows."""

    id: str
    bill_no: str
    state: str
    channel: str
    gross_fen: int
    fee_fen: int
    tax_fen: int
    net_fen: int
    basis: dict[str, Any]
    approval_id: str | None


class Appeal(TypedDict):
    """`state` is open, upheld (the refusal stands) or overturned; `answer` is for the customer.

    `remedy`, of an overturned one, says what to do now: its `code` (such as "ask_again"), `text`, `pass_id` and `until`.
    """

    id: str
    decision_id: str
    state: str
    reason: str
    opened_at: str
    due_at: str
    answered_at: str | None
    answer: str | None
    remedy: dict[str, Any] | None


class Message(TypedDict):
    seq: int
    id: str
    topic: str
    ref: str
    at: str
    body: dict[str, Any]
