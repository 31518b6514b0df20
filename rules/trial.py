"""The trial of a document before it goes live: another process builds it, runs its tests and replays samples, within limits of time and memory.

Whatever that process does, hang, crash or swell, this one gets a verdict. The child is told nothing but the document: no settings, no keys.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.canon import canonical
from core.text import Text

TIMEOUT_SECONDS = 5.0
MEMORY_BYTES_MAX = 1024**3
NAMES_SHOWN_MAX = 20
# -P: whatever lies in the current folder is not imported; -B: nothing is written.
COMMAND: tuple[str, ...] = (sys.executable, "-P", "-B", "-s", "-m", "rules.trial")
_ROOT = Path(__file__).resolve().parents[1]
# What an interpreter may need to start at all; nothing of ours is among it.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "PYTHONTZPATH", "TMPDIR")


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The verdict: `code` is "ok" or the reason of the refusal; `failed` names the cases or rules that the reason is about."""

    ok: bool
    code: str
    text: Text
    failed: tuple[str, ...] = ()


def try_in_subprocess(document: Mapping[str, Any], timeout_seconds: float = TIMEOUT_SECONDS) -> TrialResult:
    """Build, test and replay a normalised document. Always gives a verdict, at the latest shortly after the limit."""
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | {"PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1"}
    child = subprocess.Popen(
        (*COMMAND, str(timeout_seconds)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        process_group=0,
    )
    with child:
        try:
            said, complained = child.communicate(canonical(document), timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            return _too_slow(timeout_seconds)
        finally:
            _end(child)
    return _verdict(child.returncode, said, complained, timeout_seconds)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a child that still runs, with everything that it may have started. One that was waited for has no number of its own any more."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)


def _verdict(status: int, said: bytes, complained: bytes, timeout_seconds: float) -> TrialResult:
    if status == -signal.SIGXCPU:
        return _too_slow(timeout_seconds)
    if status != 0:
        last = complained.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
        how = _signal_name(-status) if status < 0 else last or str(status)
        return refusal("trial_crashed", f"试运行进程崩溃({how})", f"the trial's process crashed ({how})")
    try:
        told = json.loads(said)
        return TrialResult(told["ok"], told["code"], Text(zh=told["zh"], en=told["en"]), tuple(told["failed"]))
    except (ValueError, LookupError, TypeError):
        return refusal("trial_crashed", "试运行进程没有给出结果", "the trial's process gave no verdict")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _too_slow(seconds: float) -> TrialResult:
    return refusal("trial_too_slow", f"试运行超过 {seconds:g} 秒,已终止", f"the trial took over {seconds:g} seconds and was ended")


def refusal(code: str, zh: str, en: str, failed: tuple[str, ...] = ()) -> TrialResult:
    """A verdict that refuses."""
    return TrialResult(False, code, Text(zh=zh, en=en), failed)


def main() -> None:
    """The child: limits itself before it reads anything, then writes one verdict as JSON."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else TIMEOUT_SECONDS
    _limit_self(seconds)
    from rules.trying import try_document

    verdict = try_document(sys.stdin.buffer.read())
    body = {"ok": verdict.ok, "code": verdict.code, "zh": verdict.text.zh, "en": verdict.text.en, "failed": list(verdict.failed)}
    sys.stdout.write(json.dumps(body))


def _limit_self(seconds: float) -> None:
    """Memory, processor time, and no file written; a system that does not know a limit goes without it."""
    import resource

    processor = int(seconds) + 1
    limits = {resource.RLIMIT_AS: MEMORY_BYTES_MAX, resource.RLIMIT_CPU: processor, resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: 0}
    for which, most in limits.items():
        with suppress(ValueError, OSError):
            resource.setrlimit(which, (most, most))


if __name__ == "__main__":
    main()
