# SPDX-License-Identifier: Apache-2.0
"""A call that fails or is interrupted has ended when it raises: nothing of it is written later. XENT_ENDINGS says how
many such calls are made of each kind."""
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import deque

import numpy as np
import pytest

import pyxent
from pyxent import _call, _threads

CALLS = int(os.environ.get("XENT_ENDINGS", 500))
LOGITS = np.zeros((16, 3000), np.float32)
EXPECTED = pyxent.softmax(LOGITS, threads=1).tobytes()
pytestmark = pytest.mark.skipif(_threads.processors() < 2, reason="one processor: there are no helpers")


@pytest.fixture(autouse=True)
def small_calls_have_helpers(monkeypatch):
    monkeypatch.setattr(_call, "_PER_THREAD", 1 << 10)


def wait_for_the_pool():
    """Until all that was queued is done."""
    threads = list(_threads._pool().threads)
    last = threading.Barrier(1 + len(threads))
    for number in threads:
        _threads._pool().submit(last.wait, 600, number)
    last.wait(600)


class Watched:
    """Arrays of calls that raised: their owner writes 7 into them at once, and looks when the calls are long over."""

    def __init__(self):
        self.arrays, self.raised, self.written_later = deque(), 0, 0

    def add(self, out):
        self.raised += 1
        out.fill(7)
        self.arrays.append(out)
        if len(self.arrays) > 32:
            self.look()

    def look(self):
        self.written_later += int((self.arrays.popleft() != 7).sum()) * 4

    def end(self):
        wait_for_the_pool()
        while self.arrays:
            self.look()
        print(f"\n{self.raised} calls raised, {self.written_later} bytes written after that")
        assert self.raised and not self.written_later


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGALRM and no setitimer")
def test_interrupted_calls():
    """In its own process, as pytest and others have functions that run at any time and cannot be interrupted."""
    run = subprocess.run([sys.executable, __file__], stdout=subprocess.PIPE, text=True, timeout=60 + CALLS // 20)
    print(run.stdout)
    assert run.returncode == 0


def make_interrupted_calls():
    """Signals come at any time, also while a call deals with one before."""
    interrupts = [0, 0]

    def interrupt(_, frame):
        while frame:
            if frame.f_code is pyxent.softmax.__code__:  # not in the lines of the test
                interrupts[0] += 1
                interrupts[1] -= 1
                if interrupts[1]:
                    signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 3e-4))
                raise KeyboardInterrupt
            frame = frame.f_back

    watched, before = Watched(), signal.signal(signal.SIGALRM, interrupt)
    try:
        while watched.raised < CALLS:
            out = np.zeros_like(LOGITS)
            if watched.raised % 2:  # helpers come late
                _threads._pool().submit(time.sleep, random.random() * 1e-3)
            interrupts[1] = 4  # at most, in one call
            signal.setitimer(signal.ITIMER_REAL, random.uniform(2e-5, 6e-4))
            try:
                pyxent.softmax(LOGITS, out=out, threads=2)
            except KeyboardInterrupt:
                watched.add(out)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    print(f"\n{interrupts[0]} interrupts")
    watched.end()


def test_calls_of_which_one_thread_fails(monkeypatch):
    invoke = _call.Call.invoke

    def failing(self, function, options, begin, *rest, **named):
        if begin == failing.at:
            raise MemoryError("of a test")
        return invoke(self, function, options, begin, *rest, **named)

    monkeypatch.setattr(_call.Call, "invoke", failing)
    watched = Watched()
    while watched.raised < CALLS:
        out, failing.at = np.zeros_like(LOGITS), random.choice((0, 4, 8, 12))
        with pytest.raises(MemoryError):
            pyxent.softmax(LOGITS, out=out, threads=4)
        watched.add(out)
    watched.end()


def test_without_threads_the_calling_one_does_it(monkeypatch):
    start, refused = _threads._start_thread, []

    def sometimes(*given):
        if random.random() < 0.9:
            refused.append(given)
            raise RuntimeError("can't start new thread")
        return start(*given)

    monkeypatch.setattr(_threads, "_start_thread", sometimes)
    for _ in range(CALLS):
        _threads._pool.cache_clear()
        out = np.zeros_like(LOGITS)
        assert pyxent.softmax(LOGITS, out=out, threads=2).tobytes() == EXPECTED
    assert refused
    monkeypatch.undo()
    _threads._pool.cache_clear()


