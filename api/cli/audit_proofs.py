"""Commands that make something to take outside: proofs, checkpoints, exports, and the public key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from api.cli.common import Screen, caller_of, command_options, key_option, settings_and_services
from core.access.principals import PLATFORM
from core.audit.export import write_export
from core.audit.keys import key_id, to_pem
from core.audit.prove import checkpoint_since, find_record, inclusion_proof, newest
from core.audit.rotate import rotate_key as rotate
from core.audit.sealer import seal_once
from core.errors import Forbidden, NotFound
from core.text import Text

out_option = click.option("--out", default=None, metavar="FILE", help="Write to a file instead of the screen.")


@click.command(epilog="Example:  sheepdog audit prove dec_01JD8X2VQ4Y3W9Z7K5M6N8P0R1 --out proof.json")
@click.argument("record_id", metavar="ID")
@out_option
@key_option
@command_options
def prove(screen: Screen, record_id: str, out: str | None, key: str | None) -> None:
    """Write a proof that an entry or a decision is in the log: its bytes, the path to the root, the signed head. docs/verify_proof.py checks it."""
    services, caller = _compliance(key)
    with services.database.read() as connection:
        proof = inclusion_proof(connection, find_record(connection, record_id, None if caller.merchant == PLATFORM else caller.merchant))
    _give(screen, proof, out, Text(zh=f"已写出 {out}", en=f"{out} written"))


@click.command(epilog="Example:  sheepdog audit checkpoint --out checkpoint-2026-11-20.json")
@click.option("--since", default=None, type=click.IntRange(1), metavar="SIZE", help="Also prove that the log only grew since the checkpoint of this size.")
@out_option
@key_option
@command_options
def checkpoint(screen: Screen, since: int | None, out: str | None, key: str | None) -> None:
    """Write the newest signed checkpoint. Keep it where nobody who can write to the database can write."""
    services, _ = _compliance(key)
    with services.database.read() as connection:
        document = checkpoint_since(connection, since)
    _give(screen, document, out, Text(zh=f"已写出 {out}", en=f"{out} written"))


@click.command(epilog="Example:  sheepdog audit export audit-2026-11-20.jsonl")
@click.argument("file", type=click.Path(dir_okay=False))
@key_option
@command_options
def export(screen: Screen, file: str, key: str | None) -> None:
    """Write the log with its seals, to be verified anywhere.

    A merchant's key sees its own records; of all others there are hashes, so that the whole still verifies.
    """
    services, caller = _compliance(key)
    records, seals = write_export(services.database.read, Path(file), None if caller.merchant == PLATFORM else caller.merchant)
    shown = Text(zh=f"已导出 {records} 条记录、{seals} 个封印到 {file}", en=f"{records} records and {seals} seals exported to {file}")
    screen.result({"file": file, "records": records, "seals": seals}, shown.pick(screen.lang))


@click.command("key", epilog="Example:  sheepdog audit key --out sheepdog-audit.pem")
@out_option
@command_options
def show_key(screen: Screen, out: str | None) -> None:
    """Print the public key of the audit's seals (PEM). It is no secret; give it to whoever will verify."""
    _, services = settings_and_services()
    with services.database.read() as connection:
        seal = newest(connection)
    public = services.audit_keys.public() if seal is None else seal.head.follower
    if public is None:
        raise NotFound("no_audit_key", Text(zh="尚无签名密钥;首次封存时生成", en="there is no signing key yet; the first seal makes one"))
    pem = to_pem(public)
    if out is not None:
        Path(out).write_text(pem, encoding="ascii")
    shown = pem.strip() if out is None else Text(zh=f"已写出 {out}(密钥 {key_id(public)})", en=f"{out} written (key {key_id(public)})").pick(screen.lang)
    screen.result({"key_id": key_id(public), "public_key": pem}, shown)


@click.command("rotate-key", epilog="Example:  sheepdog audit rotate-key --key $ADMIN")
@click.option(
    "--lost", is_flag=True, help="The old private key is gone: start with a new one that it did not name. Verifiers must be given the new public key."
)
@key_option
@command_options
def rotate_key(screen: Screen, lost: bool, key: str | None) -> None:
    """Bring in a new signing key; the old one signs a seal that names it. Hand out the new public key afterwards."""
    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("admin")
    if caller.merchant != PLATFORM:
        raise Forbidden("platform_only", Text(zh="只有平台管理员可以更换密钥", en="only the platform's admin may change the key"))
    old, public = rotate(services.database, services.audit_keys, caller.principal_id, services.clock.now(), lost)
    by_hand = services.audit_keys.from_setting
    if not by_hand:
        seal_once(services.database, services.clock.now(), services.audit_keys)
    where = services.audit_keys.next_file
    shown = Text(zh=f"新密钥 {key_id(public)} 已取代 {old or '(无)'}", en=f"key {key_id(public)} has taken the place of {old or 'none'}").pick(screen.lang)
    if by_hand:
        words = Text(
            zh=f"请把 {where} 的内容设为 SHEEPDOG_AUDIT_KEY 并重启;在此之前不封存",
            en=f"set SHEEPDOG_AUDIT_KEY to what {where} holds and restart; until then nothing is sealed",
        )
        shown += "\n" + words.pick(screen.lang)
    screen.result({"old": old, "new": key_id(public), "public_key": to_pem(public), "next_file": str(where) if by_hand else None}, shown)


def _compliance(key: str | None) -> tuple[Any, Any]:
    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("compliance")
    return services, caller


def _give(screen: Screen, document: dict[str, Any], out: str | None, written: Text) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=2)
    if out is None:
        click.echo(text)
        return
    Path(out).write_text(text + "\n", encoding="utf-8")
    screen.result({"file": out}, written.pick(screen.lang))
