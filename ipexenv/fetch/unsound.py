"""What is wrong with a wheel."""

from __future__ import annotations


class UnsoundError(Exception):
    """The file is no wheel that may be installed; the text says why, and may quote names out of it."""

    def __init__(self, text: str, *, code: str = "bad-wheel") -> None:
        """Keep the reason, shortened: a name in an archive may be 64 KiB long."""
        printable = "".join(letter if letter.isprintable() else "?" for letter in text)
        super().__init__(printable if len(printable) <= 300 else f"{printable[:299]}…")  # noqa: PLR2004 (a few lines)
        self.code = code
