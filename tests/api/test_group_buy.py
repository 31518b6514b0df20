"""拼团 over HTTP, from the leader's first tap to success, failure, refunds and every late payment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import MERCHANT, Shop
from tests.api.sales import bills, cancel, event, pass_time, pay, refund, rewards_of
from tests.playing import check_playing

GROUP = """\
campaign: trio
mechanic: group_buy
title: {zh: 三人拼团享5折, en: half price for three}
starts: 2026-11-01
ends: 2026-11-30
limits: {per_user: 2}
group_buy:
  size: 3
  life: 24h
  pay_within: 15m
  skus: [{sku: tea, list: "99.00", group_price: "49.50", stock: 9}]
"""
PRICE = 4950


def open_group(shop: Shop, user: str = "lea", order: str | None = None, **more: Any) -> Any:
    return shop.post("/v1/campaigns/trio/groups", {"user": user, "sku": "tea", "order_id": order or f"o-{user}", **more})


def join(shop: Shop, group: str, user: str, order: str | None = None, **more: Any) -> Any:
    return shop.post(f"/v1/campaigns/trio/groups/{group}/join", {"user": user, "order_id": order or f"o-{user}", **more})


def leave(shop: Shop, group: str, user: str) -> Any:
    return shop.post(f"/v1/campaigns/trio/groups/{group}/leave", {"user": user})


def started(shop: Shop, user: str = "lea") -> str:
    """A group whose leader has paid."""
    group = str(open_group(shop, user).json["instance"]["id"])
    assert pay(shop, f"o-{user}", user, PRICE) == ["group.started"]
    return group


def look(shop: Shop, group: str) -> Any:
    return shop.get(f"/v1/instances/{group}").json


def test_three_who_pay_in_time_get_the_price(shop: Shop) -> None:
    shop.publish(GROUP)
    opened = open_group(shop)
    assert opened.status_code == 201, opened.json
    assert (opened.json["instance"]["state"], opened.json["part"]["price_fen"], opened.json["part"]["role"]) == ("pending", PRICE, "leader")
    assert opened.json["reward"]["state"] == "reserved"
    group = opened.json["instance"]["id"]
    assert join(shop, group, "bo").json["code"] == "group_not_open"
    assert pay(shop, "o-lea", "lea", PRICE) == ["group.started"]
    assert [join(shop, group, user).status_code for user in ("bo", "cy")] == [201, 201]
    assert join(shop, group, "dee").json["code"] == "group_full"
    assert pay(shop, "o-bo", "bo", PRICE) == ["group.paid"]
    assert "group.succeeded" in pay(shop, "o-cy", "cy", PRICE)
    assert rewards_of(shop, "trio") == [("discount", "posted", PRICE)] * 3
    shown = look(shop, group)
    assert (shown["state"], shown["complete"], shown["missing"], len(shown["members"])) == ("succeeded", 3, 0, 3)
    assert bills(shop) == {}


def test_an_unfilled_group_fails_at_its_deadline_and_everybody_is_refunded_once(shop: Shop) -> None:
    """litemall#159: an expired group was treated as a success."""
    shop.publish(GROUP)
    group = started(shop)
    join(shop, group, "bo")
    pay(shop, "o-bo", "bo", PRICE)
    pass_time(shop, hours=24, microseconds=-1)
    assert look(shop, group)["state"] == "open"
    pass_time(shop, microseconds=1)
    assert look(shop, group)["state"] == "failed"
    assert bills(shop) == {"o-lea": (PRICE, "group_failed"), "o-bo": (PRICE, "group_failed")}
    assert rewards_of(shop, "trio") == [("discount", "void", 0)] * 2
    # A failed group does not count: both may be in two more.
    assert [open_group(shop, "lea", f"again-{number}").status_code for number in range(1)] == [201]
    assert refund(shop, "o-bo", "bo", PRICE) == []


def test_a_payment_for_a_group_that_is_over_is_given_back(shop: Shop) -> None:
    """ruoyi-vue-pro: it threw and rolled back, and the customer had paid for nothing."""
    shop.publish(GROUP)
    group = started(shop)
    join(shop, group, "bo")
    pass_time(shop, hours=24)
    assert pay(shop, "o-bo", "bo", PRICE) == ["refund.instructed"]
    assert bills(shop)["o-bo"] == (PRICE, "paid_too_late")
    assert join(shop, group, "cy").json["code"] == "group_over"


