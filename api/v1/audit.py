"""The audit's proofs over HTTP: the newest checkpoint, and that a record is in the log. For compliance alone; nobody else learns whether there is one."""

from __future__ import annotations

import marshmallow as ma
from flask import Response

from api.endpoint import Context, Resource, answer
from core.audit.prove import checkpoint_since, find_record, inclusion_proof

blp = Resource("audit", __name__, description="Signed checkpoints of the audit log, and proofs of inclusion for outsiders.")


class CheckpointQuery(ma.Schema):
    since = ma.fields.Integer(
        validate=ma.validate.Range(min=1, max=2**31 - 1), metadata={"description": "size of an earlier checkpoint, to have the growth from there proved"}
    )


class AuditConsistency(ma.Schema):
    """RFC 6962's consistency proof from the tree of `since` leaves."""

    since = ma.fields.Integer()
    path = ma.fields.List(ma.fields.String())


class AuditCheckpoint(ma.Schema):
    """The newest signed head: `head` is the exact text that `signature` (Ed25519, hex) is over."""

    form = ma.fields.String()
    head = ma.fields.String()
    signature = ma.fields.String()
    key_id = ma.fields.String()
    consistency = ma.fields.Nested(AuditConsistency)


class AuditProof(ma.Schema):
    """The record's bytes as text, its leaf's index, the path (hex) to the root that `head` names, and the head's signature."""

    form = ma.fields.String()
    kind = ma.fields.String(metadata={"description": "entry or decision"})
    id = ma.fields.String()
    body = ma.fields.String()
    leaf_index = ma.fields.Integer()
    path = ma.fields.List(ma.fields.String())
    head = ma.fields.String()
    signature = ma.fields.String()
    key_id = ma.fields.String()


@blp.endpoint("GET", "/audit/checkpoint", scopes=("compliance",), query=CheckpointQuery, replies={200: AuditCheckpoint})
def checkpoint(ctx: Context) -> Response:
    """The newest checkpoint of the log; with `since` also the proof that it only grew. Keep checkpoints outside."""
    with ctx.services.database.read() as connection:
        return answer(checkpoint_since(connection, ctx.query.get("since")))


@blp.endpoint("GET", "/audit/entries/<record_id>/proof", scopes=("compliance",), replies={200: AuditProof})
def proof(ctx: Context, record_id: str) -> Response:
    """A self-contained proof that an audit entry or a decision of this merchant is in the log; 409 `not_sealed_yet` in its first seconds."""
    with ctx.services.database.read() as connection:
        return answer(inclusion_proof(connection, find_record(connection, record_id, ctx.merchant)))
