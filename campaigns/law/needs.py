"""What each kind of check needs in its rule, and which names its message may use besides the facts."""

from __future__ import annotations

from collections.abc import Mapping

from campaigns.particulars import DISCLOSED

NEEDS: Mapping[str, tuple[str, ...]] = {
    "when": ("when",),
    "present": ("parts",),
    "words": ("words",),
    "licence": ("licence",),
    "frozen": ("frozen",),
    "file": ("codes",),
}
GIVEN: Mapping[str, set[str]] = {
    "when": set(),
    "present": {"part"},
    "words": {"word", "written"},
    "licence": {"example", "sku", "category", "licence"},
    "frozen": {"part", "before", "after"},
    "file": set(),
}
# Parts of a campaign file that a rule may ask to be there.
PARTS = frozenset({"description", "gifts", "items", "funds", "budget", "limits.total", *(f"disclosure.{name}" for name in DISCLOSED)})
