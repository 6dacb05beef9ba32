"""One verify run: what is tried, where, and what the children get."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ipexenv.verify.bindings_environment import bindings_environment, hosts_environment, single_host_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.system.world import World
    from ipexenv.verify.options import VerifyOptions

# Left over from a launcher around us, these would tell oneCCL and MPI of ranks that are not ours.
_LAUNCHER_VARIABLES = ("PMI_", "PMIX_", "MPI_LOCAL", "OMPI_COMM_", "MV2_COMM_", "TORCHELASTIC_")


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """Everything that the children need."""

    world: World
    facts: Facts
    options: VerifyOptions
    listen: Listener
    env: Mapping[str, str]
    """The whole environment of a child: the user's, and what the bindings need."""

    @classmethod
    def prepare(cls, world: World, facts: Facts, options: VerifyOptions, listen: Listener) -> Job:
        """Work out the children's environment."""
        env = {name: value for name, value in world.env.items() if not name.startswith(_LAUNCHER_VARIABLES)}
        if options.bindings_module is not None and options.ccl == "bindings":  # the bridge chooses by itself
            cpus = facts.host.topology.usable_cpus
            across = bool(options.seats)
            env |= hosts_environment(env) if across else single_host_environment(cpus, options.nproc, env)
            package = _package_folder(facts, options.bindings_module)
            if package is not None:
                env |= bindings_environment(package, lambda path: Path(path).exists(), env)
        return cls(world=world, facts=facts, options=options, listen=listen, env=env)

    @property
    def python(self) -> tuple[str, ...]:
        """Return how the target is started: isolated, and unbuffered so that a crash cannot take the last words."""
        return (self.facts.target.executable or "python3", "-I", "-u")


def _package_folder(facts: Facts, module: str) -> PurePosixPath | None:
    package = facts.installed.bindings
    folder = facts.target.site_packages if package is None else package.location or facts.target.site_packages
    return None if folder is None else PurePosixPath(folder) / module
