from __future__ import annotations

from dataclasses import replace

from packaging.version import Version

from ipexenv.facts import Facts, Package, TorchPackage
from ipexenv.outcome import Offer, Pin, Resolution
from ipexenv.plan import make_plan, missing
from ipexenv.tables.load import load_releases
from tests.fakes import facts

SHA = "a" * 64
IPEX = "intel_extension_for_pytorch"


def offer(name: str, version: str, *, configured: bool = False, sha256: str | None = SHA, size_bytes: int = 7) -> Offer:
    filename = f"{name}-{version}-cp311-cp311-linux_x86_64.whl"
    return Offer(
        project=name.replace("_", "-"),
        version=Version(version),
        filename=filename,
        url=f"https://me:hunter2@files.test/{filename}?Signature=x",
        source="intel-us",
        sha256=sha256,
        size_bytes=size_bytes,
        configured=configured,
    )


def pin(name: str, version: str, **more: object) -> Pin:
    found = offer(name, version, **more)  # type: ignore[arg-type]  # passed on
    return Pin(name=name, version=found.version, source=found.source, offer=found)


def installed(name: str, version: str) -> Pin:
    return Pin(name=name, version=Version(version), source="installed", installed=True)


def resolution(*pins: Pin, constraints: tuple[str, ...] = ()) -> Resolution:
    return Resolution(
        torch=pins[0].version,
        python=Version("3.11"),
        stack="ipex",
        ccl="none",
        ccl_version=None,
        ccl_reason=None,
        pins=pins,
        constraints=constraints,
        import_names=("torch",),
        rejections=(),
        notes=(),
    )


def with_numpy(given: Facts, version: str) -> Facts:
    numpy = Package(name="numpy", version=Version(version))
    return replace(given, installed=replace(given.installed, numpy=numpy))


def test_nothing_to_do() -> None:
    there = facts(torch="2.7.0", ipex="2.7.0")
    plan = make_plan(resolution(installed("torch", "2.7.0"), installed(IPEX, "2.7.0")), there)
    assert plan.nothing_to_do
    assert (plan.requirements, plan.restore, plan.remove) == ((), (), ())
    assert plan.constraints == ("torch==2.7.0", f"{IPEX}==2.7.0")


def test_an_environment_to_make_is_something_to_do() -> None:
    plan = make_plan(resolution(installed("torch", "2.7.0")), facts(torch="2.7.0"), venv="/env")
    assert not plan.nothing_to_do


def test_a_file_of_a_configured_index_is_asked_for_by_exact_version() -> None:
    plan = make_plan(resolution(pin("torch", "2.8.0", configured=True)), facts())
    assert plan.requirements == ("torch==2.8.0",)


def test_any_other_file_is_asked_for_by_its_url_and_digest() -> None:
    url = "https://me:hunter2@files.test/oneccl_bind_pt-2.7.0+cpu-cp311-cp311-linux_x86_64.whl?Signature=x"
    plan = make_plan(resolution(pin("oneccl_bind_pt", "2.7.0+cpu")), facts())
    assert plan.requirements == (f"oneccl_bind_pt @ {url}#sha256={SHA}",)
    bare = make_plan(resolution(pin("oneccl_bind_pt", "2.7.0+cpu", sha256=None)), facts())
    assert bare.requirements == (f"oneccl_bind_pt @ {url}",)


def test_the_json_holds_no_credentials_and_no_signature() -> None:
    shown = make_plan(resolution(pin("oneccl_bind_pt", "2.7.0+cpu")), facts()).as_mapping()["requirements"]
    assert shown == [
        f"oneccl_bind_pt @ https://files.test/oneccl_bind_pt-2.7.0+cpu-cp311-cp311-linux_x86_64.whl#sha256={SHA}"
    ]


def test_every_pin_is_held_to_its_version() -> None:
    plan = make_plan(resolution(installed("torch", "2.7.0+cu126"), pin(IPEX, "2.7.0")), facts(torch="2.7.0+cu126"))
    assert plan.constraints == ("torch==2.7.0", f"{IPEX}==2.7.0")


def test_changes_say_what_was_there_and_the_way_back_restores_it() -> None:
    there = facts(torch="2.7.0+cu126")
    plan = make_plan(resolution(pin("torch", "2.8.0+cpu"), pin(IPEX, "2.8.0")), there)
    assert [(change.name, str(change.before), change.after) for change in plan.changes] == [
        ("torch", "2.7.0+cu126", "2.8.0+cpu"),
        (IPEX, "None", "2.8.0"),
    ]
    assert plan.as_mapping()["way_back"] == {"install": ["torch==2.7.0"], "uninstall": [IPEX]}
    assert plan.download_bytes == 14


def test_a_cpu_build_is_restored_as_one() -> None:
    plan = make_plan(resolution(pin("torch", "2.8.0")), facts(torch="2.7.0+cpu"))
    assert plan.restore == ("torch==2.7.0+cpu",)


def test_numpy_is_moved_where_it_is_in_the_way() -> None:
    there = with_numpy(facts(torch="2.1.0"), "2.1.0")
    plan = make_plan(resolution(installed("torch", "2.1.0"), constraints=("numpy<2",)), there)
    assert not plan.nothing_to_do
    assert plan.requirements == ("numpy<2",)
    assert (plan.changes[0].name, plan.changes[0].after, plan.restore) == ("numpy", "<2", ("numpy==2.1.0",))


def test_numpy_that_fits_is_constrained_and_left_alone() -> None:
    there = with_numpy(facts(), "1.26.4")
    plan = make_plan(resolution(pin("torch", "2.1.0"), constraints=("numpy<2",)), there)
    assert len(plan.requirements) == 1
    assert "numpy<2" in plan.constraints


