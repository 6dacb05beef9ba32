"""What later steps and people are told of an installation."""

from __future__ import annotations

from typing import Any

from ipexenv.ci.summary import summary
from ipexenv.ci.told import degraded, outputs, trouble

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
    told = outputs(DOCUMENT, venv="/t/v", isa="avx2", files={"resolution": "/t/r.json"})
    assert told == {
        "torch": "2.8.0",
        "ipex": "2.8.0",
        "ccl-provider": "bridge",
        "ccl-version": "1",
        "python": "/t/v/bin/python",
        "venv": "/t/v",
        "isa": "avx2",
        "resolution": "/t/r.json",
    }
    assert outputs(FAILED, venv="/t/v", isa=None, files={})["torch"] == ""


def test_degraded_counts_where_verify_is_strict_alone() -> None:
    assert degraded(DOCUMENT, "true") == ()
    assert degraded(DOCUMENT, "strict") == ("bf16-path: AVX2 | alone\n::error::x",)
    assert degraded(FAILED, "strict") == ()


def test_trouble_names_cause_and_way_out() -> None:
    assert list(trouble(FAILED)) == [("no-fit", "nothing fits\nbecause a\nbecause b\nhint: `c`")]
    assert list(trouble(DOCUMENT)) == []


def test_the_summary_is_tables_whose_cells_hold_nothing_but_text() -> None:
    assert summary(DOCUMENT).splitlines() == [
        "## ipexenv",
        "",
        "| package | version | from |",
        "| --- | --- | --- |",
        "| torch | 2.8.0+cpu | pytorch-cpu |",
        "| intel\\_extension\\_for\\_pytorch | 2.8.0 | &lt;script&gt; |",
        "",
        "ccl: bridge, because the bindings end at 2.7",
        "",
        "| check | status | seconds | detail |",
        "| --- | --- | --- | --- |",
        "| import | pass | 1.2 | torch 2.8.0 |",
        "| bf16-path | degraded | 0.0 | AVX2 \\| alone ::error::x |",
        "",
    ]


def test_the_summary_of_a_failure_says_why() -> None:
    text = summary(FAILED)
    assert "**nothing fits**\n\n- because a\n- because b\n- \\`c\\`\n" in text
