"""Checks a proof of Sheepdog's audit log with nothing of Sheepdog: python verify_proof.py PROOF.json PUBLIC_KEY.pem

Needs Python 3.11 and the package `cryptography`. Exit code 0: the record is in the log that this key signed; 1: it is not shown to be.
"""

import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def root_from(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The root to which a path leads (RFC 9162, 2.1.3.2); None when the path does not fit the tree."""
    at, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            return None
        if at % 2 == 1 or at == last:
            found = sha256(b"\x01" + step + found)
            while at % 2 == 0 and at:
                at, last = at // 2, last // 2
        else:
            found = sha256(b"\x01" + found + step)
        at, last = at // 2, last // 2
    return found if last == 0 else None


def main(proof_file: str, key_file: str) -> int:
    with open(proof_file, encoding="utf-8") as file:
        proof = json.load(file)
    with open(key_file, "rb") as file:
        key = load_pem_public_key(file.read())
    head = json.loads(proof["head"])
    try:
        # The signature is over the head's exact text; the head names the key, the tree's size and its root.
        key.verify(bytes.fromhex(proof["signature"]), proof["head"].encode())
    except InvalidSignature:
        print("NOT PROVED: the signature is not by this key")
        return 1
    if head["form"] != "sheepdog-seal-1" or head["key"] != key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex():
        print("NOT PROVED: what is signed is no seal of this key")
        return 1
    leaf = sha256(b"\x00" + proof["body"].encode())
    index, path = proof["leaf_index"], [bytes.fromhex(step) for step in proof["path"]]
    if not 0 <= index < head["size"] or root_from(leaf, index, head["size"], path) != bytes.fromhex(head["root"]):
        print("NOT PROVED: the record is not at this place of the log, or it was changed")
        return 1
    print(f"PROVED: record {index + 1} of {head['size']}, sealed by {head['at'] // 1_000_000} (Unix time)\n{proof['body']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
