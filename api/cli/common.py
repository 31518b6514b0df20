"""What every command shares: the reader's language, output for people or programs, and errors that say what to do and exit non-zero."""

from __future__ import annotations

import json
import locale
import os
from collections.abc import Callable, Mapping
from functools import update_wrapper
from pathlib import Path
from typing import Any, NoReturn

import click

from core.config import Settings, load_settings
from core.errors import Malformed, SettingsError, SheepdogError, Unavailable
from core.text import Lang, Text, lang_of, localized


class Screen:
    """Where a command writes: words in the reader's language, or one JSON document with `--json`."""

    def __init__(self, lang: Lang, as_json: bool) -> None:
        self.lang = lang
        self.as_json = as_json

    def say(self, text: Text) -> None:
        if not self.as_json:
            click.echo(text.pick(self.lang))

    def result(self, value: Mapping[str, Any] | list[Any], shown: str) -> None:
        """The command's result: `value` for programs, `shown` for people."""
        click.echo(json.dumps(value, ensure_ascii=False, indent=2) if self.as_json else shown)

    def fail(self, error: SheepdogError) -> NoReturn:
        """Print the error and exit with 1."""
        if self.as_json:
            body = {"code": error.code, "detail": error.text.pick(self.lang), **localized(dict(error.extra), self.lang)}
            if isinstance(error, SettingsError):
                body["problems"] = localized(error.problems, self.lang)
            click.echo(json.dumps(body, ensure_ascii=False, indent=2))
        elif isinstance(error, SettingsError):
            for problem in error.problems:
                click.echo(f"✗ {problem.pick(self.lang)}", err=True)
        else:
            click.echo(f"✗ {error.text.pick(self.lang)}  [{error.code}]", err=True)
            for item in error.extra.get("errors", ()) if isinstance(error, Malformed) else ():
                click.echo(f"  {localized(item, self.lang)}", err=True)
        raise SystemExit(1)


def language(choice: str | None = None) -> Lang:
    """`--lang`, else `SHEEPDOG_LANG`, else the locale."""
    given = choice or os.environ.get("SHEEPDOG_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG") or locale.getlocale()[0]
    return lang_of(given)


def command_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--lang` and `--json`, hands in a `Screen`, and turns errors into messages with exit code 1."""

    @click.option("--lang", type=click.Choice(["zh", "en"]), default=None, help="Language of the output (default: from the locale).")
    @click.option("--json", "as_json", is_flag=True, help="Write JSON for programs.")
    def wrapped(lang: str | None, as_json: bool, **arguments: Any) -> Any:
        screen = Screen(language(lang), as_json)
        try:
            return function(screen=screen, **arguments)
        except SheepdogError as error:
            screen.fail(error)
        except OSError as error:
            if error.filename is None:
                raise
            screen.fail(_unusable(error))

    return update_wrapper(wrapped, function)


def _unusable(error: OSError) -> Unavailable:
    text = Text(
        zh=f"无法使用 {error.filename}:{error.strerror}(数据目录由 SHEEPDOG_DATA_DIR 指定)",
        en=f"cannot use {error.filename}: {error.strerror} (SHEEPDOG_DATA_DIR names the data folder)",
    )
    return Unavailable("file_unusable", text)


def settings_and_services() -> tuple[Settings, Any]:
    """The effective settings and the services over them; the database is brought to the newest schema only by `db upgrade` and `serve`."""
    from api.wiring import build_services

    settings = load_settings()
    return settings, build_services(settings)


def read_file(path: str) -> bytes:
    """A file's bytes. Raises `Malformed` when it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        text = Text(zh=f"无法读取 {path}:{error.strerror}", en=f"cannot read {path}: {error.strerror}")
        raise Malformed("file_unreadable", text) from error


def caller_of(services: Any, key: str | None) -> Any:
    """The principal behind `--key` or `SHEEPDOG_API_KEY`: the command line authenticates as the API does."""
    from core.access.principals import authenticate
    from core.errors import Unauthenticated

    key = key or services.settings.api_key
    if not key:
        text = Text(zh="请用 --key 或 SHEEPDOG_API_KEY 指明密钥", en="name a key with --key or SHEEPDOG_API_KEY")
        raise Unauthenticated("key_missing", text)
    with services.database.read() as connection:
        return authenticate(connection, key, services.clock.now())


key_option = click.option("--key", default=None, help="API key to act with (default: SHEEPDOG_API_KEY).")
merchant_option = click.option("--merchant", default=None, help="Merchant to act for, where the key is the platform's.")


def text_of(file: str) -> str:
    """A file's text, with or without a mark of its encoding. Raises `Malformed`."""
    try:
        return read_file(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed("bad_csv", Text(zh=f"{file} 不是 UTF-8", en=f"{file} is not UTF-8")) from error


def services_for(key: str | None, merchant: str | None, *scopes: str) -> tuple[Any, Any, str]:
    """The services, who asks with one of the scopes, and for which merchant. Raises what `caller_of` raises."""
    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require(*scopes)
    return services, caller, caller.for_merchant(merchant)
