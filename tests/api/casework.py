"""What tests of cases share: held claims, refused claims, and a second person."""

from __future__ import annotations

from typing import Any

from core.access.principals import add_principal, create_key
from tests.api.conftest import MERCHANT, Shop
from tests.e2e.service import coupon

REASON = {"reason": "called the customer"}


def hire(shop: Shop, name: str, scope: str = "compliance", kind: str = "person") -> str:
    """Another principal, whose key is known by the name; its id."""
    with shop.services.database.write() as connection:
        made = add_principal(connection, merchant=MERCHANT, kind=kind, name=name, actor="system", now=shop.now())
        _, shop.keys[name] = create_key(connection, principal_id=made, scopes=[scope], actor="system", now=shop.now())
    return made


def opened(shop: Shop, amount: str = "20.00", campaign: str = "spring") -> Shop:
    shop.publish(priced(campaign, amount))
    hire(shop, "second")
    return shop


def priced(campaign: str, amount: str) -> str:
    """A coupon of so many yuan."""
    return coupon(campaign, amount=amount).replace('"99.00"', '"999.00"')


def held(shop: Shop, user: str, campaign: str = "spring", **more: Any) -> str:
    """The case of a claim that is held: a virtual carrier's number, within a second of opening the page."""
    given = {"session": f"s-{user}", "session_started_at": shop.now().isoformat(), "phone": "17012345678", **more}
    reply = shop.claim(campaign, user, **given)
    assert reply.status_code == 202, reply.json
    return str(reply.json["review_id"])


def refused(shop: Shop, campaign: str = "spring") -> str:
    """The decision of a claim that is refused: one more account on a device of many."""
    for number in range(8):
        reply = shop.claim(campaign, f"farm{number}", device="farm", phone="17012345678", ip="203.0.113.7")
        if reply.status_code == 403:
            return str(reply.json["decision_id"])
    raise AssertionError("nobody was refused")


def resolve(shop: Shop, case: str, resolution: str, who: str = "compliance", reason: str = "looked") -> Any:
    return shop.post(f"/v1/reviews/{case}/resolve", {"resolution": resolution, "reason": reason}, who)


def act(shop: Shop, case: str, name: str, who: str = "compliance", body: Any = None) -> Any:
    return shop.post(f"/v1/reviews/{case}/{name}", body, who)


def cases(shop: Shop, query: str = "", who: str = "compliance") -> list[str]:
    reply = shop.get(f"/v1/reviews{query}", who)
    assert reply.status_code == 200, reply.json
    return [one["id"] for one in reply.json["items"]]
