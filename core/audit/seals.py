"""A seal: the signed head of the log's tree after a batch, chained to the seal before it. Its stored bytes are what is signed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.audit.keys import public_of, signature_holds
from core.canon import canonical
from core.clock import from_micros, to_micros

FORM = "sheepdog-seal-1"


@dataclass(frozen=True, slots=True)
class Head:
    """What a seal says: this log had `size` leaves under `root` (hex) at `at`.

    `previous` is the hash of the seal before, None in the first. `key` is the public key that signs; `next_key` the one that signs from the next seal on,
    None when it stays. `clock` is what the clock said when it had been set back, so that `at` never runs backwards.
    """

    log: str
    number: int
    size: int
    root: str
    at: datetime
    previous: str | None
    key: str
    next_key: str | None = None
    clock: datetime | None = None

    @property
    def follower(self) -> bytes:
        """The public key that the next seal must be signed with."""
        return bytes.fromhex(self.next_key or self.key)

    def body(self) -> bytes:
        """The bytes that are signed."""
        said = {"form": FORM, "log": self.log, "seal": self.number, "size": self.size, "root": self.root, "at": to_micros(self.at)}
        said |= {"previous": self.previous, "key": self.key}
        said |= {} if self.next_key is None else {"next_key": self.next_key}
        return canonical(said | ({} if self.clock is None else {"clock": to_micros(self.clock)}))


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal as it is kept. `leaves` are the hashes of its batch; `peaks` those of the tree's complete subtrees. Both follow from what is sealed."""

    head: Head
    body: bytes
    signature: bytes
    leaves: bytes
    peaks: bytes

    @property
    def digest(self) -> str:
        """What the next seal names: over the bytes and their signature, so that neither can be changed later."""
        return sha256(self.body + self.signature).hexdigest()

    def signed_by_its_key(self) -> bool:
        return signature_holds(bytes.fromhex(self.head.key), self.signature, self.body)

    def document(self) -> dict[str, Any]:
        """The signed head alone: what is kept outside, and what proofs carry."""
        return {"head": self.body.decode(), "signature": self.signature.hex()}


def sign(head: Head, key: Ed25519PrivateKey, leaves: bytes, peaks: bytes) -> Seal:
    assert head.key == public_of(key).hex(), "a seal names the key that signs it"
    body = head.body()
    return Seal(head, body, key.sign(body), leaves, peaks)


def read_head(body: bytes) -> Head:
    """The head of a seal's bytes. Raises `ValueError` for bytes that no sealer wrote."""
    said: Any = json.loads(body)
    if not isinstance(said, dict) or said.get("form") != FORM:
        raise ValueError("no seal of a known form")
    try:
        at, clock = from_micros(said["at"]), said.get("clock")
        keys, clock_at = (said["key"], said.get("next_key")), None if clock is None else from_micros(clock)
        head = Head(said["log"], said["seal"], said["size"], said["root"], at, said["previous"], *keys, clock_at)
        whole = head.body() == body and len(head.follower) == len(bytes.fromhex(head.key)) == len(bytes.fromhex(head.root)) == 32
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError("a seal lacks something") from error
    if not whole or min(head.number, head.size) < 0:
        raise ValueError("a seal is not in its one form")
    return head
