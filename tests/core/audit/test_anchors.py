"""Checkpoints go outside by themselves: in time, whole lines only, and what fails is told and tried again."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from core.audit.anchors import Anchors
from core.audit.checkpoints import read_checkpoints
from core.clock import TurnedClock
from core.errors import Malformed, Unavailable
from core.webhooks.send import Sent
from tests.core.audit.ledgers import NOW, Log


class Post:
    """An address that answers as it is told to."""

    def __init__(self) -> None:
        self.status: int | None = 200
        self.bodies: list[bytes] = []

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Sent:
        self.bodies.append(body)
        return Sent(self.status, "" if self.status else "TimeoutError")


def anchors(log: Log, clock: TurnedClock, post: Post, file: str = "", url: str = "") -> Anchors:
    return Anchors(log.database, clock, post, file=file, url=url, every=timedelta(minutes=60))


def test_each_hour_a_checkpoint_is_added_to_the_file_and_the_log_is_held_against_all(log: Log, tmp_path: Path) -> None:
    file, clock = tmp_path / "outside.jsonl", TurnedClock(NOW)
    place = anchors(log, clock, Post(), file=str(file))
    assert place
    assert place.anchor_once() == 0
    assert place.age_seconds() == math.inf
    log.filled(3)
    assert [place.anchor_once(), place.anchor_once()] == [1, 0]
    clock.turn(minutes=59)
    assert place.anchor_once() == 0
    clock.turn(minutes=1)
    log.seal()
    assert place.anchor_once() == 1
    kept = read_checkpoints(file.read_bytes())
    # The first anchoring is an entry itself.
    assert [one.head.size for one in kept] == [3, 4]
    assert log.verify(checkpoints=kept).proven_until == kept[-1].head.at
    clock.turn(seconds=5)
    assert place.age_seconds() == 5


def test_an_address_that_fails_is_told_and_tried_again_and_does_not_hold_up_the_file(log: Log, tmp_path: Path) -> None:
    file, post = tmp_path / "outside.jsonl", Post()
    place = anchors(log, TurnedClock(NOW), post, file=str(file), url="https://notary.example")
    log.filled(3)
    for status, said in ((500, "HTTP 500"), (None, "TimeoutError")):
        post.status = status
        with pytest.raises(Unavailable, match=said):
            place.anchor_once()
    assert len(file.read_bytes().splitlines()) == 1
    post.status = 204
    assert place.anchor_once() == 1
    assert read_checkpoints(post.bodies[-1])[0].head.size == 3
    assert log.one("SELECT count(*) FROM audit_entries WHERE action = 'audit.anchored'") == 2


def test_a_line_that_does_not_fit_on_the_disk_leaves_the_file_as_it_was(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "outside.jsonl"
    file.write_bytes(b"{}\n")
    log.filled(1)
    write = os.write
    with monkeypatch.context() as patched:
        patched.setattr("core.audit.anchors.os.write", lambda handle, data: write(handle, data[:10]))
        with pytest.raises(Unavailable, match="No space left"):
            anchors(log, TurnedClock(NOW), Post(), file=str(file)).anchor_once()
    assert file.read_bytes() == b"{}\n"
    with pytest.raises(Unavailable, match="Is a directory"):
        anchors(log, TurnedClock(NOW), Post(), file=str(tmp_path)).anchor_once()


def test_nothing_is_anchored_where_nothing_is_set_up(log: Log) -> None:
    log.filled(1)
    place = anchors(log, TurnedClock(NOW), Post())
    assert not place
    assert place.anchor_once() == 0


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"x", b'{"form":"sheepdog-checkpoint-1"}', b'{"form":"sheepdog-checkpoint-1","head":"{}","signature":""}'])
def test_what_is_no_checkpoint_is_told(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_checkpoints(data)
