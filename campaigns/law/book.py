"""All packs that there are, and which of them judge whom: those that a campaign names, else the merchant's, else the platform's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from campaigns.law.facts import Value
from campaigns.law.pack import Pack, Rule
from campaigns.law.read import read_pack
from core.errors import Malformed
from core.text import Text
from core.yamlfile.check import did_you_mean, problem_at
from core.yamlfile.problems import Fault, Problem, bad_file
from core.yamlfile.read import Document

SHIPPED = Path(__file__).resolve().parents[2] / "rules" / "packs"
USUAL = "law-cn"


@dataclass(frozen=True, slots=True)
class LawBook:
    """`merchants` have packs of their own; `house` is what this installation says of itself (how long it keeps what)."""

    packs: Mapping[str, Pack]
    platform: tuple[str, ...] = (USUAL,)
    merchants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    house: Mapping[str, Value] = field(default_factory=dict)

    def names_for(self, merchant: str) -> tuple[str, ...]:
        return self.merchants.get(merchant, self.platform)

    def packs_for(self, merchant: str, chosen: Sequence[str], places: Document) -> tuple[Pack, ...]:
        """The packs that judge a campaign that chose these (none: the merchant's). Raises `Malformed` at the file's place for one that is not there."""
        problems = [self._unknown(name, places) for name in chosen if name not in self.packs]
        if problems:
            raise bad_file(places.name, problems)
        own = self.names_for(merchant)
        # A file must not set itself free: the merchant's packs that it leaves out still say whether it may.
        left = (self.packs[name].of_choice() for name in own if name not in chosen)
        return (*(self.packs[name] for name in chosen), *left) if chosen else tuple(self.packs[name] for name in own)

    def told(self, merchant: str, chosen: Sequence[str]) -> Mapping[str, Value]:
        """What the house says of itself, and whether the campaign leaves out a pack of its merchant's."""
        return {**self.house, "law_left_out": bool(chosen) and not set(self.names_for(merchant)) <= set(chosen)}

    def refusal(self, names: Sequence[str], code: str) -> tuple[Pack, Rule] | None:
        """The rule behind a refusal of the file reader, where one of these packs has it."""
        rules = ((self.packs[name], rule) for name in names if name in self.packs for rule in self.packs[name].rules)
        return next(((pack, rule) for pack, rule in rules if code in rule.codes), None)

    def missing(self, name: str) -> Malformed:
        known = ", ".join(sorted(self.packs))
        return Malformed("unknown_law", Text(zh=f"没有法规包 {name!r},可用:{known}", en=f"there is no pack of law {name!r}; known: {known}"))

    def _unknown(self, name: str, places: Document) -> Problem:
        known = sorted(self.packs)
        hint = did_you_mean(name, known) or Text(zh=f"可用:{'、'.join(known)}", en=f"known: {', '.join(known)}")
        return problem_at(places, ("law",), Fault("unknown_law", Text(zh=f"没有法规包 {name}", en=f"there is no pack of law {name}"), hint))


@cache
def shipped() -> LawBook:
    """What comes with the installation, `law-cn` for everybody. Raises `Malformed` for a shipped pack that cannot be read."""
    return LawBook(packs_in(SHIPPED, "law-*"))


def packs_in(folder: Path, pattern: str = "*") -> dict[str, Pack]:
    """The packs of a folder's folders. Raises `Malformed` with every problem of all of them."""
    found: dict[str, Pack] = {}
    problems: list[Problem] = []
    for inner in sorted(path for path in folder.glob(pattern) if path.is_dir() and not path.name.startswith(("_", "."))):
        try:
            found[inner.name] = read_pack(inner)
        except Malformed as error:
            if "errors" not in error.extra:
                raise
            problems += error.extra["errors"]
    if problems:
        raise bad_file(str(folder), problems)
    return found


def book_of(folder: str, platform: str, merchants: str) -> LawBook:
    """The book that settings describe: a folder with more packs, the platform's packs (`law-cn,law-x`), and merchants' own (`shop=law-none,hk=law-hk`;
    `+` joins several). Raises `Malformed` for a pack that cannot be read, is there twice, or is not there."""
    own = packs_in(Path(folder)) if folder else {}
    doubled = sorted(own.keys() & shipped().packs.keys())
    if doubled:
        raise Malformed("pack_taken", Text(zh=f"法规包重名:{doubled[0]}", en=f"a shipped pack is called {doubled[0]} already; use another name"))
    book = LawBook({**shipped().packs, **own})
    usual = _names(platform, ",")
    chosen = {merchant.strip(): _names(names, "+") for merchant, _, names in (one.partition("=") for one in merchants.split(",") if one.strip())}
    for name in (*usual, *(name for names in chosen.values() for name in names)):
        if name not in book.packs:
            raise book.missing(name)
    return replace(book, platform=usual or (USUAL,), merchants=chosen)


def opened(folder: str, platform: str, merchants: str, house: Mapping[str, Value] | None = None) -> Callable[[], LawBook]:
    """The book that settings describe. What is as shipped is read at its first use, since that takes half a second; anything else at once, so that
    what cannot be read stops the start. Raises what `book_of` raises."""
    if (folder, platform, merchants) == ("", USUAL, ""):
        return (lambda: replace(shipped(), house=house)) if house else shipped
    book = replace(book_of(folder, platform, merchants), house=house or {})
    return lambda: book


def _names(text: str, separator: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(separator) if name.strip()))
