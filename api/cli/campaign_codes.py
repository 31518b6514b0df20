"""`sheepdog campaign codes`: as many codes as a campaign needs, into a file, with a progress bar."""

from __future__ import annotations

from pathlib import Path

import click

from api.cli.common import Screen, caller_of, command_options, key_option, merchant_option, settings_and_services
from core.text import Text


@click.command(name="codes", epilog="Example:  sheepdog campaign codes new-user-coupon --count 1000000 --out codes.txt")
@click.argument("campaign")
@click.option("--count", type=click.IntRange(1, 5_000_000), required=True, help="How many codes.")
@click.option("--pattern", default=None, help="What they look like; each # is one of 32 characters (default: ####-####-####).")
@click.option("--out", required=True, help="The file that they are written to, one on a line.")
@key_option
@merchant_option
@command_options
def codes_command(screen: Screen, campaign: str, count: int, pattern: str | None, out: str, key: str | None, merchant: str | None) -> None:
    """Make codes of a coupon campaign. If this command is ended a job makes the rest; the file can be fetched again from the API."""
    from rich.progress import Progress

    from campaigns.codes import batches

    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("marketer")
    of, now = caller.for_merchant(merchant), services.clock.now()
    with services.database.write() as connection:
        wanted = {"merchant": of, "campaign": campaign, "pattern": pattern or batches.DEFAULT_PATTERN, "count": count}
        batch_id = batches.begin(connection, services.vault, author=caller.principal_id, now=now, **wanted)
        batches.later(connection, batches.find_batch(connection, of, batch_id), now)
    with Progress(disable=screen.as_json) as progress:
        task = progress.add_task(campaign, total=count)
        batches.make_all(services.database, services.vault, batch_id, lambda done: progress.update(task, completed=done))
    with services.database.read() as connection:
        batch = batches.find_batch(connection, of, batch_id)
    with Path(out).open("w", encoding="ascii") as file:
        file.writelines(f"{code}\n" for code in batches.codes_of(services.vault, batch, 0, count))
    text = Text(zh=f"{count} 个券码已写入 {out}(批次 {batch_id})", en=f"{count} codes are in {out} (batch {batch_id})")
    screen.result({**batch.public(), "file": out}, text.pick(screen.lang))
