"""Reads a YAML file into plain data that remembers where every key and value stood. Bounded in size, depth and nodes; no anchors, tags or doubled keys.

Scalars follow the YAML 1.2 core schema, so `no`, `on` and `12:30` are strings; an unquoted decimal keeps its text and never becomes a float.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, DocumentStartEvent, Event, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent

from core.text import Text
from core.yamlfile.problems import Fault, Place, Problem, bad_file

BYTES_MAX = 256 * 1024
DEPTH_MAX = 32
NODES_MAX = 20_000
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
# No text that people read holds these, and no database or canonical form takes the surrogates; quotes let them in as escapes.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_DECIMAL = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)


class Unquoted(str):
    """The text of a decimal that stood without quotes: a field may read it exactly, nothing reads it as a float."""

    __slots__ = ()


@dataclass(slots=True)
class Node:
    """A value with its place. `value` is a scalar, a list of nodes, or a dict from key to node; `keys` has the keys' places.

    `quote` is how many characters stand before a text's first on its line; None where the text is not on one line as it reads.
    """

    value: Any
    place: Place
    keys: dict[str, Place] = field(default_factory=dict)
    quote: int | None = None

    def plain(self) -> Any:
        """The data without its places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def place_of(self, path: tuple[str | int, ...]) -> Place:
        """Where the value at the path stands; where it is missing, its parent's place."""
        return self._find(path)[1]

    def character_place(self, path: tuple[str | int, ...], offset: int) -> Place | None:
        """Where a character of the text at the path stands; None for a text that is not written on one line as it reads."""
        node, place = self._find(path)
        if node is None or node.quote is None:
            return None
        return Place(place.line, place.column + node.quote + offset)

    def _find(self, path: tuple[str | int, ...]) -> tuple[Node | None, Place]:
        node: Node = self
        for step in path:
            inner = node.value
            if isinstance(inner, list) and isinstance(step, int) and step < len(inner):
                node = inner[step]
            elif isinstance(inner, dict) and step in inner:
                node = inner[step]
            else:
                return None, node.keys.get(str(step), node.place)
        return node, node.place

    def key_place(self, path: tuple[str | int, ...]) -> Place:
        """Where the key at the end of the path stands."""
        if not path:
            return self.place
        parent: Node = self
        for step in path[:-1]:
            inner = parent.value
            if not isinstance(inner, dict | list):
                return parent.place
            parent = inner[step]  # type: ignore[index]
        return parent.keys.get(str(path[-1]), parent.place)


@dataclass(frozen=True, slots=True)
class Document:
    """A file that could be read; its top level is a mapping.

    `problems` are keys and characters that may not stand where they do; `run_schema` tells them with its own, so that none hides another.
    """

    name: str
    root: Node
    problems: tuple[Problem, ...] = ()


