"""E-mail: one spelling for one mailbox, its domain, and whether that domain hands out mailboxes for ten minutes (package `disposable-email-domains`)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

# Providers that put `a.b@` and `ab@` into one mailbox.
_DOTLESS = frozenset({"gmail.com", "googlemail.com"})


@lru_cache(maxsize=16_384)
def one_mailbox(text: str) -> str:
    """Small letters, without a tag after `+`, and without dots where the provider ignores them. What has no `@` stays as it is."""
    local, at, domain = text.strip().casefold().rpartition("@")
    if not at or not local:
        return text.strip()
    local = local.split("+")[0] or local
    domain = domain.rstrip(".")
    if domain in _DOTLESS:
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"


def email_domain(text: str) -> str | None:
    """What follows the `@`; None where nothing does."""
    _, at, domain = one_mailbox(text).rpartition("@")
    return domain if at and domain else None


def email_disposable(text: str) -> bool | None:
    """Whether the domain, or one that it stands under, is known for throw-away mailboxes. None for what is no mailbox."""
    domain = email_domain(text)
    if domain is None:
        return None
    from disposable_email_domains import blocklist

    return any(part in blocklist for part in _and_parents(domain))


def _and_parents(domain: str) -> Iterator[str]:
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        yield ".".join(labels[start:])
