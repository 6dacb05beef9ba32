"""Check what the user says about a job file: names, sizes, times. Pure.

Sources: Kubernetes' pages "Object Names and IDs", "Labels and Selectors" and "Resource Management" (RFC 1035 and 1123
labels, quantities), sbatch(1) of Slurm.
"""

from __future__ import annotations

import re

from ipexenv.errors import UsageError

LONGEST_LABEL = 63
_LONGEST_SUBDOMAIN = 253

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?")
_SLURM_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@,+-]*")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*")
_QUANTITY = re.compile(r"([0-9]{1,15})(Ki|Mi|Gi|Ti|k|M|G|T)")
_TIME = re.compile(r"(?:([0-9]{1,5})-)?([0-9]{1,9})(?::([0-9]{1,2}))?(?::([0-9]{1,2}))?")
_UNITS = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_LEAST_MEMORY = 64 * 2**20


def refuse(option: str, value: str, why: str, hint: str) -> UsageError:
    """Return the error for a value of an option."""
    return UsageError(f"{option} {value!r} cannot be used", code="bad-job-option", causes=(why,), hint=hint)


def label(option: str, value: str, *, longest: int = LONGEST_LABEL, letter_first: bool = False) -> str:
    """Return an RFC 1123 label, with ``letter_first`` an RFC 1035 one, of at most ``longest`` characters."""
    if not _LABEL.fullmatch(value) or (letter_first and not value[0].isalpha()):
        first = "the first of them a letter" if letter_first else "the first and last of them no hyphen"
        why = (
            f"the name may hold lower-case letters, digits and hyphens, {first} (RFC {1035 if letter_first else 1123})"
        )
        raise refuse(option, value, why, f"for example `{option} {label_from(value)}`")
    if len(value) > longest:
        why = f"it has {len(value)} characters, and {longest} is the most for the names that are made of it"
        raise refuse(option, value, why, f"for example `{option} {label_from(value[:longest])}`")
    return value


def label_from(text: str) -> str:
    """Return the RFC 1035 label that is most like ``text``."""
    kept = re.sub(r"[^a-z0-9]+", "-", text.lower())[:40].strip("-")
    return kept if kept[:1].isalpha() else f"job-{kept}".rstrip("-")


def subdomain(option: str, value: str) -> str:
    """Return an RFC 1123 subdomain, as the names of volume claims are."""
    if not _SUBDOMAIN.fullmatch(value) or len(value) > _LONGEST_SUBDOMAIN:
        why = "a name of Kubernetes is lower-case letters, digits, hyphens and dots (RFC 1123)"
        raise refuse(option, value, why, "`kubectl get pvc` lists the claims")
    return value


def node_label(value: str) -> tuple[str, str]:
    """Return key and value of a node's label, from ``key=value``."""
    key, equals, wanted = value.partition("=")
    prefix, slash, name = key.rpartition("/")
    good = all(len(word) <= LONGEST_LABEL and _LABEL_VALUE.fullmatch(word) for word in (name, wanted))
    if slash:
        good = good and bool(_SUBDOMAIN.fullmatch(prefix)) and len(prefix) <= _LONGEST_SUBDOMAIN
    if not (good and equals and name):
        why = "a label is [prefix/]key=value of letters, digits, hyphens, dots and underscores"
        raise refuse("--node-selector", value, why, "`kubectl get nodes --show-labels` lists the labels")
    return key, wanted


def slurm_name(option: str, value: str) -> str:
    """Return a name that may stand in a line of sbatch's."""
    if not _SLURM_NAME.fullmatch(value):
        why = "letters, digits and _ . @ , + - may stand in it"
        raise refuse(option, value, why, "`sinfo -s` lists partitions, `sacctmgr show associations` accounts")
    return value


def image(value: str) -> str:
    """Return the reference of a container image."""
    if not _IMAGE.fullmatch(value):
        why = "an image is [registry/]name[:tag][@digest], without blanks"
        raise refuse("--image", value, why, "for example `--image registry.example/team/train:1`")
    return value


def path(option: str, value: str) -> str:
    """Return an absolute path without surprises for the files that it goes into."""
    if not value.startswith("/") or any(ord(letter) < ord(" ") for letter in value) or ":" in value:
        why = "it has to be an absolute path without colons and line ends"
        raise refuse(option, value, why, f"for example `{option} /data/project`")
    return value


def size_bytes(option: str, value: str) -> int:
    """Return the bytes of a quantity of Kubernetes, as ``64Gi`` (2**30 each) or ``64G`` (10**9 each)."""
    parts = _QUANTITY.fullmatch(value)
    if parts is None:
        why = "a size is a whole number and one of Ki Mi Gi Ti k M G T"
        raise refuse(option, value, why, f"for example `{option} 64Gi`")
    found = int(parts[1]) * _UNITS[parts[2]]
    if found < _LEAST_MEMORY:
        raise refuse(option, value, f"that is {found} bytes, in which no training fits", f"for example `{option} 64Gi`")
    return found


def time_s(value: str) -> int:
    """Return the seconds of a limit in Slurm's spelling.

    ``M``, ``M:S``, ``H:M:S``, ``D-H``, ``D-H:M`` or ``D-H:M:S``; without days the first number of two is minutes.
    """
    parts = _TIME.fullmatch(value)
    if parts is None:
        why = "a limit is minutes, minutes:seconds, hours:minutes:seconds or days-hours[:minutes[:seconds]]"
        raise refuse("--time", value, why, "for example `--time 12:00:00`")
    days, first, second, third = (int(part or 0) for part in parts.groups())
    if parts[1] is None and parts[4] is None:
        found = first * 60 + second
    else:
        found = ((days * 24 + first) * 60 + second) * 60 + third
    if not found:
        raise refuse("--time", value, "a job needs some time", "for example `--time 12:00:00`")
    return found
