"""What a request to the harness was answered with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from motia_fast.encoding import decode
from motia_fast.requests import Headers

if TYPE_CHECKING:
    from motia_fast.web import RawResponse


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, as a client sees it."""

    status: int
    headers: Headers
    body: bytes

    @classmethod
    def of(cls, raw: RawResponse) -> Answer:
        """From what the pipeline gave."""
        return cls(raw.status, Headers(raw.headers), raw.body)

    def json(self) -> Any:
        """The body, decoded."""
        return decode(self.body)

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()