def test_a_payment_at_the_very_deadline_is_late_even_before_the_timer_has_fired(shop: Shop) -> None:
    shop.publish(GROUP)
    group = started(shop)
    shop.clock.turn(hours=23, minutes=50)
    join(shop, group, "bo")
    shop.clock.turn(minutes=10)
    assert "group.failed" in pay(shop, "o-bo", "bo", PRICE)
    assert bills(shop) == {"o-lea": (PRICE, "group_failed"), "o-bo": (PRICE, "group_failed")}
    pass_time(shop)
    assert len(bills(shop)) == 2


def test_an_unpaid_seat_is_given_to_the_next_and_its_late_payment_goes_back(shop: Shop) -> None:
    shop.publish(GROUP)
    group = started(shop)
    join(shop, group, "bo")
    join(shop, group, "cy")
    pay(shop, "o-cy", "cy", PRICE)
    # The timer is late: the seat is free all the same.
    shop.clock.turn(minutes=15)
    assert join(shop, group, "dee").status_code == 201
    assert pay(shop, "o-bo", "bo", PRICE) == ["refund.instructed"]
    assert "group.succeeded" in pay(shop, "o-dee", "dee", PRICE)
    assert bills(shop) == {"o-bo": (PRICE, "paid_too_late")}
    assert {member["subject"] for member in look(shop, group)["members"]} == {
        reply["subject"] for reply in look(shop, group)["parts"] if reply["state"] == "served"
    }


def test_a_leader_who_leaves_is_followed_and_the_deadline_stays(shop: Shop) -> None:
    """CRMEB#27: a refunded member was still shown."""
    shop.publish(GROUP)
    group = started(shop)
    deadline = look(shop, group)["deadline"]
    join(shop, group, "bo")
    pay(shop, "o-bo", "bo", PRICE)
    gone = leave(shop, group, "lea")
    assert gone.status_code == 200, gone.json
    assert bills(shop) == {"o-lea": (PRICE, "left_group")}
    shown = look(shop, group)
    assert (shown["state"], shown["deadline"]) == ("open", deadline)
    assert [(member["role"], member["state"]) for member in shown["members"]] == [("leader", "paid")]
    assert leave(shop, group, "lea").json["code"] == "not_in_group"


def test_the_last_payer_who_leaves_ends_the_group(shop: Shop) -> None:
    shop.publish(GROUP)
    group = started(shop)
    join(shop, group, "bo")
    leave(shop, group, "lea")
    assert look(shop, group)["state"] == "failed"
    assert pay(shop, "o-bo", "bo", PRICE) == ["refund.instructed"]


def test_one_live_group_for_a_customer(shop: Shop) -> None:
    shop.publish(GROUP)
    group = started(shop)
    assert open_group(shop, "lea", "second").json["code"] == "live_limit"
    other = started(shop, "max")
    assert join(shop, other, "lea", "third").json["code"] == "live_limit"
    for user in ("bo", "cy"):
        join(shop, group, user)
        pay(shop, f"o-{user}", user, PRICE)
    # Once it has succeeded it is not live any more, and counts as one of two.
    assert open_group(shop, "lea", "second").status_code == 201
    assert open_group(shop, "bo", "second-bo").status_code == 201


def test_a_refund_after_success_takes_one_member_out_and_leaves_the_others(shop: Shop) -> None:
    shop.publish(GROUP)
    group = started(shop)
    for user in ("bo", "cy"):
        join(shop, group, user)
        pay(shop, f"o-{user}", user, PRICE)
    assert "reward.reversed" in refund(shop, "o-bo", "bo", PRICE)
    assert rewards_of(shop, "trio") == [("discount", "posted", PRICE), ("discount", "reversed", 0), ("discount", "posted", PRICE)]
    assert look(shop, group)["state"] == "succeeded"
    assert leave(shop, group, "cy").json["code"] == "group_succeeded"


