"""Tells what a rank says in lines of one length, which arrive whole through every launcher.

Shipped to every host; standard library only, Python 3.7 syntax. Every line takes exactly FRAME_BYTES: Open MPI takes
output in pieces of 4096 bytes, srun in lines of at most 1024 bytes, pipes pass on whole what is shorter than 4096
bytes; so none of them ever cuts such a line in two.
"""

import base64
import os
import select
import time
import zlib

FRAME_BYTES = 512
PIECE_BYTES = 345


class Told:
    """The lines that go back."""

    def __init__(self, rank):
        self.rank = rank
        self.count = 0
        self.kept = []
        self.broken = False
        self.told_at = time.monotonic()

    def tell(self, kind, data):
        """Send bytes of one kind.

        ``a`` answer, ``o`` stdout, ``e`` stderr, ``p`` where it runs, ``w`` how far it came, ``h`` that it still runs,
        ``x`` how it ended.
        """
        for start in range(0, len(data), PIECE_BYTES):
            text = base64.b64encode(data[start : start + PIECE_BYTES]).decode()
            head = "%d %d %s %s" % (self.rank, self.count, kind, text)
            line = ("\n@ipexenv %s %08x" % (head, zlib.crc32(head.encode()))).encode()
            self.count += 1
            self.told_at = time.monotonic()
            line = line.ljust(FRAME_BYTES - 1) + b"\n"
            if kind in "ax":
                self.kept.append(line)
            self.write(line)

    def again(self):
        """Send the answers once more: a line that was torn apart on its way comes whole the second time."""
        for line in self.kept:
            self.write(line)

    def write(self, data):
        while data and not self.broken:
            try:
                data = data[os.write(1, data) :]
            except BlockingIOError:
                select.select([], [1], [], 1.0)
            except OSError:
                self.broken = True
