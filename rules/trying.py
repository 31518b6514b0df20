"""What a trial does, inside its own process: the document builds, its tests pass, and both forms of its rules agree."""

from __future__ import annotations

import json
from typing import Any

from core.text import Text
from rules.cases.run import run_cases
from rules.files.load import ruleset_from_document
from rules.model import Ruleset
from rules.replay import disagreements
from rules.trial import NAMES_SHOWN_MAX, TrialResult, refusal


def try_document(source: bytes) -> TrialResult:
    """The verdict on a document as JSON bytes."""
    try:
        return _tried(json.loads(source))
    except MemoryError:
        return refusal("trial_too_large", "试运行内存超限", "the trial needs more memory than it may have")
    except Exception as error:
        # A fault of ours, found before it judges anyone: the document is refused with the fault's kind.
        kind = type(error).__name__
        return refusal("trial_crashed", f"试运行出错({kind})", f"the trial failed ({kind})")


def _tried(document: Any) -> TrialResult:
    try:
        ruleset = ruleset_from_document(document)
    except (ValueError, LookupError, TypeError) as error:
        return refusal("trial_unreadable", f"文档无法还原:{error}"[:500], f"the document does not build: {error}"[:500])
    return _tests(ruleset) or _replay(ruleset) or TrialResult(True, "ok", Text(zh="试运行通过", en="the trial passed"))


def _tests(ruleset: Ruleset) -> TrialResult | None:
    failed = run_cases(ruleset).failed
    if not failed:
        return None
    return refusal("trial_tests_failed", f"测试未通过:{_listed(failed, '、')}", f"tests failed: {_listed(failed, ', ')}", failed)


def _replay(ruleset: Ruleset) -> TrialResult | None:
    rules = tuple(disagreements(ruleset))
    if not rules:
        return None
    return refusal("trial_mismatch", f"编译结果与解释结果不一致:{_listed(rules, '、')}", f"the compiled form disagrees: {_listed(rules, ', ')}", rules)


def _listed(names: tuple[str, ...], between: str) -> str:
    more = len(names) - NAMES_SHOWN_MAX
    return between.join(names[:NAMES_SHOWN_MAX]) + (f" … +{more}" if more > 0 else "")
