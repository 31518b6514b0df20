"""An entry as it stands: keyed, masked where it tells of a person, with its reason and its end. And the CSV that carries many."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.cells import text_cell, unmarked
from core.errors import Malformed
from core.privacy.vault import Vault
from core.text import Text
from rules.enrich.derived import HIDDEN_FIELDS
from rules.windows.listed import one_entry

KINDS = ("block", "allow", "watch")
CHANGES_MAX = 100_000
REASON_MAX = 300
_LAST_YEAR = 2200
_LINE_MAX = 10_000
# A key as exports and views write it; a bare hash may be a device of somebody.
_KEY = re.compile(r"key:([0-9a-f]{40})")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Head:
    """A list: whose it is, what it is for, how its entries match, and which field of events they are of."""

    merchant: str
    name: str
    kind: str
    match: str
    field: str
    note: str = ""

    def checked(self) -> Head:
        """Itself. Raises `Malformed`."""
        if _NAME.fullmatch(self.name) is None or _FIELD.fullmatch(self.field) is None:
            raise Malformed("bad_list", Text(zh="名单名用小写字母、数字和 -,字段名用 _", en="a list's name has lower-case letters, digits and -, a field's _"))
        if self.match == "cidr" and self.field != "ip":
            raise Malformed("bad_list", Text(zh="cidr 名单的字段须为 ip", en="a list of networks is of the field ip"))
        if len(self.note) > REASON_MAX:
            raise Malformed("bad_list", Text(zh=f"备注至多 {REASON_MAX} 字", en=f"a note has at most {REASON_MAX} characters"))
        if self.match == "prefix" and self.field in ("ip", "address"):
            raise Malformed("bad_list", Text(zh="IP 用 cidr,地址用 text", en="use cidr for ip, and text for addresses"))
        return self


@dataclass(frozen=True, slots=True)
class Change:
    """One entry to add (or renew), or to remove."""

    entry: str
    shown: str
    reason: str
    expires_at: datetime | None = None
    remove: bool = False


def key_of(vault: Vault, head: Head, spelled: str) -> str:
    """How a list holds a value: texts as keyed hashes, so that the table tells of nobody."""
    return vault.token(head.merchant, "list", spelled) if head.match == "text" else spelled


def change_of(vault: Vault, head: Head, written: str, reason: str, expires_at: datetime | None, *, remove: bool, now: datetime) -> Change:
    """An entry as a person writes it: the value, or the `key` of an earlier export. Raises `Malformed`."""
    reason = reason.strip()
    if not 1 <= len(reason) <= REASON_MAX:
        raise Malformed("reason_required", Text(zh=f"须写明理由(至多 {REASON_MAX} 字)", en=f"give a reason of at most {REASON_MAX} characters"))
    if expires_at is not None and expires_at.year > _LAST_YEAR:
        raise Malformed("bad_time", Text(zh=f"年份至多 {_LAST_YEAR};没有期限就不写", en=f"the year is {_LAST_YEAR} at most; leave the time out for no end"))
    if expires_at is not None and expires_at <= now and not remove:
        raise Malformed("already_expired", Text(zh=f"{expires_at.isoformat()} 已经过去", en=f"{expires_at.isoformat()} is over"))
    if head.match == "text" and (named := _KEY.fullmatch(written.strip())) is not None:
        return Change(named[1], f"{named[1][:8]}…", reason, expires_at, remove)
    spelled = one_entry(head.match, head.field, written)
    return Change(key_of(vault, head, spelled), shown_of(head, spelled), reason, expires_at, remove)


def shown_of(head: Head, spelled: str) -> str:
    """For people's eyes: what tells of a person keeps its ends only."""
    return masked(head.field, spelled) if head.match == "text" else spelled[:100]


def masked(field: str, spelled: str) -> str:
    """A field's value for people's eyes."""
    if field not in HIDDEN_FIELDS:
        return spelled[:100]
    return f"{spelled[:3]}****{spelled[-2:]}" if len(spelled) >= 9 else f"{spelled[:1]}****"


def read_changes(vault: Vault, head: Head, text: str, now: datetime, *, remove: bool = False) -> list[Change]:
    """A CSV with the columns entry and reason, and expires_at where it ends. Raises `Malformed` with every line that is wrong."""
    if max(map(len, text.split("\n"))) > _LINE_MAX:
        raise Malformed("bad_csv", Text(zh=f"一行最多 {_LINE_MAX} 个字符", en=f"a line has at most {_LINE_MAX} characters"))
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    names = set(reader.fieldnames or ())
    if not {"entry", "reason"} <= names:
        raise Malformed(
            "bad_csv", Text(zh="首行须有 entry,reason(可加 key、expires_at)", en="the first line names entry and reason, and key or expires_at where needed")
        )
    changes: dict[str, Change] = {}
    faults: list[Text] = []
    for number, row in enumerate(reader, 2):
        if number > CHANGES_MAX + 1:
            raise Malformed("bad_csv", Text(zh=f"最多 {CHANGES_MAX} 行,请分成几份", en=f"at most {CHANGES_MAX} lines; split the file"))
        try:
            written = unmarked((row.get("key") or row["entry"] or "").strip())
            one = change_of(vault, head, written, unmarked(row["reason"] or ""), _moment(row.get("expires_at") or ""), remove=remove, now=now)
            changes[one.entry] = one
        except Malformed as error:
            faults.append(Text(zh=f"第 {number} 行:{error.text.zh}", en=f"line {number}: {error.text.en}"))
    if faults:
        raise Malformed("bad_csv", Text(zh=f"有 {len(faults)} 行不能用", en=f"{len(faults)} lines cannot be taken"), errors=faults[:100])
    return list(changes.values())


def _moment(text: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        words = Text(zh="时间如 2026-12-31 或 2026-12-31T20:00:00+08:00", en="a time is such as 2026-12-31 or 2026-12-31T20:00:00+08:00")
        raise Malformed("bad_time", words) from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


COLUMNS = ("entry", "key", "reason", "owner", "added_at", "expires_at")


def written_csv(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Lines of an export, which can be imported again here: `key` names what `entry` only hints at."""
    yield _line(COLUMNS)
    for row in rows:
        yield _line([row[name] or "" for name in COLUMNS])


def _line(values: Iterable[Any]) -> str:
    held = io.StringIO()
    csv.writer(held, lineterminator="\n").writerow([text_cell(str(value)) for value in values])
    return held.getvalue()
