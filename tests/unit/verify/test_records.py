"""Reading what a child told, whole and cut off, and telling noise from news."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ipexenv.verify.records import expired, noise, read_story, section, tail
from tests.unit.verify.stories import begin, end, printed, raised, stage


def lines(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def test_a_whole_story() -> None:
    story = read_story(lines(*end("import", {"a": 1}, seconds=2), *raised("isa", "RuntimeError", "no", at="ask")))
    first, second = story.records
    assert (first.check, first.data, first.seconds, first.crashed) == ("import", {"a": 1}, 2.0, False)
    assert second.error is not None
    assert (second.stage, second.error.type, second.error.message, second.crashed) == (
        "ask",
        "RuntimeError",
        "no",
        False,
    )
    assert story.of("train") is None


def test_a_crash_leaves_the_last_stage() -> None:
    story = read_story(lines(begin("import"), stage("import", "import torch"), stage("import", "import x")))
    record = story.of("import")
    assert record is not None
    assert record.crashed
    assert record.stage == "import x"


def test_a_line_that_is_cut_off_is_passed_over() -> None:
    story = read_story(lines(*end("import", {})) + b'{"check": "isa", "ev')
    assert [record.check for record in story.records] == ["import"]


@given(st.binary())
def test_no_bytes_break_the_reading(answer: bytes) -> None:
    read_story(answer)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_no_json_breaks_the_reading(value: object) -> None:
    read_story(lines({"check": value, "event": "end", "seconds": value, "data": value, "stage": value}, value))
    read_story(lines({"check": "x", "event": "error", "exit_code": value, "message": value}))


def test_sections_are_what_lies_between_the_marks() -> None:
    text = "start-up\n" + printed("import", "one\ntwo") + "between" + printed("isa", "three", complete=False)
    assert section(text, "import") == "one\ntwo"
    assert section(text, "isa") == "three"
    assert section(text, "train") == ""


def test_noise_leaves_out_what_every_environment_prints() -> None:
    text = """
== ipexenv: import begin ==
[W OperatorEntry.cpp:218] Warning: Warning only once for all operators,  other operators may also be overridden.
  Overriding a previously registered kernel for the same operator and the same dispatch key
  operator: aten::_addmm_activation(Tensor self) -> Tensor
    registered at /pytorch/build/aten/src/ATen/RegisterSchema.cpp:6
  dispatch key: AutocastCPU
  previous kernel: registered at /pytorch/aten/src/ATen/autocast_mode.cpp:327
       new kernel: registered at /opt/csrc/cpu/autocast/autocast_mode.cpp:112 (function operator())
onednn_verbose,v1,primitive,exec,cpu,matmul
|CCL_WARN| did not find MPI-launcher specific variables, switch to ATL/OFI
|CCL_INFO| CCL_BACKEND: native
frame #15: _dl_catch_exception + 0x7a (0x7f in libc.so.6)
the line that matters
"""
    assert noise(text) == ["the line that matters"]


def test_the_tail_begins_where_a_stack_was_dumped() -> None:
    frames = [f'  File "{name}.py", line {name}' for name in range(20)]
    text = "\n".join(["early", "Timeout (0:00:05)!", "Thread 0x1 (most recent call first):", *frames])
    assert tail(text, lines=6).splitlines() == [
        "early",
        "Timeout (0:00:05)!",
        "Thread 0x1 (most recent call first):",
        *frames[:3],
    ]


def test_the_tail_of_two_streams_is_both() -> None:
    assert tail("a\nb\nc", "d\ne", lines=2) == "b\nc\nd\ne"


def test_the_mark_of_faulthandler_is_a_time_out() -> None:
    assert expired("noise\nTimeout (0:05:00)!\nThread 0x1 (most recent call first):")
    assert expired("Timeout (0:00:01.500000)!")
    assert not expired("Connection Timeout (0:05:00)! of something else")
