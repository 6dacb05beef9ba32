"""Decide on the Trainer's arguments: the pair, the device, IPEX, the precision, the backend. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.errors import AnswerIsNo
from ipexenv.resolve.situation import public
from ipexenv.resolve.trainer.advice import Advice, Argument, Part
from ipexenv.resolve.trainer.backend import choose_backend
from ipexenv.resolve.trainer.pairing import settle_pair
from ipexenv.resolve.trainer.precision import choose_ipex, choose_precision
from ipexenv.resolve.trainer.versions import Versions

if TYPE_CHECKING:
    from ipexenv.facts import Facts
    from ipexenv.resolve.trainer.advice import Precision, TrainerWish
    from ipexenv.tables.schema import Tables


def advise(facts: Facts, wish: TrainerWish, tables: Tables) -> Advice:
    """Return the arguments that work for the transformers, accelerate, torch, IPEX and processor in ``facts``.

    No argument is among them that these versions refuse, or take and ignore. Raises AnswerIsNo where transformers is
    not there, where nothing is known of it, where the versions do not go together, and where what ``wish`` insists on
    cannot be had.
    """
    package = facts.installed.transformers
    if package is None:
        raise AnswerIsNo(
            "transformers is not installed",
            code="no-transformers",
            causes=(f"{facts.target.executable or 'the target'} has no distribution of that name",),
            hint="install it with `pip install 'transformers[torch]'`, or name a version: "
            "`ipexenv trainer-args --transformers V --accelerate V`",
        )
    versions = Versions.of(facts, tables, public(package.version))
    needs, notes = settle_pair(versions)
    ranks = wish.ranks or facts.host.topology.numa_nodes or 1
    precision, in_precision = choose_precision(versions, wish.precision)
    backend, over_backend = choose_backend(versions, ranks, wish.ccl)
    parts = (
        _device(versions, ranks, precision),
        choose_ipex(versions, precision, ranks),
        in_precision,
        over_backend,
    )
    return Advice(
        transformers=versions.transformers,
        accelerate=versions.accelerate,
        torch=versions.torch,
        needs=needs,
        ranks=ranks,
        precision=precision,
        backend=backend,
        arguments=tuple(argument for part in parts for argument in part.arguments),
        left_out=tuple(argument for part in parts for argument in part.left_out),
        environment=tuple(variable for part in parts for variable in part.environment),
        notes=(*notes, *(note for part in parts for note in part.notes)),
    )


def _device(versions: Versions, ranks: int, precision: Precision) -> Part:
    option = "--use_cpu" if versions.works("transformers", "--use_cpu") else "--no_cuda"
    apart = versions.accelerate is not None and not versions.works("accelerate", "DDP on CPU without cpu=True")
    if ranks > 1 and apart:
        reason = (
            f"without it accelerate {versions.accelerate} lets every rank train alone (world size 1) and says nothing"
        )
    elif precision == "bf16":
        reason = "without it and without a GPU --bf16 is refused or taken for a GPU's"
    else:
        reason = "trains on the CPU, even where there is a GPU"
    return Part(arguments=(Argument(option=option, reason=reason),))
