"""One request to one address: no redirect, no second look at the name, and an end for every peer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from core.webhooks.send import Sent, sender
from tests.core.webhooks.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as told:
        yield told


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A peer that says whatever it likes."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            peer, _ = listening.accept()
            with peer:
                talk(peer)
        except OSError:
            return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listening.getsockname()[1]
    listening.close()
    thread.join(5)


def test_what_is_sent_arrives(receiver: Receiver) -> None:
    assert sender(True)(receiver.url, {"X-One": "1"}, b"body") == Sent(200)
    [(headers, body)] = receiver.heard
    assert (headers["x-one"], headers["host"], body) == ("1", f"127.0.0.1:{receiver.port}", b"body")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answer = lambda headers, body: status
    sent = sender(True)(receiver.url.replace("/hook", "/redirect"), {}, b"x")
    assert (sent.status, sent.good, len(receiver.heard)) == (status, False, 1)


def test_a_name_that_has_become_internal_since_it_was_registered_is_not_connected_to(receiver: Receiver) -> None:
    """DNS rebinding: the address is looked at again at every connection."""
    asked = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    sent = sender(resolve=rebinding)(f"https://hooks.example.com:{receiver.port}/", {}, b"x")
    assert (sent.status, sent.error, receiver.heard, len(asked)) == (None, "webhook_address", [], 1)


def test_http_is_refused_where_only_the_public_is_allowed(receiver: Receiver) -> None:
    assert sender()(receiver.url, {}, b"x").error == "webhook_url"


def test_a_peer_without_a_certificate_is_refused(receiver: Receiver) -> None:
    sent = sender(True)(receiver.url.replace("http:", "https:"), {}, b"x")
    assert sent.status is None
    assert "SSL" in sent.error or "Connection" in sent.error


def test_nobody_there_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert sender(True)(f"http://127.0.0.1:{port}/", {}, b"x") == Sent(None, "ConnectionRefusedError")


def test_a_peer_that_dribbles_for_ever_is_ended() -> None:
    over = threading.Event()

    def dribble(peer: socket.socket) -> None:
        peer.recv(1000)
        peer.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not over.wait(0.02):
            peer.sendall(b"x")

    with raw_server(dribble) as port:
        sent = sender(True, whole_seconds=0.3)(f"http://127.0.0.1:{port}/", {}, b"x")
        over.set()
    assert sent == Sent(None, "TimeoutError")


@pytest.mark.parametrize("reply", [b"", b"not http\r\n\r\n", b"HTTP/1.1 999999 x\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"])
def test_a_peer_that_answers_nonsense_is_a_failure(reply: bytes) -> None:
    def talk(peer: socket.socket) -> None:
        peer.recv(1000)
        peer.sendall(reply)

    with raw_server(talk) as port:
        assert sender(True)(f"http://127.0.0.1:{port}/", {}, b"x").status is None


def test_a_reply_without_end_is_read_only_so_far() -> None:
    def talk(peer: socket.socket) -> None:
        peer.recv(1000)
        peer.sendall(b"HTTP/1.1 204 No\r\n\r\n")
        peer.sendall(b"x" * 100_000)

    with raw_server(talk) as port:
        assert sender(True)(f"http://127.0.0.1:{port}/", {}, b"x").good
