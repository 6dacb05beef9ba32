"""Write what each rank says to files of its own."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING

from ipexenv.errors import OutsideError

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = {"o": "out", "e": "err"}


class RankLogs:
    """Files ``rank-N.out`` and ``rank-N.err`` in one folder; the launcher's words go to stderr."""

    def __init__(self, folder: Path, size: int) -> None:
        """Make the files of ``size`` ranks anew; raise OutsideError where that cannot be done."""
        width = len(str(size - 1))
        self._files: dict[tuple[int, str], IO[bytes]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for rank in range(size):
                for kind, ending in _KINDS.items():
                    path = folder / f"rank-{rank:0{width}}.{ending}"
                    self._files[rank, kind] = path.open("wb", buffering=0)
        except OSError as error:
            raise OutsideError(
                f"--log-dir {folder} cannot be written to: {error.strerror or error}", code="cannot-write"
            ) from None

    def rank(self, rank: int, kind: str, data: bytes) -> None:
        """See Output.rank."""
        self._files[rank, kind].write(data)

    def launcher(self, line: str) -> None:
        """See Output.launcher."""
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    def close(self) -> None:
        """See Output.close."""
        for file in self._files.values():
            file.close()
