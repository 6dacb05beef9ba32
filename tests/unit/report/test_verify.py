"""The table of checks as people see it."""

from __future__ import annotations

import io

from ipexenv.report.human import console
from ipexenv.report.verify import show_report, totals
from ipexenv.verify.checks import Check, HostReport, VerifyReport

REPORT = VerifyReport(
    checks=(
        Check(id="import", status="pass", detail="torch[opt-einsum] 2.8.0", seconds=3.71),
        Check(id="bf16-path", status="degraded", detail="emulated: " + "long words " * 12, seconds=0.2, hint="unset X"),
        Check(id="train", status="degraded", detail="the same", seconds=0.1, hint="unset X"),
        Check(id="allreduce", status="fail", detail="rank 1: it died", seconds=9.96, output="one\ntwo", hint="do this"),
        Check(id="ddp", status="skip", detail="not tried"),
    )
)


def test_one_line_a_check_then_what_failed_then_the_totals() -> None:
    stream = io.StringIO()
    show_report(REPORT, console(stream, {}))
    assert stream.getvalue() == (
        "check      status    seconds  detail\n"
        "import     pass          3.7  torch[opt-einsum] 2.8.0\n"
        f"bf16-path  degraded      0.2  emulated: {'long words ' * 12}\n"
        "train      degraded      0.1  the same\n"
        "allreduce  fail         10.0  rank 1: it died\n"
        "ddp        skip               not tried\n"
        "\n"
        "bf16-path:\n"
        "  hint: unset X\n"
        "\n"
        "allreduce:\n"
        "  | one\n"
        "  | two\n"
        "  hint: do this\n"
        "\n"
        "1 passed, 2 degraded, 1 failed, 1 skipped\n"
    )


def test_totals_name_what_there_is() -> None:
    assert totals(VerifyReport(checks=(REPORT.checks[0],))) == "1 passed"


def test_json_rounds_the_seconds_and_leaves_out_what_is_empty() -> None:
    rows = REPORT.as_mapping()["checks"]
    assert rows[0] == {
        "id": "import",
        "status": "pass",
        "detail": "torch[opt-einsum] 2.8.0",
        "seconds": 3.71,
        "measurements": {},
    }
    assert (rows[3]["output"], rows[3]["hint"]) == ("one\ntwo", "do this")
    assert not REPORT.passed
    assert [check.id for check in REPORT.failed] == ["allreduce"]


def test_json_knows_no_infinity() -> None:
    check = Check(id="train", status="fail", detail="x", measurements={"a": float("inf"), "b": float("nan"), "c": 1.5})
    assert check.as_mapping()["measurements"] == {"a": "inf", "b": "nan", "c": 1.5}


def test_hosts_have_a_table_of_their_own() -> None:
    hosts = (
        HostReport(name="node1", ranks=(0, 1), torch="2.13.0+cpu", oneccl="2022.2.0", interface="eth0"),
        HostReport(name="10.0.0.9", ranks=(2,), problem="ssh cannot reach it"),
    )
    stream = io.StringIO()
    show_report(VerifyReport(checks=REPORT.checks[:1], hosts=hosts), console(stream, {}))
    assert stream.getvalue().splitlines()[2:] == [
        "",
        "host      ranks  torch       oneCCL    interface",
        "node1     0-1    2.13.0+cpu  2022.2.0  eth0",
        "10.0.0.9  2                                       ssh cannot reach it",
        "",
        "1 passed",
    ]
    assert VerifyReport(checks=(), hosts=hosts).as_mapping()["hosts"][1] == {
        "host": "10.0.0.9",
        "ranks": [2],
        "torch": None,
        "oneccl": None,
        "interface": None,
        "problem": "ssh cannot reach it",
    }
