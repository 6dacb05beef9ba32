"""What the allreduce benchmark reads of Intel MPI's own, and what it starts ranks with."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.allreduce.launch import IMB_ROW, Site, environment, time_imb, time_ranks

SAID = """
# Allreduce
       #bytes #repetitions  t_min[usec]  t_max[usec]  t_avg[usec]
            0          300         0.03         0.03         0.03
            8          300         0.37         0.39         0.38
     16777216            6      4371.58      4402.19      4386.89
"""


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def test_rows_of_intel_mpi_s_benchmark_are_bytes_and_the_average() -> None:
    assert IMB_ROW.findall(SAID) == [("0", "0.03"), ("8", "0.38"), ("16777216", "4386.89")]


def test_sizes_are_asked_for_in_bands_and_those_that_were_not_asked_for_are_left_out(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "mpirun", f"echo asked \"$@\" >> {tmp_path}/asked; cat <<'END'\n{SAID}\nEND")
    found = time_imb(Site(python=Path("python"), libraries=tmp_path, bindings=None), 2, (8, 1024, 16 << 20))
    assert found == pytest.approx({8: 0.38e-6, 16 << 20: 4386.89e-6})
    small, large = (tmp_path / "asked").read_text("utf-8").splitlines()
    assert f"-n 2 {tmp_path}/bin/IMB-MPI1 allreduce -npmin 2 -iter 500 -msglog 3:10" in small
    assert "-iter 6 -msglog 24:24" in large


def test_ranks_get_defaults_alone_and_their_share_of_the_cpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCL_ALLREDUCE", "ring")
    monkeypatch.setenv("RANK", "7")
    found = environment(Site(python=Path("python"), libraries=tmp_path, bindings=None), 10**6)
    assert {"CCL_ALLREDUCE", "RANK"}.isdisjoint(found)
    assert found["OMP_NUM_THREADS"] == "1"
    assert found["IPEXENV_BRIDGE_LIB"] == str(tmp_path / "lib")


def test_the_first_rank_s_document_is_the_answer(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    program(python, 'echo noise; [ "${RANK:-0}" = 0 ] && echo "{\\"said\\": \\"$*\\", \\"rows\\": []}"; exit 0')
    site = Site(python=python, libraries=None, bindings=None)
    for launcher in ("plain", "torchrun"):
        answer = time_ranks(site, launcher, 2, ["rank.py", "gloo"])
        assert answer["rows"] == []
        assert answer["said"].endswith("rank.py gloo")
