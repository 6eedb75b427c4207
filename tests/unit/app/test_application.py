"""App: what it declares, how it lives, what a program calls on it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from motia_fast import App, Context, DeclarationError, MotiaError, NotRunning, SyncContext, http, queue, step
from motia_fast.app import registry
from motia_fast.app.banner import unconsumed
from motia_fast.errors import DataDirLocked, SettingsError, ValidationFailed
from motia_fast.testing import Harness


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App("test", home=tmp_path)


async def work(data: Any) -> None: ...


# ---------------------------------------------------------------- declaration


def test_a_decorated_function_is_a_step_of_the_app(app: App) -> None:
    made = app.step(queue("work"), name="Work", flows=["a"])(work)
    assert app.steps == (made,)
    assert (made.name, made.flows) == ("Work", ("a",))


def test_the_same_step_twice_is_one_step(app: App) -> None:
    made = step(queue("work"))(work)
    app.add(made, made)
    app.add(made)
    assert app.steps == (made,)
    assert app.declaration_mistakes() == []


def test_a_module_s_steps_can_be_added(app: App) -> None:
    module = ModuleType("steps_of_it")
    module.one = step(queue("one"))(work)  # type: ignore[attr-defined]  # a module takes any name
    app.add(module)
    assert [made.name for made in app.steps] == ["work"]


def test_two_steps_of_one_name_are_a_mistake(app: App) -> None:
    app.step(queue("one"), name="Twice")(work)

    async def other(data: Any) -> None: ...

    app.step(queue("two"), name="Twice")(other)
    assert "Twice" in str(DeclarationError(app.declaration_mistakes()))


def test_settings_of_the_code_are_laid_over_those_of_the_app(tmp_path: Path) -> None:
    app = App("test", home=tmp_path, port=1, grace=5)
    settings = app.settings({"port": 2})
    assert (settings.port, settings.grace) == (2, 5)
    assert app.settings({"port": 2}, flags={"port": 3}).port == 3


def test_the_environment_is_laid_over_the_code(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTIA_FAST_PORT", "4")
    assert app.settings({"port": 2}).port == 4
    assert app.settings({"port": 2}, flags={"port": 3}).port == 3


def test_the_data_directory_is_beside_the_application() -> None:
    assert App("test").settings().data_dir == Path(__file__).parent / ".motia_fast"


def test_a_wrong_setting_is_told_by_its_name(app: App) -> None:
    with pytest.raises(SettingsError, match='unknown setting "prot"; did you mean "port"'):
        app.settings({"prot": 1})


def test_a_file_that_is_imported_twice_is_a_mistake(app: App) -> None:
    twin = App("twin")
    other = App("twin")
    registry.add(twin, "/somewhere/app.py", "__main__")
    registry.add(other, "/somewhere/app.py", "app")
    for one in (twin, other):
        (mistake,) = one.declaration_mistakes()
        assert mistake.where == "app.py"
        assert 'imported twice, as "__main__" and as "app"' in mistake.what


def test_two_apps_of_one_file_are_no_mistake() -> None:
    one, other = App("one"), App("other")
    assert one.declaration_mistakes() == other.declaration_mistakes() == []


def test_topics_that_nobody_consumes_are_found_with_who_enqueues_them(app: App) -> None:
    app.step(http("POST", "/x"), name="A", enqueues=["known", "unknown"])(work)
    app.step(queue("known", dead_letter_topic="letters"), name="B", enqueues=["unknown"])(work)
    assert unconsumed(app.steps) == {"unknown": ["A", "B"], "letters": ["B"]}


# ---------------------------------------------------------------- life


async def test_an_app_that_does_not_run_says_so(app: App) -> None:
    made = app.step(queue("work"))(work)
    for call in (
        app.enqueue("work", 1),
        made.enqueue(1),
        app.state.get("g", "k"),
        app.dead.list(),
        app.stats(),
    ):
        with pytest.raises(NotRunning, match="async with app"):
            await call
    with pytest.raises(NotRunning):
        await asyncio.to_thread(app.sync.enqueue, "work", 1)


async def test_the_engine_alone_enqueues_and_runs_nothing(app: App) -> None:
    ran: list[Any] = []

    @app.step(queue("work"))
    async def keep(data: Any) -> None:
        ran.append(data)

    async with app:
        await app.enqueue("work", 1)
        (stats,) = (await app.stats()).subscriptions
        assert (stats.ready, stats.running) == (1, 0)
    assert ran == []
    done = asyncio.Event()

    @app.step(queue("other"))
    async def other(data: Any) -> None:
        done.set()

    async with app.running():  # now it runs, after what was enqueued before it
        await app.enqueue("other", priority=0)
        await asyncio.wait_for(done.wait(), 30)
    assert ran == [1]


async def test_a_write_returns_when_it_survives_a_crash(app: App) -> None:
    async with app:
        await app.state.set("g", "k", 1)
        assert app.services is not None
        engine = app.services.engine
        assert engine.durable == engine.committed


async def test_an_app_runs_once_at_a_time_in_a_process(app: App) -> None:
    async with app:
        with pytest.raises(MotiaError, match="runs already"):
            async with app:
                pass
        await app.state.set("g", "k", 1)  # the first goes on


async def test_a_directory_belongs_to_one_app_at_a_time(tmp_path: Path) -> None:
    async with App("one", data_dir=tmp_path / "data"):
        other = App("other", data_dir=tmp_path / "data")
        with pytest.raises(DataDirLocked):
            async with other:
                pass
    async with other:  # it is free again, and so is the App that was refused
        pass


async def test_run_inside_a_running_loop_names_what_to_use(app: App) -> None:
    with pytest.raises(DeclarationError, match=r"app\.running\(\)"):
        app.run()


async def test_timers_follow_real_time_when_the_app_runs(app: App) -> None:
    done = asyncio.Event()

    @app.step(queue("work", max_retries=1, backoff="fixed", backoff_delay=0.05, jitter=0))
    async def fail_once(data: Any, ctx: Context) -> None:
        if ctx.attempt == 1:
            raise ValueError("once")
        done.set()

    async with app.running():
        await app.enqueue("work", 1, delay=0.05)
        await asyncio.wait_for(done.wait(), 30)


async def test_a_delay_that_a_running_handler_asks_for_is_not_late(app: App) -> None:
    """The handler goes on running, so no settle tells the loop that there is something to wait for."""
    done, ended = asyncio.Event(), asyncio.Event()

    @app.step(queue("work"))
    async def ask(data: Any, ctx: Context) -> None:
        await ctx.enqueue("later", 1, delay=0.05)
        await done.wait()
        ended.set()

    @app.step(queue("later"))
    async def later(data: Any) -> None:
        done.set()

    async with app.running():
        await app.enqueue("work")
        await asyncio.wait_for(ended.wait(), 30)


async def test_def_handlers_run_side_by_side_up_to_the_number_of_threads(tmp_path: Path) -> None:
    app = App("test", home=tmp_path, threads=3)
    barrier, most, lock, running = threading.Barrier(3, timeout=30), 0, threading.Lock(), 0
    finished = threading.Semaphore(0)

    @app.step(queue("work", concurrency=100))
    def block(data: Any, ctx: SyncContext) -> None:
        nonlocal most, running
        with lock:
            running += 1
            most = max(most, running)
        barrier.wait()
        with lock:
            running -= 1
        finished.release()

    async with app.running():
        for n in range(9):
            await app.enqueue("work", n)
        for _ in range(9):
            assert await asyncio.to_thread(finished.acquire, timeout=30)
    assert most == 3


async def test_the_concurrency_of_a_subscription_is_kept(app: App) -> None:
    running = most = count = 0
    done = asyncio.Event()

    @app.step(queue("work", concurrency=2))
    async def work(data: Any) -> None:
        nonlocal running, most, count
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        count += 1
        if count == 20:
            done.set()

    async with app.running():
        for n in range(20):
            await app.enqueue("work", n)
        await asyncio.wait_for(done.wait(), 30)
    assert most == 2


async def test_an_app_that_is_used_in_its_own_handlers_speaks_for_the_run(app: App) -> None:
    traces: list[str] = []
    done = asyncio.Event()

    @app.step(queue("first"))
    async def first(data: Any, ctx: Context) -> None:
        traces.append(ctx.trace_id)
        await app.state.set("g", "first", 1)
        await app.enqueue("second")
        assert ctx.session.ledger.seen == ctx.session.engine.committed

    @app.step(queue("second"))
    def second(data: Any, ctx: SyncContext) -> None:
        traces.append(ctx.trace_id)
        app.sync.state.set("g", "second", 1)
        app.sync.enqueue("third")

    @app.step(queue("third"))
    async def third(data: Any, ctx: Context) -> None:
        traces.append(ctx.trace_id)
        done.set()

    async with app.running():
        await app.enqueue("first")
        await asyncio.wait_for(done.wait(), 30)
        assert await app.state.keys("g") == ["first", "second"]
    assert len(set(traces)) == 1


# ---------------------------------------------------------------- dead letters


async def test_dead_letters_are_listed_retried_and_purged() -> None:
    app = App("test")
    up = False
    done: list[Any] = []

    @app.step(queue("work", max_retries=0))
    async def work(data: Any) -> None:
        if not up:
            raise ConnectionError("down")
        done.append(data)

    async with Harness(app) as t:
        for n in range(4):
            await t.enqueue("work", n)
        await t.drain()
        letters = await app.dead.list(step="work")
        assert [letter.payload for letter in letters] == [b"0", b"1", b"2", b"3"]
        assert (await app.dead.get(letters[0].id)) == letters[0]
        up = True
        assert await app.dead.retry(letters[0].id) == 1
        assert await app.dead.retry(letters[1].id, data="mended") == 1
        assert await app.dead.purge(letters[2].id) == 1
        with pytest.raises(ValidationFailed, match="every=True"):
            await app.dead.purge()
        assert await asyncio.to_thread(app.sync.dead.retry, every=True) == 1
        await t.drain()
        assert sorted(map(str, done)) == ["0", "3", "mended"]
        assert await app.dead.list() == []
