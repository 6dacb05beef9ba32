"""How to bring about the failures of the catalogue for real: small programs that fail as users' programs do."""

from __future__ import annotations

from tests.integration import provocations_intel, provocations_torch
from tests.integration.provocation import Provocation, python

PIP = (
    Provocation(cause="no-matching-distribution", command="$NO_CONFIG $PIP install --no-index nonesuch==9.9"),
    Provocation(cause="bindings-not-on-index", command="$NO_CONFIG $PIP install --no-index oneccl_bind_pt==2.7.0"),
    Provocation(cause="local-version-suffix", command="$NO_CONFIG $PIP install --no-index torch==2.1.0+cpu"),
    Provocation(cause="ipex-no-wheel-here", command="$NO_CONFIG $PIP install --no-index intel-extension-for-pytorch"),
    Provocation(
        cause="http-forbidden", command="$PIP install --no-cache-dir --index-url $SITE/forbidden/simple some-package"
    ),
    Provocation(
        cause="read-timeout",
        command="$PIP --timeout 1 --retries 0 install --no-cache-dir $SITE/stalled/some_package-1.0-py3-none-any.whl",
    ),
    Provocation(
        cause="hash-mismatch",
        command="echo some-package==1.0 --hash=sha256:$(printf %064d 0) > $TMP/r.txt;"
        " $PIP install --no-cache-dir --require-hashes --index-url $SITE/simple -r $TMP/r.txt",
    ),
    Provocation(
        cause="dependency-conflict",
        command="$PIP install --dry-run --no-cache-dir --index-url $SITE/simple some-package==1.0 needs-two",
    ),
    Provocation(
        cause="uv-no-solution",
        command="$UV pip install --python $PY --dry-run --no-cache --default-index $SITE/simple"
        " some-package==1.0 needs-two",
    ),
    Provocation(
        cause="wheel-not-supported",
        command="touch $TMP/torch-2.3.0-cp36-cp36m-win_amd64.whl;"
        " $PIP install --no-index $TMP/torch-2.3.0-cp36-cp36m-win_amd64.whl",
    ),
    Provocation(cause="pip-check-is-blind", command="$PIP --python $PY check", where="native213"),
    Provocation(
        cause="yanked-versions-ignored",
        command="$PIP install --dry-run --no-deps 'intel-extension-for-pytorch==2.5.*'",
    ),
    Provocation(
        cause="tls-certificate",
        command="$PIP --retries 0 install --no-cache-dir --index-url $TLS_SITE/simple some-package",
    ),
    Provocation(
        cause="certificate-expired",
        command="env -u REQUESTS_CA_BUNDLE -u CURL_CA_BUNDLE $PIP --retries 0 --cert $EXPIRED_AUTHORITY"
        " install --no-cache-dir --index-url $EXPIRED_SITE/simple some-package",
    ),
    Provocation(
        cause="yanked-versions-ignored",
        command="$NO_CONFIG $PIP install --dry-run --no-cache-dir --no-deps --index-url $SITE/yanked"
        " 'intel-extension-for-pytorch~=2.5.0'",
        name="of a page",
    ),
    Provocation(
        cause="yanked-version-chosen",
        command="$NO_CONFIG $PIP install --dry-run --no-cache-dir --no-deps --index-url $SITE/yanked"
        " intel-extension-for-pytorch==2.5.0",
    ),
    Provocation(
        cause="disk-full",
        command="$PIP install --no-cache-dir --no-index --target $TMP/disk/packages $LARGE_WHEEL",
        around="small disk",
        name="while pip installs",
    ),
)

SYSTEM = (
    Provocation(cause="disk-full", command="$PY -c 'print(1)' > /dev/full"),
    Provocation(cause="preload-missing", command="true | cat", env={"LD_PRELOAD": "/nowhere/libiomp5.so"}),
    Provocation(cause="libmpi-missing", command=python('import ctypes; ctypes.CDLL("libmpi.so.12")')),
    Provocation(cause="libccl-missing", command=python('import ctypes; ctypes.CDLL("libccl.so.1")')),
    Provocation(cause="libccl-sycl-build", command=python('import ctypes; ctypes.CDLL("libsvml.so")')),
    Provocation(cause="mpirun-missing", command="PATH=/nowhere; mpirun -n 2 true"),
    Provocation(cause="numactl-missing", command="PATH=/nowhere; numactl -C 0 true"),
    Provocation(cause="script-missing", command="$PY nowhere/train.py"),
    Provocation(
        cause="too-many-files",
        command="ulimit -n 32; " + python('files = [open("/dev/null") for _ in range(64)]'),
    ),
    Provocation(cause="name-resolution", command=python('import socket; socket.getaddrinfo("nonesuch.invalid", 1)')),
    Provocation(cause="torch-not-installed", command="$BARE -c 'import torch'"),
    Provocation(cause="segmentation-fault", command="(sh -c 'kill -SEGV $$'); true"),
    Provocation(cause="illegal-instruction", command="(sh -c 'kill -ILL $$'); true"),
)

ALL = (*PIP, *SYSTEM, *provocations_torch.ALL, *provocations_intel.ALL)
