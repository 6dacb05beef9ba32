"""What it means when a child ends badly: the cause in words and the next command. Pure.

Every pattern was seen in a real run, in the source of the package that prints it, or in its users' reports; the first
that matches wins, so the specific ones stand before the general ones.
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipexenv.system.runner import Finished
    from ipexenv.verify.records import RaisedError

_INSTALL = "`ipexenv resolve` names the release that matches this torch, `ipexenv install` puts it in"
_RESOLVE = "`ipexenv resolve --explain` says what fits this machine"
_NATIVE = "`ipexenv install --stack native` uses stock PyTorch instead"
_BINDINGS = "`ipexenv install --ccl bindings` puts in the bindings that match the installed torch"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """Why a child ended badly."""

    code: str
    """Stable kebab-case name."""
    cause: str
    hint: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    code: str
    pattern: re.Pattern[str]
    cause: str
    """May name groups of the pattern in braces."""
    hint: str


def _known(code: str, pattern: str, cause: str, hint: str) -> _Known:
    return _Known(code=code, pattern=re.compile(pattern), cause=cause, hint=hint)


_TEXTS = (
    _known(
        "version-pair",
        r"needs to work with PyTorch (?P<want>\d+\.\d+)\.\*, but PyTorch (?P<have>\S+) is found",
        "this IPEX is built for torch {want}, and torch {have} is installed",
        _INSTALL,
    ),
    _known(
        "version-pair",
        r"module 'os' has no attribute 'exit'|NameError: name 'exit' is not defined",
        "IPEX's own check of the torch version failed, and its way to stop did too",
        _INSTALL,
    ),
    _known(
        "executable-stack",
        r"cannot enable executable stack",
        "a library of this release asks for an executable stack, and glibc 2.41 and newer refuse to load it",
        "`ipexenv install --torch 2.8 --allow-torch-change` takes the release without it",
    ),
    _known(
        "libstdcxx",
        r"version `(?P<want>GLIBCXX_[\d.]+)' not found",
        "the libstdc++ that is loaded is too old: {want} is missing",
        "install a newer libstdc++ (conda: `conda install -c conda-forge libstdcxx-ng`), then run this again",
    ),
    _known(
        "libstdcxx",
        r"undefined symbol: _ZNSt19basic_ostringstreamIcSt11char_traitsIcESaIcEEC1Ev",
        "the libstdc++ that is loaded is older than GCC 11's",
        "install a newer libstdc++ (conda: `conda install -c conda-forge libstdcxx-ng`), then run this again",
    ),
    _known(
        "glibc",
        r"version `(?P<want>GLIBC_[\d.]+)' not found",
        "the system's glibc is too old: {want} is missing",
        _RESOLVE,
    ),
    _known(
        "bindings-pair",
        r"(oneccl_bindings_for_pytorch|torch_ccl)\S*: undefined symbol|Mismatch in kernel C\+\+ signatures"
        r"|generic_type::initialize.*parent_tinfo",
        "the oneCCL bindings are built for another torch",
        _BINDINGS,
    ),
    _known(
        "cxx11-abi",
        r"undefined symbol: \w*(torchCheckFail\w*(RKSs|RKNSt7__cxx11)|B5cxx11)\w*",
        "torch and IPEX are built with different C++ ABIs of libstdc++",
        _INSTALL,
    ),
    _known(
        "abi",
        r"(?P<library>[\w.+-]+\.so[\w.]*): undefined symbol: (?P<symbol>\w+)",
        "{library} is built for another torch: the symbol {symbol} is not there",
        _INSTALL,
    ),
    _known(
        "cpu-too-old",
        r"only works on machines with\s+instruction sets equal or newer\s+than AVX2",
        "IPEX needs a CPU with AVX2 and FMA, and sees none here",
        _NATIVE,
    ),
    _known(
        "cpu-too-old",
        r"The extension binary is AVX512 while current machine does not support AVX512",
        "this IPEX is compiled for AVX-512, and this CPU has none",
        "`ipexenv install --torch 1.11 --allow-torch-change` takes the first release that runs on AVX2",
    ),
    _known(
        "libpython",
        r"(?P<library>libpython[\w.]*\.so[\w.]*): cannot open shared object file",
        "this release needs {library}, and this Python is linked without a shared library",
        "use a Python that was built with --enable-shared (conda's, the distribution's), or another IPEX release",
    ),
    _known(
        "oneccl-environment",
        r"(?P<library>lib(?:ccl|mpi|fabric)\.so[\w.]*): cannot open shared object file",
        "the loader does not find {library}, which comes with the oneCCL bindings",
        _BINDINGS,
    ),
    _known(
        "missing-library",
        r"(?P<library>libmkl_\w+\.so[\w.]*): cannot open shared object file",
        "this release was linked to an MKL that it does not bring ({library})",
        _INSTALL,
    ),
    _known(
        "missing-library",
        r"(?P<library>lib[\w+-]+\.so[\w.]*): cannot open shared object file",
        "the system library {library} is missing",
        "install the system package that holds it, then run this again",
    ),
    _known(
        "not-installed",
        r"No module named '(?P<module>[\w.]+)'",
        "the target Python has no module {module}",
        "`ipexenv install` puts it in; `ipexenv status` shows what is there",
    ),
    _known(
        "backend-missing",
        r"Unknown backend type ccl|Unknown c10d backend type CCL|Invalid backend: 'ccl'",
        "torch.distributed knows no backend ccl: the bindings did not register it",
        _BINDINGS,
    ),
    _known(
        "libfabric",
        r"could not open the library: libfabric\.so|OFI transport was not initialized",
        "oneCCL does not find libfabric",
        "look at `<package>/opt/mpi/libfabric/lib` of the bindings; " + _BINDINGS,
    ),
    _known(
        "libfabric-provider",
        r"fi_getinfo error|can't (create|find) (providers for name|suitable provider)",
        "libfabric has no provider that works here",
        "set FI_PROVIDER=tcp, and unset FI_PROVIDER_PATH, then run this again",
    ),
    _known(
        "kvs-interface",
        r"can't find interface (?P<interface>\S*) ?to get host IP|fill_local_host_ip",
        "oneCCL finds no network interface for its start-up",
        "set CCL_KVS_IFACE to an interface of this host (`lo` on a single one), then run this again",
    ),
    _known(
        "no-interface",
        r"no network interface of this host is up",
        "no network interface is up, not even lo, and oneCCL needs one",
        "`ip link set lo up`, then run this again",
    ),
    _known(
        "mpi-start",
        r"terminated with signal (?P<number>\d+) at PC=[^\n]*\n(?:[^\n]*\n){0,6}[^\n]*libmpi\.so",
        "Intel MPI died of signal {number}, most often on an interface that leads nowhere",
        "name the interface to the other hosts in FI_TCP_IFACE, or set CCL_ATL_TRANSPORT=ofi, then run this again",
    ),
    _known(
        "worker-affinity",
        r"error while creating worker thread #\d+ pthread_create returns|failed to start worker # \d+"
        r"|unexpected number of values in input: \S+, expected at least \d+ values",
        "oneCCL cannot pin its worker threads to the CPUs that it was given",
        "unset CCL_WORKER_AFFINITY and set CCL_WORKER_COUNT=1, then run this again",
    ),
    _known(
        "out-of-shared-memory",
        r"KILLED BY SIGNAL: 7 \(Bus error\)",
        "shared memory ran out: /dev/shm is too small",
        "give the container more (`--shm-size=2g`), then run this again",
    ),
    _known(
        "half-kernel",
        r"\"(?P<op>\w+)\" not implemented for '(?P<type>Half|BFloat16)'",
        "this torch has no CPU kernel of {op} for {type}",
        "use `--dtype bf16` or `--dtype fp32`",
    ),
)

_SIGNALS: dict[int, tuple[str, str, str]] = {
    signal.SIGILL: ("illegal-instruction", "it used an instruction that this CPU does not have", _RESOLVE),
    signal.SIGABRT: ("aborted", "its C++ code gave up, which Python cannot catch", _RESOLVE),
    signal.SIGBUS: (
        "out-of-shared-memory",
        "most often shared memory ran out: /dev/shm is too small",
        "give the container more (`--shm-size=2g`), then run this again",
    ),
    signal.SIGSEGV: (
        "segmentation-fault",
        "most often a C++ library built for another torch, or a second MPI",
        _RESOLVE,
    ),
    signal.SIGKILL: (
        "killed",
        "something outside killed it, most often because memory ran out",
        "`dmesg` names the victim; give it more memory, then run this again",
    ),
}
_GUARD_EXIT_CODE = 127


def explain_text(text: str) -> Ending | None:
    """Return what the first known message in ``text`` means, None where nothing is recognised."""
    for known in _TEXTS:
        match = known.pattern.search(text)
        if match is not None:
            return Ending(code=known.code, cause=known.cause.format(**match.groupdict()), hint=known.hint)
    return None


def explain_error(error: RaisedError, printed: str) -> Ending:
    """Say what an exception means, with what was ``printed`` before it: guards print first and raise later."""
    recognised = explain_text(f"{printed}\n{error.type}: {error.message}")
    if recognised is not None:
        return recognised
    if error.exit_code == _GUARD_EXIT_CODE:
        return _silent_guard()
    words = error.message.strip().splitlines()
    return Ending(code="exception", cause=f"{error.type}: {words[0]}" if words else error.type)


def explain_ending(finished: Finished, printed: str, *, timed_out: bool, limit_s: float) -> Ending:
    """Say why a process ended in the middle of a check, from its code and from what was ``printed`` in that check."""
    if timed_out:
        return Ending(
            code="timed-out",
            cause=f"it did not end within {limit_s:g} s",
            hint="the last lines show where it hung; `--timeout SECONDS` gives it longer",
        )
    recognised = explain_text(printed)
    if finished.returncode < 0:
        return _signal_ending(-finished.returncode, recognised)
    if recognised is not None:
        return recognised
    if finished.returncode == _GUARD_EXIT_CODE:
        return _silent_guard()
    return Ending(code="ended-early", cause=f"the process ended by itself with exit code {finished.returncode}")


def _silent_guard() -> Ending:
    return Ending(
        code="version-pair",
        cause="it stopped with exit code 127, which is how IPEX refuses a torch of another version",
        hint=_INSTALL,
    )


def _signal_ending(number: int, recognised: Ending | None) -> Ending:
    known = number in {each.value for each in signal.Signals}
    words = f"it died of {signal.Signals(number).name if known else f'signal {number}'}"
    if recognised is not None:
        return Ending(code=recognised.code, cause=f"{words}: {recognised.cause}", hint=recognised.hint)
    if number not in _SIGNALS:
        return Ending(code="signal", cause=words)
    code, cause, hint = _SIGNALS[number]
    return Ending(code=code, cause=f"{words}: {cause}", hint=hint)
