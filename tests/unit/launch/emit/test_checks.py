"""What users say in job files is refused before a scheduler would, with the value and a way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.errors import UsageError
from ipexenv.launch.emit import checks

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("good", ["train", "a", "0", "bert-base-2", "a" * 63])
def test_a_label_is_taken_as_it_is(good: str) -> None:
    assert checks.label("--name", good) == good


@pytest.mark.parametrize("bad", ["", "Train", "my_run", "-a", "a-", "a b", "a\nb", "ä", "a" * 64, "a.b", "$(x)"])
def test_what_is_no_label_is_refused_by_name(bad: str) -> None:
    with pytest.raises(UsageError) as caught:
        checks.label("--name", bad)
    assert repr(bad) in caught.value.message
    assert caught.value.causes
    assert caught.value.hint is not None


def test_the_name_of_a_job_begins_with_a_letter() -> None:
    assert checks.label("--namespace", "0ml") == "0ml"
    with pytest.raises(UsageError, match="--name"):
        checks.label("--name", "0ml", letter_first=True)


@given(st.text())
def test_any_text_can_be_made_a_label(text: str) -> None:
    made = checks.label_from(text)
    assert checks.label("--name", made, letter_first=True) == made


@pytest.mark.parametrize(
    ("text", "size"), [("64Gi", 64 * 2**30), ("64G", 64 * 10**9), ("512Mi", 2**29), ("100000k", 10**8), ("1Ti", 2**40)]
)
def test_sizes_are_read_as_kubernetes_reads_them(text: str, size: int) -> None:
    assert checks.size_bytes("--memory", text) == size


@pytest.mark.parametrize("bad", ["64", "64GB", "64 Gi", "-1Gi", "1.5Gi", "Gi", "", "64gi", "1Mi", "٣Gi", "1e3Gi"])
def test_a_size_that_schedulers_take_for_something_else_is_refused(bad: str) -> None:
    with pytest.raises(UsageError, match="--memory"):
        checks.size_bytes("--memory", bad)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 1800),
        ("30:15", 1815),
        ("2:00:00", 7200),
        ("1-12", 36 * 3600),
        ("1-12:30", 36 * 3600 + 1800),
        ("1-00:00:01", 86401),
    ],
)
def test_times_are_read_as_slurm_reads_them(text: str, seconds: int) -> None:
    assert checks.time_s(text) == seconds


@pytest.mark.parametrize("bad", ["", "0", "2h", "1:2:3:4", "-1", "1-", "1-2:3:4:5", "UNLIMITED; rm", "12:00:00\n"])
def test_what_is_no_time_is_refused(bad: str) -> None:
    with pytest.raises(UsageError, match="--time"):
        checks.time_s(bad)


@pytest.mark.parametrize("good", [("a", "b"), ("kubernetes.io/arch", "amd64"), ("zone_1", ""), ("A.b-c", "D.e_f")])
def test_labels_of_nodes_are_key_and_value(good: tuple[str, str]) -> None:
    assert checks.node_label("=".join(good)) == good


@pytest.mark.parametrize("bad", ["a", "=b", "a=b=c", "a/b/c=d", "-a=b", "a=-b", "A/b=c", "a b=c", "a" * 64 + "=b"])
def test_what_is_no_label_of_nodes_is_refused(bad: str) -> None:
    with pytest.raises(UsageError, match="--node-selector"):
        checks.node_label(bad)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (checks.image, ["train", "reg.example:5000/team/train:1", f"a/b@sha256:{'0' * 64}"], ["", "a b", "-a", "a\n"]),
        (lambda text: checks.path("--workdir", text), ["/data", "/a b/ç"], ["data", "", "/a\nb", "/a:b"]),
        (lambda text: checks.subdomain("--pvc", text), ["data", "a.b-c"], ["Data", "a..b", "a_b", "", "a" * 254]),
        (
            lambda text: checks.slurm_name("--partition", text),
            ["all", "a,b", "Run_1"],
            ["", "a b", "-a", "a\n#", "a;b"],
        ),
    ],
)
def test_what_goes_into_files_as_it_is_holds_nothing_strange(
    check: Callable[[str], str], good: list[str], bad: list[str]
) -> None:
    assert [check(text) for text in good] == good
    for text in bad:
        with pytest.raises(UsageError):
            check(text)
