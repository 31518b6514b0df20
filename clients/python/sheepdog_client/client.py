"""What a shop's backend calls. Every call may be retried: effects carry an Idempotency-Key, events and checks an id of their own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from sheepdog_client.models import Appeal, BatchReply, CheckTold, CommandReply, Decision, EventReply, Label, Message, Order, QuoteReply, Reward, Withdrawal
from sheepdog_client.transport import Transport

# Each method of the client: (HTTP method, address as the OpenAPI document writes it). The service's suite compares them.
OPERATIONS: dict[str, tuple[str, str]] = {
    "claim": ("POST", "/v1/campaigns/{campaign_id}/claims"),
    "buy": ("POST", "/v1/campaigns/{campaign_id}/purchases"),
    "open_group": ("POST", "/v1/campaigns/{campaign_id}/groups"),
    "join_group": ("POST", "/v1/campaigns/{campaign_id}/groups/{instance}/join"),
    "start_bargain": ("POST", "/v1/campaigns/{campaign_id}/bargains"),
    "cut": ("POST", "/v1/campaigns/{campaign_id}/bargains/{instance}/cuts"),
    "check_in": ("POST", "/v1/campaigns/{campaign_id}/check-ins"),
    "instance": ("GET", "/v1/instances/{instance_id}"),
    "reward": ("GET", "/v1/rewards/{reward_id}"),
    "lock": ("POST", "/v1/rewards/{reward_id}/lock"),
    "redeem": ("POST", "/v1/rewards/{reward_id}/redeem"),
    "give_back": ("POST", "/v1/rewards/{reward_id}/cancel"),
    "quote": ("POST", "/v1/quotes"),
    "event": ("POST", "/v1/events"),
    "events": ("POST", "/v1/events/batch"),
    "open_order": ("POST", "/v1/orders/{order_id}/open"),
    "pay_order": ("POST", "/v1/orders/{order_id}/pay"),
    "refund_order": ("POST", "/v1/orders/{order_id}/refunds"),
    "cancel_order": ("POST", "/v1/orders/{order_id}/cancel"),
    "order": ("GET", "/v1/orders/{order_id}"),
    "explain_order": ("GET", "/v1/orders/{order_id}/ledger"),
    "become_promoter": ("POST", "/v1/campaigns/{campaign_id}/promoters"),
    "bring": ("POST", "/v1/campaigns/{campaign_id}/bindings"),
    "commissions": ("GET", "/v1/promoters/{user}/commissions"),
    "preview_withdrawal": ("POST", "/v1/withdrawals/preview"),
    "withdraw": ("POST", "/v1/withdrawals"),
    "withdrawal": ("GET", "/v1/withdrawals/{withdrawal_id}"),
    "instruction": ("GET", "/v1/withdrawals/{withdrawal_id}/instruction"),
    "tell_payout": ("POST", "/v1/withdrawals/{withdrawal_id}/outcome"),
    "check": ("POST", "/v1/risk/checks"),
    "checks": ("POST", "/v1/risk/checks/batch"),
    "confirm_check": ("POST", "/v1/risk/checks/{decision_id}/confirm"),
    "cancel_check": ("POST", "/v1/risk/checks/{decision_id}/cancel"),
    "confirm_checks": ("POST", "/v1/risk/checks/batch/confirm"),
    "cancel_checks": ("POST", "/v1/risk/checks/batch/cancel"),
    "decision": ("GET", "/v1/decisions/{decision_id}"),
    "label": ("POST", "/v1/labels"),
    "labels": ("POST", "/v1/labels/batch"),
    "appeal": ("POST", "/v1/appeals"),
    "appeal_state": ("GET", "/v1/appeals/{appeal_id}"),
    "notifications": ("GET", "/v1/notifications"),
}


@dataclass
class Client:
    """A client of one service with one key. Threads may share it."""

    transport: Transport

    @classmethod
    def at(cls, base_url: str, api_key: str, **options: Any) -> Client:
        """A client for the address; options are those of `Transport` (timeout, deadline, language)."""
        return cls(Transport(base_url, api_key, **options))

    def command(self, campaign: str, path: str, user: str, *, key: str | None = None, **fields: Any) -> CommandReply:
        """Any command of any mechanic, by its address below the campaign."""
        return self._effect(f"/v1/campaigns/{_part(campaign)}/{path}", {"user": user, **fields}, key)  # type: ignore[return-value]

    def claim(self, campaign: str, user: str, *, key: str | None = None, **fields: Any) -> CommandReply:
        """Take a coupon."""
        return self.command(campaign, "claims", user, key=key, **fields)

    def buy(self, campaign: str, user: str, sku: str, order_id: str, *, quantity: int = 1, key: str | None = None, **fields: Any) -> CommandReply:
        """Take pieces of a seckill."""
        return self.command(campaign, "purchases", user, key=key, sku=sku, order_id=order_id, quantity=quantity, **fields)

    def open_group(self, campaign: str, user: str, sku: str, order_id: str, *, key: str | None = None, **fields: Any) -> CommandReply:
        """Open a group; it begins with its leader's payment."""
        return self.command(campaign, "groups", user, key=key, sku=sku, order_id=order_id, **fields)

    def join_group(self, campaign: str, group: str, user: str, order_id: str, *, key: str | None = None, **fields: Any) -> CommandReply:
        """Take a seat of a group."""
        return self.command(campaign, f"groups/{_part(group)}/join", user, key=key, order_id=order_id, **fields)

    def start_bargain(self, campaign: str, user: str, sku: str, *, key: str | None = None, **fields: Any) -> CommandReply:
        """Begin a bargain."""
        return self.command(campaign, "bargains", user, key=key, sku=sku, **fields)

    def cut(self, campaign: str, bargain: str, user: str, *, key: str | None = None, **fields: Any) -> CommandReply:
        """Help with a cut."""
        return self.command(campaign, f"bargains/{_part(bargain)}/cuts", user, key=key, **fields)

    def check_in(self, campaign: str, user: str, *, key: str | None = None, **fields: Any) -> CommandReply:
        """Check in for the day."""
        return self.command(campaign, "check-ins", user, key=key, **fields)

    def instance(self, instance_id: str) -> dict[str, Any]:
        """A group, a bargain or a calendar as it stands."""
        return self.transport.call("GET", f"/v1/instances/{_part(instance_id)}")

    def reward(self, reward_id: str) -> Reward:
        return self.transport.call("GET", f"/v1/rewards/{_part(reward_id)}")  # type: ignore[return-value]

    def lock(self, reward_id: str, order_id: str, *, key: str | None = None, **order: Any) -> Reward:
        """Hold a coupon for an order at checkout; `amount_fen` and `lines` where it asks for them."""
        return self._effect(f"/v1/rewards/{_part(reward_id)}/lock", {"order_id": order_id, **order}, key)  # type: ignore[return-value]

    def redeem(self, reward_id: str, order_id: str, *, key: str | None = None, **order: Any) -> Reward:
        """Use a coupon with an order."""
        return self._effect(f"/v1/rewards/{_part(reward_id)}/redeem", {"order_id": order_id, **order}, key)  # type: ignore[return-value]

    def give_back(self, reward_id: str, order_id: str, *, key: str | None = None) -> Reward:
        """Give a coupon back whose order is off."""
        return self._effect(f"/v1/rewards/{_part(reward_id)}/cancel", {"order_id": order_id}, key)  # type: ignore[return-value]

    def quote(self, user: str, lines: Sequence[Mapping[str, Any]], **cart: Any) -> QuoteReply:
        """What a cart costs, and why. Nothing is kept."""
        return self.transport.call("POST", "/v1/quotes", {"user": user, "lines": list(lines), **cart})  # type: ignore[return-value]

    def event(self, event_id: str, kind: str, user: str, **fields: Any) -> EventReply:
        """Tell what happened. The id makes every repetition harmless."""
        return self.transport.call("POST", "/v1/events", {"id": event_id, "type": kind, "user": user, **fields})  # type: ignore[return-value]

    def events(self, items: Sequence[Mapping[str, Any]]) -> BatchReply:
        """Tell up to a thousand events, each with `id`, `type` and `user`. Look at `failed`: a refused one keeps none of the others back."""
        return self.transport.call("POST", "/v1/events/batch", {"events": list(items)})  # type: ignore[return-value]

    def open_order(self, order_id: str, user: str, **fields: Any) -> EventReply:
        return self._order(order_id, "open", user, fields)

    def pay_order(self, order_id: str, user: str, amount_fen: int, **fields: Any) -> EventReply:
        """The order was paid in full; `reward_ids` are the coupons that it used."""
        return self._order(order_id, "pay", user, {"amount_fen": amount_fen, **fields})

    def refund_order(self, order_id: str, user: str, refund_id: str, amount_fen: int, **fields: Any) -> EventReply:
        return self._order(order_id, "refunds", user, {"refund_id": refund_id, "amount_fen": amount_fen, **fields})

    def cancel_order(self, order_id: str, user: str, **fields: Any) -> EventReply:
        return self._order(order_id, "cancel", user, fields)

    def order(self, order_id: str) -> Order:
        return self.transport.call("GET", f"/v1/orders/{_part(order_id)}")  # type: ignore[return-value]

    def explain_order(self, order_id: str) -> dict[str, Any]:
        """Every transfer of the order, and what became of its commissions."""
        return self.transport.call("GET", f"/v1/orders/{_part(order_id)}/ledger")

    def become_promoter(self, campaign: str, user: str, *, key: str | None = None, **fields: Any) -> dict[str, Any]:
        """Make a customer a promoter."""
        return self._effect(f"/v1/campaigns/{_part(campaign)}/promoters", {"user": user, **fields}, key)

    def bring(self, campaign: str, customer: str, promoter: str, *, key: str | None = None, **fields: Any) -> dict[str, Any]:
        """Note which promoter brought a customer."""
        return self._effect(f"/v1/campaigns/{_part(campaign)}/bindings", {"user": customer, "promoter": promoter, **fields}, key)

    def commissions(self, user: str) -> dict[str, Any]:
        """What a promoter has: frozen, owed, in debt."""
        return self.transport.call("GET", f"/v1/promoters/{_part(user)}/commissions")

    def preview_withdrawal(self, campaign: str, user: str, amount_fen: int) -> dict[str, Any]:
        """Fee, tax and what the receiver would get. Nothing is set aside."""
        return self.transport.call("POST", "/v1/withdrawals/preview", {"user": user, "campaign": campaign, "amount_fen": amount_fen})

    def withdraw(self, campaign: str, user: str, amount_fen: int, receiver: str, *, key: str | None = None, **fields: Any) -> Withdrawal:
        """Ask for a withdrawal, before tax and fee."""
        body = {"user": user, "campaign": campaign, "amount_fen": amount_fen, "receiver": receiver, **fields}
        return self._effect("/v1/withdrawals", body, key)  # type: ignore[return-value]

    def withdrawal(self, withdrawal_id: str) -> Withdrawal:
        return self.transport.call("GET", f"/v1/withdrawals/{_part(withdrawal_id)}")  # type: ignore[return-value]

    def instruction(self, withdrawal_id: str) -> dict[str, Any]:
        """Whom to pay how much under which bill, once `withdrawal.due` was told. Each reading is in the audit log."""
        return self.transport.call("GET", f"/v1/withdrawals/{_part(withdrawal_id)}/instruction")

    def tell_payout(self, withdrawal_id: str, bill_no: str, amount_fen: int, outcome: str, *, key: str | None = None, **fields: Any) -> Withdrawal:
        """What the channel said: "paid", "failed" or "closed"."""
        body = {"bill_no": bill_no, "amount_fen": amount_fen, "outcome": outcome, **fields}
        return self._effect(f"/v1/withdrawals/{_part(withdrawal_id)}/outcome", body, key)  # type: ignore[return-value]

    def check(self, check_id: str, scene: str, user: str, **fields: Any) -> Decision:
        """May this go through? The same id with the same content gives the same decision."""
        return self.transport.call("POST", "/v1/risk/checks", {"id": check_id, "scene": scene, "user": user, **fields})  # type: ignore[return-value]

    def checks(self, items: Sequence[Mapping[str, Any]]) -> BatchReply:
        """Check up to a thousand events, each with `id`, `scene` and `user`."""
        return self.transport.call("POST", "/v1/risk/checks/batch", {"checks": list(items)})  # type: ignore[return-value]

    def confirm_check(self, decision_id: str, *, amount_fen: int | None = None, order_id: str | None = None) -> CheckTold:
        """What was checked has happened. The same again changes nothing."""
        return self.transport.call("POST", f"/v1/risk/checks/{_part(decision_id)}/confirm", _given(amount_fen=amount_fen, order_id=order_id))  # type: ignore[return-value]

    def cancel_check(self, decision_id: str) -> CheckTold:
        """What was checked did not happen after all, and counts no more. The same again changes nothing."""
        return self.transport.call("POST", f"/v1/risk/checks/{_part(decision_id)}/cancel")  # type: ignore[return-value]

    def confirm_checks(self, items: Sequence[Mapping[str, Any]]) -> BatchReply:
        """Confirm up to a thousand checks, each with `decision_id`, and `amount_fen` and `order_id` where there are such. Look at `failed`."""
        return self.transport.call("POST", "/v1/risk/checks/batch/confirm", {"checks": list(items)})  # type: ignore[return-value]

    def cancel_checks(self, decision_ids: Sequence[str]) -> BatchReply:
        """Cancel up to a thousand checks. Look at `failed`."""
        return self.transport.call("POST", "/v1/risk/checks/batch/cancel", {"checks": [{"decision_id": one} for one in decision_ids]})  # type: ignore[return-value]

    def decision(self, decision_id: str) -> Decision:
        """Why a customer was allowed, held or refused, and what was told of a check afterwards."""
        return self.transport.call("GET", f"/v1/decisions/{_part(decision_id)}")  # type: ignore[return-value]

    def label(self, decision_id: str, label: str, source: str) -> Label:
        """What a decision turned out to be: "fraud" or "honest", known from a "chargeback", an "appeal", a "review", the "shop" or an "analyst"."""
        return self.transport.call("POST", "/v1/labels", {"decision_id": decision_id, "label": label, "source": source})  # type: ignore[return-value]

    def labels(self, items: Sequence[Mapping[str, str]]) -> BatchReply:
        """Label up to a thousand decisions, each with `decision_id`, `label` and `source`. Look at `failed`."""
        return self.transport.call("POST", "/v1/labels/batch", {"labels": list(items)})  # type: ignore[return-value]

    def appeal(self, decision_id: str, reason: str) -> Appeal:
        """Ask for a refused customer that a person looks again; `reason` is what the customer says. Asked again, it is told as it stands."""
        return self.transport.call("POST", "/v1/appeals", {"decision_id": decision_id, "reason": reason})  # type: ignore[return-value]

    def appeal_state(self, appeal_id: str) -> Appeal:
        return self.transport.call("GET", f"/v1/appeals/{_part(appeal_id)}")  # type: ignore[return-value]

    def notifications(self, after: int = 0, limit: int = 200) -> Iterator[Message]:
        """Messages after a number, in order, until there are no more. Keep the last `seq`."""
        while True:
            found = self.transport.call("GET", f"/v1/notifications?{urlencode({'after': after, 'limit': limit})}")["items"]
            yield from found
            if len(found) < limit:
                return
            after = found[-1]["seq"]

    def _order(self, order_id: str, step: str, user: str, fields: Mapping[str, Any]) -> EventReply:
        return self.transport.call("POST", f"/v1/orders/{_part(order_id)}/{step}", {"user": user, **fields})  # type: ignore[return-value]

    def _effect(self, path: str, body: Mapping[str, Any], key: str | None) -> dict[str, Any]:
        # Made once for the call, and kept over its retries. Who may be killed between call and reply gives a key that outlives it.
        return self.transport.call("POST", path, body, key or uuid.uuid4().hex)


def _part(name: str) -> str:
    return quote(name, safe="")


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
