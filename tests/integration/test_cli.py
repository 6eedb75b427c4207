"""The command line as people use it: real processes, a real socket, directories at rest and after a kill."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import motia_fast
from motia_fast.control.client import Client
from motia_fast.errors import NotRunning
from tests.commands import ENVIRONMENT, PYTHON, Commands, Done

APP = """
from motia_fast import App, Context, cron, queue

app = App("shop")


@app.step(queue("orders", max_retries=0), enqueues=["placed"])
async def place(order, ctx: Context):
    if order.get("fail"):
        raise ValueError(f"order {order['id']} is out of stock")
    await ctx.state.set("orders", order["id"], order)


@app.step(queue("slow"))
async def slow(data, ctx: Context):
    await ctx.state.set("slow", "started", data)
    import asyncio
    await asyncio.Event().wait()


@app.step(cron("0 0 1 1 *", timezone="Europe/Berlin"))
async def yearly(ctx: Context):
    await ctx.state.set("cron", "fired", ctx.trigger.type)
"""

PROGRAM = [*PYTHON, "-m", "motia_fast"]


class Shop:
    """An application in a folder, which can run, and a shell in that folder."""

    def __init__(self, folder: Path, commands: Commands) -> None:
        self.folder = folder
        self.commands = commands
        self.data_dir = folder / ".motia_fast"
        self.process: subprocess.Popen[str] | None = None
        (folder / "app.py").write_text(APP)

    def start(self, *flags: str) -> None:
        command = [*PROGRAM, "run", "app.py", "--port", "0", *flags]
        log = (self.folder / "log").open("a")
        self.process = subprocess.Popen(command, cwd=self.folder, env=ENVIRONMENT, text=True, stdout=log, stderr=log)
        log.close()
        self.until(self._answers)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with contextlib.suppress(NotRunning):
            return bool(Client(self.data_dir).call("ping")["pid"] == self.process.pid)
        return False

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(30)
        self.process = None
        return code

    def until(self, fact: Callable[[], object], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not fact():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.01)

    def shell(self, *arguments: str, stdin: str = "", **environment: str) -> Done:
        return self.commands.run(*arguments, cwd=self.folder, stdin=stdin, environment=environment)

    def says(self, *arguments: str, stdin: str = "") -> str:
        """What a command that succeeds prints."""
        done = self.shell(*arguments, stdin=stdin)
        assert (done.code, done.err) == (0, ""), done
        return done.out

    def answers(self, *arguments: str) -> Any:
        """What a command that succeeds answers with --json."""
        return json.loads(self.says(*arguments, "--json"))

    def refuses(self, *arguments: str, code: int = 1) -> str:
        """What a command that fails says; nothing else, and no traceback."""
        done = self.shell(*arguments)
        assert (done.code, done.out) == (code, ""), done
        assert "Traceback" not in done.err
        return done.err


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    commands = Commands(tmp_path_factory.mktemp("commands"))
    yield commands
    commands.close()


@pytest.fixture
def shop(tmp_path: Path, commands: Commands) -> Iterator[Shop]:
    shop = Shop(tmp_path, commands)
    yield shop
    if shop.process is not None:
        shop.process.kill()
        shop.process.wait()


# ---------------------------------------------------------------- a running application


def test_what_is_enqueued_at_a_running_application_is_done(shop: Shop) -> None:
    shop.start()
    assert shop.says("enqueue", "orders", "-", stdin='{"id": "7", "n": 1}').startswith("message ")
    shop.until(lambda: Client(shop.data_dir).finished())
    assert json.loads(shop.says("state", "get", "orders", "7")) == {"id": "7", "n": 1}
    assert shop.answers("state", "get", "orders", "7") == {
        "group": "orders",
        "key": "7",
        "value": {"id": "7", "n": 1},
        "version": 1,
    }
    assert shop.answers("jobs") == {"jobs": [], "next": None}
    assert "place/orders  done" in shop.says("jobs", "--state", "finished")
    figures = shop.answers("stats")
    assert (figures["running"], figures["pid"]) == (True, shop.process.pid if shop.process else None)
    assert {s["subscription"]: s["done"] for s in figures["subscriptions"]}["place/orders"] == 1
    assert "place/orders" in shop.says("stats")


def test_a_dead_letter_is_listed_shown_mended_and_purged(shop: Shop) -> None:
    shop.start()
    for order in ('{"id": "1", "fail": true}', '{"id": "2", "fail": true}'):
        shop.says("enqueue", "orders", order)
    shop.until(lambda: len(Client(shop.data_dir).dead_list()) == 2)
    first, second = (letter["id"] for letter in shop.answers("dead", "list")["jobs"])
    assert "ValueError: order 1 is out of stock" in shop.says("dead", "list")
    letter = shop.says("dead", "show", str(first))
    assert "raise ValueError(f\"order {order['id']} is out of stock\")" in letter  # the traceback
    assert '"fail": true' in letter
    assert shop.says("dead", "retry", str(first), "--payload", '{"id": "1"}') == "1 dead letter ready again\n"
    shop.until(lambda: Client(shop.data_dir).state_get("orders", "1"))
    assert f"there is no dead letter {first}" in shop.refuses("dead", "retry", str(first), str(second))
    for wrong in (["retry"], ["purge"], ["purge", str(first), "--all"]):
        assert "name job ids, or --step STEP, or --all" in shop.refuses("dead", *wrong, code=2)
    assert shop.says("dead", "purge", "--all") == "1 dead letter purged\n"
    assert shop.answers("dead", "list") == {"jobs": [], "next": None}


def test_a_misspelt_step_is_told_beside_the_empty_answer(shop: Shop) -> None:
    shop.start()
    told = 'there is no step "plaec"; did you mean "place"?\n'
    commands = (["jobs"], ["jobs", "--state", "finished"], ["dead", "list"], ["dead", "retry"], ["dead", "purge"])
    for command in commands:
        done = shop.shell(*command, "--step", "plaec")
        assert (done.code, done.err) == (0, told), done
    assert "the steps are place, slow, yearly" in shop.shell("jobs", "--step", "nope").err
    assert json.loads(shop.shell("jobs", "--step", "plaec", "--json").out) == {"jobs": [], "next": None}
    assert shop.answers("jobs", "--step", "place") == {"jobs": [], "next": None}  # nothing is said on standard error
    shop.end()
    assert shop.answers("jobs", "--step", "plaec") == {"jobs": [], "next": None}  # at rest nobody knows the steps
    assert shop.shell("jobs", "--step", "plaec", "--app", "app.py").err == told


def test_an_empty_group_or_key_is_refused_running_and_at_rest(shop: Shop) -> None:
    shop.start()
    for _ in range(2):
        assert "group: is '', and must be a string that is not empty" in shop.refuses("state", "set", "", "b", "1")
        assert "key: is '', and must be" in shop.refuses("state", "set", "a", "", "1")
        assert shop.answers("state", "list") == {"groups": []}
        if shop.process is not None:
            shop.end()


def test_a_schedule_is_listed_and_fired(shop: Shop) -> None:
    shop.start()
    listed = shop.says("cron", "list")
    assert "yearly/cron" in listed
    assert "0 0 1 1 *" in listed
    assert "Europe/Berlin" in listed
    assert shop.says("cron", "run", "yearly").startswith("yearly: job ")
    shop.until(lambda: Client(shop.data_dir).state_get("cron", "fired") == "cron")
    assert 'no step "yearli" has a cron trigger; did you mean "yearly"?' in shop.refuses("cron", "run", "yearli")


def test_a_misspelt_topic_is_parked_and_said_to_be(shop: Shop) -> None:
    shop.start()
    assert 'no step subscribes to ordres; did you mean "orders"?' in shop.says("enqueue", "ordres", "{}")
    assert "ordres" in shop.says("jobs", "--state", "parked")


def test_the_steps_of_the_running_application_are_listed(shop: Shop) -> None:
    shop.start()
    assert "queue orders" in shop.says("steps")
    steps = {step["name"]: step for step in shop.answers("steps")["steps"]}
    assert steps["place"]["triggers"][0]["topic"] == "orders"
    assert steps["yearly"]["triggers"][0] == {
        "type": "cron",
        "expression": "0 0 1 1 *",
        "timezone": "Europe/Berlin",
        "misfire": "once",
        "overlap": "skip",
    }


def test_stats_are_watched_until_the_application_ends(shop: Shop) -> None:
    shop.start()
    command = [*PROGRAM, "stats", "--watch", "--json", "--interval", "0.1"]
    watch = subprocess.Popen(
        command, cwd=shop.folder, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert watch.stdout is not None
    for _ in range(2):
        assert json.loads(watch.stdout.readline())["running"] is True
    shop.end()
    _, errors = watch.communicate(timeout=30)
    assert watch.returncode == 1
    assert "no application is running" in errors
    assert "no application is running" in shop.refuses("stats", "--watch")


def test_a_directory_whose_path_is_too_long_for_a_socket_is_reached_too(shop: Shop) -> None:
    shop.data_dir = shop.folder / ("d" * 120)
    shop.start("--data-dir", str(shop.data_dir))
    assert shop.answers("stats", "--data-dir", str(shop.data_dir))["running"] is True
    assert (shop.data_dir / "control.path").is_file()
    assert shop.end() == 0
    assert not (shop.data_dir / "control.path").exists()
    assert shop.answers("stats", "--data-dir", str(shop.data_dir))["running"] is False


# ---------------------------------------------------------------- a directory at rest


def test_at_rest_everything_is_read_from_the_directory(shop: Shop) -> None:
    shop.start()
    shop.says("enqueue", "orders", '{"id": "1", "fail": true}')
    shop.says("enqueue", "orders", '{"id": "9"}', "--delay", "3600")
    shop.says("state", "set", "settings", "mailer", '"down"')
    shop.until(lambda: Client(shop.data_dir).dead_list())
    assert shop.end() == 0
    assert shop.answers("stats")["running"] is False
    [scheduled] = shop.answers("jobs", "--state", "scheduled")["jobs"]
    assert (scheduled["payload"], scheduled["orphaned"]) == ({"id": "9"}, None)
    assert shop.says("state", "get", "settings", "mailer") == '"down"\n'
    assert "settings" in shop.says("state", "list")
    assert '"down"' in shop.says("state", "list", "settings")
    assert "is out of stock" in shop.says("dead", "list")
    assert "yearly/cron" in shop.says("cron", "list")
    assert "a data directory at rest does not know the steps" in shop.refuses("cron", "run", "yearly")
    assert "--app app.py" in shop.refuses("steps")
    assert 'there is no item "8" in the group "orders"' in shop.refuses("state", "get", "orders", "8")


def test_what_was_done_at_rest_is_found_by_the_next_start(shop: Shop) -> None:
    shop.start()
    shop.says("enqueue", "orders", '{"id": "1", "fail": true}')
    shop.until(lambda: Client(shop.data_dir).dead_list())
    shop.end()
    [letter] = shop.answers("dead", "list")["jobs"]
    retried = shop.says("dead", "retry", str(letter["id"]), "--payload", '{"id": "1"}')
    assert retried == "1 dead letter ready again; they run when the application starts\n"
    shop.says("state", "set", "settings", "mailer", '"up"')
    parked = shop.says("enqueue", "orders", '{"id": "2"}')
    assert f"is parked: nothing runs on {shop.data_dir}; it is routed when the application starts" in parked
    routed = shop.says("enqueue", "orders", '{"id": "3"}', "--app", "app.py")
    assert ": job " in routed
    assert "it runs when the application starts" in shop.says("cron", "run", "yearly", "--app", "app.py")
    assert "its last tick is unfinished" in shop.refuses("cron", "run", "yearly", "--app", "app.py")
    shop.start()
    client = Client(shop.data_dir)
    shop.until(lambda: all(client.state_get("orders", key) for key in "123"))
    shop.until(lambda: client.state_get("cron", "fired"))
    assert client.state_get("settings", "mailer") == "up"


def test_after_a_kill_commands_work_and_the_next_start_loses_nothing(shop: Shop) -> None:
    shop.start()
    shop.says("enqueue", "slow", '"first"')
    shop.says("enqueue", "orders", '{"id": "7"}', "--delay", "3600")
    shop.until(lambda: Client(shop.data_dir).state_get("slow", "started"))
    assert shop.end(signal.SIGKILL) == -signal.SIGKILL
    assert (shop.data_dir / "control.sock").exists()  # nobody tidied up
    jobs = {job["subscription"]: job for job in shop.answers("jobs")["jobs"]}
    assert jobs["slow/slow"]["state"] == "ready"
    assert jobs["place/orders"]["state"] == "scheduled"
    assert shop.says("state", "get", "slow", "started") == '"first"\n'
    shop.says("state", "delete", "slow", "started")
    shop.start()
    shop.until(lambda: Client(shop.data_dir).state_get("slow", "started") == "first")
    [running] = shop.answers("jobs", "--state", "running")["jobs"]
    assert (running["id"], running["crashes"]) == (jobs["slow/slow"]["id"], 1)


# ---------------------------------------------------------------- which directory


def test_no_command_but_run_creates_a_directory(shop: Shop) -> None:
    for command in (["jobs"], ["stats"], ["enqueue", "orders", "{}"], ["state", "set", "a", "b", "1"]):
        assert f"there is no data in {shop.data_dir} (the default, since" in shop.refuses(*command)
    assert f"{shop.folder}/other (given by --data-dir)" in shop.refuses("jobs", "--data-dir", "other")
    named = shop.shell("jobs", MOTIA_FAST_DATA_DIR="third").err
    assert f"{shop.folder}/third (given by MOTIA_FAST_DATA_DIR)" in named
    assert "(the one of --app app.py)" in shop.refuses("jobs", "--app", "app.py")
    (shop.folder / "folder").mkdir()
    assert "there is no data in" in shop.refuses("jobs", "--data-dir", "folder")
    assert {path.name for path in shop.folder.iterdir()} - {"__pycache__"} == {"app.py", "folder"}


def test_the_application_names_its_directory_from_anywhere(
    shop: Shop, commands: Commands, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shop.start()
    shop.end()
    elsewhere = Shop(tmp_path_factory.mktemp("elsewhere"), commands)
    assert elsewhere.answers("stats", "--app", str(shop.folder / "app.py"))["data_dir"] == str(shop.data_dir)
    assert elsewhere.answers("stats", "--data-dir", str(shop.data_dir))["data_dir"] == str(shop.data_dir)


def test_a_process_that_has_the_directory_and_does_not_answer_is_named(shop: Shop) -> None:
    program = (
        "import asyncio, app\nasync def main():\n async with app.app: print(flush=True); await asyncio.Event().wait()"
    )
    holder = subprocess.Popen(
        [*PYTHON, "-c", f"{program}\nasyncio.run(main())"],
        cwd=shop.folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        said = shop.refuses("jobs")
        assert f"is in use by process {holder.pid}" in said
        assert "It does not answer on the control socket" in said
    finally:
        holder.kill()
        holder.communicate()


# ---------------------------------------------------------------- usage, and what does not start


def test_steps_tells_every_mistake_in_the_declaration(shop: Shop) -> None:
    assert "place" in shop.says("steps", "--app", "app.py")
    assert not shop.data_dir.exists()
    wrong = APP.replace("max_retries=0", "max_retry=0").replace("0 0 1 1 *", "0 0 31 2 *")
    (shop.folder / "app.py").write_text(wrong)
    said = shop.refuses("steps", "--app", "app.py")
    assert 'did you mean "max_retries"' in said
    assert "0 0 31 2 *" in said


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "ap.py"], 1, "1 mistake in what is to run, nothing was started"),
        (["run", "ap.py"], 1, 'there is no such file; did you mean "app.py"?'),
        (["run", "app.py:ap"], 1, '"ap" is not there; did you mean "app"?'),
        (["run", "app.py", "--port", "x"], 2, "--port"),
        (["run", "app.py", "--port", "99999"], 1, "--port: Input should be less than or equal to 65535, not 99999"),
        (["run", "app.py", "--prot", "1"], 2, "No such option: --prot"),
        (["run", "app.py", "--durability", "strong"], 2, "'strong' is not one of 'sync', 'os', 'memory'"),
        (["enqueue", "orders"], 2, "Missing argument 'JSON'"),
        (["enqueue", "orders", "up"], 2, "is not JSON"),
        (["enqueue", "orders", "1", "--priority", "10"], 2, "--priority"),
        (["ded"], 2, "No such command 'ded'"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(shop: Shop, arguments: list[str], code: int, message: str) -> None:
    assert message in shop.refuses(*arguments, code=code)
    assert not shop.data_dir.exists()


def test_the_package_is_the_program(shop: Shop) -> None:
    told = subprocess.run([*PROGRAM, "--version"], cwd=shop.folder, env=ENVIRONMENT, capture_output=True, check=True)
    assert told.stdout.decode() == f"motia-fast {motia_fast.__version__}\n"


def test_a_reader_that_goes_away_is_no_error(shop: Shop) -> None:
    command = f"{' '.join(PROGRAM)} run --help | true"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=shop.folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
