"""How much, how long, how often. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a download may take before it counts as failed."""

    connections: int = 8
    """Requests under way at once, over all files."""
    piece_bytes: int = 16 << 20
    """Files of at least twice this size are asked for in pieces of it, several at once."""
    stall_s: float = 30.0
    """How long a server may say nothing."""
    attempts: int = 5
    """Failures in a row, without progress between them, after which a source is given up."""
    first_delay_s: float = 0.5
    """Before the second attempt; doubled before each further one."""
    longest_delay_s: float = 60.0
    """A server that asks for more patience (``Retry-After``) is given up at once."""
    redirects: int = 5
    max_bytes: int = 16 << 30
    """No file may be larger."""
    restarts: int = 3
    """How often a file may turn out to be another one than before, or its server unable to go on in the middle."""


USUAL_LIMITS = Limits()
