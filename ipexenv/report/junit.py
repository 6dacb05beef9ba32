"""JUnit XML of a verify run, for CI systems."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from ipexenv.verify.checks import Check, VerifyReport

# What XML 1.0 cannot hold (https://www.w3.org/TR/xml/#charsets): a crash may leave such bytes in the output.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(report: VerifyReport) -> str:
    """Return one test suite with a test case per check; a degraded check passes and says so in ``system-out``."""
    statuses = [check.status for check in report.checks]
    totals = {
        "name": "ipexenv verify",
        "tests": str(len(statuses)),
        "failures": str(statuses.count("fail")),
        "errors": "0",
        "skipped": str(statuses.count("skip")),
        "time": f"{sum(check.seconds for check in report.checks):.3f}",
    }
    root = ET.Element("testsuites")
    suite = ET.SubElement(root, "testsuite", totals)
    if report.hosts:
        properties = ET.SubElement(suite, "properties")
        for host in report.hosts:
            told = json.dumps(host.as_mapping(), ensure_ascii=False)
            ET.SubElement(properties, "property", {"name": f"host {_clean(host.name)}", "value": _clean(told)})
    for check in report.checks:
        _add_case(suite, check)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _add_case(suite: ET.Element, check: Check) -> None:
    case = ET.SubElement(
        suite, "testcase", {"classname": "ipexenv.verify", "name": check.id, "time": f"{check.seconds:.3f}"}
    )
    if check.status == "fail":
        failure = ET.SubElement(case, "failure", {"message": _clean(check.detail), "type": "CheckFailed"})
        failure.text = _clean("\n".join(part for part in (check.output, check.hint) if part))
    elif check.status == "skip":
        ET.SubElement(case, "skipped", {"message": _clean(check.detail)})
    told = [f"{check.status}: {check.detail}", json.dumps(check.as_mapping()["measurements"], indent=1)]
    ET.SubElement(case, "system-out").text = _clean("\n".join(told))


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
