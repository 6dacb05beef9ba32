"""Why what `status` judges matters, and the next step where no command mends it. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """What stands behind one kind of judgement."""

    cause: str
    cure: str | None = None
    """``{target}`` is replaced by the options that name the target; None where `install` has the cure."""


_RESOLVE = "`ipexenv resolve{target} --explain` says what fits this machine"

MEANINGS = {
    "torch": Meaning(
        cause="IPEX and the bindings declare no dependency on torch, so a later `pip install` moved one without the "
        "other, and `pip check` sees nothing; importing them ends the process, or crashes it"
    ),
    "cxx11-abi": Meaning(
        cause="the two were compiled with different C++ ABIs of libstdc++: the import ends in an undefined symbol"
    ),
    "other-device": Meaning(
        cause="the indexes for CPU and XPU carry the same project names; a build for the other device does not load"
    ),
    "broken": Meaning(cause="this release never worked as it was published"),
    "execstack": Meaning(
        cause="glibc 2.41 and newer refuse to load a library that asks for an executable stack",
        cure="`ipexenv install{target} --torch 2.8 --allow-torch-change` takes the release without",
    ),
    "glibc": Meaning(cause="the wheels are built for a newer C library than this system's", cure=_RESOLVE),
    "glibcxx": Meaning(
        cause="an older libstdc++ is loaded than the one it was built with, often conda's before the system's",
        cure="`conda install -c conda-forge libstdcxx-ng`, or a newer base image",
    ),
    "isa": Meaning(
        cause="the processor, or the virtual machine around it, lacks instructions that it uses",
        cure="`ipexenv install{target} --stack native` takes stock PyTorch",
    ),
    "libraries": Meaning(
        cause="the wheel links to system libraries that it neither brings nor declares",
        cure="install the system package that holds them, or take another release: " + _RESOLVE,
    ),
    "musl": Meaning(cause="there are no wheels for musl, only for glibc", cure="a base image with glibc"),
    "operating-system": Meaning(cause="there are wheels for Linux alone", cure="WSL2, or a Linux container"),
    "architecture": Meaning(cause="there are wheels for x86-64 alone", cure="`ipexenv install{target} --stack native`"),
    "python": Meaning(cause="no wheel of it is made for this version of Python", cure=_RESOLVE),
    "free-threaded": Meaning(cause="no wheel of it is made for a free-threaded Python", cure=_RESOLVE),
    "implementation": Meaning(cause="its wheels are for CPython alone", cure=_RESOLVE),
    "numpy": Meaning(
        cause="torch was compiled for another major version of NumPy's C interface, and does not declare it: "
        "`tensor.numpy()` then fails, or the import warns"
    ),
    "partner": Meaning(
        cause="it was compiled for another torch: its operators do not load, and IPEX imports torchvision itself"
    ),
    "mixture": Meaning(cause="both install files of the same names, and the one that came last won"),
    "yanked": Meaning(
        cause="its maker has withdrawn it, and pip takes it for an exact version alone",
        cure="stay only as long as you must: `ipexenv resolve{target} --stack native` shows the way on",
    ),
    "patch-drift": Meaning(
        cause="IPEX looks at torch's minor alone, and the C++ interface seldom changes in a patch release",
        cure="`ipexenv verify{target}` proves whether the two work together",
    ),
    "older-bridge": Meaning(cause="ipexenv has learnt since", cure="`ipexenv install{target} --ccl bridge`"),
    "second-libccl": Meaning(
        cause="the one that is loaded first serves all of the process, and its settings are the only ones that count",
        cure="`ipexenv verify{target}` proves whether they agree",
    ),
    "no-ipex": Meaning(
        cause="stock PyTorch trains on CPUs by itself, in bf16 too",
        cure="nothing has to be done; `ipexenv matrix` shows which torch has an IPEX",
    ),
    "no-torch": Meaning(cause="nothing is there that could train", cure="`ipexenv install{target}` puts it in"),
    "unknown-release": Meaning(
        cause="it is newer than the tables of this ipexenv, or nobody has published it",
        cure="`ipexenv verify{target}` proves whether it works",
    ),
}
"""By the code of the note."""
