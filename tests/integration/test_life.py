"""The life of a served application: start, banner, stop by signals, failure, reload. Real processes."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from motia_fast import Client
from motia_fast.errors import NotRunning
from tests.contract.engines import ENGINES
from tests.integration.served import Served, until

APP = """
import asyncio, threading, time
from pathlib import Path
from motia_fast import App, Context, Request, SyncContext, cron, http, queue

app = App("shop", port=0)

@app.step(http("POST", "/orders"), enqueues=["order", "nobody"])
async def create(request: Request, ctx: Context):
    await ctx.enqueue("order", request.body)
    return {"status": 202, "body": {"status": "pending"}}

@app.step(http("GET", "/orders/:id"))
async def read(request: Request, ctx: Context):
    return {"status": 200, "body": await ctx.state.get("orders", request.path_params["id"])}

@app.step(queue("order"))
async def keep(order: dict, ctx: Context):
    Path("began").touch()
    for _ in range(order.get("steps", 0)):
        await asyncio.sleep(0.01)
    await ctx.state.set("orders", order["id"], {"attempt": ctx.attempt})

@app.step(queue("thread"))
def keep_in_thread(order: dict, ctx: SyncContext):
    Path("began").touch()
    time.sleep(order["seconds"])
    ctx.state.set("orders", order["id"], {"attempt": ctx.attempt})

@app.step(queue("gated"))
async def keep_when_let(order: dict, ctx: Context):
    Path("began").touch()
    while not Path("go").exists():
        await asyncio.sleep(0.01)
    await ctx.state.set("orders", order["id"], {"attempt": ctx.attempt})

@app.step(http("POST", "/gated"))
async def create_gated(request: Request, ctx: Context):
    await ctx.enqueue("gated", request.body)
    return {"status": 202}

@app.step(http("POST", "/threads"))
async def create_thread(request: Request, ctx: Context):
    await ctx.enqueue("thread", request.body)
    return {"status": 202}

@app.step(http("GET", "/slow"))
async def slow(request: Request, ctx: Context):
    Path("began").touch()
    await asyncio.sleep(0.5)
    return {"status": 200, "body": "slow"}

@app.step(cron("0 0 * * *"))
async def nightly(ctx: Context): ...

if __name__ == "__main__":
    app.run()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def order_is_kept(client: httpx.Client, name: str) -> Any:
    return until(lambda: client.get(f"/orders/{name}").json(), f"order {name}")


# ---------------------------------------------------------------- start


def test_a_served_application_takes_a_request_and_does_its_job(folder: Path) -> None:
    with Served(folder, "app.py") as serving, serving.starts() as client:
        answer = client.post("/orders", json={"id": "a"})
        assert (answer.status_code, answer.json()) == (202, {"status": "pending"})
        assert order_is_kept(client, "a") == {"attempt": 1}
        assert serving.stop() == 0


def test_the_banner_is_one_json_line_where_lines_are_json(folder: Path) -> None:
    with Served(folder, "app.py") as serving, serving.starts() as client:
        (line,) = serving.logged(" is running at ")
        assert line["fields"]["url"] == str(client.base_url).rstrip("/")
        assert line["fields"]["data_dir"] == str(folder / ".motia_fast")
        assert line["fields"]["durability"] == "sync"
        assert "keep" in line["fields"]["steps"]
        assert serving.logged('topic "nobody" is enqueued by create, and no step consumes it')


def test_the_banner_as_text_has_url_directory_engine_steps_schedules_and_warnings(folder: Path) -> None:
    with Served(folder, "app.py", MOTIA_FAST_LOG_FORMAT="text", MOTIA_FAST_DURABILITY="os") as serving:
        until(lambda: "! topic" in serving.output, "the banner")
        text = serving.output
    assert "motia_fast: shop at http://127.0.0.1:" in text
    assert f"data    {folder / '.motia_fast'}" in text
    assert f"engine  {ENGINES[-1]}, durability os" in text  # Rust where it is
    assert "POST /orders" in text
    assert "queue order" in text
    assert "cron 0 0 * * * UTC, next 2" in text
    assert "not a power cut" in text
    assert 'topic "nobody" is enqueued by create' in text


