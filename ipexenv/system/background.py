"""Work that goes on in a thread of its own while the caller waits for something outside."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Result = TypeVar("_Result")


class Background(Generic[_Result]):
    """One call of a function, begun at once; of use while a child process runs, which leaves this process idle.

    ``concurrent.futures`` does the same, and importing it takes longer than the work that this is here for.
    """

    def __init__(self, work: Callable[[], _Result]) -> None:
        """Begin ``work``."""
        self._work = work
        self._results: list[_Result] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:  # noqa: BLE001 (raised again where the result is asked for)
            self._error = error

    def result(self) -> _Result:
        """Wait for the end of the work and return its result, or raise what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._results[0]