def test_a_part_of_a_refund_reverses_its_share(shop: Shop) -> None:
    shop.publish(GROUP)
    group = started(shop)
    for user in ("bo", "cy"):
        join(shop, group, user)
        pay(shop, f"o-{user}", user, PRICE)
    refund(shop, "o-cy", "cy", PRICE // 3)
    assert rewards_of(shop, "trio")[2] == ("discount", "posted", PRICE - PRICE // 3)


def test_fifty_callbacks_of_one_payment_pay_once(shop: Shop) -> None:
    shop.publish(GROUP)
    group = started(shop)
    for user in ("bo", "cy"):
        join(shop, group, user)
    pay(shop, "o-bo", "bo", PRICE)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda number: event(shop, "order.paid", "o-cy", "cy", f"call-{number}", amount_fen=PRICE), range(50)))
    assert {reply.status_code for reply in replies} == {200}
    assert sum(any(effect["type"] == "group.succeeded" for effect in reply.json["effects"]) for reply in replies) == 1
    pass_time(shop)
    assert rewards_of(shop, "trio") == [("discount", "posted", PRICE)] * 3


@pytest.mark.parametrize(("fen", "more", "code"), [(PRICE - 1, {}, "paid_amount_differs"), (PRICE, {"bill_no": "PB0"}, "bill_no_differs")])
def test_a_payment_that_is_not_the_parts_is_refused_and_kept_in_the_audit(shop: Shop, fen: int, more: dict[str, Any], code: str) -> None:
    shop.publish(GROUP)
    bill = open_group(shop).json["part"]["bill_no"]
    wrong = event(shop, "order.paid", "o-lea", "lea", "wrong", amount_fen=fen, **more)
    assert (wrong.status_code, wrong.json["code"]) == (409, code)
    entries = shop.services.database.engine.connect().exec_driver_sql("SELECT target FROM audit_entries WHERE action = 'payment.refused'").all()
    assert [row[0] for row in entries] == ["o-lea"]
    assert pay(shop, "o-lea", "lea", PRICE, bill_no=bill) == ["group.started"]


def test_a_refund_that_comes_before_its_payment_is_applied_with_it(shop: Shop) -> None:
    shop.publish(GROUP)
    group = started(shop)
    join(shop, group, "bo")
    assert refund(shop, "o-bo", "bo", PRICE) == ["refund.awaits_payment"]
    pay(shop, "o-bo", "bo", PRICE)
    assert look(shop, group)["complete"] == 1
    assert bills(shop) == {}


def test_a_cancelled_order_frees_its_seat(shop: Shop) -> None:
    shop.publish(GROUP)
    group = started(shop)
    join(shop, group, "bo")
    join(shop, group, "cy")
    assert "group.left" in cancel(shop, "o-bo", "bo")
    assert join(shop, group, "dee").status_code == 201
    assert pay(shop, "o-bo", "bo", PRICE) == ["refund.instructed"]


def test_the_leaders_commission_is_paid_with_success_and_taken_back_with_the_leaders_order(shop: Shop) -> None:
    shop.publish(
        GROUP.replace("size: 3", 'size: 2\n  leader_commission: "2.00"').replace("limits: {per_user: 2}", 'budget: {total: "500.00"}\nlimits: {per_user: 2}')
    )
    group = started(shop)
    join(shop, group, "bo")
    pay(shop, "o-bo", "bo", PRICE)
    assert sorted(rewards_of(shop, "trio")) == [("commission", "posted", 200), ("discount", "posted", PRICE), ("discount", "posted", PRICE)]
    refund(shop, "o-lea", "lea", PRICE)
    assert sorted(rewards_of(shop, "trio")) == [("commission", "reversed", 0), ("discount", "posted", PRICE), ("discount", "reversed", 0)]


def test_a_crowd_at_one_group_never_overfills_it(shop: Shop) -> None:
    """ruoyi-vue-pro: fullness was read and then written."""
    shop.publish(GROUP.replace("stock: 9", "stock: 99"))
    group = started(shop)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda number: join(shop, group, f"u{number}"), range(24)))
    assert sum(reply.status_code == 201 for reply in replies) == 2
    assert {reply.json["code"] for reply in replies if reply.status_code != 201} == {"group_full"}
    assert look(shop, group)["locked"] == 3


