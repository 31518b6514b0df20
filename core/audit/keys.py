"""The key that signs seals: Ed25519, from a setting or from a file in the data folder (mode 0600) that is made at first use.

A rotation lays the new key beside the old one first (`audit.key.next`), so that a stop at any moment leaves the key that the log names.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from core.errors import Conflict, Malformed, Unavailable
from core.text import Text

FILE, NEXT_FILE = "audit.key", "audit.key.next"


class SigningKeys:
    """Where the private key is. Nothing is read or made before it is needed; other processes may rotate meanwhile, so nothing is remembered."""

    def __init__(self, folder: Path, given: str = "") -> None:
        """`given` is the setting: 32 bytes in base64, or empty for the file."""
        self._file, self._next, self._given = folder / FILE, folder / NEXT_FILE, given

    def public(self) -> bytes | None:
        """The present public key; None when there is no key yet."""
        key = self._read()
        return None if key is None else public_of(key)

    def for_new_log(self) -> Ed25519PrivateKey:
        """The key a log begins with, made now if there is none."""
        key = self._read()
        if key is None:
            _write_new(self._file, secrets.token_bytes(32))
            key = self._read()
        assert key is not None, "the file was written or stood there"
        return key

    def for_log(self, public: bytes) -> Ed25519PrivateKey:
        """The private key of the public one that the log names. Raises `Unavailable` when it is not here."""
        key = self._read()
        if key is not None and public_of(key) == public:
            return key
        following = _read_file(self._next)
        if following is not None and public_of(following) == public:
            self.adopt_next()
            return following
        text = Text(
            zh=f"日志的签名密钥 {key_id(public)} 不在这里:请从备份恢复 {self._file},或运行 sheepdog audit rotate-key --lost",
            en=f"the log's signing key {key_id(public)} is not here: put {self._file} back from a backup, or run sheepdog audit rotate-key --lost",
        )
        raise Unavailable("audit_key_missing", text, retry_after_seconds=60)

    def prepare_next(self) -> Ed25519PrivateKey:
        """The next key, laid beside the present one; one that lies there from a rotation that was stopped is used."""
        _write_new(self._next, secrets.token_bytes(32))
        key = _read_file(self._next)
        assert key is not None, "the file was written or stood there"
        return key

    def adopt_next(self) -> None:
        """Put the next key in the present one's place, for good. A key from a setting is changed by whoever keeps the settings."""
        if not self._given:
            with contextlib.suppress(FileNotFoundError):
                self._next.replace(self._file)

    @property
    def from_setting(self) -> bool:
        return bool(self._given)

    @property
    def next_file(self) -> Path:
        return self._next

    def secret(self) -> bytes | None:
        """The private key for a backup; None when there is none or it is a setting."""
        key = None if self._given else self._read()
        return None if key is None else base64.b64encode(key.private_bytes_raw())

    def _read(self) -> Ed25519PrivateKey | None:
        return _decode(self._given, "SHEEPDOG_AUDIT_KEY") if self._given else _read_file(self._file)


def public_of(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def key_id(public: bytes) -> str:
    """A public key's short name: the first 16 hexadecimal digits of its SHA-256."""
    return sha256(public).hexdigest()[:16]


def signature_holds(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def to_pem(public: bytes) -> str:
    """A public key as other programs read it, too."""
    return Ed25519PublicKey.from_public_bytes(public).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def from_pem(data: bytes) -> list[bytes]:
    """The public keys of a file, which may hold several. Raises `Malformed`."""
    mark = b"-----BEGIN PUBLIC KEY-----"
    blocks = [mark + block for block in data.split(mark)[1:]]
    try:
        keys = [load_pem_public_key(block) for block in blocks]
    except (ValueError, TypeError) as error:
        raise _no_key() from error
    found = [key.public_bytes_raw() for key in keys if isinstance(key, Ed25519PublicKey)]
    if not found or len(found) != len(keys):
        raise _no_key()
    return found


def require_other(old: bytes, new: bytes) -> None:
    if old == new:
        raise Conflict("audit_key_same", Text(zh="新密钥与旧密钥相同", en="the new key is the old one"))


def _no_key() -> Malformed:
    text = Text(zh="文件中没有 Ed25519 公钥(PEM),用 sheepdog audit key 可写出", en="the file holds no Ed25519 public key (PEM); sheepdog audit key writes one")
    return Malformed("bad_public_key", text)


def _read_file(path: Path) -> Ed25519PrivateKey | None:
    try:
        return _decode(path.read_text(encoding="ascii").strip(), str(path))
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise _unreadable(str(path)) from error


def _decode(text: str, where: str) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise _unreadable(where) from error


def _unreadable(where: str) -> Unavailable:
    text = Text(zh=f"{where} 中没有有效的签名密钥(32 字节 base64)", en=f"{where} holds no signing key (32 bytes in base64)")
    return Unavailable("audit_key_unreadable", text, retry_after_seconds=60)


def _write_new(path: Path, seed: bytes) -> None:
    """Write the file unless it stands: whole or not at all, whoever else writes it at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(base64.b64encode(seed))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink(missing_ok=True)
