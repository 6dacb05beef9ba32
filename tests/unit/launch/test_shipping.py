"""Programs that travel in the command line, and the variables that travel with them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ipexenv.errors import UsageError
from ipexenv.launch.shipping import MOST_BYTES, bundle, carried, shipped, travelling

SOURCE = """
import base64, json, sys, zlib
print(json.loads(zlib.decompress(base64.b64decode(sys.argv[2])).decode())["word"])
"""


def test_source_and_order_arrive_through_any_shell() -> None:
    argv = shipped(sys.executable, SOURCE, {"word": "a 'b' \"c\" $d `e` !f\n"})
    assert all(set("'\"$`!\\\n").isdisjoint(word) for word in argv)
    ended = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert ended.stdout == "a 'b' \"c\" $d `e` !f\n\n"


def test_a_command_that_is_too_long_is_refused() -> None:
    with pytest.raises(UsageError, match=f"more than {MOST_BYTES} bytes"):
        shipped("python", SOURCE, {"word": os.urandom(MOST_BYTES).hex()})


def test_what_means_the_same_everywhere_travels() -> None:
    env = {"CCL_LOG_LEVEL": "info", "FI_PROVIDER": "tcp", "LD_LIBRARY_PATH": "/x", "I_MPI_FABRICS": "ofi"}
    here = {"PATH": "/bin", "HOME": "/h", "I_MPI_HYDRA_UUID": "1", "SSH_AUTH_SOCK": "/s", "IPEXENV_ANSWER_FD": "3"}
    assert travelling({**env, **here}) == env


def test_modules_travel_as_one_text_and_import_each_other() -> None:
    one = "WORD = 'a \"b\" {c}'"
    other = "from one import WORD\ndef main():\n    print(WORD)"
    argv = shipped(sys.executable, bundle({"one": one, "other": other}, "other"), {})
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == 'a "b" {c}\n'


def test_what_belongs_to_this_host_or_an_outer_job_stays() -> None:
    env = {"PATH": "/bin", "HF_HOME": "/data", "PYTHONPATH": "/x", "CCL_LOG_LEVEL": "info"}
    here = {
        "SSH_AUTH_SOCK": "/s",
        "PWD": "/w",
        "RANK": "3",
        "SLURM_PROCID": "1",
        "OMPI_COMM_WORLD_RANK": "1",
        "_": "/b",
    }
    assert carried({**env, **here}) == env
