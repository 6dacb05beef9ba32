"""The summary says what was chosen and why, and holds nothing but text of others."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.ci.markdown import plain_cell, prose
from ipexenv.ci.summary import CacheTold, summary
from tests.unit.ci.golden import FACTS, FAILURE, SUCCESS
from tests.unit.ci.test_dialects import TEXT

ODD = st.one_of(TEXT, st.text("|`*_[]()<>&!#~$@:/.wh\\\n\r x", max_size=40))


def test_everything_is_told() -> None:
    text = summary(
        SUCCESS,
        timings={"install": 41.25, "whole": 63.04},
        cache=CacheTold(hit=False, why="no entry for this key"),
        facts=FACTS,
    )
    assert text.startswith("## ipexenv: torch 2.8.0, with IPEX\n\n| package | version | from | why |\n")
    for line in (
        "| intel\\_extension\\_for\\_pytorch | 2.8.0 | index | built for exactly torch 2.8.0; nothing newer fits |",
        "ccl: bridge, because Intel's bindings end at torch 2.7.0, and torch 2.8.0 is wanted",
        "<details><summary>2 other releases rejected</summary>",
        "| intel\\_extension\\_for\\_pytorch 2.5.0 | needs torch 2.5.\\*; was yanked (for security) |",
        "### Checks: 6 pass, 1 degraded",
        "| install | 41.2 |",
        "| whole | 63.0 |",
        "cache: not used, no entry for this key",
        "| CPU | Intel(R) Xeon(R) Processor |",
        "| instruction set | avx2 |",
        "| Python | cpython 3.11.7 |",
        "| C library | glibc 2.36 |",
    ):
        assert f"\n{line}\n" in text
    assert "| bf16-path | **degraded** |" in text
    assert "\n\n- bf16-path: a CPU with AVX-512 or AMX trains bf16 faster\n\n" in text


def test_a_failure_says_why_first_and_what_to_do() -> None:
    assert summary(FAILURE) == (
        "## ipexenv\n\n"
        "**no IPEX release fits this environment** (no-compatible-release)\n\n"
        "- because torch 2.13.0+cpu is installed, and the last IPEX release, 2.8.0, needs torch 2.8.\\*\n"
        "- hint: keep torch with <code>ipexenv install --stack native</code>,"
        " or move it with <code>ipexenv install --torch 2.8</code>\n\n"
        "<details><summary>1 other release rejected</summary>\n\n"
        "| release | rejected because it |\n| --- | --- |\n"
        "| intel\\_extension\\_for\\_pytorch 2.8.0 | needs torch 2.8.\\*, and torch 2.13.0+cpu is installed |\n\n"
        "</details>\n"
    )


def test_findings_have_cause_and_cure() -> None:
    row = {"id": "two-openmp", "severity": "warning", "summary": "two `libomp`", "evidence": ["a", "b"], "fix": None}
    text = summary(
        {"data": None, "problems": []}, findings=[{**row, "cause": "c", "cure": "`d`"}, {**row, "cause": None}]
    )
    assert text == (
        "## ipexenv\n\n### Findings\n\n"
        "- **warning**: two <code>libomp</code> (two-openmp)\n  - seen: a\n  - seen: b\n"
        "  - because c\n  - cure: <code>d</code>\n"
        "- **warning**: two <code>libomp</code> (two-openmp)\n  - seen: a\n  - seen: b\n"
    )


@pytest.mark.parametrize(
    ("change", "cells"),
    [
        ({"installed": True, "source": "installed"}, "| 2.8.0 | it was installed |"),
        ({"yanked": "for security"}, "| 2.8.0 (yanked: for security) | index |"),
        ({"yanked": ""}, "| 2.8.0 (yanked) | index |"),
        (
            {"built_from": [{"filename": "a.whl", "source": "index"}, {"filename": "b.whl", "source": "index"}]},
            "| 2.8.0 | built from a.whl of index, b.whl of index |",
        ),
    ],
)
def test_where_a_package_comes_from(change: dict[str, Any], cells: str) -> None:
    pin = {"name": "torch", "version": "2.8.0", "source": "index", "yanked": None, **change}
    assert cells in summary({"data": {"torch": "2.8.0", "pins": [pin]}, "problems": []})


def test_checks_and_times_that_are_not_there_are_left_out() -> None:
    text = summary({"data": {"torch": "2.8.0", "stack": "native", "pins": []}})
    assert text == "## ipexenv: torch 2.8.0, stock PyTorch\n"
    assert summary({"data": {}, "problems": []}, cache=CacheTold(hit=True, why="same by hash"), timings={}) == (
        "## ipexenv\n\ncache: hit, same by hash\n"
    )


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a|b\nc", "a\\|b c"),
        ("<script>&amp;", "&lt;script&gt;&amp;amp;"),
        ("[x](y) ![z](w)", "\\[x\\](y) \\!\\[z\\](w)"),
        ("https://x www.y.z", "https&#58;//x www&#46;y.z"),
        ("@team $x$ :tada:", "&#64;team &#36;x&#36; &#58;tada:"),
        (":check_mark: :\x08:", "&#58;check\\_mark: :\\\\x08:"),
        ("a\x1b[31mb\x07", "ab\\\\x07"),
        ("::error::x", ":&#58;error::x"),
    ],
)
def test_a_cell_is_nothing_but_text(text: str, cell: str) -> None:
    assert plain_cell(text) == cell


def test_commands_of_ipexenv_are_code() -> None:
    assert prose("run `ipexenv a|b` and `c`, `d") == "run <code>ipexenv a\\|b</code> and <code>c</code>, \\`d"
    assert prose("`a`") == "<code>a</code>"
    assert prose("``") == "\\`\\`"


@given(ODD)
def test_no_text_makes_a_mark_of_its_own(text: str) -> None:
    cell = plain_cell(text)
    bare = re.sub(r"\\[|\\`*_\[\]!#~]", " ", re.sub(r"&\w+;|&#\d+;", " ", cell))
    assert not re.search(r"[|`*_\[\]!#~<>\n\r@$\\]|://|www\.", bare)
    assert not re.search(r":[\w+-]+:", bare)


@given(ODD)
def test_text_of_others_comes_out_of_the_markdown_as_it_went_in(text: str) -> None:
    shown = HtmlText().read(re.sub(r"\\([|\\`*_\[\]!#~])", r"\1", plain_cell(text)))
    assert shown == plain_words(text)


@given(ODD)
def test_a_summary_has_the_tables_that_it_should_whatever_the_words(text: str) -> None:
    pin = {"name": text, "version": text, "source": text, "yanked": text}
    check = {"id": text, "status": "pass", "seconds": 1.0, "detail": text}
    problem = {"code": text, "message": text, "causes": [text], "hint": text}
    data = {"torch": text, "pins": [pin], "why": [{"name": text, "why": text}], "verify": {"checks": [check]}}
    data["ccl"] = {"provider": text, "reason": text}
    told = summary({"data": data, "problems": [problem]}, timings={text: 1.0}, cache=CacheTold(hit=True, why=text))
    rows = [line for line in told.split("\n") if line.startswith("| ")]
    columns = [len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) - 1 for row in rows]
    assert columns == [4, 4, 4, 4, 4, 4, 2, 2, 2]
    assert set(re.findall(r"<[^>]*>", told)) <= {"<code>", "</code>"}


class HtmlText(HTMLParser):
    """The text that a browser would show."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def handle_data(self, data: str) -> None:
        self.text += data

    def read(self, markup: str) -> str:
        self.feed(markup)
        self.close()
        return self.text


def plain_words(text: str) -> str:
    from ipexenv.ci.plain import one_line  # noqa: PLC0415 (what control characters become is tested elsewhere)

    return one_line(text)