def test_the_data_directory_is_private_and_ignored_by_git(folder: Path) -> None:
    with Served(folder, "app.py") as serving, serving.starts():
        data = folder / ".motia_fast"
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert (data / ".gitignore").read_text() == "*\n"


def test_a_data_directory_in_use_is_an_error_that_names_the_process(folder: Path) -> None:
    with Served(folder, "app.py") as serving, serving.starts(), Served(folder, "app.py") as second:
        assert second.ends() == 1
        assert f"is in use by process {serving.process.pid}" in second.output
        assert "Traceback" not in second.output


def test_a_taken_port_is_an_error_before_anything_runs(folder: Path) -> None:
    with Served(folder, "app.py") as serving, serving.starts() as client:
        port = str(client.base_url.port)
        with Served(folder, "app.py", MOTIA_FAST_PORT=port, MOTIA_FAST_DATA_DIR=str(folder / "other")) as second:
            assert second.ends() == 1
            assert f"127.0.0.1:{port}" in second.output
            assert second.logged(" is running at ") == []


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        ({"MOTIA_FAST_GRACE": "soon"}, "MOTIA_FAST_GRACE"),
        ({"MOTIA_FAST_DURABILITY": "perhaps"}, "MOTIA_FAST_DURABILITY"),
    ],
)
def test_a_wrong_setting_is_an_error_that_names_where_it_is(
    folder: Path, environment: dict[str, str], text: str
) -> None:
    with Served(folder, "app.py", **environment) as serving:
        assert serving.ends() == 1
        assert text in serving.output
        assert "Traceback" not in serving.output
    assert not (folder / ".motia_fast").exists()


def test_mistakes_are_told_all_at_once_and_nothing_is_started(folder: Path) -> None:
    with (folder / "app.py").open("r+") as file:
        text = file.read().replace('queue("order")', 'queue("order", max_retry=1)')
        file.seek(0)
        file.write(text.replace('cron("0 0 * * *")', 'cron("0 0 31 2 *")'))
    with Served(folder, "app.py") as serving:
        assert serving.ends() == 1
        assert "motia_fast: 2 mistakes in your steps, nothing was started" in serving.output
        assert 'did you mean "max_retries"?' in serving.output
        assert "0 0 31 2 *" in serving.output
        assert "Traceback" not in serving.output
    assert not (folder / ".motia_fast").exists()


def test_an_application_that_is_imported_twice_is_a_mistake(folder: Path) -> None:
    (folder / "more.py").write_text(
        "from app import app\nfrom motia_fast import queue\n@app.step(queue('more'))\nasync def more(data): ...\n"
    )
    text = (folder / "app.py").read_text()
    (folder / "app.py").write_text(text.replace("if __name__", "import more\nif __name__"))
    with Served(folder, "app.py") as serving:
        assert serving.ends() == 1
        assert 'imported twice, as "__main__" and as "app"' in serving.output


# ---------------------------------------------------------------- stop


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_what_runs_finish(folder: Path, number: int) -> None:
    with Served(folder, "app.py") as serving, serving.starts() as client:
        client.post("/orders", json={"id": "a", "steps": 50})
        until((folder / "began").exists, "the job")
        serving.kill(number)
        assert serving.ends() == 0
    with Served(folder, "app.py") as serving, serving.starts() as client:
        assert client.get("/orders/a").json() == {"attempt": 1}  # it was done before the end


def test_a_request_that_runs_at_a_stop_gets_its_answer(folder: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with Served(folder, "app.py") as serving, serving.starts() as client, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.get, "/slow")
        until((folder / "began").exists, "the request")
        assert serving.stop() == 0
        assert answer.result().text == "slow"


