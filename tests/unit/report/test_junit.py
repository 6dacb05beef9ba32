"""JUnit XML that CI systems can read."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from ipexenv.report.junit import junit_xml
from ipexenv.verify.checks import Check, VerifyReport


def suite_of(*checks: Check) -> ET.Element:
    root = ET.fromstring(junit_xml(VerifyReport(checks=checks)))  # noqa: S314 (our own text)
    assert root.tag == "testsuites"
    return root[0]


def test_one_case_per_check() -> None:
    suite = suite_of(
        Check(id="import", status="pass", detail="torch 2.8.0", seconds=1.5),
        Check(id="bf16-path", status="degraded", detail="emulated: no AMX", measurements={"path": "emulated"}),
        Check(id="train", status="fail", detail="the loss does not fall", output="last line", hint="do this"),
        Check(id="allreduce", status="skip", detail="no ccl backend"),
    )
    assert suite.attrib == {
        "name": "ipexenv verify",
        "tests": "4",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
        "time": "1.500",
    }
    assert [case.attrib["name"] for case in suite] == ["import", "bf16-path", "train", "allreduce"]
    passed, degraded, failed, skipped = suite
    assert [child.tag for child in passed] == ["system-out"]
    assert [child.tag for child in degraded] == ["system-out"]
    assert (degraded[0].text or "").startswith("degraded: emulated: no AMX\n")
    assert failed[0].attrib["message"] == "the loss does not fall"
    assert failed[0].text == "last line\ndo this"
    assert skipped[0].attrib["message"] == "no ccl backend"


@given(st.text(), st.text())
def test_any_output_stays_valid_xml(detail: str, output: str) -> None:
    suite = suite_of(Check(id="import", status="fail", detail=detail, output=output))
    assert len(suite) == 1
