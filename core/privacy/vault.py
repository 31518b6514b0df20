"""Personal data from the first row: keyed hashes to match people, per-subject keys to read them, and neither in sealed bytes.

Three keys come from one master key by HKDF-SHA256: one matches, one wraps the subjects' own keys, one seals what is in transit through Redis.
A master key that followed another carries the matching key of the first, because keyed hashes of erased people cannot be made anew (ADR 0015).
"""

from __future__ import annotations

import json
import secrets
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
# Merchants and kinds whose hashes are begun; a few hundred bytes each.
_BEGUN_MAX = 4_096
_LENGTH = struct.Struct(">I").pack


class Unreadable(Exception):
    """The ciphertext was altered, or belongs to another key."""


class Vault:
    """Keyed hashing and authenticated encryption under one master key: 32 bytes, or 64 of which the second half is the matching key.

    `old` are the keys before it: what they encrypted is still read, nothing new is encrypted with them.
    """

    def __init__(self, master: bytes, old: Sequence[bytes] = ()) -> None:
        if not {len(master), *map(len, old)} <= {32, 64}:
            raise ValueError("the master key has 32 bytes, or 64 with a matching key")
        self._match_key = master[32:] or _derive(master, b"match")
        self._matcher = blake2b(key=self._match_key, digest_size=20)
        self._begun: dict[tuple[str, str], blake2b] = {}
        self._wraps, self._transits = ([AESGCM(_derive(key[:32], purpose)) for key in (master, *old)] for purpose in (b"wrap", b"transit"))
        self.name = _derive(master[:32], b"name").hex()[:8]

    def successor(self) -> bytes:
        """A new master key that matches as this one does."""
        return secrets.token_bytes(32) + self._match_key

    def token(self, merchant: str, kind: str, value: str) -> str:
        """The keyed hash (BLAKE2b, 160 bits, hex) that matches one value of a kind within a merchant. Lengths are hashed in, so nothing collides by joining."""
        begun = self._begun.get((merchant, kind)) or self._begin(merchant, kind)
        # A copy of what has the key, the merchant and the kind in it already: nine of these are made for a check.
        hashed = begun.copy()
        which = value.encode("utf-8", "surrogatepass")
        hashed.update(_LENGTH(len(which)) + which)
        return hashed.hexdigest()

    def _begin(self, merchant: str, kind: str) -> blake2b:
        whose, what = merchant.encode("utf-8", "surrogatepass"), kind.encode("utf-8", "surrogatepass")
        begun = self._matcher.copy()
        begun.update(b"%b%b%b%b" % (_LENGTH(len(whose)), whose, _LENGTH(len(what)), what))
        if len(self._begun) >= _BEGUN_MAX:
            self._begun.clear()
        self._begun[merchant, kind] = begun
        return begun

    def new_subject_key(self) -> tuple[bytes, bytes]:
        """A fresh data key and its wrapped form. Destroying the wrapped form destroys all that the key encrypted."""
        key = secrets.token_bytes(32)
        return key, _seal(self._wraps[0], key)

    def unwrap(self, wrapped: bytes) -> bytes:
        """Raises `Unreadable`."""
        return _open_any(self._wraps, wrapped)

    def rewrapped(self, wrapped: bytes) -> bytes | None:
        """The same key under the current master key; None where it is under that one already. Raises `Unreadable`."""
        try:
            _open(self._wraps[0], wrapped)
        except Unreadable:
            return _seal(self._wraps[0], _open_any(self._wraps[1:], wrapped))
        return None

    def seal_transit(self, fields: Mapping[str, str]) -> bytes:
        """Encrypt fields on their way through Redis to the drainer."""
        return _seal(self._transits[0], json.dumps(dict(fields), ensure_ascii=True).encode())

    def open_transit(self, sealed: bytes) -> dict[str, str]:
        return dict(json.loads(_open_any(self._transits, sealed)))


def seal_fields(key: bytes, fields: Mapping[str, str]) -> bytes:
    """Encrypt fields under a subject's own key (AES-256-GCM, random nonce in front)."""
    return _seal(AESGCM(key), json.dumps(dict(fields), ensure_ascii=True).encode())


def open_fields(key: bytes, sealed: bytes) -> dict[str, str]:
    """Raises `Unreadable` when the bytes were altered or the key is another's."""
    return dict(json.loads(_open(AESGCM(key), sealed)))


def hash_within(key: bytes | None, value: str) -> str:
    """A keyed hash under a subject's own key: with the key gone, nobody can tell whose it was. "" for the erased."""
    return "" if key is None else blake2b(value.encode(), key=key, digest_size=20).hexdigest()


def _derive(master: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"sheepdog/" + purpose).derive(master)


def _seal(cipher: AESGCM, data: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, data, None)


def _open(cipher: AESGCM, sealed: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
    except (InvalidTag, ValueError) as error:
        raise Unreadable("the sealed bytes cannot be opened") from error


def _open_any(ciphers: Sequence[AESGCM], data: bytes) -> bytes:
    """By the key that fits; most are under the first."""
    for cipher in ciphers[:-1]:
        with suppress(Unreadable):
            return _open(cipher, data)
    if not ciphers:
        raise Unreadable("the sealed bytes cannot be opened")
    return _open(ciphers[-1], data)
