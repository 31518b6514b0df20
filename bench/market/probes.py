"""What shops are told of a device: by the program's own name, and by a probe that sees a part of what there is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Traits = Mapping[str, float]
# How often each trait is there, among people and in each trade. What is not listed is not there.
PEOPLE: Traits = {"rooted": 0.015, "vpn": 0.05, "multi_open": 0.04, "emulator": 0.002}
RACKED_PHONE: Traits = {"group_control": 1.0, "automation": 0.8, "rooted": 0.5, "multi_open": 0.3, "vpn": 0.2}
VIRTUAL_PHONE: Traits = {"emulator": 0.7, "cloud": 0.3, "tampered": 0.6, "automation": 0.9, "rooted": 0.6, "vpn": 0.3}
CHEAP_PHONE: Traits = {"multi_open": 0.3, "rooted": 0.15, "tampered": 0.1, "vpn": 0.1}
_MOBILE = "Mozilla/5.0 ({model}) AppleWebKit/{kit} (KHTML, like Gecko) Mobile MicroMessenger/8.0.{minor}"
_MODELS = (
    ("iPhone; CPU iPhone OS 17_5 like Mac OS X", "605.1"),
    ("iPhone; CPU iPhone OS 18_1 like Mac OS X", "605.1"),
    *((f"Linux; Android {version}; {model}", "537.36") for version in (12, 13, 14) for model in ("V2244A", "PHB110", "23078RKD5C", "ALN-AL00")),
)
_LIBRARIES = ("python-requests/2.31.0", "okhttp/4.9.3", "Go-http-client/1.1")


def seen(rng: np.random.Generator, traits: Traits, percent: int) -> tuple[str, ...]:
    """What a probe finds that sees `percent` of what there is."""
    return tuple(name for name, share in traits.items() if rng.random() < share * percent / 100)


def mini_program(rng: np.random.Generator) -> str:
    return f"{page(rng)} MiniProgramEnv/{'ios' if rng.random() < 0.4 else 'android'}"


def page(rng: np.random.Generator) -> str:
    """A web page inside the messenger."""
    model, kit = _MODELS[int(rng.integers(len(_MODELS)))]
    return _MOBILE.format(model=model, kit=kit, minor=int(rng.integers(40, 56)))


def script(rng: np.random.Generator) -> str:
    """A quarter of scripts forget to lie."""
    return str(rng.choice(_LIBRARIES)) if rng.random() < 0.25 else mini_program(rng)
