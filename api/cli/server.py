"""Commands that run the service: all of it on one machine, or one role at a time where it is spread over several."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

import click

from api.cli.common import Screen, command_options, settings_and_services
from core.config import Settings, load_settings
from core.errors import Unavailable
from core.text import Text


@click.command(epilog="Example:  sheepdog serve --demo")
@click.option("--demo", is_flag=True, help="Load the demo merchant, its keys and campaigns, and print two lines to try.")
@command_options
def serve(screen: Screen, demo: bool) -> None:
    """Run everything: API, worker and clerk, with embedded Valkey and SQLite where no URL is given. Ctrl-C stops all of it."""
    from api.serving import run_service

    raise SystemExit(run_service(load_settings(), screen, demo))


@click.command(epilog="Example:  SHEEPDOG_PORT=8080 sheepdog api")
@command_options
def api(screen: Screen) -> None:
    """Run the HTTP API alone (granian serving wsgi:app)."""
    settings = load_settings()
    require_free_port(settings.host, settings.port)
    os.chdir(Path(__file__).resolve().parents[2])
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(metrics_folder(settings)))
    os.execv(sys.executable, api_command(settings))


@click.command(epilog="Example:  sheepdog worker")
@command_options
def worker(screen: Screen) -> None:
    """Run one RQ worker with its scheduler."""
    from api.jobs.clerk import run_worker
    from api.wiring import services_of_process

    _logs()
    services = services_of_process()
    _adopt_rules(services)
    run_worker(services)


@click.command(epilog="Example:  sheepdog clerk")
@command_options
def clerk(screen: Screen) -> None:
    """Run the clerk: drains checks, seals the audit, numbers messages, wakes timers, settles gates. More than one is safe."""
    from api.jobs.clerk import run_clerk

    _logs()
    services = settings_and_services()[1]
    _adopt_rules(services)
    run_clerk(services)


def api_command(settings: Settings) -> list[str]:
    """The command line of the API server."""
    options = ["--interface", "wsgi", "--host", settings.host, "--port", str(settings.port), "--workers", str(settings.api_workers)]
    options += ["--blocking-threads", str(settings.api_threads), "--no-ws", "--log-level", "warning", "--respawn-failed-workers", "--workers-kill-timeout", "8"]
    return [sys.executable, "-m", "granian", *options, "wsgi:app"]


def metrics_folder(settings: Settings) -> Path:
    """Where the API's processes keep their counters together; emptied at each start."""
    folder = settings.data_dir.absolute() / "metrics"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.db"):
        old.unlink(missing_ok=True)
    return folder


def require_free_port(host: str, port: int) -> None:
    """Raises `Unavailable` that says what to do when the port is taken or the address is not ours."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            text = Text(
                zh=f"无法监听 {host}:{port}({error.strerror})。请停止占用它的程序,或设置 SHEEPDOG_PORT",
                en=f"cannot listen on {host}:{port} ({error.strerror}); stop what uses it, or set SHEEPDOG_PORT",
            )
            raise Unavailable("port_in_use", text) from error


def _adopt_rules(services: Any) -> None:
    """A file of rules for approvals that has changed counts from this start on. Raises `Malformed` for one that is wrong."""
    from api.approving import adopt_rules

    adopt_rules(services.settings, services.database, services.clock)


def _logs() -> None:
    from api.observe import configure_logs

    configure_logs(load_settings().log_level)
