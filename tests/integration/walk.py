"""Console blocks of a page, played: each command with the output that the page shows for it.

Ids and times differ from run to run. The first time that the page shows an id it stands for the one that was really
given, from then on in commands too; a time stands for any time of its form; `…` for anything in its line, and alone for
any lines.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.served import DEADLINE

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TIME = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?"
_NUMBER = r"(?:(?<=job )|(?<=message )|(?<=dead show )|(?<=dead retry )|(?m:^))\d+\b(?!-)|\d+(?= of message)"
_ID = rf"order-[0-9a-f]{{32}}|{_NUMBER}"
_PART = re.compile(rf"(?P<time>{_TIME})|(?P<id>{_ID})|(?P<lines>(?m:^)…\n)|(?P<any>…)|(?P<space>[ ]{{2,}})")
_ANY = {"lines": r"(?:.*\n)*?", "any": ".*?", "space": " {2,}"}
#: What changes something is run once; what only looks is repeated until it shows what the page does.
_CHANGES = re.compile(r"-X POST|state (set|delete)|dead (retry|purge)|cron run|enqueue")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A command, and what the page shows for it."""

    command: str
    expected: str


def exchanges(page: str) -> Iterator[Exchange]:
    """All commands of a page, in order."""
    for block in _BLOCK.findall(page):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            yield Exchange(command, expected)


@dataclass(slots=True)
class Walk:
    """Plays exchanges in a folder, against an address that stands for the page's."""

    folder: Path
    path: str
    address: str
    ids: dict[str, str] = field(default_factory=dict[str, str])

    def play(self, exchange: Exchange) -> None:
        """Runs the command, until it shows what the page does or the time is over."""
        command = self._really(exchange.command)
        pattern, names = self._pattern(exchange.expected)
        end = time.monotonic() + (0 if _CHANGES.search(command) else DEADLINE)
        seen: dict[str, None] = {}  # each answer once, in order
        while True:
            output = self._run(command)
            seen[output] = None
            if found := pattern.fullmatch(output):
                self.ids |= {shown: found[name] for name, shown in names.items()}
                return
            assert time.monotonic() < end, "\n".join([f"$ {command}\nshows", *seen, f"instead of\n{exchange.expected}"])
            time.sleep(0.05)

    def _really(self, command: str) -> str:
        command = command.replace("127.0.0.1:3000", self.address)
        return re.sub(_ID, lambda found: self.ids.get(found[0], found[0]), command)

    def _pattern(self, expected: str) -> tuple[re.Pattern[str], dict[str, str]]:
        """What the output must match, and for each id that is new the group that captures it."""
        names: dict[str, str] = {}
        pattern, at = "", 0
        for part in _PART.finditer(expected):
            pattern += re.escape(expected[at : part.start()]) + self._piece(part, names)
            at = part.end()
        return re.compile(pattern + re.escape(expected[at:])), names

    def _piece(self, part: re.Match[str], names: dict[str, str]) -> str:
        kind, text = part.lastgroup or "", part[0]
        if kind == "time":
            return re.sub(r"\d", r"\\d", re.escape(text))
        if kind != "id":
            return _ANY[kind]
        if text in self.ids:
            return re.escape(self.ids[text])
        name = next((name for name, shown in names.items() if shown == text), None)
        if name is not None:
            return f"(?P={name})"
        names[f"id{len(names)}"] = text
        return f"(?P<id{len(names) - 1}>{'order-[0-9a-f]{32}' if text.startswith('order-') else '[0-9]+'})"

    def _run(self, command: str) -> str:
        environment = {"PATH": self.path, "TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
        done = subprocess.run(  # noqa: S602 -- a page's commands are a shell's
            command,
            shell=True,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        text = (done.stdout + done.stderr).replace("\r\n", "\n").replace("\n\n", "\n")
        return text if text.endswith("\n") else text + "\n"


def command_line(folder: Path, python: str, source: Path) -> str:
    """Makes the command `motia-fast` in a folder, and returns a search path that has it."""
    folder.mkdir()
    program = folder / "motia-fast"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{source}" exec "{python}" -m motia_fast "$@"\n')
    program.chmod(0o755)
    tools = {str(Path(found).parent) for found in map(shutil.which, ("sh", "curl")) if found}
    return ":".join([str(folder), *sorted(tools)])
