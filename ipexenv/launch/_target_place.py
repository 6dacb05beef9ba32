"""What one rank gets on the host where it runs: its place, its environment, its CPUs and memory.

Shipped to every host; standard library only, Python 3.7 syntax.
"""

import ctypes
import os
import platform
import resource
import socket

SIOCGIFADDR = 0x8915
PR_SET_PDEATHSIG = 1
SIGKILL = 9
MPOL_BIND = 2
SET_MEMPOLICY = {"x86_64": 238, "aarch64": 237}
OPEN_FILES = 65536

RANKS = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK")
LOCAL_RANKS = ("MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK")
LOCAL_SIZES = ("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE")


def first_number(names, default):
    """Return the first of the variables that holds a number."""
    for name in names:
        text = os.environ.get(name, "")
        if text.isdigit():
            return int(text)
    return default


def interface_towards(address):
    """Return the interface on the way to an address, or the one that has it; None where there is no way."""
    try:
        target = socket.getaddrinfo(address, 1, socket.AF_INET, socket.SOCK_DGRAM)[0][4]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(target)
            own = socket.inet_aton(probe.getsockname()[0])
            return interface_of(probe, own)
    except OSError:
        return None


def interface_of(probe, own):
    import fcntl

    for _, name in socket.if_nameindex():
        try:
            answer = fcntl.ioctl(probe.fileno(), SIOCGIFADDR, name.encode()[:15].ljust(256, b"\0"))
        except OSError:
            continue
        if answer[20:24] == own:
            # An address of this host is reached over loopback, and belongs to the interface that others know.
            return name
    return None


def environment(order, rank, local_rank, local_size):
    """Return the environment of the rank: this host's, the sender's, its place, and what depends on the host."""
    env = dict(os.environ, **order["env"])
    settings = order.get("hosts", {}).get(order["seats"][rank][0])
    if settings is not None:
        env.update(settings["env"])
        env.update(settings["ranks"][local_rank]["env"])
    env.update(order.get("more", {}))
    place = {
        "RANK": rank,
        "WORLD_SIZE": len(order["seats"]),
        "LOCAL_RANK": local_rank,
        "LOCAL_WORLD_SIZE": local_size,
        "MASTER_ADDR": order["master_address"],
        "MASTER_PORT": order["master_port"],
    }
    env.update({name: str(value) for name, value in place.items() if value is not None})
    if settings is None:
        add_guesses(env, order, local_rank, local_size)
    return env


def add_guesses(env, order, local_rank, local_size):
    """Add what follows from the host where nobody has worked out its settings."""
    cpus = sorted(os.sched_getaffinity(0))
    env.setdefault("OMP_NUM_THREADS", str(max(len(cpus) // local_size, 1)))
    interface = interface_towards(order["master_address"]) if order["master_address"] else None
    for name in order["interface_variables"]:
        if interface:
            env.setdefault(name, interface)
    if order["places_oneccl"]:
        env.update(CCL_LOCAL_RANK=str(local_rank), CCL_LOCAL_SIZE=str(local_size))
        if env.get("CCL_WORKER_COUNT", "1") == "1":
            pinned = [str(cpus[-1 - each % len(cpus)]) for each in range(local_size)]
            env.setdefault("CCL_WORKER_AFFINITY", ",".join(pinned))


def seat_of(order, rank, local_rank):
    """Return CPUs and NUMA nodes of a rank, both empty where it is not bound."""
    settings = order.get("hosts", {}).get(order["seats"][rank][0])
    if settings is None:
        return (), ()
    own = settings["ranks"][local_rank]
    return tuple(own["cpus"]), tuple(own["nodes"])


def first_act(cpus, nodes):
    """Return what a rank does between fork and exec: die with its keeper, take its CPUs, memory and open files.

    Binding does what ``numactl --physcpubind --membind`` does, and needs no such program. A kernel that allows none of
    it (containers often forbid memory policies) leaves the rank unbound, and it runs all the same.
    """
    parent = os.getpid()
    libc = ctypes.CDLL(None)
    call = SET_MEMPOLICY.get(platform.machine())
    mask = (ctypes.c_ulong * 16)()
    for node in nodes:
        mask[node // 64] |= 1 << node % 64

    def act():
        libc.prctl(PR_SET_PDEATHSIG, SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        if cpus:
            try:
                os.sched_setaffinity(0, cpus)
            except OSError:
                pass
        if nodes and call is not None:
            libc.syscall(call, MPOL_BIND, mask, 16 * 64)
        raise_open_files()

    return act


def raise_open_files():
    """Let a rank have as many open files as it may: data loaders take one for each tensor that they hand over."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            pass
