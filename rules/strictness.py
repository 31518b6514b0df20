"""Whether a change makes a policy stricter or milder: followed through comparisons, `and`, `or` and `not` to the rules that it touches.

A condition *moves* by +1 when it holds at least as often as before, by -1 when at most as often, by 0 when nothing touches it, and by None when
that cannot be told from its shape. What a rule's move means depends on whether the rule protects or lets through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from core.text import Lang, Text
from rules.changes import ADDED, REMOVED, Change
from rules.files.literals import literal
from rules.lang.faults import BadExpression
from rules.lang.kinds import ORDERED
from rules.lang.parser import parse
from rules.lang.syntax import Apply, Chain, Infix, Literal, Member, Prefix, Shape, Word
from rules.model import OUTCOMES, UNAVAILABLE_OUTCOMES
from rules.windows.declare import seconds_of

TIGHTENED, LOOSENED = "tightened", "loosened"
WORDS = {TIGHTENED: Text(zh="收紧", en="tightened"), LOOSENED: Text(zh="放宽", en="loosened")}
_LONGER, _SHORTER = Text(zh="更长", en="longer"), Text(zh="更短", en="shorter")
Document = Mapping[str, Any]
Move: TypeAlias = int | None
# A window of these counts at least as much when it is longer.
_GROWING = ("count", "distinct", "sum", "max")
_ORDER = {"<": -1, "<=": -1, ">": 1, ">=": 1}


@dataclass(frozen=True, slots=True)
class Weighed:
    """A change, and what it does to the policy: `tightened`, `loosened`, or None where that cannot be told or does not arise."""

    change: Change
    effect: str | None

    def words(self, lang: Lang) -> str:
        """The change in a line, with what it does."""
        told = [one.pick(lang) for one in (_length(self.change), None if self.effect is None else WORDS[self.effect]) if one is not None]
        between = "、" if lang == "zh" else ", "
        line = self.change.text.pick(lang)
        return line if not told else f"{line}({between.join(told)})" if lang == "zh" else f"{line} ({between.join(told)})"

    def as_dict(self, lang: Lang) -> dict[str, Any]:
        """For programs."""
        return {**self.change.as_dict(lang), "text": self.words(lang), "effect": self.effect}


def weigh(changes: Iterable[Change], old: Document, new: Document) -> list[Weighed]:
    """What each change of a policy does, `old` and `new` being its documents."""
    return [Weighed(change, effect_of(_strictness(change, old, new))) for change in changes]


def effect_of(strictness: Move) -> str | None:
    """From a direction to its word."""
    return None if not strictness else TIGHTENED if strictness > 0 else LOOSENED


def condition_moves(old: str, new: str, names: Mapping[str, int] | None = None) -> Move:
    """How often the condition holds afterwards; `names` are words whose values moved (or lists that grew)."""
    try:
        return _moves(parse(old), parse(new), names or {})
    except BadExpression:
        return None


def _strictness(change: Change, old: Document, new: Document) -> Move:
    """+1 for a stricter policy."""
    section, *rest = change.path
    if section == "rules":
        return _of_rule(change, rest, old, new)
    if section == "features":
        return _of_feature(change, rest, new)
    if section == "parameters":
        return _through_rules(rest[0], _compared(change.old, change.new), new) if change.kind not in (ADDED, REMOVED) else None
    if section == "lists":
        return _of_list(change, rest, new)
    if section == "bands":
        return _of_band(change)
    if section == "when_unavailable":
        return _ranked(change.old, change.new, list(UNAVAILABLE_OUTCOMES))
    return None


def _of_rule(change: Change, rest: list[str], old: Document, new: Document) -> Move:
    before, after = (next((rule for rule in document["rules"] if rule["id"] == rest[0]), None) for document in (old, new))
    if before is None or after is None:
        kept = after or before
        return 0 if kept is None else _weight(kept) * (1 if before is None else -1)
    part = rest[1] if len(rest) > 1 else ""
    if part == "when":
        return _times(condition_moves(before["when"], after["when"]), _weight(after) if _weight(before) == _weight(after) else 0)
    if part == "score" and "verdict" not in before and "verdict" not in after:
        return _sign((change.new or 0) - (change.old or 0))
    if part in ("verdict", "lifts_to") and change.old is not None and change.new is not None:
        return _ranked(change.old, change.new, OUTCOMES)
    return None


def _of_feature(change: Change, rest: list[str], new: Document) -> Move:
    feature = new.get("features", {}).get(rest[0])
    if feature is None or change.kind in (ADDED, REMOVED) or len(rest) < 2 or not any(name in feature for name in _GROWING):
        return None
    if rest[1] in ("window", "bucket"):
        return _through_rules(rest[0], _sign(seconds_of(change.new) - seconds_of(change.old)), new)
    if rest[1] == "where" and isinstance(change.old, str) and isinstance(change.new, str):
        whole = feature.get("where")
        # A single constant is told by itself; what it does is told from the whole condition, which is there only once for both.
        return _through_rules(rest[0], condition_moves(change.old, change.new), new) if whole == change.new else None
    if rest[1] == "where" and (change.old is None) != (change.new is None):
        return _through_rules(rest[0], 1 if change.new is None else -1, new)
    return None


def _of_list(change: Change, rest: list[str], new: Document) -> Move:
    if len(rest) < 2 or rest[1] != "items":
        return None
    grows = 1 if change.kind == ADDED else -1
    reading = [name for name, feature in new.get("features", {}).items() if any(key.endswith("_in") and value == rest[0] for key, value in feature.items())]
    return _all(_through_rules(name, grows, new) for name in (rest[0], *reading))


def _of_band(change: Change) -> Move:
    if change.kind in (ADDED, REMOVED):
        return None
    if change.old is None or change.new is None:
        return 1 if change.old is None else -1
    return _sign(change.old - change.new)


def _through_rules(name: str, moved: Move, document: Document) -> Move:
    """What it does to the rules that read the word."""
    if not moved:
        return moved
    return _all(_times(condition_moves(rule["when"], rule["when"], {name: moved}), _weight(rule)) for rule in document["rules"])


def _weight(rule: Mapping[str, Any]) -> int:
    """+1 for a rule that protects, -1 for one that lets through, 0 for one that only watches."""
    verdict = rule.get("verdict")
    if verdict is not None:
        return -1 if verdict == OUTCOMES[0] else 1
    return _sign(rule.get("score", 0))


def _moves(old: Shape, new: Shape, names: Mapping[str, int]) -> Move:
    match old, new:
        case Literal(), Literal():
            return _literals(old, new)
        case Word(), Word():
            return names.get(new.name, 0) if old.name == new.name else None
        case Prefix(), Prefix() if old.operator == new.operator:
            return _times(_moves(old.inner, new.inner, names), -1)
        case Infix(), Infix():
            return _infix(old, new, names)
        case Chain(), Chain() if old.operator == new.operator:
            return _chain(new.operator, old.parts, new.parts, names)
        case Chain(), _ if not isinstance(new, Chain):
            return _chain(old.operator, old.parts, (new,), names)
        case _, Chain() if not isinstance(old, Chain):
            return _chain(new.operator, (old,), new.parts, names)
        case Member(), Member() if old.negated == new.negated:
            return _member(old, new, names)
        case Apply(), Apply() if old.function.name == new.function.name and len(old.arguments) == len(new.arguments):
            still = all(_moves(one, other, names) == 0 for one, other in zip(old.arguments, new.arguments, strict=True))
            return 0 if still else None
    return None


def _literals(old: Literal, new: Literal) -> Move:
    if old.kind is not new.kind:
        return None
    if old.value == new.value:
        return 0
    return _sign(new.value - old.value) if old.kind in ORDERED else None  # type: ignore[operator]


def _infix(old: Infix, new: Infix, names: Mapping[str, int]) -> Move:
    left, right = _moves(old.left, new.left, names), _moves(old.right, new.right, names)
    order = _ORDER.get(new.operator)
    if order is not None:
        if old.operator != new.operator and _ORDER.get(old.operator) != order:
            return None
        # `>` to `>=` holds more often, and so does `<` to `<=`.
        widened = _sign(len(new.operator) - len(old.operator))
        return _all((_times(left, order), _times(right, -order), widened))
    if old.operator != new.operator:
        return None
    if new.operator in ("+", "-"):
        return _all((left, right if new.operator == "+" else _times(right, -1)))
    return 0 if left == right == 0 else None


def _chain(operator: str, old: tuple[Shape, ...], new: tuple[Shape, ...], names: Mapping[str, int]) -> Move:
    """Parts that came or went; one that stands alone is a chain of one."""
    if len(old) == len(new):
        return _all(_moves(one, other, names) for one, other in _paired(old, new))
    fewer, more = sorted((old, new), key=len)
    known = [_plain(part) for part in more]
    if names or not all(_plain(part) in known for part in fewer):
        return None
    return (1 if len(new) > len(old) else -1) * (1 if operator == "or" else -1)


def _member(old: Member, new: Member, names: Mapping[str, int]) -> Move:
    if _moves(old.inner, new.inner, names) != 0:
        return None
    sign = -1 if new.negated else 1
    if isinstance(old.members, Word) and isinstance(new.members, Word):
        return _times(names.get(new.members.name, 0), sign) if old.members.name == new.members.name else None
    if isinstance(old.members, Word) or isinstance(new.members, Word):
        return None
    before, after = ({_plain(one) for one in members} for members in (old.members, new.members))
    return 0 if before == after else sign if before < after else -sign if after < before else None


def _paired(old: tuple[Shape, ...], new: tuple[Shape, ...]) -> Iterable[tuple[Shape, Shape]]:
    """Parts that are alike meet, each with one; of the others each meets the next."""
    left, others = {place: _plain(part) for place, part in enumerate(new)}, []
    for part in old:
        place = next((one for one, plain in left.items() if plain == _plain(part)), None)
        if place is None:
            others.append(part)
        else:
            del left[place]
            yield part, new[place]
    yield from zip(sorted(others, key=_words), sorted((new[place] for place in left), key=_words), strict=True)


def _words(shape: Shape) -> str:
    """Orders parts by what they are about, not by their constants."""
    match shape:
        case Literal():
            return ""
        case Word():
            return shape.name
        case Prefix():
            return _words(shape.inner)
        case Infix():
            return f"{_words(shape.left)} {_words(shape.right)}"
        case Chain():
            return " ".join(map(_words, shape.parts))
        case Member():
            return _words(shape.inner)
        case Apply():
            return " ".join([shape.function.name, *map(_words, shape.arguments)])


def _plain(shape: Any) -> Any:
    """The shape without its places."""
    if isinstance(shape, tuple):
        return tuple(_plain(part) for part in shape)
    if not hasattr(shape, "span"):
        return shape
    return (type(shape).__name__, *(_plain(getattr(shape, name)) for name in shape.__slots__ if name != "span"))


def _all(moves: Iterable[Move]) -> Move:
    """Of several at once: they agree, or nothing can be told."""
    found = set(moves) - {0}
    return 0 if not found else None if len(found) > 1 else found.pop()


def _times(move: Move, sign: int) -> Move:
    return 0 if sign == 0 else None if move is None else move * sign


def _sign(number: Any) -> int:
    return 1 if number > 0 else -1 if number < 0 else 0


def _ranked(old: Any, new: Any, order: Any) -> Move:
    ranks = list(order)
    return _sign(ranks.index(new) - ranks.index(old)) if old in ranks and new in ranks else None


def _compared(old: Any, new: Any) -> Move:
    """Two parameters as they were written."""
    (kind, before), (other, after) = literal(old), literal(new)
    return _sign(after - before) if kind is other and kind in ORDERED else None  # type: ignore[operator]


def _length(change: Change) -> Text | None:
    if change.path[-1] != "window" or not isinstance(change.old, str) or not isinstance(change.new, str):
        return None
    return _LONGER if seconds_of(change.new) > seconds_of(change.old) else _SHORTER
