"""Words for people, always in both languages. A `Text` travels with an error or a reason until the edge picks the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Lang = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Text:
    """One message in Chinese and English."""

    zh: str
    en: str

    def pick(self, lang: Lang) -> str:
        return self.zh if lang == "zh" else self.en


def lang_of(tag: str | None, default: Lang = "en") -> Lang:
    """The language of a locale name or an `Accept-Language` header; the first tag that we speak wins.

    Quality values are honoured (`en;q=0.3, zh` is Chinese); an unreadable header gives `default`.
    """
    best, best_quality = default, 0.0
    for item in (tag or "").replace("_", "-").split(","):
        name, _, parameters = item.strip().partition(";")
        spoken: Lang | None = "zh" if name.lower().startswith("zh") else "en" if name.lower().startswith("en") else None
        quality = _quality(parameters)
        if spoken is not None and quality > best_quality:
            best, best_quality = spoken, quality
    return best


def _quality(parameters: str) -> float:
    _, _, value = parameters.partition("q=")
    try:
        quality = float(value) if value else 1.0
    except ValueError:
        return 0.0
    # Written so that "nan" counts as nothing too.
    return min(1.0, quality) if quality > 0.0 else 0.0


def localized(value: Any, lang: Lang) -> Any:
    """Anything an error may carry, as JSON-able data with its texts in one language."""
    if isinstance(value, Text):
        return value.pick(lang)
    if hasattr(value, "as_dict"):
        return value.as_dict(lang)
    if isinstance(value, Mapping):
        return {str(key): localized(item, lang) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [localized(item, lang) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
