"""How a version's story is documented: the same for policies and campaigns."""

from __future__ import annotations

import marshmallow as ma

from api.histories import VERSIONS_MAX
from api.v1.fields import Change


class HistoryQuery(ma.Schema):
    limit = ma.fields.Integer(load_default=5, validate=ma.validate.Range(1, VERSIONS_MAX), metadata={"description": "how many versions, the newest first"})


class WeighedChange(Change):
    """A change, and which way it goes."""

    effect = ma.fields.String(allow_none=True, metadata={"description": "tightened or loosened; null where that cannot be told"})


class VersionStory(ma.Schema):
    """One version: `before` is the version that was live before it, whose figures over its own lifetime stand beside this one's."""

    version = ma.fields.Integer()
    content_hash = ma.fields.String()
    state = ma.fields.String()
    note = ma.fields.String()
    based_on = ma.fields.Integer(allow_none=True)
    approval = ma.fields.Dict(metadata={"description": "who proposed, who agreed and for whom, when and why"})
    live = ma.fields.List(ma.fields.Dict(), metadata={"description": "from when to when it was in effect"})
    before = ma.fields.Integer(allow_none=True)
    changes = ma.fields.List(ma.fields.Nested(WeighedChange))
    figures = ma.fields.Dict(metadata={"description": "counts, over the time in which it was live; empty for one that never was"})
    figures_before = ma.fields.Dict(allow_none=True)
    per_thousand = ma.fields.Dict(metadata={"description": "the same counts of a thousand decisions (or rewards)"})
    per_thousand_before = ma.fields.Dict(allow_none=True)
