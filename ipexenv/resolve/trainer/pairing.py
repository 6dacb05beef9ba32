"""Do transformers, accelerate, torch and the Python go together at all? Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.errors import AnswerIsNo
from ipexenv.resolve.situation import minor_of
from ipexenv.resolve.trainer.versions import OVER_ACCELERATE, known_versions, requirements
from ipexenv.ruling import Note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    from ipexenv.resolve.trainer.versions import Versions
    from ipexenv.tables.frameworks import FrameworkRelease

_INSTALL = "pip install {!r}"


def settle_pair(versions: Versions) -> tuple[tuple[FrameworkRelease, ...], tuple[Note, ...]]:
    """Return what the versions require, and notes; raise AnswerIsNo where they cannot train together."""
    needs = [_known(versions, "transformers", versions.transformers)]
    if versions.accelerate is not None:
        needs.append(_known(versions, "accelerate", versions.accelerate))
    if versions.transformers >= OVER_ACCELERATE:
        _check_accelerate(versions, needs[0])
    for row in needs:
        _check_python(versions, row)
        _check_torch(versions, row)
    return tuple(needs), (*_newer(versions), *(note for row in needs for note in _torch_notes(versions, row)))


def in_order(wanted: SpecifierSet) -> str:
    """Return a range for people, its lower end first, as ``>=2.1,<2.7``."""
    return ",".join(sorted((str(one) for one in wanted), key=lambda text: (not text.startswith(">"), text)))


def _known(versions: Versions, framework: str, version: Version) -> FrameworkRelease:
    row = requirements(versions.tables, framework, version)
    if row is not None:
        return row
    oldest, newest = known_versions(versions.tables, framework)
    raise AnswerIsNo(
        f"nothing is known of {framework} {version}",
        code="unknown-version",
        causes=(f"the oldest version that was looked at is {oldest}, the newest {newest}",),
        hint=f"name another with `ipexenv trainer-args --{framework} {newest}`, or install one",
    )


def _check_accelerate(versions: Versions, row: FrameworkRelease) -> None:
    named = f"transformers {versions.transformers}"
    wanted = f"accelerate{in_order(row.accelerate_works) or in_order(row.accelerate)}"
    if versions.accelerate is None:
        raise AnswerIsNo(
            f"{named} cannot train without accelerate, and it is not there",
            code="no-accelerate",
            causes=(f"{named} needs {wanted}",),
            hint=f"install it with `{_INSTALL.format(wanted)}`, or name one with `--accelerate V`",
        )
    if not (row.accelerate & row.accelerate_works).contains(versions.accelerate, prereleases=True):
        raise AnswerIsNo(
            f"{named} does not train with accelerate {versions.accelerate}",
            code="incompatible-pair",
            causes=(f"{named} needs {wanted}",),
            hint=f"install one that serves with `{_INSTALL.format(wanted)}`, or name it with `--accelerate V`",
        )


def _check_python(versions: Versions, row: FrameworkRelease) -> None:
    python = versions.facts.target.version
    if row.python.contains(python, prereleases=True):
        return
    named = _named(versions, row)
    raise AnswerIsNo(
        f"{named} does not run on Python {python}",
        code="incompatible-python",
        causes=(f"{named} needs Python {row.python}",),
        hint="look at an environment with such a Python with `--python PATH`",
    )


def _check_torch(versions: Versions, row: FrameworkRelease) -> None:
    """Refuse a torch that is too old: transformers then behaves as if there were none."""
    floor = _floor(row.torch)
    if versions.torch is None or not len(floor) or floor.contains(versions.torch, prereleases=True):
        return
    named = _named(versions, row)
    raise AnswerIsNo(
        f"{named} does not train with torch {versions.torch}",
        code="incompatible-torch",
        causes=(f"{named} needs torch {in_order(row.torch)}",),
        hint=f"take an older {row.framework}, or a newer torch: "
        f"`ipexenv install --torch {_least(floor)} --allow-torch-change`",
    )


def _newer(versions: Versions) -> Iterator[Note]:
    """Yield notes on versions of a minor that nobody has looked at yet."""
    for framework in ("transformers", "accelerate"):
        version: Version | None = getattr(versions, framework)
        newest = known_versions(versions.tables, framework)[1]
        if version is not None and minor_of(version) > minor_of(newest):
            text = f"{framework} {version} is newer than every version looked at; it is taken to be like {newest}"
            yield Note(code="newer-version", text=text)


def _torch_notes(versions: Versions, row: FrameworkRelease) -> Iterator[Note]:
    """Yield a note where a torch is there that the version leaves out, which it does not enforce."""
    if versions.torch is not None and not row.torch.contains(versions.torch, prereleases=True):
        named = _named(versions, row)
        text = (
            f"{named} asks for torch {in_order(row.torch)}, and torch {versions.torch} is there: nothing enforces that"
        )
        yield Note(code="torch-left-out", text=text)


def _named(versions: Versions, row: FrameworkRelease) -> str:
    return f"{row.framework} {getattr(versions, row.framework)}"


def _floor(wanted: SpecifierSet) -> SpecifierSet:
    return type(wanted)(",".join(str(one) for one in wanted if one.operator == ">="))


def _least(floor: SpecifierSet) -> str:
    return next(one.version for one in floor)
