"""Facts of a machine that is not here: from options alone, or laid over facts that were taken there."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packaging.version import InvalidVersion, Version

from ipexenv.errors import UsageError
from ipexenv.facts import Cpu, Facts, Host, IsaLevel, Libc, Target
from ipexenv.facts_json import read_facts
from ipexenv.reading import MalformedError
from ipexenv.resolve.wheels import read_platform

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Collection

    IsaOf = Callable[[Collection[str], int | None, bool | None], IsaLevel]

_OPTIONS = ("facts", "target_python", "platform", "glibc", "glibcxx", "cpu_flags", "isa")
_TARGET_MAJOR = 3
_ANEW = "write it on that machine with `ipexenv status -v --json > FILE`"


def add_remote_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that describe a machine which is not here."""
    group = parser.add_argument_group("a machine that is not here", "What is left out counts as unknown.")
    group.add_argument("--target-python", metavar="V", help="its Python, as 3.11 (3.13t is the free-threaded one)")
    group.add_argument("--platform", metavar="TAG", help="linux_x86_64 (default), manylinux_2_28_x86_64 …")
    group.add_argument("--glibc", metavar="V", help="its C library, as 2.31")
    group.add_argument("--glibcxx", metavar="V", help="the newest GLIBCXX of its libstdc++, as 3.4.30")
    group.add_argument("--cpu-flags", metavar="LIST", help="flags of its processor as in /proc/cpuinfo: avx2,fma")
    group.add_argument("--isa", metavar="LEVEL", help=f"or what they amount to: {', '.join(i.label for i in IsaLevel)}")
    group.add_argument("--facts", metavar="FILE", help="what `ipexenv status -v --json` printed there")


def is_remote(options: argparse.Namespace) -> bool:
    """Say whether the options describe a machine that is not here."""
    return any(getattr(options, name) is not None for name in _OPTIONS)


def refuse_two_targets(options: argparse.Namespace) -> None:
    """Raise UsageError where an environment that is here is named beside a machine that is not."""
    here = [flag for flag in ("--python", "--venv") if getattr(options, flag.removeprefix("--"))]
    there = [f"--{name.replace('_', '-')}" for name in _OPTIONS if getattr(options, name) is not None]
    if here and there:
        raise UsageError(
            f"{here[0]} names an environment here, and {there[0]} describes a machine that is not here",
            code="two-targets",
            hint="leave one of them out",
        )


def facts_in(text: str, *, where: str) -> Facts:
    """Return the facts in a JSON document: the whole envelope of `status`, its ``data``, or its ``facts`` alone.

    Raises UsageError that names ``where`` and the bad key.
    """
    try:
        inner: Any = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{where} is not JSON: {error}", code="bad-facts", hint=_ANEW) from None
    for key in ("data", "facts"):
        if isinstance(inner, dict) and isinstance(inner.get(key), dict):
            inner = inner[key]
    if not isinstance(inner, dict) or "target" not in inner:
        raise UsageError(f"{where} holds no facts", code="bad-facts", hint=_ANEW)
    try:
        return read_facts(inner, where=where)
    except MalformedError as error:
        raise UsageError(str(error), code="bad-facts", hint=_ANEW) from None


def remote_facts(options: argparse.Namespace, base: Facts | None, *, isa_of: IsaOf) -> Facts:
    """Return the facts that the options describe, laid over ``base`` where there is one.

    ``isa_of`` turns processor flags into IPEX's instruction-set level. Raises UsageError that names the bad value.
    """
    target = _target(options, None if base is None else base.target)
    host = _host(options, Host(architecture="x86_64") if base is None else base.host, isa_of)
    learnt = {} if base is None else dict(base.learnt)
    for name, fact in (("target_python", "target.version"), ("platform", "host"), ("glibc", "host.libc")):
        if getattr(options, name) is not None:
            learnt[fact] = f"--{name.replace('_', '-')}"
    if base is None:
        return Facts(host=host, target=target, learnt=tuple(learnt.items()))
    return replace(base, host=host, target=target, learnt=tuple(learnt.items()))


def _target(options: argparse.Namespace, base: Target | None) -> Target:
    if base is None and options.target_python is None:
        raise UsageError(
            "which Python the other machine has is not said", code="usage", hint="add it, as `--target-python 3.11`"
        )
    target = base or Target(version=Version("0"))
    if options.target_python is not None:
        text = options.target_python.strip()
        version = _version("--target-python", text.removesuffix("t"), example="3.11")
        if version.major != _TARGET_MAJOR or len(version.release) == 1:
            raise _bad("--target-python", options.target_python, example="3.11")
        target = replace(target, version=version, free_threaded=text.endswith("t"), executable=None)
    if options.platform is not None:
        target = replace(target, glibcxx=None, libraries=None)
    if options.glibcxx is not None:
        glibcxx = _version("--glibcxx", options.glibcxx.removeprefix("GLIBCXX_"), example="3.4.30")
        target = replace(target, glibcxx=glibcxx)
    # The tags were computed for what the options now replace.
    stale = any(getattr(options, name) is not None for name in ("target_python", "platform", "glibc"))
    return replace(target, wheel_tags=()) if stale else target


def _host(options: argparse.Namespace, base: Host, isa_of: IsaOf) -> Host:
    host = base
    if options.platform is not None:
        platform = read_platform(options.platform.strip())
        if platform is None:
            raise _bad("--platform", options.platform, example="linux_x86_64")
        libc = Libc(family=platform.libc or "unknown", version=platform.libc_version)
        host = Host(system=platform.system, architecture=platform.architecture, libc=libc)
    if options.glibc is not None:
        if host.libc.family == "musl":
            raise UsageError(f"--glibc {options.glibc} contradicts musl", code="usage", hint="leave one of them out")
        host = replace(host, libc=Libc(family="glibc", version=_version("--glibc", options.glibc, example="2.31")))
    if options.cpu_flags is not None:
        flags = tuple(options.cpu_flags.lower().replace(",", " ").split())
        host = replace(host, cpu=Cpu(flags=flags, isa=isa_of(flags, None, None)))
    if options.isa is not None:
        try:
            host = replace(host, cpu=replace(host.cpu, isa=IsaLevel.from_label(options.isa)))
        except ValueError as error:
            raise UsageError(f"--isa: {error}", code="usage", hint="or give `--cpu-flags` instead") from None
    return host


def _version(option: str, text: str, *, example: str) -> Version:
    try:
        return Version(text.strip())
    except InvalidVersion:
        raise _bad(option, text, example=example) from None


def _bad(option: str, text: str, *, example: str) -> UsageError:
    return UsageError(f"{option} {text!r} cannot be", code="usage", hint=f"write it as `{option} {example}`")
