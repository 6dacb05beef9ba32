from __future__ import annotations

import threading

import pytest

from ipexenv.errors import TableError
from ipexenv.system.background import Background


def test_the_work_goes_on_while_the_caller_does_something_else() -> None:
    asked = threading.Event()

    def work() -> int:
        assert asked.wait(timeout=60)
        return 7

    background = Background(work)
    asked.set()
    assert (background.result(), background.result()) == (7, 7)


def test_an_error_is_raised_where_the_result_is_asked_for() -> None:
    error = TableError("broken", code="bad-table")

    def work() -> int:
        raise error

    background = Background(work)
    with pytest.raises(TableError) as raised:
        background.result()
    assert raised.value is error
