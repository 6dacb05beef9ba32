"""Tells the keeper of a rank how far the rank has come. Runs in the rank's own Python, before the script.

Python imports it as ``sitecustomize`` from a file that lies in memory; it takes itself away at once and lets a real
``sitecustomize`` be found. It changes nothing of torch: a thread looks now and then where the others are, and ends
when the first collective is over. Standard library only, Python 3.7 syntax.
"""

import os
import sys

PERIOD_S = 0.2
C10D = "torch.distributed.distributed_c10d"
COLLECTIVES = frozenset(
    (
        "all_reduce", "all_reduce_coalesced", "all_gather", "all_gather_into_tensor", "all_gather_object",
        "_all_gather_base", "all_gather_coalesced", "all_to_all", "all_to_all_single", "barrier", "monitored_barrier",
        "broadcast", "broadcast_object_list", "gather", "gather_object", "reduce", "reduce_scatter",
        "reduce_scatter_tensor", "_reduce_scatter_base", "scatter", "scatter_object_list", "send", "recv",
    )
)  # fmt: skip


def begin():
    """Leave no trace, then start the thread."""
    place = os.environ.pop("IPEXENV_WATCH", "").split(",")
    here = os.path.dirname(__file__)
    sys.path[:] = [folder for folder in sys.path if folder != here]
    sys.path_importer_cache.pop(here, None)
    folders = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    left = [folder for folder in folders if folder != here]
    if left:
        os.environ["PYTHONPATH"] = os.pathsep.join(left)
    else:
        os.environ.pop("PYTHONPATH", None)
    if all(place):
        start(*map(int, place))


def start(report, archive, number):
    import _thread
    import faulthandler

    os.close(archive)
    os.set_inheritable(report, False)  # noqa: FBT003 (it takes no keyword)
    faulthandler.register(number, file=report, all_threads=False)
    tell(report, "started %d" % os.getpid())
    _thread.start_new_thread(look_on, (report, os.getpid()))


def tell(report, words):
    try:
        os.write(report, ("@%s\n" % words).encode())
    except OSError:
        pass


def look_on(report, pid):
    """Tell each stage as it is reached: joining, ready, collective (the first is under way), done."""
    import _thread
    import time

    own = _thread.get_ident()
    stage = "started"
    before = None
    while stage != "done" and os.getpid() == pid:
        time.sleep(PERIOD_S)
        dist = sys.modules.get(C10D)
        if dist is None:
            continue
        frames = [frame for thread, frame in sys._current_frames().items() if thread != own]  # noqa: SLF001
        now, seen = where(frames), stage
        frames = None  # what they hold must not live longer for it
        if is_ready(dist):
            over = now == "training" or (before is not None and now != before)
            stage = "done" if over else "collective" if isinstance(now, tuple) or stage == "collective" else "ready"
            before = now if isinstance(now, tuple) else before
        elif now == "joining":
            stage = "joining"
        if stage != seen:
            tell(report, stage)


def is_ready(dist):
    try:
        return bool(dist.is_initialized())
    except Exception:
        return False


def where(frames):
    """Return ``training``, ``joining``, the collective that some thread is in (its name and place), or None."""
    found = None
    for top in frames:
        frame = top
        while frame is not None:
            code = frame.f_code
            if code.co_filename.endswith("distributed_c10d.py"):
                if code.co_name == "init_process_group":
                    return "joining"
                if code.co_name in COLLECTIVES:
                    found = (code.co_name, id(frame))
            elif code.co_filename.endswith("nn/parallel/distributed.py"):
                if code.co_name == "forward":
                    return "training"
                if code.co_name == "__init__":
                    found = ("DistributedDataParallel", id(frame))
            frame = frame.f_back
    return found


begin()
own = sys.modules.pop("sitecustomize")
try:
    import sitecustomize  # noqa: F401 (the real one; where there is none, site is told so as ever)
except ImportError:
    sys.modules["sitecustomize"] = own  # Python 3.8 takes it away itself
    raise
