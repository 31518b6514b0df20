"""Proofs for outsiders, checked by the verifier of the docs, which knows nothing of this project."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.audit.checkpoints import read_checkpoints
from core.audit.keys import SigningKeys, public_of, to_pem
from core.audit.merkle import consistency_holds
from core.audit.prove import checkpoint_since, find_record, inclusion_proof
from core.audit.rotate import rotate_key
from core.errors import Conflict, Malformed, NotFound, Unavailable
from tests.core.audit.ledgers import Log

VERIFIER = Path(__file__).parents[3] / "docs" / "verify_proof.py"


def proof_of(log: Log, record_id: str, merchant: str | None = None) -> dict[str, Any]:
    with log.database.read() as connection:
        return inclusion_proof(connection, find_record(connection, record_id, merchant))


def checkpoint(log: Log, since: int | None = None) -> dict[str, Any]:
    with log.database.read() as connection:
        return checkpoint_since(connection, since)


def checked(folder: Path, proof: dict[str, Any], key: bytes) -> tuple[int, str]:
    (folder / "proof.json").write_text(json.dumps(proof), encoding="utf-8")
    (folder / "key.pem").write_text(to_pem(key))
    # Isolated: neither this project nor anything beside the script can be imported.
    done = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), str(folder / "proof.json"), str(folder / "key.pem")], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def own_key(log: Log) -> bytes:
    found = log.keys.public()
    assert found is not None
    return found


def test_the_verifier_is_short() -> None:
    assert len(VERIFIER.read_text(encoding="utf-8").splitlines()) <= 60


def test_an_entry_and_a_decision_are_proved(log: Log, tmp_path: Path) -> None:
    log.filled(7, batch=3)
    for seq in (1, 4, 7):
        proof = proof_of(log, log.id_at(seq))
        code, said = checked(tmp_path, proof, own_key(log))
        assert (code, said.split(",")[0]) == (0, f"PROVED: record {seq} of 7")
        assert proof["body"] in said
        assert proof["kind"] == ("decision" if seq == 4 else "entry")


def test_a_proof_that_was_changed_or_is_by_another_key_proves_nothing(log: Log, tmp_path: Path) -> None:
    log.filled(7, batch=3)
    proof = proof_of(log, log.id_at(4))
    stranger = public_of(SigningKeys(tmp_path / "stranger").for_new_log())
    assert checked(tmp_path, proof, stranger)[0] == 1
    bigger = proof["head"].replace('"size":7', '"size":8')
    changes: list[dict[str, Any]] = [
        {"body": proof["body"].replace("allow", "reject")},
        {"leaf_index": 4},
        {"leaf_index": 7},
        {"leaf_index": -4},
        {"path": proof["path"][1:]},
        {"path": []},
        {"head": bigger},
        {"signature": "00" * 64},
    ]
    for change in changes:
        code, said = checked(tmp_path, {**proof, **change}, own_key(log))
        assert (code, said.startswith("NOT PROVED")) == (1, True), change


def test_every_record_of_a_log_with_whole_subtrees_is_proved(log: Log) -> None:
    """More than 256 leaves, so that stored nodes are used; each proof is checked before it is given."""
    with log.database.write() as connection:
        from core.audit.log import append

        made = [append(connection, merchant="m", actor="a", action="t", target=f"x{n}", now=log.now) for n in range(700)]
    while log.seal():
        pass
    assert log.one("SELECT count(*) FROM audit_nodes") == 3
    for record_id in made[::97] + made[-1:]:
        assert proof_of(log, record_id)["id"] == record_id
    old = checkpoint(log)
    log.filled(9)
    new = checkpoint(log, since=700)
    heads = [json.loads(one["head"]) for one in (old, new)]
    roots = [bytes.fromhex(head["root"]) for head in heads]
    path = [bytes.fromhex(step) for step in new["consistency"]["path"]]
    assert consistency_holds(700, 709, roots[0], roots[1], path)
    with pytest.raises(Malformed):
        checkpoint(log, since=701)


def test_a_proof_after_a_rotation_is_by_the_new_key(log: Log, tmp_path: Path) -> None:
    log.filled(3)
    old = own_key(log)
    rotate_key(log.database, log.keys, "prn_root", log.now)
    log.seal()
    proof = proof_of(log, log.id_at(1))
    assert checked(tmp_path, proof, own_key(log))[0] == 0
    assert checked(tmp_path, proof, old)[0] == 1


def test_a_record_without_a_seal_or_of_another_merchant_has_no_proof(log: Log) -> None:
    log.filled(2)
    fresh, theirs = log.entry("fresh"), log.entry("theirs", merchant="other")
    with pytest.raises(Conflict) as caught:
        proof_of(log, fresh)
    assert caught.value.code == "not_sealed_yet"
    log.seal()
    assert proof_of(log, theirs)["id"] == theirs
    told = []
    for name in (theirs, "aud_nothing"):
        with pytest.raises(NotFound) as hidden:
            proof_of(log, name, merchant="m")
        told.append((hidden.value.code, hidden.value.text, dict(hidden.value.extra)))
    assert told[0] == told[1]


def test_a_record_that_was_tampered_with_has_no_proof(log: Log) -> None:
    log.filled(7, batch=3)
    log.sql("UPDATE audit_entries SET body = :b WHERE seq = 3", b=b"{}")
    with pytest.raises(Unavailable) as caught:
        proof_of(log, log.id_at(3))
    assert caught.value.code == "audit_log_damaged"
    assert proof_of(log, log.id_at(4))["leaf_index"] == 3


def test_a_log_that_was_truncated_proves_nothing_that_is_gone(log: Log) -> None:
    """What it lost is not found; what is left is proved against the shorter log, which its own checkpoint does not hold against."""
    log.filled(9, batch=3)
    gone, kept = log.id_at(9), read_checkpoints(json.dumps(checkpoint(log)).encode())
    earlier = proof_of(log, gone)
    for statement in ("DELETE FROM audit_entries WHERE seq > 6", "DELETE FROM decisions WHERE seq > 6", "DELETE FROM audit_seals WHERE number = 3"):
        log.sql(statement)
    with pytest.raises(NotFound):
        proof_of(log, gone)
    assert json.loads(proof_of(log, log.id_at(6))["head"])["size"] == 6
    assert not log.verify(checkpoints=kept).whole
    assert json.loads(earlier["head"])["size"] == 9
    with pytest.raises(Malformed):
        checkpoint(log, since=9)


def test_seals_that_went_missing_make_no_wrong_proof(log: Log) -> None:
    log.filled(9, batch=3)
    log.sql("UPDATE audit_seals SET leaves = :b WHERE number = 1", b=bytes(96))
    with pytest.raises(Unavailable):
        proof_of(log, log.id_at(9))
    log.sql("DELETE FROM audit_seals WHERE number = 1")
    with pytest.raises(Unavailable):
        proof_of(log, log.id_at(9))


def test_before_the_first_seal_there_is_no_checkpoint(log: Log) -> None:
    with pytest.raises(NotFound):
        checkpoint(log)