def read_yaml(source: bytes, name: str) -> Document:
    """Raises `Malformed` (`bad_file`) with the place and the fix of what cannot be read."""
    text = _decode(source, name)
    builder = _Builder(name)
    try:
        root = builder.build(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)
        raise _stop(name, place, "yaml_syntax", f"YAML 语法错误:{error.problem}", f"not valid YAML: {error.problem}") from error
    except (YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise _stop(name, Place(1, 1), "yaml_syntax", "YAML 语法错误", f"not valid YAML: {str(error)[:200]}") from error
    if root is None or not isinstance(root.value, dict):
        raise _stop(name, Place(1, 1), "not_a_mapping", "文件应由 “键: 值” 组成", "the file must be a mapping of `key: value` lines")
    return Document(name, root, tuple(builder.problems))


class _Builder:
    """Builds nodes from the parser's events, with a stack of our own instead of recursion."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stack: list[tuple[Node, list[Any]]] = []
        self._root: Node | None = None
        self._nodes = 0
        self._documents = 0
        self.problems: list[Problem] = []

    def build(self, events: Iterator[Event]) -> Node | None:
        for event in events:
            self._take(event)
        return self._root

    def _take(self, event: Event) -> None:
        place = Place(event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise _stop(self._name, place, "several_documents", "一个文件只能有一份文档(去掉 ---)", "one file holds one document; remove the ---")
        elif isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            raise _stop(self._name, place, "anchor", "不支持锚点和引用(& 和 *)", "anchors and aliases (& and *) are not supported; write the value out")
        elif isinstance(event, MappingStartEvent | SequenceStartEvent | ScalarEvent):
            self._begin(event, place)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self._stack.pop()

    def _begin(self, event: Any, place: Place) -> None:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise _stop(self._name, place, "too_many_values", f"文件内容过多(超过 {NODES_MAX} 项)", f"the file has more than {NODES_MAX} values")
        if event.tag is not None and not (isinstance(event, ScalarEvent) and event.tag == "!"):
            raise _stop(self._name, place, "tag", f"不支持标签 {event.tag}", f"the tag {event.tag} is not supported; remove it")
        if isinstance(event, ScalarEvent):
            if _UNWRITABLE.search(str(event.value)):
                self._wrong(place, "control_character", "含有控制字符或不成对的代理字符", "there is a control character or half of a surrogate pair")
            self._add(Node(_resolve(event), place, quote=_quote(event)), event)
            return
        if len(self._stack) >= DEPTH_MAX:
            raise _stop(self._name, place, "too_deep", f"嵌套超过 {DEPTH_MAX} 层", f"nested deeper than {DEPTH_MAX} levels")
        node = Node({} if isinstance(event, MappingStartEvent) else [], place)
        self._add(node, event)
        self._stack.append((node, []))

    def _add(self, node: Node, event: Any) -> None:
        if not self._stack:
            self._root = node
            return
        parent, pending = self._stack[-1]
        if isinstance(parent.value, list):
            parent.value.append(node)
        elif not pending:
            pending.append(self._key(parent, node, event))
        else:
            key = pending.pop()
            if key is not None:
                if isinstance(event, ScalarEvent) and event.start_mark.index == event.end_mark.index:
                    # The parser places a value that is not there at whatever comes next.
                    node.place = parent.keys[key]
                parent.value[key] = node

    def _key(self, parent: Node, node: Node, event: Any) -> str | None:
        """The key as a string; None for one that cannot stand (its value is still read, to find what else is wrong)."""
        key = event.value if isinstance(event, ScalarEvent) else None
        if key is None:
            self._wrong(node.place, "key_not_text", "键必须是文本", "a key must be text")
            return None
        if key in parent.value or key in parent.keys:
            first = parent.keys[key]
            shown = repr(str(key)[:40])
            self._wrong(node.place, "duplicate_key", f"键 {shown} 重复(首次在第 {first.line} 行)", f"the key {shown} stands twice (first on line {first.line})")
            return None
        parent.keys[key] = node.place
        return str(key)

    def _wrong(self, place: Place, code: str, zh: str, en: str) -> None:
        self.problems.append(Problem(self._name, place, Fault(code, Text(zh=zh, en=en))))


def _quote(event: Any) -> int | None:
    quote = 0 if not event.style else 1 if event.style in ("'", '"') else None
    if quote is None or event.start_mark.line != event.end_mark.line:
        return None
    as_it_reads = event.end_mark.column - event.start_mark.column - 2 * quote == len(event.value)
    return quote if as_it_reads else None


def _resolve(event: Any) -> Any:
    text = str(event.value)
    if not event.implicit[0]:
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    return Unquoted(text) if _DECIMAL.fullmatch(text) else text


def _decode(source: bytes, name: str) -> str:
    if len(source) > BYTES_MAX:
        raise _stop(name, Place(1, 1), "file_too_large", f"文件超过 {BYTES_MAX // 1024} KiB", f"the file is over {BYTES_MAX // 1024} KiB")
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _stop(name, Place(1, 1), "not_utf8", "文件是 UTF-16 编码,请另存为 UTF-8", "the file is UTF-16; save it as UTF-8")
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        seems_gbk = _reads_as_gbk(source)
        zh = "文件似乎是 GBK 编码,请在编辑器中另存为 UTF-8" if seems_gbk else "文件不是 UTF-8 编码"
        en = "the file seems to be GBK; save it as UTF-8 in your editor" if seems_gbk else "the file is not UTF-8"
        raise _stop(name, Place(line, 1), "not_utf8", zh, en) from error
    for number, line_text in enumerate(text.split("\n"), 1):
        for column, char in enumerate(line_text, 1):
            if char < " " and char not in "\t\r":
                raise _stop(name, Place(number, column), "control_character", "含有控制字符", "there is a control character")
        indent = line_text[: len(line_text) - len(line_text.lstrip())]
        if "\t" in indent:
            raise _stop(name, Place(number, indent.index("\t") + 1), "tab", "缩进不能用制表符,请改用空格", "indent with spaces, not tabs")
    return text


def _reads_as_gbk(source: bytes) -> bool:
    try:
        return any(ch > "\u2e7f" for ch in source.decode("gbk"))
    except UnicodeDecodeError:
        return False


def _stop(name: str, place: Place, code: str, zh: str, en: str) -> Exception:
    return bad_file(name, [Problem(name, place, Fault(code, Text(zh=zh, en=en)))])
