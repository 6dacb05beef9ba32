"""Programs whose output has nothing to do with the catalogue: healthy runs, and failures of Python's everyday.

Two hundred small programs, run in a few interpreters: their logs must not be explained by what they do not show.
"""

from __future__ import annotations

_RAISED = (
    "1 / 0", "[][1]", "{}['missing']", "int('x')", "float('nope')", "None.append(1)", "undefined_name", "'a' + 1",
    "open('/nowhere/at/all')", "import nonesuch_module_here", "from json import nothing_there",
    "assert 1 == 2, 'sums'",
    "raise KeyboardInterrupt", "raise SystemExit('leaving early')", "raise ValueError('bad learning rate: -1')",
    "raise RuntimeError('the queue is closed')", "raise TimeoutError('the lock was held too long')", "next(iter(()))",
    "raise NotImplementedError", "import json; json.loads('{')", "import ast; ast.parse('def')", "exec('x = = 1')",
    "b'\\xff'.decode()", "'\\ud800'.encode()", "import struct; struct.pack('B', 300)", "def f(): f()\nf()",
    "import pickle; pickle.loads(b'x')", "import zipfile; zipfile.ZipFile(__import__('io').BytesIO(b'no'))",
    "import subprocess; subprocess.run(['false'], check=True)",
    "import sqlite3; sqlite3.connect(':memory:').execute('x')",
    "import csv; list(csv.reader(['\\0'], strict=True)); raise csv.Error('line 3 has 4 fields, 5 expected')",
    "import decimal; decimal.Decimal('x')", "import re; re.compile('(')",
    "import datetime; datetime.date(2026, 13, 1)",
    "import asyncio\nasync def f(): raise OSError('sensor')\nasyncio.run(f())",
    "import threading; threading.Lock().release()",
    "import argparse; argparse.ArgumentParser().parse_args(['--what'])", "class A: pass\nA().x",
    "class A(int, str): pass",
    "import os; os.rmdir('/')", "import socket; socket.socket().connect(('127.0.0.1', 'x'))",
    "raise ExceptionGroup('g', [ValueError(1)])",
    "import tomllib; tomllib.loads('=')", "import gzip; gzip.decompress(b'plain')",
    "import base64; base64.b64decode('a', validate=True)",
    "import uuid; uuid.UUID('x')", "import ipaddress; ipaddress.ip_address('300.1.1.1')",
    "import urllib.parse as u; u.urlsplit('http://[')",
    "import shutil; shutil.copy('/nowhere', '/tmp')",
    "import configparser; configparser.ConfigParser().read_string('x')",
)  # fmt: skip
_HEALTHY = (
    "print('epoch 1 loss 0.5')", "import sys; print(sys.version)", "import this",
    "print('error rate: 0.01, failed: 0')",
    "import logging; logging.basicConfig(); logging.error('retrying (1 of 3)')",
    "print('no errors found, 0 failures')",
    "import warnings; warnings.warn('old option', DeprecationWarning)",
    "print('connected to db, timeout=30 s, killed=0')",
    "for i in range(200): print(f'step {i} loss {1 / (i + 1):.4f} lr 5e-05')",
    "print('CCL_WORKER_COUNT=1 OMP_NUM_THREADS=4')",
    "print('using backend gloo, world size 2')", "print('torch 2.8.0 transformers 4.52 accelerate 1.7')",
    "print('bf16=True use_cpu=True')",
    "import unittest\nclass T(unittest.TestCase):\n def test(self): self.fail('no')\nunittest.main(argv=['t'])",
    "import unittest\nclass T(unittest.TestCase):\n def test(self): pass\nunittest.main(argv=['t'])",
    "import timeit; print(timeit.timeit('1', number=1))",
    "import doctest; print(doctest.testmod())", "import platform; print(platform.uname())",
    "import sysconfig; print(sysconfig.get_paths())",
    "import os; print(sorted(os.environ))",
)  # fmt: skip
_SHELL = (
    "ls /nowhere/at/all", "cat /nowhere/file", "grep -c x /dev/null", "mkdir /proc/x", "cd /nowhere/dir", "false",
    "exit 3",
    "nonesuch-program --flag", "python3 -m nonesuch_module", "python3 -m pip --version", "git -C / status",
    "tar xf /nowhere.tar",
    "cp /nowhere /tmp", "sh -c 'exit 127'", "kill -0 999999999", "test -f /nowhere || echo missing", "date",
    "uname -a", "df -h /",
    "ulimit -a", "python3 --nonesuch-flag", "python3 -c 'print(1)'", "echo CUDA_VISIBLE_DEVICES=",
    "env | sort | head -3",
    "ps aux | head -3", "make -f /nowhere", "sort /nowhere", "head -c 10 /dev/zero | od", "rm /nowhere/file",
    "find /nowhere",
    "python3 -m pip list --format freeze | head -5", "python3 -m pip show pip",
    "python3 -m pip help install | head -40",
    "python3 -m compileall -q /nowhere", "python3 -m json.tool /nowhere",
    "python3 -m http.server --bind nowhere 0 --help",
    "python3 -m venv --help", "python3 -m zipfile -l /nowhere.zip", "python3 -m timeit -n 1 pass",
    "python3 -m tabnanny /nowhere",
    "python3 -m calendar 2026 1", "python3 -m pip install --nonesuch-option",
    "bash -c 'for i in 1 2 3; do echo step $i; done'",
)  # fmt: skip

TORCH = (
    "import torch; print(torch.ones(2) + torch.ones(3))", "import torch; torch.ones(2, 3) @ torch.ones(2, 3)",
    "import torch; print(torch.__config__.show())", "import torch; torch.nn.Linear(2, 2)(torch.ones(3))",
    "import torch; torch.load('/nowhere.pt')", "import torch; torch.ones(2, requires_grad=True).backward()",
    "import torch; torch.tensor('x')", "import torch; torch.zeros(2)[5]",
    "import torch; torch.nn.Linear(2, 2).load_state_dict({})",
    "import torch; m = torch.nn.Linear(2, 2); [print(m(torch.ones(2)).sum().item()) for _ in range(3)]",
    "import torch; torch.optim.SGD([], lr=0.1)", "import torch; torch.cat([])", "import torch; torch.ones(2).view(3)",
    "import torch; torch.nn.functional.cross_entropy(torch.ones(1, 2), torch.tensor([5]))",
    "import torch; print(torch.backends.mkldnn.is_available())",
    "import torch.distributed as d; d.init_process_group('gloo', store=d.HashStore(), rank=0, world_size=1)",
    "import torch; torch.manual_seed('x')", "import torch; torch.jit.script(lambda x: x)",
    "import torch; print(torch.get_num_threads())",
    "import torch; torch.utils.data.DataLoader([], batch_size=0)",
)  # fmt: skip

PLAIN = (*((code, "python") for code in (*_RAISED, *_HEALTHY)), *((line, "shell") for line in _SHELL))
