"""What a replay is in words and for programs, alike over HTTP and on the command line."""

from __future__ import annotations

import json
from typing import Any

from core.text import Text
from fraud.decision import Decision
from fraud.replaying import DIFFERENT, IMPOSSIBLE, PARTLY, Replay

_STATES = {
    "same": Text(zh="完全一致", en="the same again"),
    DIFFERENT: Text(zh="不一致", en="different"),
    PARTLY: Text(zh="可重放的部分一致", en="the same as far as it can be judged"),
    IMPOSSIBLE: Text(zh="该规则版本不在库中,无法重放", en="the rules of that version are not there"),
}


def public(again: Replay, recorded: Decision) -> dict[str, Any]:
    """For programs."""
    return {
        "decision": again.decision_id,
        "state": again.state,
        "policy": recorded.policy,
        "recorded": {"version": recorded.policy_version, "outcome": recorded.outcome, "score": recorded.score},
        "replayed": {"version": again.version, "outcome": again.outcome, "score": again.score},
        "differences": [{"what": one.what, "recorded": one.recorded, "replayed": one.replayed} for one in again.differences],
        "unjudged": list(again.unjudged),
        "lacking": list(again.lacking),
    }


def words_of(again: Replay, recorded: Decision) -> Text:
    """For people."""
    return Text(zh="\n".join(_lines(again, recorded, "zh")), en="\n".join(_lines(again, recorded, "en")))


def _lines(again: Replay, recorded: Decision, lang: Any) -> list[str]:
    before, after = ("记录", "重放") if lang == "zh" else ("recorded", "replayed")
    lines = [f"{recorded.id}  {recorded.policy}  {_STATES[again.state].pick(lang)}"]
    lines.append(f"  {before}  {recorded.policy_version[:12]}  {recorded.outcome}  {recorded.score}")
    lines.append(f"  {after}  {again.version[:12]}  {again.outcome}  {again.score}")
    for one in again.differences:
        lines.append(f"  {one.what}:")
        lines += [f"    {name}  {json.dumps(value, ensure_ascii=False)}" for name, value in ((before, one.recorded), (after, one.replayed))]
    if again.unjudged:
        names = ", ".join(again.unjudged)
        lines.append(Text(zh=f"  无法重判(所需个人信息已不在):{names}", en=f"  not judged, since what they read of the person is gone: {names}").pick(lang))
    if again.lacking:
        names = ", ".join(again.lacking)
        lines.append(Text(zh=f"  记录中没有、按缺失处理:{names}", en=f"  not in the record, counted as missing: {names}").pick(lang))
    return lines
