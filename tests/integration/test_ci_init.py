"""What `ipexenv ci --init` writes, read by each system's schema and by linters, and run where it can be run here."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ipexenv import __version__
from tests.integration.actions import played_wheels
from tests.integration.workflow_cache import FolderCache
from tests.integration.workflow_runner import Ran, inherited, run_action
from tests.servers import tables_with
from tests.unit.ci.init.projects import DIGEST, init, put, repository, with_lock
from tests.unit.lock.locks import BRIDGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

MOUNTS = [[f"--mount=type=cache,target=/root/.cache/{name}"] for name in ("pip", "ipexenv")]
"""Where the build keeps downloads: pip's, and ipexenv's own."""

ROOT = Path(__file__).parent.parent.parent
PACKAGE = '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.10"\n'
TEST = "import torch\n\n\ndef test_torch():\n    assert torch.__version__.startswith('2.13')\n"
PARSE = """
import json, sys
from e2b_dockerfile_utils import parse_dockerfile_ast
ast = parse_dockerfile_ast(sys.stdin.read())
print(json.dumps({
    "warnings": [str(warning) for warning in ast.warnings],
    "steps": [[one.name, one.flags, one.args, [doc.content for doc in one.heredocs]] for one in ast.instructions],
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheel of this ipexenv, as a release puts it on the index."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT))
    return folder


def run(
    *argv: str, code: int = 0, text: str | None = None, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> str:
    outside = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    ended = subprocess.run(
        argv,
        input=text,
        cwd=cwd,
        env={**outside, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert ended.returncode == code, ended.stdout[-8000:] + ended.stderr[-8000:]
    return ended.stdout


def projects(folder: Path) -> list[Path]:
    """Make projects of several shapes: bare, a package with tests and requirements, one with a lock."""
    made = [folder / name for name in ("bare", "package", "locked")]
    for home in made:
        home.mkdir()
        repository(home, branch="trunk", url="https://example.com/team/proj.git")
    put(made[1], pyproject_dot_toml=PACKAGE, tests__test_a_dot_py=TEST, requirements_dot_txt="numpy\n")
    put(with_lock(made[2]), tests__test_a_dot_py=TEST, requirements_dot_txt=f"numpy==2.0 --hash=sha256:{'a' * 64}\n")
    return made


@pytest.mark.parametrize(
    ("kind", "file", "options"),
    [
        ("github", ".github/workflows/ipexenv.yml", ("vendor.github-workflows",)),
        ("gitlab", ".gitlab-ci.yml", ("vendor.gitlab-ci", "--data-transform", "gitlab-ci")),
        (
            "azure",
            "azure-pipelines.yml",
            ("vendor.azure-pipelines", "--data-transform", "azure-pipelines", "--regex-variant", "nonunicode"),
        ),
    ],
)
def test_each_system_s_schema_knows_every_field(
    kind: str, file: str, options: tuple[str, ...], environment: EnvironmentFactory, tmp_path: Path
) -> None:
    homes = projects(tmp_path)
    for home in homes:
        init(home, kind)
    program = str(environment("manifests").folder / "bin" / "check-jsonschema")
    run(program, "--builtin-schema", *options, *(str(home / file) for home in homes))


def test_actionlint_and_shellcheck_find_nothing(environment: EnvironmentFactory, tmp_path: Path) -> None:
    programs = environment("manifests").folder / "bin"
    for home in projects(tmp_path):
        init(home, "github")
        run(str(programs / "actionlint"), "-shellcheck", str(programs / "shellcheck"), cwd=home)
        init(home, "gitlab")
        init(home, "azure")
        for script in scripts(home):
            run("bash", "-n", text=script)
            run("sh", "-n", text=script)
            run(str(programs / "shellcheck"), "--shell=sh", "--exclude=SC1091", "-", text=script)


def scripts(home: Path) -> list[str]:
    gitlab = yaml.safe_load((home / ".gitlab-ci.yml").read_text("utf-8"))
    azure = yaml.safe_load((home / "azure-pipelines.yml").read_text("utf-8"))
    return [*gitlab["train"]["script"], *(step["bash"] for step in azure["jobs"][0]["steps"] if "bash" in step)]


def dockerfile(folder: Path) -> str:
    home = put(with_lock(folder, bridge=BRIDGE), pyproject_dot_toml=PACKAGE, requirements_dot_txt="numpy\n")
    init(home, "docker", "--base", f"python:3.11-slim-bookworm@{DIGEST}")
    return (home / "Dockerfile").read_text("utf-8")


def test_buildkit_s_grammar_takes_the_dockerfile(environment: EnvironmentFactory, tmp_path: Path) -> None:
    there = environment("manifests")
    parsed = json.loads(run(str(there.python), "-c", PARSE, text=dockerfile(tmp_path)))
    assert parsed["warnings"] == []
    names = [name for name, *_ in parsed["steps"]]
    assert names[:2] == ["ARG", "FROM"]
    assert names[-3:] == ["USER", "HEALTHCHECK", "CMD"]
    documents = [text for *_, texts in parsed["steps"] for text in texts]
    assert documents[0].count("\n") == 4, "how files are taken, and three of them"
    assert documents[1].splitlines()[1] == f"ipexenv=={__version__}"
    for name, flags, arguments, _ in parsed["steps"]:
        if name == "RUN":
            (script,) = arguments
            run("bash", "-n", text=script)
            run(str(there.folder / "bin" / "shellcheck"), "--shell=sh", "-", text=script)
            assert "apt-get" in script or flags in MOUNTS


def test_the_build_sees_the_project_and_no_secrets(environment: EnvironmentFactory, tmp_path: Path) -> None:
    dockerfile(tmp_path)
    lines = (tmp_path / ".dockerignore").read_text("utf-8").splitlines()
    names = ["pylock.toml", "requirements.txt", "train.py", "environment/a.py", "src/x/y.py", "tests/test_a.py"]
    hidden = [
        ".git/config",
        ".env",
        ".env.local",
        "src/__pycache__/a.pyc",
        ".venv/bin/python",
        ".ipexenv-tool/x",
        "k/a.pem",
    ]
    program = "import json, sys; from e2b_dockerfile_utils import PatternMatcher\n"
    program += "lines, names = json.loads(sys.stdin.read()); match = PatternMatcher(lines)\n"
    program += "print(json.dumps([name for name in names if match.matches(name)]))"
    given = json.dumps([[line for line in lines if not line.startswith("#")], names + hidden])
    assert json.loads(run(str(environment("manifests").python), "-c", program, text=given)) == hidden


def test_hadolint_finds_nothing(environment: EnvironmentFactory, tmp_path: Path) -> None:
    text = dockerfile(tmp_path)
    # It knows here-documents of RUN alone.
    plain = re.sub(r"COPY <<'(\w+)' (\S+)\n.*?\n\1\n", r"COPY file \2\n", text, flags=re.DOTALL)
    assert plain.count("COPY file ") == 3
    told = run(str(environment("manifests").folder / "bin" / "hadolint"), "--no-color", "-", text=plain)
    assert told == ""


def test_the_image_s_ipexenv_can_be_installed(wheel: Path, tmp_path: Path) -> None:
    text = dockerfile(tmp_path)
    opt, programs = tmp_path / "opt", tmp_path / "programs"
    opt.mkdir()
    programs.mkdir()
    (programs / "python").symlink_to(sys.executable)
    pins = text.partition("<<'TOOL' /opt/ipexenv.txt\n")[2].partition("\nTOOL\n")[0]
    (opt / "ipexenv.txt").write_text(pins + "\n", encoding="utf-8")
    (step,) = [step for step in re.findall(r"RUN --mount=\S+ \\\n((?:.*\\\n)*.*)", text) if "/opt/ipexenv.txt" in step]
    env = {"PATH": f"{programs}:{os.defpath}", "PIP_FIND_LINKS": str(wheel)}
    run("sh", "-euc", step.replace("/opt/", f"{opt}/"), env=env)
    (health,) = re.findall(r"^    CMD (\[.*\])$", text, re.MULTILINE)
    program, command, *_ = json.loads(health.replace("/opt/", f"{opt}/"))
    assert run(program, "--version").split() == ["ipexenv", __version__]
    assert "--timeout" in run(program, command, "--help")


def test_gitlab_s_job_makes_the_environment_and_tests_the_project_over_it(
    wheel: Path, own_copy: EnvironmentFactory, tmp_path: Path
) -> None:
    home = tmp_path / "project with a space"
    home.mkdir()
    put(home, tests__test_a_dot_py=TEST, requirements_dot_txt="typing_extensions\n")
    init(home, "gitlab", "--torch", "2.13.0")
    job = yaml.safe_load((home / ".gitlab-ci.yml").read_text("utf-8"))["train"]
    venv = own_copy("native213")
    before = sorted(path.name for path in venv.site_packages.iterdir())
    env = {
        **job["variables"],
        "GITLAB_CI": "true",
        "CI_PROJECT_DIR": str(home),
        "PIP_FIND_LINKS": str(wheel),
        "IPEXENV_TABLES": str(tables_with(tmp_path / "tables", [])),
        "IPEXENV_CI_VENV": str(venv.folder),
        "IPEXENV_CI_CCL": "none",
        "IPEXENV_CI_VERIFY": "false",
        "PATH": f"{venv.folder / 'bin'}:{os.environ['PATH']}",
    }
    (script,) = job["script"]
    said = run("bash", "-c", script, cwd=home, env=env)
    assert "1 passed" in said
    assert (home / ".ipexenv-project" / "tests.xml").is_file()
    reports = job["artifacts"]["reports"]
    told = dict(line.split("=", 1) for line in (home / reports["dotenv"]).read_text("utf-8").splitlines())
    assert told["IPEXENV_SETUP_TORCH"].startswith("2.13.0")
    assert json.loads((home / reports["codequality"]).read_text("utf-8")) == []
    after = sorted(path.name for path in venv.site_packages.iterdir())
    assert after == before, "what is cached stays as it was"
    constraints = (home / ".ipexenv-project" / "constraints.txt").read_text("utf-8")
    assert re.search(r"^torch==2\.13\.0", constraints, re.MULTILINE)
    refused = (
        f"{shlex.quote(str(home / '.ipexenv-tool/bin/python'))} -m pip --python .ipexenv-project/bin/python install"
    )
    run("bash", "-c", f"{refused} --constraint .ipexenv-project/constraints.txt torch==2.12.0", cwd=home, code=1)


def test_github_s_job_is_cold_and_then_warm(wheel: Path, tmp_path: Path) -> None:
    """The job by a runner of the tests' own, with a played torch; checkout and Python are there already."""
    house, home = tmp_path / "house", tmp_path / "job"
    needed = ("ipexenv[uv]", "pytest>=8,<10", "--find-links", str(wheel), "--dest", str(house))
    run(sys.executable, "-m", "pip", "download", "--quiet", *needed)
    home.mkdir()
    init(put(home, tests__test_a_dot_py=TEST.replace("2.13", "2.8")), "github", "--torch", "2.8")
    job = yaml.safe_load((home / ".github" / "workflows" / "ipexenv.yml").read_text("utf-8"))["jobs"]["train"]
    env = {
        **inherited(),
        **job["env"],
        "IPEXENV_CI_VERIFY": "false",
        "IPEXENV_CI_CCL": "none",
        "IPEXENV_CI_SOURCES": str(played_wheels(tmp_path / "wheels")),
        "IPEXENV_TABLES": str(tables_with(tmp_path / "tables", [])),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PIP_FIND_LINKS": str(house),
        "PIP_NO_INDEX": "1",
        "UV_NO_INDEX": "1",
    }
    cache = FolderCache(folder=tmp_path / "cache")
    for hit in ("false", "true"):
        ran = run_job(job, tmp_path / "action.yml", home, env, cache)
        assert ran.code == 0, ran.log[-8000:]
        assert set(ran.steps.values()) <= {"success", "skipped"}
        assert ran.outputs == {"cache-hit": hit, "torch": "2.8.0"}
        assert (home / "tests.xml").is_file()
        for name in ("ipexenv", "ipexenv-project"):
            shutil.rmtree(home / name)
    assert [told.partition(" ")[0] for told in cache.told] == ["restored", "saved", "restored"]


def run_job(job: Any, action: Path, home: Path, env: Mapping[str, str], cache: FolderCache) -> Ran:
    """Run the job's steps as a composite action, but for what others have to do before."""
    steps = [
        step for step in job["steps"] if not step.get("uses", "").startswith(("actions/checkout", "actions/setup"))
    ]
    if (home / "ipexenv-tool").exists():  # it takes its time, and is the same in both jobs
        steps = [step for step in steps if step["name"] != "Get ipexenv"]
    outputs = {name: {"value": f"${{{{ steps.setup.outputs.{name} }}}}"} for name in ("cache-hit", "torch")}
    action.write_text(json.dumps({"inputs": {}, "outputs": outputs, "runs": {"steps": steps}}), encoding="utf-8")
    return run_action(action, {}, folder=home, env=env, cache=cache)
