"""The two ways in which Linux writes sets of processing units: ``0-3,8`` and ``00000000,0000010f``. Pure."""

from __future__ import annotations

_WORD_DIGITS = 8
_DIGITS = frozenset("0123456789abcdefABCDEF")
_MOST = 1 << 16
"""Linux itself stops at 8192 units; a larger number is rubbish and must not eat memory."""


def parse_list(text: str) -> frozenset[int] | None:
    """Parse ``0-3,8``; an empty text is the empty set, and None says that it is no list of units."""
    units: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not part.strip():
            continue
        last = last.split(":")[0] if dash else first
        if not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
            return None
        if int(last) >= _MOST:
            return None
        units.update(range(int(first), int(last) + 1))
    return frozenset(units)


def parse_mask(text: str) -> frozenset[int] | None:
    """Parse hexadecimal words of 32 bits, highest first; None says that it is no mask."""
    words = text.strip().split(",")
    if not all(word and len(word) <= _WORD_DIGITS and _DIGITS.issuperset(word) for word in words):
        return None
    mask = int("".join(word.rjust(_WORD_DIGITS, "0") for word in words), 16)
    if mask.bit_length() > _MOST:
        return None
    return frozenset(unit for unit in range(mask.bit_length()) if mask >> unit & 1)