def test_while_jobs_finish_at_a_stop_new_connections_are_told_so(folder: Path) -> None:
    with Served(folder, "app.py") as serving, serving.starts() as client:
        stop_with_a_job(folder, serving, client)
        assert client.get("/readyz").json()["message"] == "the server is stopping"
        for _ in range(20):  # over a while, each on a connection of its own
            answers = [anew(client, "GET", path).status_code for path in ("/healthz", "/readyz", "/metrics")]
            assert answers == [200, 503, 200]
            refused = anew(client, "POST", "/orders", json={"id": "late"})
            assert (refused.status_code, refused.json()["error"]) == (503, "unavailable")
            assert "retry-after" in refused.headers
            time.sleep(0.02)
        (folder / "go").touch()
        assert serving.ends() == 0
        with pytest.raises(httpx.ConnectError):
            anew(client, "GET", "/healthz")
    with Served(folder, "app.py") as serving, serving.starts() as client:
        assert client.get("/orders/a").json() == {"attempt": 1}
        assert client.get("/orders/late").text == ""


def test_while_jobs_finish_at_a_stop_the_control_socket_answers(folder: Path) -> None:
    control = Client(folder / ".motia_fast")
    with Served(folder, "app.py") as serving, serving.starts() as client:
        stop_with_a_job(folder, serving, client)
        assert [job["state"] for job in control.jobs()] == ["running"]
        assert sum(one["running"] for one in control.stats()["subscriptions"]) == 1
        control.enqueue("order", {"id": "late"})
        assert sorted(job["state"] for job in control.jobs()) == ["ready", "running"]
        (folder / "go").touch()
        assert serving.ends() == 0
    with pytest.raises(NotRunning):
        control.stats()
    with Served(folder, "app.py") as serving, serving.starts() as client:
        assert client.get("/orders/a").json() == {"attempt": 1}
        assert order_is_kept(client, "late") == {"attempt": 1}  # it was accepted, so it is not lost


def test_the_port_closes_when_the_grace_period_of_a_job_is_over(folder: Path) -> None:
    with Served(folder, "app.py", MOTIA_FAST_GRACE="1") as serving, serving.starts() as client:
        began = time.monotonic()
        stop_with_a_job(folder, serving, client)
        assert anew(client, "GET", "/healthz").status_code == 200
        assert serving.ends() == 0
        assert 1 <= time.monotonic() - began < 10
        with pytest.raises(httpx.ConnectError):
            anew(client, "GET", "/healthz")


def anew(client: httpx.Client, method: str, path: str, **options: Any) -> httpx.Response:
    """A request on a connection of its own."""
    return httpx.request(method, client.base_url.join(path), verify=False, **options)  # noqa: S501 -- plain HTTP: it only saves reading certificates


def stop_with_a_job(folder: Path, serving: Served, client: httpx.Client) -> None:
    """Tells it to stop while nothing but one job runs, which lasts until the file "go" is there."""
    client.post("/gated", json={"id": "a"})
    until((folder / "began").exists, "the job")
    serving.kill(signal.SIGTERM)
    until(lambda: client.get("/readyz").status_code == 503, "the stop")


@pytest.mark.parametrize(("path", "work"), [("/orders", {"steps": 6_000}), ("/threads", {"seconds": 60})])
def test_what_outlives_the_grace_period_is_released_and_runs_again(
    folder: Path, path: str, work: dict[str, int]
) -> None:
    with Served(folder, "app.py", MOTIA_FAST_GRACE="0.1") as serving, serving.starts() as client:
        client.post(path, json={"id": "a", **work})
        until((folder / "began").exists, "the job")
        began = time.monotonic()
        assert serving.stop() == 0
        assert time.monotonic() - began < 10
    (folder / "began").unlink()
    with Served(folder, "app.py") as serving, serving.starts():
        until((folder / "began").exists, "the second run")
        # A released run counts neither as an attempt nor as a crash.
        (job,) = Client(folder / ".motia_fast").jobs()
        assert (job["state"], job["attempt"], job["crashes"]) == ("running", 0, 0)


def test_a_second_signal_ends_the_process_at_once_and_loses_nothing(folder: Path) -> None:
    with Served(folder, "app.py") as serving, serving.starts() as client:
        client.post("/orders", json={"id": "a", "steps": 6_000})
        until((folder / "began").exists, "the job")
        serving.kill(signal.SIGTERM)
        until(lambda: client_is_refused(client), "the stop")
        serving.kill(signal.SIGTERM)
        assert serving.ends() == 128 + signal.SIGTERM
    (folder / "began").unlink()
    with Served(folder, "app.py") as serving, serving.starts():
        until((folder / "began").exists, "the second run")


