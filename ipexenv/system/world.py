"""Everything outside, in one value: ``cli`` builds the real one, tests build their own."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.system.foreground import TerminalForeground
from ipexenv.system.group import SubprocessGroupRunner
from ipexenv.system.http import RequestsHttp
from ipexenv.system.kernel import LinuxKernel
from ipexenv.system.network import LocalNetwork
from ipexenv.system.runner import SubprocessRunner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ipexenv.system.foreground import Foreground
    from ipexenv.system.group import GroupRunner
    from ipexenv.system.http import Http
    from ipexenv.system.kernel import Kernel
    from ipexenv.system.network import Network
    from ipexenv.system.runner import Runner


@dataclass(frozen=True, kw_only=True)
class World:
    """The outside world."""

    runner: Runner = field(default_factory=SubprocessRunner)
    group: GroupRunner = field(default_factory=SubprocessGroupRunner)
    foreground: Foreground = field(default_factory=TerminalForeground)
    http: Http = field(default_factory=RequestsHttp)
    kernel: Kernel = field(default_factory=LinuxKernel)
    network: Network = field(default_factory=LocalNetwork)
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    root: Path = Path("/")
    """Where /proc, /sys and /etc are read from."""
    directory: Path = field(default_factory=Path.cwd)
    """The working directory: relative paths of the user start here."""
