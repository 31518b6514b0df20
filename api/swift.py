"""Bodies that are read in the time that good ones need: each value that came is looked at once, and fields that did not come cost nothing.

Where anything is wrong the whole body goes through marshmallow's own reading, which finds every mistake; both give the same for every good body.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma


class SwiftSchema(ma.Schema):
    """A schema for bodies of many optional texts. A field with a `data_key` or `attribute` of its own makes it an ordinary one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        fields = self.load_fields
        self._texts = {name: bounds for name, field in fields.items() if (bounds := _plain_text(field)) is not None}
        self._absent = [(name, field.required, field.load_default) for name, field in fields.items() if field.required or field.load_default is not ma.missing]
        self._swift = all(field.data_key is None and field.attribute is None for field in fields.values())

    def _deserialize(self, data: Any, *, many: bool = False, partial: Any = None, unknown: Any = ma.RAISE, **rest: Any) -> Any:
        if self._swift and not many and not partial and unknown == ma.RAISE and isinstance(data, dict):
            read = self._read(data)
            if read is not None:
                return read
        return super()._deserialize(data, many=many, partial=partial, unknown=unknown, **rest)

    def _read(self, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """The values of a good body; None of any other, and of one that only the slow reading understands."""
        found: dict[str, Any] = {}
        for name, value in data.items():
            bounds = self._texts.get(name)
            if bounds is not None and type(value) is str and bounds[0] <= len(value) <= bounds[1]:
                found[name] = value
                continue
            field = self.load_fields.get(name)
            if field is None:
                return None
            try:
                found[name] = field.deserialize(value, name, data)
            except ma.ValidationError:
                return None
        for name, required, default in self._absent:
            if name not in data:
                if required:
                    return None
                found[name] = default() if callable(default) else default
        return found


def _plain_text(field: ma.fields.Field[Any]) -> tuple[int, int] | None:
    """The bounds of a text whose only condition is its length."""
    if type(field) is not ma.fields.String or len(field.validators) != 1:
        return None
    length = field.validators[0]
    if type(length) is not ma.validate.Length or length.equal is not None:
        return None
    return length.min or 0, 2**63 if length.max is None else length.max
