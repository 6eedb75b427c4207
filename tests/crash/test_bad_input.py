"""Bad input at a real server: it is refused, and neither the file nor a restart knows anything of it."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tests.crash import remains
from tests.crash.server import Server

GOOD = {"id": "bad", "text": "bad"}
ENCODED = json.dumps(GOOD).encode()


class Bad(NamedTuple):
    """A request, and the status of its refusal."""

    status: int
    body: bytes
    method: str = "POST"
    path: str = "/orders"
    type: str = "application/json"
    #: The length that it declares, if it is not the body's: a body that is too long is refused before it is sent.
    length: int | None = None


BAD = {
    "no JSON": Bad(400, b'{"id": "bad", "text'),
    "nothing": Bad(400, b""),
    "no text": Bad(400, b"\xff\xfe"),
    "a field too few": Bad(400, b'{"id": "bad"}'),
    "a field of a wrong type": Bad(400, b'{"id": "bad", "text": 1}'),
    "a number that JSON has not": Bad(400, b'{"id": "bad", "text": NaN}'),
    "half of a character": Bad(400, b'{"id": "bad", "text": "\\ud800"}'),
    "no object": Bad(400, b"[1]"),
    "too much": Bad(413, ENCODED, length=2_000_000),
    "another type": Bad(415, ENCODED, type="image/png"),
    "another method": Bad(405, ENCODED, method="PUT"),
    "another path": Bad(404, ENCODED, path="/order"),
}


def status_of(server: Server, bad: Bad) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        length = len(bad.body) if bad.length is None else bad.length
        headers = {"content-type": bad.type, "content-length": str(length)}
        connection.request(bad.method, bad.path, bad.body, headers)
        response = connection.getresponse()
        assert "error" in json.loads(response.read())
        return response.status


def test_bad_input_changes_nothing(server: Server, tmp_path: Path) -> None:
    server.start()
    before = server.client.stats()["committed"]
    assert {name: status_of(server, bad) for name, bad in BAD.items()} == {
        name: bad.status for name, bad in BAD.items()
    }
    assert server.client.stats()["committed"] == before
    server.kill()
    left = remains.read(server.data_dir, tmp_path)
    assert (left.jobs, left.state) == ({}, {})
    server.start()
    assert server.ask("POST", "/orders", GOOD).status == 202
