"""What may be wrong with a log, each with a stable name and words in both languages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.text import Text


class What(StrEnum):
    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    COLUMNS = "columns"
    UNSEALED_PLACE = "placed_without_seal"
    SEAL_REMOVED = "seal_removed"
    SEAL_FORGED = "seal_forged"
    KEY_FORGED = "key_forged"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    CHECKPOINT_FORGED = "checkpoint_forged"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that does not hold.

    `seq` is the place in the log, from 1; with `last` it is one of several that cannot be told apart, or all of them. `entry` is the record's id where it is
    known, `seal` the seal's number, `columns` those that say something else than the bytes, `at` a checkpoint's time.
    """

    what: What
    seq: int | None = None
    kind: str | None = None
    entry: str | None = None
    last: int | None = None
    seal: int | None = None
    columns: tuple[str, ...] = ()
    at: datetime | None = None

    def shown(self) -> dict[str, Any]:
        """For programs."""
        return {
            "fault": self.what.value,
            "seq": self.seq,
            "last": self.last,
            "kind": self.kind,
            "entry": self.entry,
            "seal": self.seal,
            "columns": list(self.columns),
            "at": None if self.at is None else self.at.isoformat(),
        }

    def words(self) -> Text:
        """What was done, and to what."""
        where = self._where()
        return Text(zh=f"{where.zh}:{_WORDS[self.what].zh}", en=f"{where.en}: {_WORDS[self.what].en}")

    def _where(self) -> Text:
        if self.what in (What.TRUNCATED, What.REWRITTEN, What.CHECKPOINT_FORGED):
            when = "" if self.at is None else self.at.isoformat(timespec="seconds")
            range_zh = f",第 {self.seq}–{self.last} 条" if self.last else ""
            range_en = f", places {self.seq} to {self.last}" if self.last else ""
            return Text(zh=f"与 {when} 的检查点相比{range_zh}", en=f"held against the checkpoint of {when}{range_en}")
        if self.seq is None or self.what is What.SEAL_REMOVED:
            column = f"({', '.join(self.columns)})" if self.columns else ""
            return Text(zh=f"第 {self.seal} 个封印{column}", en=f"seal {self.seal}{column and ' ' + column}")
        if self.last is not None:
            return Text(zh=f"第 {self.seq}–{self.last} 条之一", en=f"one of the places {self.seq} to {self.last}")
        name = " ".join(filter(None, (self.kind, self.entry)))
        column = f" ({', '.join(self.columns)})" if self.columns else ""
        return Text(zh=f"第 {self.seq} 条{name and ' ' + name}{column}", en=f"place {self.seq}{name and ', ' + name}{column}")


_WORDS = {
    What.CHANGED: Text(zh="内容被修改", en="its bytes were changed"),
    What.REMOVED: Text(zh="记录被删除", en="the record that was sealed here was removed"),
    What.INSERTED: Text(zh="记录是后来插入的,从未在此封存", en="this record was inserted; it was never sealed here"),
    What.REORDERED: Text(zh="记录被调换了位置", en="records were reordered; another one was sealed here"),
    What.COLUMNS: Text(zh="查询列与封存的字节不符", en="columns were altered; they say something else than the sealed bytes"),
    What.UNSEALED_PLACE: Text(
        zh="有编号却没有封印:封印被删除,或记录是插入的", en="it has a place but no seal: seals were removed from the end, or it was inserted"
    ),
    What.SEAL_REMOVED: Text(zh="封印缺失", en="the seal is missing"),
    What.SEAL_FORGED: Text(zh="封印被修改或伪造", en="the seal was changed or forged"),
    What.KEY_FORGED: Text(
        zh="签名密钥不受信任:既未由前一密钥引入,也不是给定的公钥",
        en="signed with a key that nobody vouches for: no seal before names it, and it is none that was given",
    ),
    What.TRUNCATED: Text(zh="日志末尾被截断", en="the end of the log was cut off"),
    What.REWRITTEN: Text(zh="日志已被改写,不是检查点所见的那一份", en="the log was written anew; it is not the one that the checkpoint saw"),
    What.CHECKPOINT_FORGED: Text(zh="检查点的签名无效,或其密钥与日志无关", en="the checkpoint's signature does not hold, or its key is none of this log"),
}
