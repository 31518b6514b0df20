"""Writes the words that records of decisions share, by which they are packed: `fraud/store/dictionary-N.json`. One that was ever used never changes again.

Run `python scripts/dictionary.py N` for a new one when the shipped policies have grown far from the last.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    from fraud.packs import load_policies

    policies = list(load_policies(ROOT / "rules" / "packs"))
    rules = sorted({name for one in policies for name in one.rule_ids})
    features = sorted({name for one in policies for name in one.recorded})
    said = sorted({f'"code":"{rule.code}","en":"{rule.text.en}",' + f'"rule":"{rule.id}","zh":"{rule.text.zh}"' for one in policies for rule in one.rules})
    evidence = '"evidence":[{"feature":"","operator":">=","threshold":3,"value":1,"window_seconds":86400}]'
    # The most frequent stands last: deflate reaches it with the shortest distances.
    words = "".join(said) + "".join(f'"{name}":"missing",' for name in rules) + "".join(f'"{name}":null,' for name in features) + evidence
    words += '{"at":17,"campaign":null,"cold":[],"degraded":false,"event_hash":"","event_id":"","features":{},"form":2,"id":"dec_","merchant":"",'
    words += '"outcome":"allow","policy":"","policy_version":"","reasons":[],"results":{},"scene":"coupon.claim","score":0,"subject":"sub_"}'
    path = ROOT / "fraud" / "store" / f"dictionary-{int(sys.argv[1])}.json"
    if path.exists():
        raise SystemExit(f"{path} is there; records may need it as it is")
    path.write_text(json.dumps(words[-32_768:], ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
