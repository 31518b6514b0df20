"""What a person chose, as a value that the domain may read; `core.privacy.choices` keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import Forbidden
from core.text import Text


@dataclass(frozen=True, slots=True)
class Choices:
    """None: the person has said nothing."""

    marketing: bool | None = None
    sensitive_data: bool | None = None
    under_14: bool = False
    guardian_consent: bool = False
    no_automated_decision: bool = False

    @property
    def forbids_marketing(self) -> bool:
        """Nothing unasked: no coupon by itself, no message."""
        return self.marketing is False or self.forbids_profiling

    @property
    def forbids_profiling(self) -> bool:
        """A child whose guardian has not agreed."""
        return self.under_14 and not self.guardian_consent


SILENT = Choices()


def require_profiling(choices: Choices) -> None:
    """Raises `Forbidden` for a child whose guardian has not agreed (PIPL, article 31)."""
    if choices.forbids_profiling:
        text = Text(zh="未满 14 周岁,须先取得监护人同意(个人信息保护法第三十一条)", en="under 14: a guardian's consent comes first (PIPL, article 31)")
        raise Forbidden("guardian_consent_required", text)
