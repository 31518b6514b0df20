"""The shipped policies, read once: reading YAML takes seconds, and every process and every command would do it again.

What was read is kept as JSON in `__pycache__` beside the files, as Python keeps what it compiled, under a name that follows from the content of the
files and of the code that reads them. Where it cannot be written nothing is kept.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import core
import rules
from fraud.policies import Policies
from rules.files.load import is_pack, load_ruleset_file, ruleset_from_document
from rules.model import Ruleset

_CODE = tuple(Path(str(room.__file__)).parent for room in (rules, core))


@dataclass(frozen=True, slots=True)
class Shipped:
    """The policies of a folder, and the document of each by its version."""

    policies: Policies
    documents: Mapping[str, Mapping[str, Any]]


def load_policies(folder: Path) -> Policies:
    """Every policy of a folder's `.yaml` files; packs are read by those that include them. Raises `Malformed` for the first file that has problems."""
    return load_shipped(folder).policies


def load_shipped(folder: Path) -> Shipped:
    """The same with the documents that they are made of. Raises `Malformed`."""
    sources = {path.name: path.read_bytes() for path in sorted(folder.glob("*.yaml"))}
    return _of_content(folder, _fingerprint(sources), tuple(name for name, source in sources.items() if not is_pack(source)))


@lru_cache(maxsize=4)
def _of_content(folder: Path, fingerprint: str, names: Sequence[str]) -> Shipped:
    kept = folder / "__pycache__" / f"policies-{fingerprint}.json"
    with suppress(OSError, ValueError, LookupError, TypeError):
        return _shipped((ruleset_from_document(document), document) for document in _read(kept.read_bytes()))
    loaded = [load_ruleset_file(folder / name) for name in names]
    _keep(kept, [one.document for one in loaded])
    return _shipped((one.ruleset, one.document) for one in loaded)


def _shipped(read: Iterable[tuple[Ruleset, Mapping[str, Any]]]) -> Shipped:
    both = list(read)
    return Shipped(Policies(ruleset for ruleset, _ in both), {ruleset.version: document for ruleset, document in both})


def _read(data: bytes) -> Iterable[Mapping[str, Any]]:
    """Raises `ValueError` for bytes that were written by halves or changed."""
    digest, _, body = data.partition(b"\n")
    if sha256(body).hexdigest().encode() != digest:
        raise ValueError("what was kept is damaged")
    documents: list[Mapping[str, Any]] = json.loads(body)
    return documents


def _keep(path: Path, documents: Sequence[Mapping[str, Any]]) -> None:
    body = json.dumps(documents, ensure_ascii=False, separators=(",", ":")).encode()
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        # Whole or not at all: other processes start at the same time.
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as written:
            written.write(sha256(body).hexdigest().encode() + b"\n" + body)
        os.chmod(written.name, 0o644)
        os.replace(written.name, path)
        for old in path.parent.glob("policies-*.json"):
            if old != path:
                old.unlink(missing_ok=True)


def _fingerprint(sources: Mapping[str, bytes]) -> str:
    """Of the files, and of all code that turns them into documents."""
    told = sha256()
    code = {str(path): path.read_bytes() for folder in _CODE for path in sorted(folder.rglob("*.py"))}
    for name, content in (*sources.items(), *code.items()):
        told.update(f"{len(name)}:{name}:{len(content)}:".encode() + content)
    return told.hexdigest()[:32]
