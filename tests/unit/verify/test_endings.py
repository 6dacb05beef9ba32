"""Every known way in which a child ends badly is recognised, with a cause and a next command."""

from __future__ import annotations

import pytest

from ipexenv.verify.endings import explain_ending, explain_error, explain_text
from ipexenv.verify.records import RaisedError
from tests.unit.verify.stories import finished

GUARD = (
    "ERROR! Intel® Extension for PyTorch* needs to work with PyTorch 2.5.*, but PyTorch 2.8.0+cu128 is found. "
    "Please switch to the matching version and run again."
)
SAMPLES = [
    ("version-pair", GUARD),
    ("version-pair", "AttributeError: module 'os' has no attribute 'exit'. Did you mean: '_exit'?"),
    ("version-pair", "NameError: name 'exit' is not defined"),
    (
        "executable-stack",
        "libintel-ext-pt-cpu.so: cannot enable executable stack as shared object requires: Invalid argument",
    ),
    ("libstdcxx", "ImportError: /opt/conda/lib/libstdc++.so.6: version `GLIBCXX_3.4.30' not found (required by x.so)"),
    ("libstdcxx", "x.so: undefined symbol: _ZNSt19basic_ostringstreamIcSt11char_traitsIcESaIcEEC1Ev"),
    ("glibc", "ImportError: /lib64/libc.so.6: version `GLIBC_2.28' not found"),
    ("bindings-pair", "ImportError: /x/liboneccl_bindings_for_pytorch.so: undefined symbol: _ZN4c10d3fooEv"),
    ("bindings-pair", "terminate called after throwing 'c10::Error'\n  what():  \nMismatch in kernel C++ signatures"),
    (
        "bindings-pair",
        "void pybind11::detail::generic_type::initialize(type_record&): Assertion `parent_tinfo != nullptr' failed",
    ),
    ("cxx11-abi", "x/libintel-ext-pt-cpu.so: undefined symbol: _ZN3c106detail14torchCheckFailEPKcS2_jRKSs"),
    ("abi", "OSError: /x/libintel-ext-pt-cpu.so: undefined symbol: _ZNK5torch8autograd4Node4nameEv"),
    (
        "cpu-too-old",
        "ERROR! IPEX only works on machines with instruction sets equal or newer than AVX2, ...",
    ),
    ("cpu-too-old", "RuntimeError: The extension binary is AVX512 while current machine does not support AVX512"),
    ("libpython", "ImportError: libpython3.11.so.1.0: cannot open shared object file: No such file or directory"),
    ("oneccl-environment", "ImportError: libccl.so.1: cannot open shared object file: No such file or directory"),
    ("missing-library", "ImportError: libmkl_intel_lp64.so.2: cannot open shared object file: No such file"),
    ("missing-library", "ImportError: libxml2.so.2: cannot open shared object file: No such file or directory"),
    ("not-installed", "ModuleNotFoundError: No module named 'intel_extension_for_pytorch'"),
    ("backend-missing", "AssertionError: Unknown backend type ccl"),
    ("backend-missing", "RuntimeError: Unknown c10d backend type CCL"),
    ("backend-missing", "ValueError: Invalid backend: 'ccl'"),
    ("libfabric", "|CCL_WARN| could not open the library: libfabric.so, error: libfabric.so.1: not there"),
    ("libfabric-provider", "|CCL_ERROR| fi_getinfo error: ret -61, providers 0"),
    ("kvs-interface", "|CCL_ERROR| can't find interface  to get host IP"),
    (
        "no-interface",
        "CclError: rank 0 on n cannot take part: no network interface of this host is up (of lo), and oneCCL",
    ),
    (
        "mpi-start",
        "python:71 terminated with signal 11 at PC=7f SP=7e.  Backtrace:\n/env/lib/libmpi.so.12(+0x708fb1)[0x7f]\n",
    ),
    ("worker-affinity", "|CCL_ERROR| error while creating worker thread #0 pthread_create returns 22"),
    ("worker-affinity", "parse_affinity: unexpected number of values in input: 77, expected at least 2 values"),
    ("out-of-shared-memory", "=   KILLED BY SIGNAL: 7 (Bus error)"),
    ("half-kernel", "RuntimeError: \"addmm_impl_cpu_\" not implemented for 'Half'"),
]


@pytest.mark.parametrize(("code", "text"), SAMPLES)
def test_a_known_message_has_a_cause_and_a_next_command(code: str, text: str) -> None:
    ending = explain_text(text)
    assert ending is not None
    assert ending.code == code
    assert "{" not in ending.cause
    assert ending.hint


def test_the_cause_names_both_versions() -> None:
    ending = explain_text(GUARD)
    assert ending is not None
    assert ending.cause == "this IPEX is built for torch 2.5, and torch 2.8.0+cu128 is installed"


def test_what_was_printed_explains_a_misleading_exception() -> None:
    error = RaisedError(type="AttributeError", message="module 'os' has no attribute 'exit'")
    assert explain_error(error, GUARD).cause.startswith("this IPEX is built for torch 2.5")


def test_a_guard_that_lost_its_message_is_known_by_its_code() -> None:
    error = RaisedError(type="SystemExit", message="127", exit_code=127)
    assert explain_error(error, "").code == "version-pair"
    assert explain_ending(finished(returncode=127), "", timed_out=False, limit_s=1).code == "version-pair"


def test_an_unknown_exception_is_its_first_line() -> None:
    error = RaisedError(type="RuntimeError", message="first\nsecond")
    assert explain_error(error, "").cause == "RuntimeError: first"
    assert explain_error(RaisedError(type="KeyboardInterrupt", message=""), "").cause == "KeyboardInterrupt"


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (4, "illegal-instruction", "SIGILL"),
        (6, "aborted", "SIGABRT"),
        (7, "out-of-shared-memory", "SIGBUS"),
        (9, "killed", "SIGKILL"),
        (11, "segmentation-fault", "SIGSEGV"),
        (15, "signal", "SIGTERM"),
        (40, "signal", "signal 40"),
    ],
)
def test_signals_are_named(number: int, code: str, word: str) -> None:
    ending = explain_ending(finished(returncode=-number), "", timed_out=False, limit_s=1)
    assert ending.code == code
    assert ending.cause.startswith(f"it died of {word}")


def test_a_signal_with_a_known_message_is_explained_by_the_message() -> None:
    ending = explain_ending(finished(returncode=-6), "Mismatch in kernel C++ signatures", timed_out=False, limit_s=1)
    assert ending.code == "bindings-pair"
    assert ending.cause == "it died of SIGABRT: the oneCCL bindings are built for another torch"


def test_a_time_out_comes_before_everything() -> None:
    ending = explain_ending(finished(returncode=-15), GUARD, timed_out=True, limit_s=300)
    assert (ending.code, ending.cause) == ("timed-out", "it did not end within 300 s")


def test_the_rest_is_told_by_its_code() -> None:
    ending = explain_ending(finished(returncode=3), "", timed_out=False, limit_s=1)
    assert ending.cause == "the process ended by itself with exit code 3"
    known = explain_ending(finished(returncode=1), "No module named 'torch'", timed_out=False, limit_s=1)
    assert known.code == "not-installed"
