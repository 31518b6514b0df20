"""Makes `.venv` and installs the pinned packages; a second run with nothing changed returns at once. Needs only Python 3.11 or newer."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
LEVELS = {"run": ["run"], "test": ["run", "test"], "dev": ["run", "test", "dev"], "bench": ["run", "bench"]}


def main() -> int:
    wanted = sys.argv[1] if len(sys.argv) > 1 else "run"
    if sys.version_info < (3, 11):
        return fail(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}. Name one: make setup PYTHON=python3.12", "需要 Python 3.11 或更新版本")
    for level in LEVELS[wanted]:
        done = install(level)
        if done:
            return done
    return 0


def install(level: str) -> int:
    pins = ROOT / "requirements" / f"{level}.txt"
    stamp = VENV / f".installed-{level}"
    state = hashlib.sha256(pins.read_bytes() + (ROOT / "setup.cfg").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == state:
        return 0
    if not (VENV / "bin" / "python").exists() and make_venv():
        return 1
    print(f"Installing {level} packages … 正在安装依赖 …", flush=True)
    if pip("install", "-r", str(pins)):
        return fail("pip could not install the packages. Is a package index reachable? Its own message is above.", "pip 安装失败,请检查网络或软件源")
    if level == "run":
        if pip("install", "--no-deps", "--no-build-isolation", "-e", str(ROOT)):
            return fail("the project itself could not be installed; see above", "项目自身安装失败")
        try_chaining()
    stamp.write_text(state)
    return 0


def make_venv() -> int:
    try:
        shutil.rmtree(VENV, ignore_errors=True)
        made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True)
    except OSError as error:
        return fail(f"cannot write {VENV}: {error.strerror}", "项目目录不可写")
    if made.returncode:
        hint = "On Debian or Ubuntu: apt-get install python3-venv" if "ensurepip" in made.stdout + made.stderr else (made.stderr or made.stdout).strip()
        return fail(f"cannot make a virtual environment. {hint}", "无法创建虚拟环境")
    return 0


def try_chaining() -> None:
    """durable-rules is compiled from source and imports only before Python 3.13; without it the built-in chainer serves."""
    if sys.version_info >= (3, 13):
        print("Note: durable-rules needs Python < 3.13; the built-in chainer will serve.")
        return
    if shutil.which("cc") is None and shutil.which("gcc") is None:
        print("Note: no C compiler, so durable-rules is left out; the built-in chainer will serve. 没有 C 编译器,跳过 durable-rules。")
        return
    if pip("install", "--quiet", "durable-rules==2.0.28", quiet=True):
        print("Note: durable-rules could not be built; the built-in chainer will serve. durable-rules 编译失败,已跳过。")


def pip(*arguments: str, quiet: bool = False) -> int:
    command = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", *arguments]
    if "--quiet" not in arguments and not os.environ.get("VERBOSE"):
        command.append("--quiet")
    return subprocess.run(command, capture_output=quiet).returncode


def fail(english: str, chinese: str) -> int:
    print(f"✗ {english}\n  {chinese}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
