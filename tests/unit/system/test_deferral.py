from __future__ import annotations

import os
import signal
import threading

import pytest

from ipexenv.system.deferral import signals_deferred


def test_a_signal_comes_after_the_block() -> None:
    done = []

    def interrupted_work() -> None:
        with signals_deferred():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("the block went on")

    with pytest.raises(KeyboardInterrupt):
        interrupted_work()
    assert done == ["the block went on"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_of_the_block_leaves_the_handlers_as_they_were() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ZeroDivisionError), signals_deferred():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGTERM) == before


def test_other_threads_do_not_touch_the_handlers() -> None:
    seen = []

    def look() -> None:
        with signals_deferred():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