def test_a_group_outlives_its_campaign_but_none_is_opened_later(shop: Shop) -> None:
    last = (shop.clock.now() + timedelta(hours=1)).isoformat()
    shop.publish(GROUP.replace("ends: 2026-11-30", f"ends: {last}"))
    group = started(shop)
    shop.clock.turn(hours=1)
    assert open_group(shop, "max").json["code"] == "campaign_over"
    assert join(shop, group, "bo").status_code == 201
    assert pay(shop, "o-bo", "bo", PRICE) == ["group.paid"]


def test_pausing_refuses_joins_and_takes_payments(shop: Shop) -> None:
    shop.publish(GROUP)
    group = started(shop)
    join(shop, group, "bo")
    shop.post("/v1/campaigns/trio/pause", {"reason": "look"}, "marketer")
    shop.services.catalogue.forget()
    assert join(shop, group, "cy").json["code"] == "campaign_paused"
    assert pay(shop, "o-bo", "bo", PRICE) == ["group.paid"]
    assert leave(shop, group, "bo").status_code == 200
    shop.post("/v1/campaigns/trio/end", {"reason": "done"}, "marketer")
    shop.services.catalogue.forget()
    assert open_group(shop, "max").json["code"] == "campaign_over"
    assert join(shop, group, "cy").status_code == 201


def test_a_held_member_is_voided_by_a_person_and_gets_the_money_back(shop: Shop) -> None:
    shop.publish(GROUP.replace("size: 3", "size: 2"))
    group = started(shop)
    # Three devices of one account within five minutes ask for a person's look.
    for device in ("d1", "d2"):
        shop.post("/v1/risk/checks", {"id": f"hop-{device}", "scene": "group_buy.join", "user": "bo", "device": device})
    joined = join(shop, group, "bo", device="d3")
    assert joined.json["decision"]["outcome"] == "review"
    pay(shop, "o-bo", "bo", PRICE)
    assert rewards_of(shop, "trio") == [("discount", "posted", PRICE), ("discount", "held", 0)]
    review = shop.get("/v1/reviews", "compliance").json["items"][0]
    done = shop.post(f"/v1/reviews/{review['id']}/resolve", {"resolution": "void", "reason": "a farm"}, "compliance")
    assert done.status_code == 200, done.json
    assert bills(shop) == {"o-bo": (PRICE, "risk_refused")}
    assert rewards_of(shop, "trio")[1] == ("discount", "void", 0)


def test_a_review_of_what_came_to_nothing_with_its_order_is_closed(shop: Shop) -> None:
    shop.publish(GROUP.replace("size: 3", "size: 2"))
    group = started(shop)
    for device in ("d1", "d2"):
        shop.post("/v1/risk/checks", {"id": f"hop-{device}", "scene": "group_buy.join", "user": "bo", "device": device})
    join(shop, group, "bo", device="d3")
    pay(shop, "o-bo", "bo", PRICE)
    [review] = shop.get("/v1/reviews", "compliance").json["items"]
    cancel(shop, "o-bo", "bo")
    assert shop.get("/v1/reviews", "compliance").json["items"] == []
    closed = shop.get(f"/v1/reviews/{review['id']}", "compliance").json
    assert (closed["resolution"], closed["resolved_by"]) == ("void", "system")


def test_denied_customers_and_channels_are_told_so(shop: Shop) -> None:
    shop.publish(GROUP + "  deny: {users: [rat], channels: [scraper]}\n")
    assert open_group(shop, "rat").json["code"] == "denied"
    assert open_group(shop, "lea", channel="scraper").json["code"] == "denied"
    assert open_group(shop, "lea", quantity=2).json["code"] == "per_order_limit"
    assert open_group(shop, "lea", sku="coffee").json["code"] == "unknown_sku"


