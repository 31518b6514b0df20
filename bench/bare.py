"""The yardstick: Flask, a marshmallow schema of 25 fields built once, one Redis pipeline of six window counters, and nothing else."""

from __future__ import annotations

import hashlib
import os
import time

import marshmallow as ma
import redis
from flask import Flask, Response, jsonify, request

_FIELDS = {f"text_{number}": ma.fields.String(required=True, validate=ma.validate.Length(1, 128)) for number in range(15)}
_NUMBERS = {f"number_{number}": ma.fields.Integer(required=True, strict=True) for number in range(8)}
_TIMES = {f"time_{number}": ma.fields.AwareDateTime(format="iso", required=True) for number in range(2)}
SCHEMA = ma.Schema.from_dict({**_FIELDS, **_NUMBERS, **_TIMES})()

# KEYS: a window's set. ARGV: now in ms, window in ms, member. Counts the members of the window, this one included.
_COUNT = """
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1] - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])
"""
_WINDOW_MS = 600_000

app = Flask("bare")
_client = redis.Redis.from_url(os.environ.get("SHEEPDOG_REDIS_URL", "redis://127.0.0.1:6379"))
_digest = hashlib.sha1(_COUNT.encode(), usedforsecurity=False).hexdigest()


@app.post("/check")
def check() -> Response:
    body = SCHEMA.load(request.get_json())
    now = int(time.time() * 1000)
    pipe = _client.pipeline(transaction=False)
    for number in range(6):
        pipe.evalsha(_digest, 1, f"bare:{body[f'text_{number}']}", now, _WINDOW_MS, body["text_14"])
    try:
        counts = pipe.execute()
    except redis.exceptions.NoScriptError:
        _client.script_load(_COUNT)
        counts = pipe.execute()
    return jsonify({"counts": counts, "outcome": "allow"})


@app.post("/one")
def one() -> Response:
    """One Redis call and nothing else: what a seckill's refusals are measured beside."""
    body = request.get_json()
    return jsonify({"count": _client.incr(f"bare:{body['user']}")})
