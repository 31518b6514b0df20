"""Checkpoints: a signed head that is kept outside the database. A file may hold many, one to a line, as an anchor writes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from core.audit.keys import signature_holds
from core.audit.seals import Head, Seal, read_head
from core.errors import Malformed
from core.text import Text

FORM = "sheepdog-checkpoint-1"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A head that was signed, as somebody kept it."""

    head: Head
    body: bytes
    signature: bytes

    def signed_by_its_key(self) -> bool:
        return signature_holds(bytes.fromhex(self.head.key), self.signature, self.body)


def checkpoint_document(seal: Seal) -> dict[str, Any]:
    """A checkpoint as it is written: the exact text that is signed, and the signature."""
    return {"form": FORM, **seal.document()}


def checkpoint_line(seal: Seal) -> bytes:
    return json.dumps(checkpoint_document(seal), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def read_checkpoints(data: bytes) -> list[Checkpoint]:
    """The checkpoints of a file: one JSON document, or one to a line. Raises `Malformed`, also for a file without any."""
    try:
        found = [_read(json.loads(data))]
    except ValueError:
        try:
            found = [_read(json.loads(line)) for line in data.splitlines() if line.strip()]
        except ValueError as error:
            raise _unreadable() from error
    if not found:
        raise _unreadable()
    return found


def _read(document: Any) -> Checkpoint:
    if not isinstance(document, dict) or document.get("form") != FORM:
        raise ValueError("no checkpoint of a known form")
    try:
        body = document["head"].encode()
        return Checkpoint(read_head(body), body, bytes.fromhex(document["signature"]))
    except (KeyError, AttributeError, TypeError) as error:
        raise ValueError("a checkpoint lacks something") from error


def _unreadable() -> Malformed:
    return Malformed("bad_checkpoint", Text(zh="文件不是检查点", en="the file is no checkpoint"))
