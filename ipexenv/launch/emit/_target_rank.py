"""Start one rank on its share of the cores that this host gives to the job, whatever launcher has started it."""

# ruff: noqa: S606 (a rank without a shell between is the point)
# Usage: python -c THIS-TEXT '{"ranks": 2, "cpus": 28, ...}' PROGRAM [ARGUMENT ...]; what is set already stays.
import glob
import importlib.util
import json
import os
import resource
import sys

env = os.environ
wish, program = json.loads(sys.argv[1]), sys.argv[2:]
for name, others in {
    "RANK": ("SLURM_PROCID", "PMI_RANK", "OMPI_COMM_WORLD_RANK"),
    "WORLD_SIZE": ("SLURM_NTASKS", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE"),
    "LOCAL_RANK": ("SLURM_LOCALID", "MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK"),
    "LOCAL_WORLD_SIZE": ("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE"),
}.items():
    for other in others:
        if other in env:
            env.setdefault(name, env[other])
ranks, rank = wish["ranks"], int(env.get("LOCAL_RANK", "0"))
env.setdefault("LOCAL_WORLD_SIZE", str(ranks))


def place(cpu):
    """Return the NUMA node of a CPU and the name of its core, by which CPUs are put side by side."""
    folder = "/sys/devices/system/cpu/cpu%d/" % cpu
    nodes = [int(path.rpartition("node")[2]) for path in glob.glob(folder + "node[0-9]*")]
    try:
        with open(folder + "topology/thread_siblings_list") as file:
            siblings = file.read().strip()
    except OSError:
        siblings = str(cpu)
    return min(nodes or [0]), int(siblings.replace("-", ",").split(",")[0])


cores = {}
for cpu in sorted(os.sched_getaffinity(0)):
    cores.setdefault((*place(cpu), cpu if wish["logical"] else 0), []).append(cpu)
cores = [cores[key][0] for key in sorted(cores)]
if wish["bound"] and len(cores) <= wish["cpus"]:  # the launcher has given each rank its own
    shares = [cores] * ranks
elif len(cores) <= ranks * wish["cpus"] or len(os.sched_getaffinity(0)) <= ranks * wish["cpus"]:
    share = len(cores) // ranks
    shares = [cores[n * share : (n + 1) * share] for n in range(ranks)]
else:  # other jobs share these cores: whoever binds to the first of them would sit there with all the others
    shares = []
if wish["bind"] and shares and shares[0]:
    kept = wish["reserved"] if len(shares[0]) > wish["reserved"] else 0
    compute = shares[rank][kept:]
    workers = [cpus[:kept] or (cpus[::-1] * wish["shared"])[: wish["shared"]] for cpus in shares]
    if workers[0]:
        env.setdefault("CCL_WORKER_AFFINITY", ",".join(str(cpu) for cpus in workers for cpu in cpus))
    os.sched_setaffinity(0, compute)
    if wish["fit"]:
        env["OMP_NUM_THREADS"] = str(min(int(env.get("OMP_NUM_THREADS") or len(compute)), len(compute)))
    if wish["kmp"] and len(compute) > 1:
        env.setdefault("KMP_AFFINITY", wish["kmp"])
else:
    for name in wish["binding"]:
        env.pop(name, None)
    if wish["bind"] and rank == 0:
        print("ranks are not bound: %d cores for %d ranks of %d" % (len(cores), ranks, wish["cpus"]), file=sys.stderr)

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # data loaders hold a file for each tensor handed over
files = 65536 if hard < 0 else min(hard, 65536)
if 0 <= soft < files:
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
if env.get("CCL_PROCESS_LAUNCHER") == "none":
    env.setdefault("CCL_LOCAL_RANK", str(rank))
    env.setdefault("CCL_LOCAL_SIZE", env["LOCAL_WORLD_SIZE"])
for name in [each for each in wish["preload"] if each not in env.get("LD_PRELOAD", "")]:
    for folder in (sys.prefix + "/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/local/lib", "/usr/lib"):
        if os.path.exists(folder + "/" + name):
            env["LD_PRELOAD"] = ":".join(filter(None, [env.get("LD_PRELOAD"), folder + "/" + name]))
            break
found = importlib.util.find_spec(wish["package"]) if wish["package"] else None
for name, text in wish["relative"].items() if found else ():
    value = text.replace("{package}", next(iter(found.submodule_search_locations)))
    if name in ("LD_LIBRARY_PATH", "PATH"):
        env[name] = ":".join(filter(None, [value, env.get(name)]))
    env.setdefault(name, value)
os.execvp(program[0], program)  # the rank takes this process, so that signals and exit code are its own