def test_an_unfilled_group_is_filled_only_where_a_second_approval_allows_it(shop: Shop) -> None:
    made = shop.post("/v1/campaigns", {"source": GROUP + "  virtual_fill: {from_percent: 60}\n"}, "marketer").json
    (further,) = made["further_approvals"]
    assert further["kind"] == "campaign.virtual_fill"
    early = shop.post(f"/v1/approvals/{made['approval_id']}/approve", {"reason": "r"}, "compliance")
    assert (early.status_code, early.json["code"], early.json["missing"]) == (409, "approval_missing", ["campaign.virtual_fill"])
    own = shop.post(f"/v1/approvals/{further['approval_id']}/approve", {"reason": "r"}, "marketer")
    assert own.status_code == 403
    for approval in (further["approval_id"], made["approval_id"]):
        assert shop.post(f"/v1/approvals/{approval}/approve", {"reason": "r"}, "compliance").status_code == 200
    group = started(shop)
    join(shop, group, "bo")
    pay(shop, "o-bo", "bo", PRICE)
    join(shop, group, "late")
    pass_time(shop, hours=24)
    shown = look(shop, group)
    assert (shown["state"], shown["virtual_seats"], shown["missing"], len(shown["members"])) == ("succeeded", 1, 0, 2)
    assert rewards_of(shop, "trio") == [("discount", "posted", PRICE), ("discount", "posted", PRICE), ("discount", "void", 0)]


def test_too_few_real_members_are_not_filled_up(shop: Shop) -> None:
    made = shop.post("/v1/campaigns", {"source": GROUP + "  virtual_fill: {from_percent: 60}\n"}, "marketer").json
    for approval in (made["further_approvals"][0]["approval_id"], made["approval_id"]):
        shop.post(f"/v1/approvals/{approval}/approve", {"reason": "r"}, "compliance")
    group = started(shop)
    pass_time(shop, hours=24)
    assert look(shop, group)["state"] == "failed"
    assert bills(shop) == {"o-lea": (PRICE, "group_failed")}


def test_a_storm_of_refunds_takes_back_exactly_its_shares(shop: Shop) -> None:
    shop.publish(GROUP)
    group = started(shop)
    for user in ("bo", "cy"):
        join(shop, group, user)
        pay(shop, f"o-{user}", user, PRICE)
    wishes = [(user, number) for user in ("lea", "bo", "cy") for number in range(12)] * 2

    def refund_some(wish: tuple[str, int]) -> int:
        user, number = wish
        more = {"amount_fen": 100, "refund_id": f"storm-{number}"}
        return int(event(shop, "order.refunded", f"o-{user}", user, f"storm-{user}-{number}", **more).status_code)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(refund_some, wishes)) == {200}
    # Twelve of 100 fen each, of 49.50 that were paid: their share of a discount of 49.50.
    assert rewards_of(shop, "trio") == [("discount", "posted", PRICE - 1200)] * 3
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda user: refund(shop, f"o-{user}", user, PRICE - 1200, "rest"), ("lea", "bo", "cy")))
    assert rewards_of(shop, "trio") == [("discount", "reversed", 0)] * 3
    with shop.services.database.read() as connection:
        check_playing(connection, MERCHANT)


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.replace("stock: 9", "stock: 20"),
        lambda file: file.replace("stock: 9", "stock: 8"),
        lambda file: file.replace("sku: tea", "sku: pot"),
        lambda file: file.replace(", stock: 9", "").replace("limits:", 'budget: {total: "5000.00"}\nlimits:'),
    ],
    ids=["more stock", "less stock", "the article is gone", "no bound of its own"],
)
def test_a_group_goes_on_under_a_new_version(shop: Shop, change: Any) -> None:
    shop.publish(GROUP)
    group = started(shop)
    shop.publish(change(GROUP))
    shop.services.catalogue.forget()
    for user in ("bo", "cy"):
        assert join(shop, group, user).status_code == 201
        pay(shop, f"o-{user}", user, PRICE)
    assert look(shop, group)["state"] == "succeeded"


def test_a_part_that_was_refunded_before_success_is_taken_out_of_the_discount(shop: Shop) -> None:
    shop.publish(GROUP)
    group = started(shop)
    for user in ("bo", "cy"):
        join(shop, group, user)
    pay(shop, "o-bo", "bo", PRICE)
    refund(shop, "o-bo", "bo", 1000, "early")
    pay(shop, "o-cy", "cy", PRICE)
    assert rewards_of(shop, "trio")[1] == ("discount", "posted", PRICE - 1000)
    refund(shop, "o-bo", "bo", 1000, "late")
    assert rewards_of(shop, "trio")[1] == ("discount", "posted", PRICE - 2000)
