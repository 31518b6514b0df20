"""The whole service on one machine: embedded stores where no URL is given, then API, worker and clerk under one supervisor.

Imports only what is light, because the supervisor stays in memory for as long as the service runs; schema and demo run in short processes.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import click

from api.cli.common import Screen
from api.cli.server import api_command, metrics_folder, require_free_port
from api.supervisor import Child, Supervisor
from core.config import Settings
from core.embedded.valkey import EmbeddedValkey
from core.errors import Unavailable
from core.text import Text

_READY_SECONDS_MAX = 30.0
_REVIVE_PAUSE_SECONDS = 5.0


def run_service(settings: Settings, screen: Screen, demo: bool) -> int:
    """Run until Ctrl-C; returns the exit code. Raises `Unavailable` when a port or the data folder cannot be had."""
    require_free_port(settings.host, settings.port)
    valkey = None if settings.redis_url else EmbeddedValkey(settings.data_dir / "valkey", settings.embedded_port)
    if settings.approval_rules:
        settings = dataclasses.replace(settings, approval_rules=str(Path(settings.approval_rules).absolute()))
        # Before anything stands: with a file that is wrong nothing starts.
        _step(["approvals", "check"], {"SHEEPDOG_LANG": screen.lang, "SHEEPDOG_APPROVAL_RULES": settings.approval_rules})
    env = {"SHEEPDOG_DATA_DIR": str(settings.data_dir.absolute()), "SHEEPDOG_APPROVAL_RULES": settings.approval_rules}
    if valkey is not None:
        env["SHEEPDOG_REDIS_URL"] = valkey.start()
    try:
        os.chdir(Path(__file__).resolve().parents[1])
        # Each step is a process of a second or two; loading the demo brings the schema along.
        _step(["demo", "load"] if demo else ["db", "upgrade"], {**env, "SHEEPDOG_LANG": screen.lang})
        watch = (lambda: None) if valkey is None else _Reviver(valkey, screen)
        return Supervisor(_children(settings, env), watch=watch).run(_Welcome(settings, screen, env, demo))
    finally:
        if valkey is not None:
            valkey.stop()


def _children(settings: Settings, env: dict[str, str]) -> list[Child]:
    sheepdog = [sys.executable, "-m", "api.cli"]
    return [
        Child("api", api_command(settings), {**env, "PROMETHEUS_MULTIPROC_DIR": str(metrics_folder(settings))}),
        Child("worker", [*sheepdog, "worker"], env, waits=True),
        Child("clerk", [*sheepdog, "clerk"], env, waits=True),
    ]


def _step(arguments: list[str], env: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "-m", "api.cli", *arguments, "--json"], env={**os.environ, **env}, capture_output=True, text=True)
    if done.returncode:
        said, name = _detail(done.stdout) or (done.stdout + done.stderr).strip()[-2000:], " ".join(arguments)
        raise Unavailable("start_failed", Text(zh=f"启动步骤 {name} 失败:{said}", en=f"the step `{name}` failed: {said}"))


def _detail(said: str) -> str | None:
    """What a command with `--json` says to people when it fails; None when it came to no such end."""
    try:
        return str(json.loads(said)["detail"])
    except (ValueError, KeyError, TypeError):
        return None


class _Reviver:
    """Called again and again: starts the embedded Valkey anew when it died, and asks again after a pause when it will not start."""

    def __init__(self, valkey: EmbeddedValkey, screen: Screen) -> None:
        self._valkey, self._screen = valkey, screen
        self._not_before = 0.0

    def __call__(self) -> None:
        if time.monotonic() < self._not_before:
            return
        try:
            if self._valkey.revive():
                click.echo(Text(zh="内置 Valkey 意外退出,已重新启动", en="the embedded Valkey ended; it was started again").pick(self._screen.lang), err=True)
        except Unavailable as error:
            click.echo(error.text.pick(self._screen.lang), err=True)
            self._not_before = time.monotonic() + _REVIVE_PAUSE_SECONDS


class _Welcome:
    """Asked again and again: at the API's first good reply it says where to look, and is done."""

    def __init__(self, settings: Settings, screen: Screen, env: dict[str, str], demo: bool) -> None:
        self._settings, self._screen, self._env, self._demo = settings, screen, env, demo
        self._end = time.monotonic() + _READY_SECONDS_MAX

    def __call__(self) -> bool:
        if _answers(f"http://{self._settings.host}:{self._settings.port}/readyz"):
            _greet(self._settings, self._screen, self._env, self._demo)
            return True
        if time.monotonic() < self._end:
            return False
        click.echo(Text(zh="API 尚未就绪,请查看上方日志", en="the API is not ready yet; see its messages above").pick(self._screen.lang), err=True)
        return True


def _greet(settings: Settings, screen: Screen, env: dict[str, str], demo: bool) -> None:
    address = f"http://{settings.host}:{settings.port}"
    words = Text(
        zh=f"牧羊犬已启动  {address}\n  接口文档  {address}/docs\n  就绪检查  {address}/readyz\n  指标      {address}/metrics",
        en=f"Sheepdog is running at {address}\n  API docs  {address}/docs\n  ready?    {address}/readyz\n  metrics   {address}/metrics",
    )
    click.echo(words.pick(screen.lang))
    if demo:
        shown = subprocess.run(
            [sys.executable, "-m", "api.cli", "demo", "show", "--lang", screen.lang], env={**os.environ, **env}, capture_output=True, text=True
        )
        click.echo(shown.stdout)
    click.echo(Text(zh="按 Ctrl-C 停止", en="Ctrl-C stops it").pick(screen.lang))
    sys.stdout.flush()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as reply:
            return bool(json.load(reply).get("status") == "ready")
    except (urllib.error.URLError, OSError, ValueError):
        return False
