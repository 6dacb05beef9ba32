"""Connects the ranks by oneCCL alone, without torch, as Intel's bindings do: what fails there, fails here in its words.

``ONECCL`` names the library. Without a ``VERSION`` it is the 2021 oneCCL that IPEX 2.3 to 2.7 and Intel's bindings
bring, which has a C++ interface: all of its arguments here are addresses, so that ctypes can call it. ``VERSION=2022``
takes the C interface. The ranks meet by a file in ``TMP``. After ``PATIENCE`` seconds they tell where they hang.
"""

import ctypes
import faulthandler
import os
import sys
import time

LIMIT_S = 30


def place():
    """Return rank and number of ranks, which mpirun gives or the shell."""
    rank = os.environ.get("PMI_RANK") or os.environ["RANK"]
    return int(rank), int(os.environ.get("PMI_SIZE") or os.environ["WORLD_SIZE"])


def shared(make, buffer, rank):
    """Have rank 0 fill the buffer, and give it to all."""
    path = os.path.join(os.environ["TMP"], "address")
    if rank == 0:
        make()
        with open(path + "~", "wb") as file:
            file.write(bytes(buffer))
        os.rename(path + "~", path)
        return
    deadline = time.monotonic() + LIMIT_S
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            sys.exit("rank 0 has not come")
        time.sleep(0.02)
    with open(path, "rb") as file:
        ctypes.memmove(ctypes.addressof(buffer), file.read(), ctypes.sizeof(buffer))


def connect_2021(ccl, rank, size):
    """Make a communicator with the C++ interface: results and class arguments go by hidden pointers (Itanium ABI)."""

    def attributes(kind):
        return ctypes.byref(ctypes.c_char.in_dll(ccl, f"_ZN3ccl2v1{kind}E"))

    key_values, address, communicator = (ctypes.c_void_p * 2)(), (ctypes.c_char * 256)(), (ctypes.c_void_p * 8)()

    def main_key_values():
        ccl._ZN3ccl2v115create_main_kvsERKNS0_8kvs_attrE(ctypes.byref(key_values), attributes("16default_kvs_attr"))
        ccl._ZNK3ccl2v13kvs11get_addressEv(ctypes.byref(address), ctypes.c_void_p(key_values[0]))

    shared(main_key_values, address, rank)
    if rank:
        ccl._ZN3ccl2v110create_kvsERKSt5arrayIcLm256EERKNS0_8kvs_attrE(
            ctypes.byref(key_values), ctypes.byref(address), attributes("16default_kvs_attr")
        )
    ccl._ZN3ccl2v119create_communicatorEiiSt10shared_ptrINS0_13kvs_interfaceEERKNS0_9comm_attrE(
        ctypes.byref(communicator), size, rank, ctypes.byref(key_values), attributes("17default_comm_attr")
    )


class Identity(ctypes.Structure):
    """onecclUniqueId."""

    _fields_ = [("data", ctypes.c_char * 4096)]


def connect_2022(ccl, rank, size):
    """Make a communicator with the C interface."""
    ccl.onecclCommInitRank.argtypes = (ctypes.c_void_p, ctypes.c_size_t, Identity, ctypes.c_int)
    identity, communicator = Identity(), ctypes.c_void_p()
    shared(lambda: ccl.onecclGetUniqueId(ctypes.byref(identity)), identity, rank)
    code = ccl.onecclCommInitRank(ctypes.byref(communicator), size, identity, rank)
    if code:
        sys.exit(f"oneCCL answered {code}")


if __name__ == "__main__":
    if "PATIENCE" in os.environ:
        faulthandler.dump_traceback_later(int(os.environ["PATIENCE"]), exit=True)
    connect = connect_2022 if os.environ.get("VERSION") == "2022" else connect_2021
    connect(ctypes.CDLL(os.environ["ONECCL"]), *place())
    print("connected", flush=True)
    if "PMI_RANK" in os.environ:  # mpirun takes a rank that leaves without a word for one that failed
        ctypes.CDLL("libmpi.so.12").MPI_Finalize()
        os._exit(0)
