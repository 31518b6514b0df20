"""Commands about labels: bring them in from a file, and see how precise the rules are."""

from __future__ import annotations

import click

from api.cli.common import Screen, command_options, key_option, merchant_option, services_for, text_of
from api.cli.lists import moment_of
from core.errors import SheepdogError
from core.text import Text
from fraud.labels import precision_of, put_label, read_labels


@click.group()
def labels() -> None:
    """What decisions turned out to be."""


@labels.command("import", epilog="Example:  sheepdog labels import chargebacks.csv")
@click.argument("file")
@key_option
@merchant_option
@command_options
def import_labels(screen: Screen, file: str, key: str | None, merchant: str | None) -> None:
    """Label the decisions of a CSV with the columns decision_id, label and source. Lines that cannot be taken are shown, and exit with 1; the others stand."""
    services, caller, of = services_for(key, merchant, "shop", "compliance")
    taken, changed, refused = 0, 0, []
    for number, one in read_labels(text_of(file)):
        try:
            with services.database.write() as connection:
                changed += put_label(connection, of, one, caller.principal_id, services.clock.now())
            taken += 1
        except SheepdogError as error:
            refused.append({"line": number, "code": error.code, "detail": error.text.pick(screen.lang)})
    words = Text(zh=f"已标注 {taken} 条(改动 {changed}),拒绝 {len(refused)} 条", en=f"labelled {taken} ({changed} changed), refused {len(refused)}")
    lines = [words.pick(screen.lang), *(f"{file}:{one['line']}: {one['detail']}  [{one['code']}]" for one in refused)]
    screen.result({"taken": taken, "changed": changed, "refused": refused}, "\n".join(lines))
    if refused:
        raise SystemExit(1)


@labels.command(epilog="Example:  sheepdog labels precision new-user-claim")
@click.argument("policy")
@click.option("--since", default="2000-01-01T00:00:00+00:00", help="Only of decisions since this ISO time with its zone.")
@key_option
@merchant_option
@command_options
def precision(screen: Screen, policy: str, since: str, key: str | None, merchant: str | None) -> None:
    """How often each rule of a policy was right, as far as decisions were labelled."""
    services, _, of = services_for(key, merchant, "marketer", "compliance")
    with services.database.read() as connection:
        found = precision_of(connection, of, policy, moment_of(since))
    lines = [f"{one.rule:<32} {one.fraud:>6} / {one.fraud + one.honest:<6} {one.precision:.1%}  [{one.low:.1%} – {one.high:.1%}]" for one in found]
    rows = [{name: getattr(one, name) for name in one.__slots__} for one in found]
    screen.result(rows, "\n".join(lines))
