"""Scripts and clients of the hot state: sent by digest, loaded where they are missing, never retried, and away means `Unavailable`."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import pytest
import redis
from redis.exceptions import ResponseError

from core.errors import Unavailable
from core.hotstate import wire
from core.hotstate.clients import SCHEMES, HotState, connect, hot_state_guard
from core.hotstate.scripts import Script, run_together

COUNT = "-- KEYS: counter. ARGV: step.\nreturn redis.call('INCRBY', KEYS[1], ARGV[1])\n"


@pytest.fixture
def script(tmp_path: Path) -> Script:
    path = tmp_path / "count.lua"
    path.write_text(COUNT, encoding="utf-8")
    return Script(path)


@pytest.fixture
def broken(tmp_path: Path) -> Script:
    path = tmp_path / "broken.lua"
    path.write_text("-- KEYS: list.\nreturn redis.call('LPUSH', KEYS[1], 'x')\n", encoding="utf-8")
    return Script(path)


def test_a_script_that_the_server_does_not_know_runs_once(hot: HotState, script: Script) -> None:
    hot.script_flush()
    assert script.name == "count"
    assert [script.run(hot, ["c"], [2]), script.run(hot, ["c"], [3])] == [2, 5]
    assert hot.script_exists(script.sha) == [True]


def test_calls_travel_together_in_order_and_the_unknown_ones_run_once(hot: HotState, script: Script, tmp_path: Path) -> None:
    hot.script_flush()
    (tmp_path / "other.lua").write_text(COUNT + "-- another\n", encoding="utf-8")
    other = Script(tmp_path / "other.lua")
    script.run(hot, ["c"], [1])
    assert run_together(hot, [(script, ["c"], [1]), (other, ["d"], [10]), (script, ["c"], [1])]) == [2, 10, 3]
    assert (hot.get("c"), hot.get("d")) == ("3", "10")


def test_a_connection_that_was_closed_while_it_rested_is_opened_anew(hot: HotState, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_RESTED_SECONDS", 0.0)
    assert script.run(hot, ["c"], [1]) == 1
    assert hot.client_kill_filter(_type="normal", skipme=True) >= 1
    assert script.run(hot, ["c"], [1]) == 2


def test_a_thread_that_ends_leaves_its_connection_to_others(hot: HotState, script: Script) -> None:
    script.run(hot, ["c"], [1])
    before = hot.info("clients")["connected_clients"]
    for _ in range(3):
        thread = Thread(target=script.run, args=(hot, ["c"], [1]))
        thread.start()
        thread.join()
    assert hot.get("c") == "4"
    assert hot.info("clients")["connected_clients"] <= before + 1


def test_a_failing_script_is_a_fault_and_not_an_absence(hot: HotState, script: Script, broken: Script) -> None:
    hot.set("c", "1")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        broken.run(hot, ["c"], [])
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        run_together(hot, [(script, ["c"], [1]), (broken, ["c"], [])])
    assert hot.get("c") == "2"


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "sentinel://127.0.0.1:1,127.0.0.1:2/0?service=gate", "sentinel://:pass%40word@127.0.0.1:1"])
def test_a_server_that_is_not_there_is_unavailable(url: str, script: Script) -> None:
    client = connect(url, timeout_seconds=0.2)
    with pytest.raises(Unavailable) as caught:
        script.run(client, ["c"], [1])
    assert (caught.value.code, caught.value.retry_after_seconds) == ("hot_state_away", 1)
    with pytest.raises(Unavailable):
        run_together(client, [(script, ["c"], [1])])


def test_a_cluster_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable), hot_state_guard():
        connect("redis+cluster://127.0.0.1:1", timeout_seconds=0.2)


@pytest.mark.parametrize(
    "error",
    [
        redis.exceptions.ConnectionError(),
        redis.exceptions.TimeoutError(),
        redis.exceptions.BusyLoadingError(),
        redis.exceptions.ReadOnlyError(),
        redis.exceptions.OutOfMemoryError(),
        redis.exceptions.ClusterDownError("CLUSTERDOWN"),
        redis.exceptions.TryAgainError("TRYAGAIN"),
        ResponseError("MISCONF Errors writing to the AOF file: No space left on device"),
        ResponseError("NOREPLICAS Not enough good replicas to write. script: on @user_script:1."),
        ResponseError("BUSY Valkey is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."),
    ],
)
def test_every_way_of_being_away_is_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable), hot_state_guard():
        raise error


def test_another_error_is_left_as_it_is() -> None:
    with pytest.raises(ResponseError), hot_state_guard():
        raise ResponseError("wrong")
    with pytest.raises(ResponseError), hot_state_guard():
        raise ResponseError("BUSYGROUP Consumer Group name already exists")
    with pytest.raises(KeyError), hot_state_guard():
        raise KeyError
    with pytest.raises(redis.exceptions.RedisClusterException), hot_state_guard():
        raise redis.exceptions.RedisClusterException("EVALSHA - all keys must map to the same key slot")


def test_no_client_retries_by_itself(valkey_url: str) -> None:
    client = connect(valkey_url)
    retry = client.connection_pool.connection_kwargs["retry"]
    assert (retry._retries, client.connection_pool.connection_kwargs["retry_on_error"]) == (0, [])
    client.close()


def test_the_settings_know_the_same_schemes_as_the_clients() -> None:
    from core.config import load_settings

    for scheme in SCHEMES:
        assert load_settings({"SHEEPDOG_REDIS_URL": f"{scheme}://h:1", "SHEEPDOG_QUEUE_URL": "redis://q"}).redis_url