def client_is_refused(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 503 or client.get("/readyz").status_code == 503
    except httpx.HTTPError:
        return True


def test_an_interrupt_inside_a_handler_ends_the_program_and_loses_no_job(folder: Path) -> None:
    (folder / "script.py").write_text(SCRIPT)
    with Served(folder, "script.py", "interrupt") as serving:
        assert serving.ends() != 0
        assert "KeyboardInterrupt" in serving.output
    with Served(folder, "script.py") as serving:
        assert serving.ends() == 0, serving.output
    assert (folder / "done").read_text() == "attempt 1"


SCRIPT = """
import asyncio, sys
from pathlib import Path
from motia_fast import App, Context, queue

app, done = App("script"), asyncio.Event()

@app.step(queue("work"))
async def work(data, ctx: Context):
    if "interrupt" in sys.argv:
        raise KeyboardInterrupt
    Path("done").write_text(f"attempt {ctx.attempt}")
    done.set()

async def main():
    async with app.running():
        if "interrupt" in sys.argv:
            await app.enqueue("work")
        await done.wait()

asyncio.run(main())
"""


# ---------------------------------------------------------------- failure


def test_a_disk_that_fails_is_told_by_http_and_ends_the_process(folder: Path) -> None:
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))\n"
    ignore = "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    (folder / "app.py").write_text(limit + ignore + APP)
    with Served(folder, "app.py", MOTIA_FAST_GRACE="2") as serving, serving.starts() as client:
        acknowledged: list[str] = []

        def refused() -> bool:
            name = f"o{len(acknowledged)}"
            answer = client.post("/orders", json={"id": name, "text": "x" * 10_000})
            acknowledged.extend([name] if answer.status_code == 202 else [])
            return answer.status_code == 503

        until(refused, "the end of the disk")
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200
        assert serving.ends() == 1
        assert "motia_fast: " in serving.output
        assert serving.logged("The engine stopped")
    (folder / "app.py").write_text(APP)
    with Served(folder, "app.py") as serving, serving.starts() as client:
        for name in acknowledged:
            order_is_kept(client, name)


# ---------------------------------------------------------------- reload


def test_reload_starts_the_application_anew_when_a_file_changes(folder: Path) -> None:
    (folder / "app.py").write_text(APP.replace("app.run()", "app.run(reload=True)"))
    (folder / "text.py").write_text("TEXT = 'before'\n")
    with (folder / "app.py").open("a") as file:
        file.write("\n")
    app = (
        (folder / "app.py")
        .read_text()
        .replace(
            "@app.step(cron",
            "import text\n@app.step(http('GET', '/text'))\nasync def tell(r: Request): "
            "return {'status': 200, 'body': text.TEXT}\n\n@app.step(cron",
        )
    )
    (folder / "app.py").write_text(app)
    with Served(folder, "app.py") as serving:
        with serving.starts() as client:
            assert client.get("/text").text == "before"
            client.post("/orders", json={"id": "a"})
            order_is_kept(client, "a")
        (folder / "text.py").write_text("TEXT = 'after'\n")
        with serving.starts(2) as client:
            assert client.get("/text").text == "after"
            assert client.get("/orders/a").json() == {"attempt": 1}
        assert "text.py changed, restarting" in serving.output
        (folder / "text.py").write_text("TEXT = \n")
        until(lambda: "it starts again when a file changes" in serving.output, "the end of the broken one")
        assert "SyntaxError" in serving.output
        (folder / "text.py").write_text("TEXT = 'mended'\n")
        with serving.starts(3) as client:
            assert client.get("/text").text == "mended"
        assert serving.stop() == 0


def test_the_child_of_a_reloading_parent_ends_with_it(folder: Path) -> None:
    (folder / "app.py").write_text(APP.replace("app.run()", "app.run(reload=True)"))
    with Served(folder, "app.py") as serving, serving.starts():
        lock = json.loads((folder / ".motia_fast" / "lock").read_text())
        serving.kill(signal.SIGKILL)
        serving.process.wait()
        until(lambda: not alive(lock["pid"]), "the end of the child")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
