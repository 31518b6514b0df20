"""A report on paper: one list of lines in the reader's language, as a page of HTML to print and as CSV for a spreadsheet; and as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from markupsafe import Markup, escape

from api.chronicle.report import Report
from api.chronicle.words import value_of, yuan
from core.cells import text_cell
from core.text import Lang, Text

Line = tuple[Text, str, str, str]  # part, what, how many, money

_PARTS = {
    "rewards": Text(zh="奖励(按现在的状态)", en="rewards, by their state now"),
    "money": Text(zh="资金变动", en="money that moved"),
    "decisions": Text(zh="风控决策", en="risk decisions"),
    "refused": Text(zh="拒绝原因(次数)", en="refusals by reason"),
    "cases": Text(zh="审核与申诉", en="cases and appeals"),
    "overruled": Text(zh="人工改判", en="overruled by people"),
    "approved": Text(zh="审批", en="approvals"),
}
_HEAD = Text(zh="分类,项目,数量,金额(元)", en="part,what,count,yuan")
_STYLE = "body{font:15px/1.6 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%}"
_STYLE += "td,th{border-bottom:1px solid #ccc;padding:.3rem .6rem;text-align:left}td:nth-child(n+2){text-align:right}h2{margin-top:1.6rem}"


def as_json(report: Report) -> dict[str, Any]:
    return {
        "campaign": report.campaign,
        "month": report.month,
        "since": report.since.isoformat(),
        "until": report.until.isoformat(),
        "rewards": {state: {"count": count, "face_fen": fen} for state, (count, fen) in report.rewards.items()},
        "money_fen": dict(report.money),
        "decisions": dict(report.decisions),
        "refused": [{"code": code, "text": {"zh": text.zh, "en": text.en}, "times": times} for code, text, times in report.refused],
        "cases": [{"kind": kind, "resolution": end, "count": count} for (kind, end), count in report.cases.items()],
        "overruled": [{"by": by, "resolution": end, "count": count} for (by, end), count in report.overruled.items()],
        "approved": [{"by": by, "kind": kind, "state": state, "count": count} for (by, kind, state), count in report.approved.items()],
    }


def as_csv(report: Report, lang: Lang) -> str:
    """With a mark of its encoding, without which spreadsheets misread Chinese."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_HEAD.pick(lang).split(","))
    for part, what, count, money in _lines(report, lang):
        writer.writerow([text_cell(part.pick(lang)), text_cell(what), count, money.removeprefix("¥")])
    return "\ufeff" + out.getvalue()


def as_html(report: Report, lang: Lang) -> str:
    """A whole page that needs nothing else."""
    title = f"{report.title.pick(lang)} · {report.campaign} · {report.month}"
    body, before = Markup(), None
    for part, what, count, money in _lines(report, lang):
        if part is not before:
            body += Markup("</table>" if before else "") + Markup("<h2>{}</h2><table>").format(part.pick(lang))
        body += Markup("<tr><td>{}</td><td>{}</td><td>{}</td></tr>").format(what, count, money)
        before = part
    body += Markup("</table>" if before else "<p>—</p>")
    span = f"{report.since.isoformat()} – {report.until.isoformat()}"
    head = Markup('<!doctype html><html lang="{}"><meta charset="utf-8"><title>{}</title><style>{}</style><h1>{}</h1><p>{}</p>')
    return str(head.format("zh-CN" if lang == "zh" else "en", title, Markup(_STYLE), escape(title), span) + body)


def _lines(report: Report, lang: Lang) -> Iterator[Line]:
    yield from ((_PARTS["rewards"], state, str(count), yuan(fen)) for state, (count, fen) in report.rewards.items())
    yield from ((_PARTS["money"], reason, "", yuan(fen)) for reason, fen in report.money.items())
    yield from ((_PARTS["decisions"], value_of(outcome, lang), str(count), "") for outcome, count in report.decisions.items())
    yield from ((_PARTS["refused"], f"{text.pick(lang)} ({code})", str(times), "") for code, text, times in report.refused)
    yield from ((_PARTS["cases"], f"{kind}: {value_of(end, lang)}", str(count), "") for (kind, end), count in report.cases.items())
    yield from ((_PARTS["overruled"], f"{by}: {value_of(end, lang)}", str(count), "") for (by, end), count in report.overruled.items())
    yield from ((_PARTS["approved"], f"{by}: {kind} {state}", str(count), "") for (by, kind, state), count in report.approved.items())
