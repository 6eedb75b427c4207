"""Pages of a listing, bounded by number and by bytes, so that each fits in one frame of the control socket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from motia_fast.errors import ValidationFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Row = TypeVar("Row")
Key = TypeVar("Key", int, str, "str | None")

#: Bytes after which a page ends. A last row of 1 MiB, all of it, still fits in a frame.
PAGE_BYTES = 4 * 1024 * 1024
#: Bytes that a row takes beside its payload, value and tracebacks, about.
ROW_BYTES = 512
#: Rows that are read at once; each may have 1 MiB.
CHUNK = 20


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows, and after which key the listing goes on; None where it ends here."""

    rows: Sequence[Row]
    next: int | str | None

    def answer(self, name: str, view: Callable[[Row], dict[str, Any]]) -> dict[str, Any]:
        """``{name: [..], "next": key}``."""
        return {name: [view(row) for row in self.rows], "next": self.next}


def page(
    fetch: Callable[[int, Key], Sequence[Row]],
    limit: int,
    after: Key,
    *,
    key: Callable[[Row], Key],
    size: Callable[[Row], int],
) -> Page[Row]:
    """Rows after the key `after`: `limit` (1 or more) of them at most, fewer once `PAGE_BYTES` are full."""
    if limit < 1:
        raise ValidationFailed("the page", [{"loc": ["limit"], "msg": "must be 1 or more", "type": "value_error"}])
    rows: list[Row] = []
    room = PAGE_BYTES
    while len(rows) < limit and room > 0:
        chunk = fetch(min(CHUNK, limit - len(rows)), after)
        if not chunk:
            return Page(rows, None)
        for row in chunk:
            rows.append(row)
            room -= ROW_BYTES + size(row)
            if room <= 0:
                break
        after = key(rows[-1])
    return Page(rows, after if fetch(1, after) else None)