def test_numpy_that_is_missing_comes_along_and_is_no_reason_of_its_own() -> None:
    coming = make_plan(resolution(pin("torch", "2.1.0", configured=True), constraints=("numpy<2",)), facts())
    assert coming.requirements == ("torch==2.1.0", "numpy<2")
    there = make_plan(resolution(installed("torch", "2.1.0"), constraints=("numpy<2",)), facts(torch="2.1.0"))
    assert there.nothing_to_do


def test_a_requirement_of_a_package_that_facts_do_not_know_comes_along() -> None:
    plan = make_plan(resolution(pin("torch", "2.1.0", configured=True), constraints=("psutil>=5",)), facts())
    assert plan.requirements == ("torch==2.1.0", "psutil>=5")


def test_nothing_is_missing_when_all_is_there() -> None:
    there = with_numpy(facts(torch="2.8.0+cu128", ipex="2.8.0"), "1.26.4")
    wanted = resolution(pin("torch", "2.8.0"), pin(IPEX, "2.8.0"), constraints=("numpy<2",))
    assert missing(wanted, there) == ()


def test_what_is_missing_is_named() -> None:
    there = with_numpy(facts(torch="2.7.0+cu126"), "2.1.0")
    wanted = resolution(pin("torch", "2.7.0+cpu"), pin(IPEX, "2.7.0"), constraints=("numpy<2",))
    assert missing(wanted, there) == (
        "torch is 2.7.0+cu126 instead of 2.7.0+cpu",
        f"{IPEX} 2.7.0 is not there",
        "numpy is 2.1.0, which is not <2",
    )


def test_a_package_that_facts_do_not_know_counts_as_missing() -> None:
    assert missing(resolution(pin("torchtext", "0.1")), facts()) == ("torchtext 0.1 is not there",)


def test_the_build_of_torch_is_no_part_of_the_name() -> None:
    there = facts()
    build = TorchPackage(name="torch", version=Version("2.8.0+cu128"), build="cu128")
    there = replace(there, installed=replace(there.installed, torch=build))
    assert missing(resolution(pin("torch", "2.8.0")), there) == ()


BRIDGE = load_releases().bridge[-1]
BUILT = Pin(
    name="ipexenv-oneccl-bridge",
    version=BRIDGE.version,
    source="index",
    bridge=BRIDGE,
    parts=tuple(
        Offer(
            project=part.project,
            version=part.version,
            filename=part.filename,
            url=f"https://me:hunter2@files.test/{part.filename}",
            source="index",
        )
        for part in BRIDGE.parts
    ),
)
MADE_FROM = "built from oneccl 2022.2.0, oneccl-cpu 2022.2.0, impi-rt 2021.18.0"


def with_bridge(given: Facts, version: str) -> Facts:
    bridge = Package(name="ipexenv-oneccl-bridge", version=Version(version))
    return replace(given, installed=replace(given.installed, bridge=bridge))


def test_what_has_to_be_built_is_no_requirement_yet() -> None:
    plan = make_plan(resolution(installed("torch", "2.13.0"), BUILT), facts(torch="2.13.0"))
    assert (plan.requirements, plan.builds) == ((), (BUILT,))
    assert plan.constraints == ("torch==2.13.0", f"ipexenv-oneccl-bridge=={BRIDGE.version}")
    (change,) = plan.changes
    assert (change.name, change.source, change.after) == ("ipexenv-oneccl-bridge", MADE_FROM, str(BRIDGE.version))
    assert change.size_bytes == sum(file.size_bytes for part in BRIDGE.parts for file in part.files)
    assert (plan.remove, plan.restore, plan.nothing_to_do) == (("ipexenv-oneccl-bridge",), (), False)


def test_the_json_says_what_is_built_and_from_where() -> None:
    (build,) = make_plan(resolution(installed("torch", "2.13.0"), BUILT), facts(torch="2.13.0")).as_mapping()["builds"]
    assert (build["name"], build["version"]) == ("ipexenv-oneccl-bridge", str(BRIDGE.version))
    assert build["parts"] == [
        {"filename": part.filename, "sha256": part.sha256, "source": "index"} for part in BRIDGE.parts
    ]


def test_an_older_bridge_is_replaced_and_has_no_way_back() -> None:
    older = with_bridge(facts(torch="2.13.0"), "2022.2.0+ipexenv.bridge.0")
    plan = make_plan(resolution(installed("torch", "2.13.0"), BUILT), older)
    assert [str(change.before) for change in plan.changes] == ["2022.2.0+ipexenv.bridge.0"]
    assert (plan.remove, plan.restore) == ((), ())


def test_a_bridge_that_comes_along_brings_the_requirements_of_its_pair() -> None:
    plan = make_plan(resolution(installed("torch", "2.1.0"), BUILT, constraints=("numpy<2",)), facts(torch="2.1.0"))
    assert plan.requirements == ("numpy<2",)


def test_another_revision_is_not_the_one_that_was_planned() -> None:
    wanted = resolution(installed("torch", "2.13.0"), BUILT)
    assert missing(wanted, with_bridge(facts(torch="2.13.0"), str(BRIDGE.version))) == ()
    assert missing(wanted, with_bridge(facts(torch="2.13.0"), "2022.2.0+ipexenv.bridge.0")) == (
        f"ipexenv-oneccl-bridge is 2022.2.0+ipexenv.bridge.0 instead of {BRIDGE.version}",
    )
    assert missing(resolution(installed("torch", "2.13.0"), pin("impi-rt", "2021.18.0")), facts(torch="2.13.0")) == (
        "impi-rt 2021.18.0 is not there",
    )
