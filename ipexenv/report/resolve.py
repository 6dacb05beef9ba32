"""A resolution as plain aligned text: short, or with the reason for every choice and every rejection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.resolve.explain import explain_choices, group_rejections

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ipexenv.outcome import Pin, Request, Resolution
    from ipexenv.tables.schema import Tables


def resolution_text(resolution: Resolution) -> str:
    """Return the chosen versions, where each comes from, the ccl provider and the notes."""
    return "".join(f"{line}\n" for line in _short(resolution))


def explanation_text(resolution: Resolution, request: Request, tables: Tables) -> str:
    """Return the short text and then why: each choice, and each rejected release with all its objections."""
    why = explain_choices(resolution, request, tables)
    rejections = [{"release": r.release, "reason": r.reason} for r in resolution.rejections]
    lines = [*_short(resolution), "", "why", *_aligned(why), *_rejected(rejections)]
    return "".join(f"{line}\n" for line in lines)


def rejections_text(rejections: Sequence[Mapping[str, str]]) -> str:
    """Return each rejected release with all its objections, grouped by distribution; nothing where there are none."""
    return "".join(f"{line}\n" for line in list(_rejected(rejections))[1:])


def _short(resolution: Resolution) -> Iterator[str]:
    name_width = max(len(pin.name) for pin in resolution.pins)
    version_width = max(len(str(pin.version)) for pin in resolution.pins)
    for pin in resolution.pins:
        yield f"{pin.name:<{name_width}}  {pin.version!s:<{version_width}}  {_origin(pin)}"
    if resolution.constraints:
        yield f"with {', '.join(resolution.constraints)}"
    yield f"ccl: {resolution.ccl}" + (f" ({resolution.ccl_reason})" if resolution.ccl_reason else "")
    for note in resolution.notes:
        yield f"note: {note.text}"


def _origin(pin: Pin) -> str:
    yanked = "" if pin.yanked is None else ", yanked"
    if pin.installed:
        return f"installed{yanked}"
    if pin.bridge is not None:
        wheels = ", ".join(f"{part.project} {part.version}" for part in pin.bridge.parts)
        return f"built from {wheels}, {f'of {pin.source}' if pin.parts else 'no source was asked'}{yanked}"
    if pin.offer is None:
        where = "no source was asked" if pin.source == "tables" else f"from the {pin.source}"
        return f"{where}{yanked}"
    return f"from {pin.source}: {pin.offer.filename}{yanked}"


def _rejected(rejections: Iterable[Mapping[str, str]]) -> Iterator[str]:
    distribution = None
    for group in group_rejections(rejections):
        if group.distribution != distribution:
            distribution = group.distribution
            yield ""
            yield f"rejected: {distribution}"
        yield f"  {group.version:<8}  {'; '.join(group.reasons)}"


def _aligned(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        yield f"  {name:<{width}}  {text}"