def test_threads_with_little_stack_leave_it_to_the_calling_one():
    """A program with many threads has small stacks; native code raises there."""
    _threads._pool.cache_clear()
    before = threading.stack_size(1 << 16)
    try:
        for _ in range(20):
            out = np.zeros_like(LOGITS)
            assert pyxent.softmax(LOGITS, out=out, threads=2).tobytes() == EXPECTED
            wait_for_the_pool()  # which has had its chance to help
        assert _threads._pool().threads
    finally:
        threading.stack_size(before)
        _threads._pool.cache_clear()


def test_calls_while_helpers_are_busy(monkeypatch):
    """The pool never gets to them: the call does all itself, and leaves nothing behind that writes."""
    _threads._pool.cache_clear()
    free = threading.Event()
    for number in range(_threads.processors()):
        _threads._pool().submit(free.wait, 60, number)
    out = np.zeros_like(LOGITS)
    assert pyxent.softmax(LOGITS, out=out, threads=2).tobytes() == EXPECTED
    out.fill(7)
    free.set()
    wait_for_the_pool()
    assert (out == 7).all()


def test_callers_at_the_same_time_start_a_thread_once(monkeypatch):
    _threads._pool.cache_clear()
    start, started = _threads._start_thread, []

    def slow(*given):
        started.append(given)
        if len(started) == 1:
            pyxent.softmax(LOGITS, out=np.zeros_like(LOGITS), threads=2)  # of another caller
        return start(*given)

    monkeypatch.setattr(_threads, "_start_thread", slow)
    pyxent.softmax(LOGITS, out=np.zeros_like(LOGITS), threads=2)
    assert len(started) == 1


def test_a_thread_that_ended_is_followed_by_another():
    done = threading.Event()
    _threads._pool().submit(sys.exit, None)
    for _ in range(100):
        _threads._pool().submit(lambda _: done.set(), None)
        if done.wait(0.1):
            break
    assert done.is_set()


@pytest.mark.parametrize("first", ["gevent", "pyxent"])
def test_threads_are_those_of_the_system_whatever_gevent_puts_in_their_place(first):
    """Gevent's run when the main thread waits; a queue of the system's would wait in one of them for ever."""
    program = f"""if True:
        import _thread, queue, sys, types, numpy as np
        if "{first}" == "pyxent":
            import pyxent
        start = _thread.start_new_thread
        sys.modules["gevent.monkey"] = types.SimpleNamespace(get_original=lambda *_: start)
        _thread.start_new_thread = queue.SimpleQueue = None
        import pyxent
        from pyxent import _call, _threads
        _call._PER_THREAD = 1 << 10
        pyxent.softmax(np.zeros((16, 3000), np.float32), threads=2)
        assert _threads._pool().threads
    """
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize("isolated", [True, False])
def test_an_interpreter_inside_another_ends(isolated):
    """Those that are not isolated allow threads that Python does not join, and end the process if one is left."""
    interpreters = pytest.importorskip("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
    kind = repr("isolated" if isolated else "legacy") if sys.version_info >= (3, 13) else f"isolated={isolated}"
    inside = f"""if True:
        import sys
        sys.path[:] = {sys.path!r}
        import pyxent
        x = memoryview(bytearray(4 * 16 * 200000)).cast("B").cast("f", (16, 200000))
        print(pyxent.softmax(x).shape, flush=True)
    """
    program = f"""if True:
        import sys
        import {interpreters.__name__} as interpreters
        inner = interpreters.create({kind})
        failed = interpreters.run_string(inner, {inside!r})
        interpreters.destroy(inner)
        sys.exit(failed)
    """
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    if "does not support loading" in run.stderr:
        pytest.skip("_ctypes cannot be loaded there")
    assert (run.returncode, run.stdout) == (0, "(16, 200000)\n"), run.stderr


@pytest.mark.parametrize("ending", ["thread", "atexit", "__del__"])
def test_calls_after_the_main_thread_has_ended(ending):
    program = f"""if True:
        import atexit, threading, time
        import numpy as np, pyxent
        from pyxent import _call
        _call._PER_THREAD = 1 << 10
        x = np.zeros((16, 3000), np.float32)
        pyxent.softmax(x, threads=2)
        def late(softmax=pyxent.softmax):
            threading.main_thread().join() if "{ending}" == "thread" else None
            print(softmax(x, threads=2).shape, flush=True)
        class AtTheEnd:
            def __del__(self, late=late):
                late()
        if "{ending}" == "thread":
            threading.Thread(target=late).start()
        elif "{ending}" == "atexit":
            atexit.register(late)
        else:
            kept = AtTheEnd()
    """
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout, run.stderr) == (0, "(16, 3000)\n", "")


if __name__ == "__main__":
    _call._PER_THREAD = 1 << 10
    make_interrupted_calls()
