"""`ipexenv trainer-args`: whole output, for people and machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv import cli
from ipexenv.facts import IsaLevel
from ipexenv.facts_json import facts_as_mapping
from ipexenv.system.world import World
from tests.fakes import FakeHttp, FakeKernel, FakeRunner
from tests.unit.resolve.builders import here

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Say = Callable[[str], tuple[int, str, str]]

PAIR = {"transformers": "4.52.4", "accelerate": "1.7.0"}


@pytest.fixture
def say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run `trainer-args` on the facts of a machine with AMX, IPEX 2.6 and the bridge; return code, stdout, stderr."""
    facts = here(
        torch="2.6.0+cpu",
        isa=IsaLevel.AMX,
        packages={**PAIR, "ipex": "2.6.0+cpu", "bridge": "2022.2.0+ipexenv.bridge.1"},
    )
    (tmp_path / "there.json").write_text(json.dumps(facts_as_mapping(facts)), encoding="utf-8")
    world = World(runner=FakeRunner(), http=FakeHttp(), kernel=FakeKernel(), env={}, root=tmp_path, directory=tmp_path)

    def run(line: str) -> tuple[int, str, str]:
        code = cli.main(["trainer-args", "--facts", "there.json", *line.split()], world=world)
        return code, *capsys.readouterr()

    return run


def data_of(said: tuple[int, str, str]) -> dict[str, Any]:
    code, out, err = said
    envelope = json.loads(out)
    assert (code, err, envelope["command"], envelope["status"]) == (0, "", "trainer-args", "ok")
    data: dict[str, Any] = envelope["data"]
    return data


def test_stdout_holds_the_flags_alone(say: Say) -> None:
    assert say("--ipex none") == (0, "--use_cpu --bf16\n", "")
    assert say("")[:2] == (0, "--use_cpu --use_ipex --bf16\n")


def test_what_the_flags_need_is_said_on_stderr(say: Say) -> None:
    assert say("--nproc 2") == (
        0,
        "--use_cpu --bf16 --ddp_backend ccl\n",
        (
            "needs CCL_WORKER_COUNT=1 in the environment (`ipexenv run` sets it): "
            "accelerate 1.7.0 refuses ccl without it ('Your assigned backend ccl is not …')\n"
        ),
    )
    assert say("--nproc 2 -q")[2] == ""


def test_the_explanation(say: Say) -> None:
    assert say("--explain --transformers 5.23.0 --accelerate 1.15.0 --nproc 2 --ipex none") == (
        0,
        "--use_cpu --bf16 --ddp_backend gloo\n",
        (
            "transformers 5.23.0, accelerate 1.15.0, torch 2.6.0 (transformers wants >=2.6, accelerate wants >=2.0.0); "
            "2 ranks in bf16\n"
            "  --use_cpu              without it accelerate 1.15.0 lets every rank train alone (world size 1) and says "
            "nothing\n"
            "  --bf16                 this processor computes with bf16 (amx)\n"
            "  --ddp_backend gloo     the backend that every torch has\n"
            "  not --use_ipex         it went with transformers 4.57.0: stock PyTorch has its optimisations\n"
            "  not --ddp_backend ccl  ccl is no choice of --ddp_backend since transformers 5.1.0\n"
        ),
    )


def test_the_python_snippet_runs(say: Say) -> None:
    code, out, _ = say("--nproc 2 --dtype fp32 --format python")
    assert code == 0
    assert out == (
        "import os\n"
        "\n"
        'os.environ.setdefault("CCL_WORKER_COUNT", "1")  '
        "# accelerate 1.7.0 refuses ccl without it ('Your assigned backend ccl is not …')\n"
        "\n"
        "TrainingArguments(\n"
        "    use_cpu=True,       # trains on the CPU, even where there is a GPU\n"
        "    use_ipex=True,      # the Trainer hands the model to ipex.optimize of IPEX 2.6.0\n"
        '    ddp_backend="ccl",  # the bridge gives torch.distributed oneCCL\n'
        ")\n"
    )
    given: dict[str, Any] = {}
    exec(out, {"TrainingArguments": lambda **arguments: given.update(arguments)})  # noqa: S102 (that it runs is the point)
    assert given == {"use_cpu": True, "use_ipex": True, "ddp_backend": "ccl"}


