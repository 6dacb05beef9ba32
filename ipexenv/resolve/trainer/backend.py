"""How the Trainer's ranks talk to each other. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.errors import AnswerIsNo
from ipexenv.resolve.fit import provider_of
from ipexenv.resolve.trainer.advice import Argument, Part, Variable
from ipexenv.resolve.trainer.versions import flag_of
from ipexenv.ruling import Note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.resolve.trainer.versions import Versions
    from ipexenv.ruling import CclChoice

_GLOO_CHECKED = "backend checked"
_PROVIDERS = {"bindings": "Intel's bindings", "bridge": "the bridge"}


def choose_backend(versions: Versions, ranks: int, wish: CclChoice) -> tuple[str | None, Part]:
    """Return the backend and its argument; raise AnswerIsNo where ranks cannot talk, or not in the way asked for."""
    option = "--ddp_backend" if versions.works("transformers", "--ddp_backend") else "--xpu_backend"
    if ranks == 1:
        return None, _alone(versions, option)
    installed = str(provider_of(versions.facts.installed)["provider"])
    provider = installed if wish == "auto" else wish
    objection = _against_ccl(versions, option, provider, wish)
    if objection is None:
        return "ccl", _ccl(versions, option, provider)
    if wish in _PROVIDERS:
        raise AnswerIsNo(
            "the Trainer does not take the ccl backend with these versions",
            code="no-ccl",
            causes=(objection,),
            hint="gloo serves all of them: `ipexenv trainer-args --ccl none`",
        )
    return "gloo", _gloo(versions, option, objection, installed=installed)


def _alone(versions: Versions, option: str) -> Part:
    if versions.accelerate is not None:
        reason = "one rank needs no backend, and in a plain process the Trainer fails over one"
        return Part(left_out=(Argument(option=option, reason=reason),))
    text = (
        f"transformers {versions.transformers} wants {option} as soon as a launcher starts it: start it with `python`"
    )
    return Part(
        left_out=(Argument(option=option, reason="one rank needs no backend"),),
        notes=(Note(code="plain-process", text=text),),
    )


def _against_ccl(versions: Versions, option: str, provider: str, wish: CclChoice) -> str | None:
    flag = flag_of(versions.tables, "transformers", f"{option} ccl")
    if versions.life("transformers", flag.name) == "gone":
        return f"ccl is no choice of {option} since transformers {flag.removed}"
    gone = flag_of(versions.tables, "accelerate", "ccl")
    if versions.accelerate is not None and not versions.works("accelerate", "ccl"):
        return f"accelerate has no ccl since {gone.removed}, and {versions.accelerate} is there"
    if provider == "none":
        return "--ccl none asks for another backend" if wish == "none" else "no ccl provider is installed"
    return None


def _ccl(versions: Versions, option: str, provider: str) -> Part:
    reason = f"{_PROVIDERS[provider]} give{'s' if provider == 'bridge' else ''} torch.distributed oneCCL"
    variable = Variable(name="CCL_WORKER_COUNT", value="1", reason=_why_workers(versions))
    return Part(
        arguments=(Argument(option=option, value="ccl", reason=reason),),
        environment=(variable,) if variable.reason else (),
        notes=tuple(_import_note(versions)),
    )


def _why_workers(versions: Versions) -> str:
    """Return what comes of ccl without CCL_WORKER_COUNT, empty where nothing does."""
    if versions.accelerate is None:
        needed = versions.works("transformers", "ccl needs CCL_WORKER_COUNT")
        return f"transformers {versions.transformers} refuses ccl without it" if needed else ""
    if versions.works("accelerate", _GLOO_CHECKED):
        return f"accelerate {versions.accelerate} refuses ccl without it ('Your assigned backend ccl is not …')"
    return f"without it accelerate {versions.accelerate} takes gloo instead of ccl and says nothing"


def _import_note(versions: Versions) -> Iterator[Note]:
    if versions.accelerate is None and not versions.works("transformers", "imports the bindings"):
        text = f"transformers {versions.transformers} does not import the ccl backend: let the script, after torch"
        yield Note(code="import-ccl", text=text)


def _gloo(versions: Versions, option: str, objection: str, *, installed: str) -> Part:
    if not versions.works("transformers", f"{option} gloo"):
        flag = flag_of(versions.tables, "transformers", f"{option} gloo")
        raise AnswerIsNo(
            f"transformers {versions.transformers} has no backend for several ranks here",
            code="no-backend",
            causes=(objection, f"gloo became a choice of {option} with transformers {flag.added}"),
            hint="install a ccl provider with `ipexenv install`, or train on one rank with `--nproc 1`",
        )
    notes = []
    unchecked = versions.accelerate is not None and not versions.works("accelerate", _GLOO_CHECKED)
    if installed != "none" and unchecked:
        text = f"accelerate {versions.accelerate} takes ccl all the same where CCL_WORKER_COUNT is set: leave it unset"
        notes = [Note(code="silent-ccl", text=text)]
    return Part(
        arguments=(Argument(option=option, value="gloo", reason="the backend that every torch has"),),
        left_out=(Argument(option=option, value="ccl", reason=objection),),
        notes=tuple(notes),
    )
