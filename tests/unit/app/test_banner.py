"""What the banner says in words."""

from __future__ import annotations

import pytest

from motia_fast.app.banner import orphaned


@pytest.mark.parametrize(
    ("jobs", "said"), [(1, "1 job waits for"), (2, "2 jobs wait for"), (1200, "1,200 jobs wait for")]
)
def test_one_job_waits_and_several_wait(jobs: int, said: str) -> None:
    assert orphaned("old/orders", jobs).startswith(f'{said} "old/orders", which no step declares')
