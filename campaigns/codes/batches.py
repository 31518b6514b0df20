"""Batches of codes: begun with one row, made in chunks of one transaction each, so that a job that dies goes on where it stopped."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from campaigns.catalogue import campaign_missing
from campaigns.codes.patterns import bits_needed, bits_of, codes, normal
from campaigns.codes.tables import code_batches, coupon_codes
from campaigns.store.tables import campaigns
from core.audit.log import append
from core.db.engine import Database, insert, insert_ignore_all
from core.errors import Conflict, Malformed, NotFound
from core.ids import new_id
from core.jobs.timers import set_timer
from core.privacy.vault import Vault
from core.text import Text

TIMER = "codes.batch"
AT_ONCE_MAX, COUNT_MAX = 20_000, 5_000_000
CHUNK = 20_000
DEFAULT_PATTERN = "####-####-####"
_PATTERN = re.compile(r"[0-9A-Z#_-]{4,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Batch:
    """A row of `code_batches`."""

    id: str
    merchant: str
    campaign: str
    pattern: str
    count: int
    done: int
    secret: bytes
    created_at: datetime

    def public(self) -> dict[str, Any]:
        state = "done" if self.done == self.count else "running"
        named = {"id": self.id, "campaign": self.campaign, "pattern": self.pattern, "count": self.count, "done": self.done}
        return {**named, "state": state, "created_at": self.created_at.isoformat()}


def begin(connection: Connection, vault: Vault, *, merchant: str, campaign: str, pattern: str, count: int, author: str, now: datetime) -> str:
    """A new batch, of which nothing is made yet; returns its id. Raises `Malformed` for a pattern that could be guessed, `NotFound`, `Conflict`."""
    _require_unguessable(pattern, count)
    row = connection.execute(select(campaigns.c.mechanic).where(campaigns.c.merchant == merchant, campaigns.c.id == campaign)).one_or_none()
    if row is None:
        raise campaign_missing(campaign)
    if row.mechanic != "coupon":
        raise Conflict("other_mechanic", Text(zh="只有优惠券活动才有券码", en="only coupon campaigns have codes"), mechanic=row.mechanic)
    batch = new_id("cbt")
    secret = vault.seal_transit({"secret": secrets.token_hex(32)})
    what = {"id": batch, "merchant": merchant, "campaign": campaign, "pattern": pattern, "count": count, "done": 0}
    insert(connection, code_batches, {**what, "secret": secret, "author": author, "created_at": now})
    detail = {"batch": batch, "pattern": pattern, "count": count}
    append(connection, merchant=merchant, actor=author, action="codes.begun", target=campaign, now=now, detail=detail)
    return batch


def later(connection: Connection, batch: Batch, now: datetime) -> None:
    """Leave the rest to a job."""
    set_timer(connection, merchant=batch.merchant, kind=TIMER, ref=batch.id, due_at=now)


def make_chunk(connection: Connection, vault: Vault, batch_id: str, most: int = CHUNK) -> int:
    """Make the next codes; returns how many are done in all. A rival that made them first leaves nothing to do."""
    batch = _any_batch(connection, batch_id)
    upto = min(batch.count, batch.done + most)
    step = update(code_batches).where(code_batches.c.id == batch_id, code_batches.c.done == batch.done).values(done=upto)
    if upto == batch.done or connection.execute(step).rowcount != 1:
        return batch.done
    common = {"merchant": batch.merchant, "campaign": batch.campaign, "batch": batch.id, "used_at": None, "used_by": None}
    made = codes(_secret(vault, batch), batch.pattern, batch.done, upto - batch.done)
    # In order, because an index that is filled in order is filled faster.
    tokens = sorted(token_of(vault, batch.merchant, code) for code in made)
    insert_ignore_all(connection, coupon_codes, [{**common, "token": token} for token in tokens])
    return upto


def make_all(database: Database, vault: Vault, batch_id: str, told: Callable[[int], None] = lambda done: None) -> None:
    """Make what is missing, a transaction for each chunk."""
    with database.read() as connection:
        count = _any_batch(connection, batch_id).count
    done = -1
    while done < count:
        with database.write() as connection:
            done = make_chunk(connection, vault, batch_id)
        told(done)


def use(connection: Connection, vault: Vault, merchant: str, campaign: str, code: str, by: str, now: datetime) -> str | None:
    """Use a code up; None when it was ours to use, otherwise the refusal's code."""
    mine = (coupon_codes.c.merchant == merchant, coupon_codes.c.campaign == campaign, coupon_codes.c.token == token_of(vault, merchant, code))
    taken = update(coupon_codes).where(*mine, coupon_codes.c.used_at.is_(None)).values(used_at=now, used_by=by)
    if connection.execute(taken).rowcount == 1:
        return None
    return "code_unknown" if connection.execute(select(coupon_codes.c.token).where(*mine)).first() is None else "code_used"


def find_batch(connection: Connection, merchant: str, batch_id: str) -> Batch:
    """Raises `NotFound`."""
    columns = [code_batches.c[name] for name in Batch.__slots__]
    row = connection.execute(select(*columns).where(code_batches.c.id == batch_id, code_batches.c.merchant == merchant)).one_or_none()
    if row is None:
        raise NotFound("batch_not_found", Text(zh="没有这批券码", en="there is no such batch of codes"))
    return Batch(*row)


def codes_of(vault: Vault, batch: Batch, first: int, count: int) -> Iterator[str]:
    """The batch's codes in clear, as far as they are made."""
    return codes(_secret(vault, batch), batch.pattern, first, max(0, min(count, batch.done - first)))


def token_of(vault: Vault, merchant: str, code: str) -> str:
    return vault.token(merchant, "code", normal(code))


def _any_batch(connection: Connection, batch_id: str) -> Batch:
    columns = [code_batches.c[name] for name in Batch.__slots__]
    return Batch(*connection.execute(select(*columns).where(code_batches.c.id == batch_id)).one())


def _secret(vault: Vault, batch: Batch) -> bytes:
    return bytes.fromhex(vault.open_transit(batch.secret)["secret"])


def _require_unguessable(pattern: str, count: int) -> None:
    needed = bits_needed(count)
    if not _PATTERN.fullmatch(pattern) or bits_of(pattern) < needed:
        places = -(-needed // 5)
        text = Text(
            zh=f"模板由大写字母、数字、-、_ 与 # 组成,{count} 个码至少需要 {places} 个 #",
            en=f"a pattern has capital letters, digits, -, _ and #; {count} codes need at least {places} of the latter",
        )
        raise Malformed("pattern_guessable", text, places=places)