def test_the_json_format_is_what_transformers_reads_from_a_file(say: Say) -> None:
    code, out, _ = say("--nproc 2 --format json")
    assert code == 0
    assert json.loads(out) == {"use_cpu": True, "bf16": True, "ddp_backend": "ccl"}


def test_the_answer_for_machines(say: Say) -> None:
    data = data_of(say("--json --nproc 2 --isa avx2"))
    reasons = {row["flag"]: row["why"] for row in data.pop("reasons")}
    assert list(reasons) == ["--use_cpu", "--use_ipex", "--ddp_backend ccl", "CCL_WORKER_COUNT"]
    assert all(reasons.values())
    assert data == {
        "transformers": "4.52.4",
        "accelerate": "1.7.0",
        "torch": "2.6.0",
        "needs": {
            "transformers": {"python": ">=3.9", "torch": "<2.7,>=2.1", "accelerate": ">=0.26.0"},
            "accelerate": {"python": ">=3.9", "torch": ">=2.0.0", "accelerate": ""},
        },
        "ranks": 2,
        "dtype": "fp32",
        "backend": "ccl",
        "flags": ["--use_cpu", "--use_ipex", "--ddp_backend", "ccl"],
        "arguments": {"use_cpu": True, "use_ipex": True, "ddp_backend": "ccl"},
        "environment": {"CCL_WORKER_COUNT": "1"},
        "left_out": [
            {
                "flag": "--bf16",
                "why": "AVX2 has no bf16 arithmetic, where bf16 is slower than fp32; `--dtype bf16` insists",
            }
        ],
        "notes": [],
    }


def test_a_variable_that_run_does_not_set_by_itself_is_given_as_an_option_of_it(say: Say) -> None:
    assert say("--nproc 2 --transformers 5.0.0 --ccl none")[2] == (
        "needs ACCELERATE_USE_IPEX=false in the environment (`ipexenv run --env ACCELERATE_USE_IPEX=false`): "
        "accelerate 1.7.0 would call ipex.optimize by itself, which in bf16 trains wrong on several ranks\n"
    )


def test_another_environment_can_be_supposed(say: Say) -> None:
    flags = {
        "--ipex none": "--use_cpu --bf16",
        "--torch 2.8 --ipex 2.8.0 --transformers 4.40.0": "--use_cpu --use_ipex --bf16",
        "--transformers 4.31.0 --accelerate 0.21.0": "--no_cuda --use_ipex --bf16",
        "--nproc 2 --ccl none": "--use_cpu --bf16 --ddp_backend gloo",
        "--dtype fp32": "--use_cpu --use_ipex",
    }
    assert {line: say(line)[:2] for line in flags} == {line: (0, f"{text}\n") for line, text in flags.items()}


def test_the_answer_is_no(say: Say) -> None:
    assert say("--transformers 5.0.0 --accelerate 1.0.1") == (
        1,
        "",
        (
            "error: transformers 5.0.0 does not train with accelerate 1.0.1 [incompatible-pair]\n"
            "  because transformers 5.0.0 needs accelerate>=1.3.0\n"
            "\n"
            "hint: install one that serves with `pip install 'accelerate>=1.3.0'`, or name it with `--accelerate V`\n"
        ),
    )
    code, out, err = say("--transformers none --json")
    assert (code, err, json.loads(out)["problems"][0]["code"]) == (1, "", "no-transformers")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--transformers new", "--transformers 'new' is not a version"),
        ("--torch two", "--torch 'two' is not a version"),
        ("--nproc 0", "--nproc 0 is no number of ranks"),
        ("--nproc two", "argument -n/--nproc: invalid int value: 'two'"),
        ("--isa sse", "--isa: unknown instruction-set level 'sse'"),
        ("--facts nowhere.json", "--facts nowhere.json cannot be read"),
        ("--format toml", "argument --format: invalid choice: 'toml'"),
    ],
)
def test_usage_errors_name_the_word(say: Say, line: str, message: str) -> None:
    code, out, err = say(line)
    assert (code, out) == (2, "")
    assert message in err
    assert "hint: " in err or "cannot be read" in err
