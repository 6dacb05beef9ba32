"""Manifests against what others say they have to be: Kubeflow's models, the schema of the Compose Specification."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ipexenv.launch.emit import emit
from tests.unit.launch.emit.making import job

if TYPE_CHECKING:
    from ipexenv.launch.emit.model import EmitKind
    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).with_name("emit_models.py")
MODELS = {"pytorchjob": "KubeflowOrgV1PyTorchJob", "mpijob": "KubeflowOrgV1MPIJob"}
EVERYTHING = (
    "--pvc", "squad:/data", "--namespace", "ml", "--node-selector", "cpu/amx=true", "--time", "60",
    "--cpus-per-rank", "14", "--workdir", "/data/project",
)  # fmt: skip
OF_V2BETA1 = {
    "mpiImplementation": "Intel",
    "launcherCreationPolicy": "WaitForWorkersReady",
}
"""What mpi-operator has added since the v1 that kubeflow-training ships; the rest of the two is alike."""


@pytest.fixture(scope="module")
def documents() -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    kinds: tuple[EmitKind, ...] = ("pytorchjob", "mpijob")
    for kind in kinds:
        for words in ((), EVERYTHING):
            for nodes in (1, 3):
                made = job(kind, *words, nodes=nodes, more={"VALUE": "$(HOME) 1e3\nyes"})
                found.append((kind, yaml.safe_load(emit(kind, made))))
    return found


def test_kubeflow_s_models_know_every_field(
    documents: list[tuple[str, dict[str, Any]]], environment: EnvironmentFactory
) -> None:
    for kind, document in documents:
        if kind == "mpijob":
            assert {name: document["spec"].pop(name) for name in OF_V2BETA1} == OF_V2BETA1
    told = subprocess.run(
        [str(environment("manifests").python), str(PROGRAM)],
        input=json.dumps([(MODELS[kind], document) for kind, document in documents]),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert told.returncode == 0, told.stderr
    for (_, document), answer in zip(documents, json.loads(told.stdout), strict=True):
        assert answer == document


@pytest.mark.parametrize("words", [(), ("--pvc", "squad:/data")])
def test_compose_files_are_as_the_specification_says(
    words: tuple[str, ...], environment: EnvironmentFactory, tmp_path: Path
) -> None:
    """There is no Docker where these tests run: this holds for the form, ``docker compose up`` stays untried."""
    file = tmp_path / "compose.yaml"
    file.write_text(emit("compose", job("compose", *words)), encoding="utf-8")
    program = environment("manifests").folder / "bin" / "check-jsonschema"
    told = subprocess.run(
        [str(program), "--builtin-schema", "vendor.compose-spec", str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    wrong = yaml.safe_load(file.read_text("utf-8"))
    wrong["services"]["train-0"]["cpu_set"] = "0"
    file.write_text(json.dumps(wrong), encoding="utf-8")
    told = subprocess.run(told.args, capture_output=True, text=True, check=False, timeout=300)
    assert told.returncode == 1, "the schema does not see a field that there is not"
