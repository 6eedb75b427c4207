"""What cannot be declared is refused before anything changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.verbs import ids, put, sub, take

if TYPE_CHECKING:
    from motia_fast.contract import Engine


@pytest.mark.parametrize("priority", [-1, 10])
def test_a_priority_that_there_is_not_is_refused_and_the_set_before_it_stays(engine: Engine, priority: int) -> None:
    engine.register([sub()])
    with pytest.raises(ValueError, match="work/jobs: priority is 0 to 9"):
        engine.register([sub(priority=priority)])
    job = put(engine)
    assert ids(take(engine)) == [job]
