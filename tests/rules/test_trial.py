"""The trial of a document: whatever its process does, there is a verdict, and only a document that builds, passes and agrees is let through."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rules import trial
from rules.lang.compile import compile_rules
from rules.replay import RECORDS_MAX, disagreements, sample_records
from rules.trial import TrialResult, try_in_subprocess
from rules.trying import try_document
from tests.rules.build import document, rule, ruleset

CASE = {"name": "three", "events": [{"at": "+0s", "user": "a", "n": 3}], "expect": {"hits": ["many"]}}
GOOD = document(rule("many", "n >= 3"), tests=[CASE])
RULES = [
    rule("many", "n >= 3 and t == 'x'"),
    rule("some", "n / m > 2 or exists(fee)"),
    rule("few", "(n ?? 0) < 2 and not b"),
    rule("rich", "fee > ¥5.00 and time_of_day(at) >= 20:00"),
]


def sabotaged(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """The child runs this instead."""
    monkeypatch.setattr(trial, "COMMAND", (sys.executable, "-c", code))


def test_a_good_document_passes() -> None:
    found = try_in_subprocess(GOOD)
    assert (found.ok, found.code, found.failed) == (True, "ok", ())


def test_a_failing_test_is_named() -> None:
    found = try_in_subprocess({**GOOD, "tests": [CASE, {**CASE, "name": "not three", "expect": {"hits": []}}]})
    assert (found.ok, found.code, found.failed) == (False, "trial_tests_failed", ("not three",))
    assert "not three" in found.text.zh
    assert "not three" in found.text.en


@pytest.mark.parametrize("change", [{"form": 99}, {"rules": [{"id": "x"}]}, {"rules": [rule("many", "nn >= 3")]}, {"zone": "Mars/Base"}])
def test_a_document_that_does_not_build_is_refused(change: dict[str, Any]) -> None:
    found = try_in_subprocess({**GOOD, **change})
    assert not found.ok
    assert found.code in ("trial_unreadable", "trial_crashed")


def test_a_child_that_hangs_is_ended_at_the_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mark = tmp_path / "pids"
    # It has started a process of its own, which must end as well.
    code = f"import os,time\nother=os.fork()\nopen({str(mark)!r},'a').write(f'{{os.getpid()}}\\n')\ntime.sleep(60)"
    sabotaged(monkeypatch, code)
    began = time.monotonic()
    found = try_in_subprocess(GOOD, timeout_seconds=1.0)
    assert time.monotonic() - began < 20
    assert (found.ok, found.code) == (False, "trial_too_slow")
    pids = [int(line) for line in mark.read_text().split()]
    assert len(pids) == 2
    for pid in pids:
        until(lambda pid=pid: not alive(pid))


def alive(pid: int) -> bool:
    """Whether it runs; one that has ended and waits to be buried does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it never came true")


def test_a_child_that_burns_its_processor_time_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    sabotaged(monkeypatch, "import os,signal; os.kill(os.getpid(), signal.SIGXCPU)")
    assert try_in_subprocess(GOOD).code == "trial_too_slow"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os,signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("import os,signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("raise SystemExit(3)", "3"),
        ("raise RuntimeError('spoilt')", "RuntimeError: spoilt"),
        ("import os; os.close(0); raise SystemExit('gone')", "gone"),
        ("pass", "no verdict"),
        ("print('ok')", "no verdict"),
        ("print('{}')", "no verdict"),
        ("print('[]')", "no verdict"),
    ],
)
def test_a_child_that_crashes_or_says_nothing_refuses(monkeypatch: pytest.MonkeyPatch, code: str, said: str) -> None:
    sabotaged(monkeypatch, code)
    found = try_in_subprocess(GOOD)
    assert (found.ok, found.code) == (False, "trial_crashed")
    assert said in found.text.en


def test_a_child_that_swells_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    body = "import sys; sys.argv=['x','5']; import rules.trying as t; t.run_cases=lambda _: bytearray(4*1024**3); import rules.trial as c; c.main()"
    sabotaged(monkeypatch, body)
    assert try_in_subprocess(GOOD).code == "trial_too_large"


def test_the_child_writes_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spoilt = str(tmp_path / "spoilt")
    body = f"import sys; sys.argv=['x','5']; import rules.trying as t; t.run_cases=lambda _: open({spoilt!r},'w',buffering=1).write('x\\n'); import rules.trial as c; c.main()"
    sabotaged(monkeypatch, body)
    assert try_in_subprocess(GOOD).code == "trial_crashed"
    assert (tmp_path / "spoilt").read_text() == ""


def test_the_child_is_told_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEEPDOG_SECRET_KEY", "hush")
    monkeypatch.setenv("PYTHONSTARTUP", "/tmp/x")
    sabotaged(monkeypatch, "import os; raise SystemExit(' '.join(sorted(os.environ)))")
    names = set(try_in_subprocess(GOOD).text.en.partition("(")[2].rstrip(")").split())
    assert "PYTHONPATH" in names
    assert not {name for name in names if name.startswith("SHEEPDOG") or name == "PYTHONSTARTUP"}


def test_the_folder_that_one_stands_in_does_not_matter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "__init__.py").write_text("raise SystemExit(9)")
    (tmp_path / "json.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    assert try_in_subprocess(GOOD).ok


def test_the_verdict_is_the_same_within_this_process() -> None:
    from core.canon import canonical

    assert try_document(canonical(GOOD)) == TrialResult(True, "ok", try_in_subprocess(GOOD).text)
    assert try_document(b"no json").code == "trial_crashed"
    assert try_document(b"[]").code in ("trial_unreadable", "trial_crashed")


def test_forms_that_agree_are_not_complained_of() -> None:
    assert disagreements(ruleset(*RULES)) == []


@pytest.mark.parametrize("spoilt", range(len(RULES)))
def test_a_compiled_form_that_says_something_else_is_noticed(spoilt: int) -> None:
    good = ruleset(*RULES)
    other = ruleset(
        *[
            rule("many", "n > 3 and t == 'x'"),
            rule("some", "n / m > 2 and exists(fee)"),
            rule("few", "n < 2 and not b"),
            rule("rich", "fee >= ¥5.00 and time_of_day(at) >= 20:00"),
        ]
    )
    conditions = [rule.when for rule in good.rules]
    conditions[spoilt] = other.rules[spoilt].when
    bad = replace(good, compiled=compile_rules(conditions, good.lists, good.zone))
    assert disagreements(bad) == [good.rules[spoilt].id]


def test_a_mismatch_refuses_and_names_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.canon import canonical

    monkeypatch.setattr("rules.trying.disagreements", lambda _: ["many"])
    found = try_document(canonical(GOOD))
    assert (found.ok, found.code, found.failed) == (False, "trial_mismatch", ("many",))


def test_samples_are_the_same_each_time_and_bounded() -> None:
    made = ruleset(*RULES)
    records = list(sample_records(made))
    assert records == list(sample_records(made))
    assert len(records) == RECORDS_MAX
    assert all(set(record) == set(made.compiled.names) for record in records)
    assert any(None in record.values() for record in records)
    assert any(None not in record.values() for record in records)
    assert len(list(sample_records(ruleset(*[rule(f"r{n}", "n + n + n + n + n + n + n + n > 3") for n in range(1_000)])))) < RECORDS_MAX


def test_a_large_ruleset_is_tried_within_the_limit() -> None:
    assert os.cpu_count()
    big = document(*[rule(f"r{n}", f"n >= {n} and t != 'x{n}' or fee > ¥{n}.50") for n in range(1_000)])
    assert try_in_subprocess(big, timeout_seconds=30).ok
