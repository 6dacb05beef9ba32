"""Get what ``ipexenv ci`` itself needs, before anything is installed: run as a script by action.yml.

It runs with the machine's own Python, whichever that is: standard library, syntax of Python 3.7. The checkout that
action.yml stands in is ipexenv, so nothing is built: a small environment sees it, and has at first only what a restored
environment needs to be judged. The rest (uv, requests and so on) comes when there is something to install, with the
command that is left in ``later.json``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
if not __package__:  # a script
    sys.path.insert(0, str(ROOT))

from ipexenv.ci.machine import look  # noqa: E402 (a script: its own checkout comes first)
from ipexenv.ci.unfit import Refusal, unfit  # noqa: E402 (as above)

FIRST = frozenset({"packaging", "tomli", "tomli_w"})
"""What deciding needs; the other dependencies fetch, install and print."""
_VERSION = re.compile(r"[0-9][0-9A-Za-z.!+]*")
_NO_PIP = "python3 has no pip, and there is no uv on PATH"


def main() -> int:
    """Make ``$RUNNER_TEMP/ipexenv-tool``; print an annotation and return 1 where that cannot be."""
    refusal = unfit(look(), provider="github")
    version = os.environ.get("INPUT_VERSION", "").strip()
    if refusal is None and version and not _VERSION.fullmatch(version):
        refusal = Refusal("bad-input", f"the input version is no version: {version!r}", (), "`version: 0.1.0`")
    if refusal is None:
        refusal = make(Path(os.environ["RUNNER_TEMP"]) / "ipexenv-tool", version)
    if refusal is not None:
        sys.stdout.write(annotation(refusal))
    return 0 if refusal is None else 1


def make(tool: Path, version: str) -> Refusal | None:
    """Make the environment, unless an earlier step of this job did."""
    ready = tool / "ready.txt"
    if ready.is_file() and ready.read_text(encoding="utf-8") == f"{ROOT} {version}":
        return None
    shutil.rmtree(str(tool), ignore_errors=True)
    python = str(tool / "bin" / "python")
    made = _run([sys.executable, "-m", "venv", "--without-pip", str(tool)])
    if made is not None:
        return made
    site = next((tool / "lib").glob("python*/site-packages"))
    first, later = ([f"ipexenv[uv]=={version}"], []) if version else divided(ROOT / "pyproject.toml")
    engine = engine_for(python, site)
    if engine is None:
        hint = "`uses: actions/setup-python` before this step, or `apt-get install python3-pip`"
        return Refusal("no-pip", _NO_PIP, (f"python3 is {sys.executable}",), hint)
    if not version:
        (site / "ipexenv-checkout.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    (tool / "bin" / "uv").symlink_to(site / "bin" / "uv")  # where --target puts programs; dangling until it is there
    failed = _run([*engine, *first])
    if failed is None:
        (tool / "later.json").write_text(json.dumps([*engine, *later] if later else []), encoding="utf-8")
        ready.write_text(f"{ROOT} {version}", encoding="utf-8")
    return failed


def divided(project: Path) -> tuple[list[str], list[str]]:
    """Return the requirements of ``project`` that come first, and those that come later with uv."""
    block = re.search(r"^dependencies = \[(.*?)^\]", project.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    found = re.findall(r'^\s*"(.+)",?\s*$', block.group(1) if block else "", re.MULTILINE)
    first = [requirement for requirement in found if re.split(r"[^\w-]", requirement)[0] in FIRST]
    return first, [*(requirement for requirement in found if requirement not in first), "uv"]


def engine_for(python: str, site: Path) -> list[str] | None:
    """Return the words that install into the tool's environment: uv's where it is on PATH, else the machine's pip's."""
    uv = shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", python]
    if not _has_pip():
        return None
    # --target, because pips before 22.3 serve no other Python; no byte code: most of it is never imported here.
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    return [sys.executable, "-m", "pip", "install", *quiet, "--target", str(site)]


def _has_pip() -> bool:
    if importlib.util.find_spec("pip") is not None:
        return True
    # An isolated Python does not look into the user's own folder, where the pip of some images is.
    return subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def annotation(refusal: Refusal) -> str:
    """Return the command that shows a refusal beside the run."""
    text = "".join([refusal.message, *(f"\nbecause {cause}" for cause in refusal.causes), f"\nhint: {refusal.hint}"])
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::error title=ipexenv%3A {refusal.code}::{text}\n"


def _run(argv: list[str]) -> Refusal | None:
    # The output of others is quoted: no line of it is a command to the runner.
    ended = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    said = ended.stdout.decode("utf-8", "replace")
    sys.stdout.write("".join(f"| {line}\n" for line in said.splitlines()))
    if ended.returncode == 0:
        return None
    last = (said.strip().splitlines() or ["it said nothing"])[-1]
    what = " ".join(argv[:4])
    return Refusal(
        "no-tool",
        "ipexenv's own environment cannot be made",
        (f"`{what} …` ended with code {ended.returncode}", last),
        "look above for what it said; `uses: actions/setup-python` brings a Python with venv and pip",
    )


if __name__ == "__main__":
    sys.exit(main())
