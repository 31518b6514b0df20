"""Runs a marshmallow schema over a file and turns what it says into problems at their places, in both languages."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

import marshmallow as ma

from core.text import Text
from core.yamlfile.problems import Fault, Problem
from core.yamlfile.read import Document, Node

Path = tuple[str | int, ...]

# marshmallow's own messages, by their beginning. Our fields bring `Fault`s of their own.
_MESSAGES: tuple[tuple[str, str, Text], ...] = (
    ("Missing data", "missing_key", Text(zh="缺少必填项", en="a required key is missing")),
    ("Field may not be null", "empty_value", Text(zh="值不能为空", en="the value is empty")),
    ("Not a valid string", "not_text", Text(zh="应为文本", en="text is expected")),
    ("Not a valid integer", "not_integer", Text(zh="应为整数", en="a whole number is expected")),
    ("Not a valid boolean", "not_boolean", Text(zh="应为 true 或 false", en="true or false is expected")),
    ("Not a valid mapping", "not_mapping", Text(zh="应为 “键: 值” 的组合", en="a mapping is expected")),
    ("Not a valid list", "not_list", Text(zh="应为列表", en="a list is expected")),
    ("Invalid input type", "not_mapping", Text(zh="应为 “键: 值” 的组合", en="a mapping is expected")),
)


def run_schema(document: Document, schema: ma.Schema) -> tuple[dict[str, Any], list[Problem]]:
    """(what was valid, all problems, those of reading the file as well). The valid part lets later checks speak as well."""
    try:
        return dict(schema.load(document.root.plain())), list(document.problems)
    except ma.ValidationError as error:
        valid = error.valid_data if isinstance(error.valid_data, dict) else {}
        messages = error.messages if isinstance(error.messages, dict) else {"_schema": error.messages}
        found = [_problem(document, schema, _within(document.root, path), message) for path, message in _flatten(messages, ())]
        # What cannot stand where it does is told once.
        told = {problem.place for problem in document.problems}
        return valid, [*document.problems, *(problem for problem in found if problem.place not in told)]


def _within(node: Node, path: Path) -> Path:
    """The path as the file has it: marshmallow puts "key" or "value" behind the name of a mapping's member."""
    kept: list[str | int] = []
    here: Node | None = node
    for place, step in enumerate(path):
        inner = None if here is None else here.value
        known = (isinstance(inner, dict) and step in inner) or (isinstance(inner, list) and isinstance(step, int) and step < len(inner))
        if here is not None and not known and step in ("key", "value") and place:
            continue
        kept.append(step)
        here = inner[step] if known and inner is not None else None
    return tuple(kept)


def problem_at(document: Document, path: Path, fault: Fault) -> Problem:
    """A problem at the place of the value that the path leads to."""
    return Problem(document.name, document.root.place_of(path), fault)


def did_you_mean(given: str, known: list[str]) -> Text | None:
    """A hint with the nearest known name, or None."""
    near = difflib.get_close_matches(given, known, n=1, cutoff=0.6)
    return Text(zh=f"是否想写 {near[0]}?", en=f"did you mean {near[0]}?") if near else None


def _problem(document: Document, schema: ma.Schema, path: Path, message: Any) -> Problem:
    if isinstance(message, Fault):
        return problem_at(document, path, message)
    if str(message).startswith("Unknown field"):
        known = [field.data_key or name for name, field in _schema_at(schema, path[:-1]).fields.items() if not field.dump_only]
        hint = did_you_mean(str(path[-1]), known) or Text(zh=f"可用的键:{'、'.join(known)}", en=f"known keys: {', '.join(known)}")
        shown = repr(str(path[-1])[:40])
        fault = Fault("unknown_key", Text(zh=f"未知的键 {shown}", en=f"unknown key {shown}"), hint)
        return Problem(document.name, document.root.key_place(path), fault)
    code, text = _words(str(message))
    if code == "missing_key":
        text = Text(zh=f"缺少必填项 {path[-1]}", en=f"the key {path[-1]} is missing")
        return Problem(document.name, document.root.place_of(path[:-1]), Fault(code, text))
    return problem_at(document, path, Fault(code, text))


def _words(message: str) -> tuple[str, Text]:
    for beginning, code, text in _MESSAGES:
        if message.startswith(beginning):
            return code, text
    return "invalid_value", Text(zh=f"值无效:{message}", en=f"the value is not valid: {message}")


def _schema_at(schema: ma.Schema, path: Path) -> ma.Schema:
    """The schema that judges the mapping at the path; inside lists and mappings it is that of their members."""
    field: Any = None
    for step in path:
        if isinstance(field, ma.fields.List):
            field = field.inner
        elif isinstance(field, ma.fields.Dict):
            field = field.value_field
        else:
            field = next((one for name, one in schema.fields.items() if (one.data_key or name) == step), None)
        if isinstance(field, ma.fields.Nested):
            schema = field.schema
    return schema


def _flatten(messages: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(messages, dict):
        for key, inner in messages.items():
            yield from _flatten(inner, (*path, key))
    elif isinstance(messages, list):
        for message in messages:
            # marshmallow files what concerns a whole mapping under "_schema", and a writer's own key of that name as well.
            whole = path[-1:] == ("_schema",) and not str(message).startswith("Unknown field")
            yield path[:-1] if whole else path, message
    else:
        yield path, messages
