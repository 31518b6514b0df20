"""Rotation of the signing key. The old key signs a seal that names the new one, an entry says who did it, and the new key signs from then on.

The new key lies beside the old one before the log names it, and takes its place afterwards, so a stop at any moment loses neither.
"""

from __future__ import annotations

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.audit.keys import SigningKeys, key_id, public_of, require_other
from core.audit.log import append
from core.audit.sealer import may_append, next_head, trusted_end
from core.audit.seals import Seal, sign
from core.audit.store import insert_seal, tree_of
from core.db.engine import Database
from core.errors import Conflict
from core.text import Text

PLATFORM = "*"
TARGET = "audit-key"


def rotate_key(database: Database, keys: SigningKeys, actor: str, now: datetime, lost: bool = False) -> tuple[str | None, bytes]:
    """Bring in a new key; returns the old key's id and the new public key.

    `lost` is for when the old private key is gone: the seal is then signed by the new key alone, and only who is told of the new public key will trust it.
    Raises `Conflict` when the log grew meanwhile (try again), `Unavailable` when the old key is not here.
    """
    with database.read() as connection:
        previous = trusted_end(connection)
    new = keys.prepare_next()
    old = None if previous is None else previous.head.follower
    if old is not None:
        require_other(old, public_of(new))
    seal = _lost(previous, new, now) if lost else _named(previous, keys, new, now)
    with database.write() as connection:
        if not may_append(connection, database.is_sqlite, previous):
            raise Conflict("audit_log_busy", Text(zh="此刻正在封存,请重试", en="the log is being sealed at this moment; try again"))
        insert_seal(connection, seal, ())
        detail = {"old": None if old is None else key_id(old), "new": key_id(public_of(new)), "signed_by_old": not lost}
        action = "audit.key_replaced" if lost else "audit.key_rotated"
        append(connection, merchant=PLATFORM, actor=actor, action=action, target=TARGET, now=now, detail=detail)
    keys.adopt_next()
    return None if old is None else key_id(old), public_of(new)


def _named(previous: Seal | None, keys: SigningKeys, new: Ed25519PrivateKey, now: datetime) -> Seal:
    old = keys.for_new_log() if previous is None else keys.for_log(previous.head.follower)
    tree = tree_of(previous)
    return sign(next_head(previous, tree, public_of(old), now, public_of(new)), old, b"", tree.packed())


def _lost(previous: Seal | None, new: Ed25519PrivateKey, now: datetime) -> Seal:
    tree = tree_of(previous)
    return sign(next_head(previous, tree, public_of(new), now), new, b"", tree.packed())
