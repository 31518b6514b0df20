"""A road to a server on which answers can be held back: the server is at work, and nobody hears of it in time."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from urllib.parse import urlsplit


class SlowRoad:
    """Listens on loopback and passes bytes on both ways."""

    def __init__(self, url: str) -> None:
        self._port = urlsplit(url).port
        self._open = threading.Event()
        self._open.set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listening]
        self.url = f"redis://127.0.0.1:{self._listening.getsockname()[1]}/0"

    def __enter__(self) -> SlowRoad:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.set()
        for one in self._sockets:
            one.close()

    def hold(self) -> None:
        """Answers wait from now on."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def _accept(self) -> None:
        while True:
            try:
                asking, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            self._sockets += [asking, server]
            threading.Thread(target=self._pass_on, args=(asking, server), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(server, asking, self._open), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, when: threading.Event | None = None) -> None:
        try:
            while data := source.recv(65_536):
                if when is not None:
                    when.wait()
                target.sendall(data)
        except OSError:
            return
        finally:
            target.close()
