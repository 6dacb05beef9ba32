"""What later steps and people are told of an installation."""

from __future__ import annotations

from typing import Any

from ipexenv.ci.told import outputs, ready, remarks, report_of, trouble

CHECKS = [
    {"id": "import", "status": "pass", "detail": "torch 2.8.0", "seconds": 1.25},
    {"id": "bf16-path", "status": "degraded", "detail": "AVX2 | alone\n::error::x", "seconds": 0.0},
]
DOCUMENT: dict[str, Any] = {
    "data": {
        "torch": "2.8.0",
        "pins": [
            {"name": "torch", "version": "2.8.0+cpu", "source": "pytorch-cpu"},
            {"name": "intel_extension_for_pytorch", "version": "2.8.0", "source": "<script>"},
        ],
        "ccl": {"provider": "bridge", "version": "1", "reason": "the bindings end at 2.7"},
        "verify": {"checks": CHECKS},
    },
    "problems": [],
}
FAILED: dict[str, Any] = {
    "data": None,
    "problems": [{"code": "no-fit", "message": "nothing fits", "causes": ["a", "b"], "hint": "`c`"}],
}


def test_outputs_are_texts_and_all_there() -> None:
    told = outputs(DOCUMENT, venv="/t/v", isa="avx2", hit=True, files={"resolution": "/t/r.json"})
    assert told == {
        "torch": "2.8.0",
        "ipex": "2.8.0",
        "ccl-provider": "bridge",
        "ccl-version": "1",
        "python": "/t/v/bin/python",
        "venv": "/t/v",
        "isa": "avx2",
        "cache-hit": "true",
        "resolution": "/t/r.json",
    }
    assert outputs(FAILED, venv="/t/v", isa=None, hit=False, files={})["torch"] == ""


def test_one_line_says_what_is_ready() -> None:
    told = outputs(DOCUMENT, venv="/t/v", isa="avx2", hit=True, files={})
    words = "torch 2.8.0, IPEX 2.8.0, ccl from the bridge, checks: 1 pass, 1 degraded, in /t/v"
    assert ready(told, DOCUMENT) == f"ready: {words}"
    bare = {"data": {"torch": "2.13.0", "ccl": {"provider": "none"}}}
    told = outputs(bare, venv="/t/v", isa=None, hit=False, files={})
    assert ready(told, bare) == "ready: torch 2.13.0, no ccl backend, in /t/v"


def test_degraded_is_a_warning_and_an_error_where_verify_is_strict() -> None:
    (usual,) = remarks(DOCUMENT, "true")
    assert (usual.level, usual.text) == ("warning", "bf16-path: AVX2 | alone\n::error::x")
    (strict,) = remarks(DOCUMENT, "strict")
    assert (strict.level, strict.title) == ("error", "ipexenv: verify is strict")
    assert [remark.level for remark in remarks(FAILED, "strict")] == ["error"]


def test_trouble_names_cause_and_way_out() -> None:
    assert list(trouble(FAILED)) == [("no-fit", "nothing fits\nbecause a\nbecause b\nhint: `c`")]
    assert list(trouble(DOCUMENT)) == []


def test_what_the_resolution_notes_is_shown_beside_the_run() -> None:
    notes = [{"code": code, "text": code} for code in ("yanked", "patch-drift", "assumed")]
    told = [(one.level, one.title) for one in remarks({"data": {"notes": notes}}, "false")]
    assert told == [("warning", "ipexenv: yanked"), ("notice", "ipexenv: patch-drift")]


def test_the_checks_come_back_as_verify_had_them() -> None:
    report = report_of(DOCUMENT)
    assert report is not None
    assert [(check.id, check.status, check.seconds) for check in report.checks] == [
        ("import", "pass", 1.25),
        ("bf16-path", "degraded", 0.0),
    ]
    assert report_of(FAILED) is None
