"""What a policy must pass before it may be proposed, and again before it is approved. It takes seconds, so it runs outside of any transaction.

A file must load, ask for no feature that the live reader lacks, and pass a trial in a process of its own: its tests, and samples replayed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any

from sqlalchemy import select

from core.db.engine import Database
from core.errors import Malformed, Unavailable
from core.text import Text
from core.yamlfile.problems import Fault, Problem, bad_file
from fraud.features.online import offline_features
from fraud.rulesets.publishing import find_version
from fraud.rulesets.tables import policy_versions
from rules.files.load import LoadedRuleset, load_ruleset, ruleset_from_document
from rules.lint.placed import problems_in
from rules.model import Ruleset
from rules.trial import TrialResult, try_in_subprocess

Reader = Callable[[str], bytes | None]
Trial = Callable[[Mapping[str, Any]], TrialResult]
TRIALS_AT_ONCE_MAX = 2
_WAIT_SECONDS = 10.0
# A trial may take a processor and much memory for seconds; requests beyond these wait their turn.
_turns = BoundedSemaphore(TRIALS_AT_ONCE_MAX)


@dataclass(frozen=True, slots=True)
class Ready:
    """A file that may be proposed, and the files that it includes."""

    loaded: LoadedRuleset
    source: bytes
    includes: Mapping[str, str]


def ready_file(source: bytes, name: str, includes: Reader = lambda _: None, trial: Trial = try_in_subprocess) -> Ready:
    """Read, check, lint and try a file; errors refuse it. Raises `Malformed`: `bad_file`, `feature_not_online` or `trial_failed`."""
    used: dict[str, str] = {}

    def noted(wanted: str) -> bytes | None:
        content = includes(wanted)
        if content is not None:
            used[wanted] = content.decode("utf-8", "replace")
        return content

    loaded = load_ruleset(source, name, noted)
    errors, _ = problems_in(loaded)
    if errors:
        # Such as a threshold past a feature's cap: the rule would be judged by what its count cannot tell.
        raise bad_file(name, errors)
    _require_online(loaded.ruleset, lambda feature: [_problem(loaded, feature)])
    require_trial(loaded.document, trial)
    return Ready(loaded, source, used)


def ready_version(database: Database, merchant: str, policy: str, version: int, trial: Trial = try_in_subprocess) -> None:
    """The same for a version that is to be brought back: the program may have changed since it was live."""
    with database.read() as connection:
        row = find_version(connection, merchant, policy, version)
    _require_ready(json.loads(row.document), trial)


def ready_approval(database: Database, approval_id: str, trial: Trial = try_in_subprocess) -> None:
    """The same for the version that an approval is about; one that was decided before is not tried again."""
    query = select(policy_versions.c.document).where(policy_versions.c.approval_id == approval_id, policy_versions.c.state == "proposed")
    with database.read() as connection:
        document = connection.execute(query).scalar_one_or_none()
    if document is not None:
        _require_ready(json.loads(document), trial)


def require_trial(document: Mapping[str, Any], trial: Trial = try_in_subprocess) -> None:
    """Raises `Malformed` (`trial_failed`, with the reason) or `Unavailable` when too many trials wait."""
    if not _turns.acquire(timeout=_WAIT_SECONDS):
        raise Unavailable("trials_busy", Text(zh="试运行排队过长,请稍后再试", en="too many trials wait; try again shortly"), retry_after_seconds=5)
    try:
        result = trial(document)
    finally:
        _turns.release()
    if not result.ok:
        raise Malformed("trial_failed", result.text, reason=result.code, failed=list(result.failed))


def _require_ready(document: Mapping[str, Any], trial: Trial) -> None:
    try:
        ruleset = ruleset_from_document(document)
    except ValueError as error:
        text = Text(zh="该版本的文档已无法读取", en="this version's document cannot be read any more")
        raise Malformed("trial_failed", text, reason="trial_unreadable", failed=[]) from error
    _require_online(ruleset)
    require_trial(document, trial)


def _require_online(ruleset: Ruleset, problems: Callable[[str], list[Problem]] = lambda _: []) -> None:
    names = offline_features(ruleset)
    if names:
        raise Malformed("feature_not_online", _not_online(", ".join(names)), features=names, errors=[one for name in names for one in problems(name)])


def _problem(loaded: LoadedRuleset, feature: str) -> Problem:
    file, place = loaded.place(("features", feature))
    return Problem(file, place, Fault("feature_not_online", _not_online(feature)))


def _not_online(names: str) -> Text:
    return Text(zh=f"线上尚不能计算特征:{names}", en=f"these features cannot be computed live yet: {names}")
