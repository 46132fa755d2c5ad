# SPDX-License-Identifier: Apache-2.0
"""Threads that share the tasks of a call, and that neither Ctrl-C nor a fork leaves in between."""
from __future__ import annotations

import _thread
import ctypes
import itertools
import os
import sys
from _queue import SimpleQueue  # the standard one, which gevent does not replace
from collections import deque
from collections.abc import Callable, Sequence
from ctypes import c_int, c_void_p
from functools import cache
from typing import Any


def processors() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# The helpers never end, and Python ends the process if an interpreter inside of another has a thread left at its end.
_this_interpreter, _main_interpreter = (ctypes.PYFUNCTYPE(c_void_p)((f"PyInterpreterState_{which}", ctypes.pythonapi))()
                                        for which in ("Get", "Main"))
_gevent: Any = sys.modules.get("gevent.monkey")  # which replaces the threads of the system
_start_thread = _gevent.get_original("_thread", "start_new_thread") if _gevent else _thread.start_new_thread


class _Pool:
    """Threads that wait for work.

    The pool of concurrent.futures ends with the main thread, and a Ctrl-C inside its `submit` can leave one of its
    locks held. Here a caller uses only operations that are single calls of C.
    """

    def __init__(self) -> None:
        self.queue, self.threads = SimpleQueue[tuple[Callable[..., Any], Any]](), dict[int, object]()

    def submit(self, work: Callable[..., Any], argument: Any, number: int = 0) -> None:
        """Raises RuntimeError if the thread with this number does not exist and cannot be started."""
        mine = object()
        try:
            if self.threads.setdefault(number, mine) is mine:
                if _this_interpreter != _main_interpreter:
                    raise RuntimeError("an interpreter inside of another may leave no threads behind")
                _start_thread(self._serve, (number,))
        except BaseException:
            if self.threads.get(number) is mine:
                self.threads.pop(number, None)
            raise
        self.queue.put((work, argument))

    def _serve(self, number: int) -> None:
        try:
            while True:
                work, argument = self.queue.get()
                work(argument)
                del work, argument  # frees them while the thread waits
        finally:
            self.threads.pop(number, None)


@cache
def _pool() -> _Pool:
    return _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child process does not have these threads


# Locks whose acquisition no signal interrupts. Python's own lock methods stop at Ctrl-C, and a loop that tries again
# can itself be interrupted between two of its instructions.
_allocate = ctypes.PYFUNCTYPE(c_void_p)(("PyThread_allocate_lock", ctypes.pythonapi))
_acquire = ctypes.CFUNCTYPE(c_int, c_void_p, c_int)(("PyThread_acquire_lock", ctypes.pythonapi))  # without the GIL
_release = ctypes.PYFUNCTYPE(None, c_void_p)(("PyThread_release_lock", ctypes.pythonapi))
_free = ctypes.PYFUNCTYPE(None, c_void_p)(("PyThread_free_lock", ctypes.pythonapi))


class _Shared:
    """Tasks that the calling thread and helpers do; without helpers, the calling thread does them all."""

    locks: Sequence[int] = ()  # for an object whose __init__ was interrupted

    def __init__(self, work: Callable[[int], None], count: int, helpers: int) -> None:
        self.locks = [lock for lock in (_allocate() for _ in range(helpers)) if lock]  # held by working helpers
        self.work, self.tasks, self.errors, self.closed = work, deque(range(count)), dict[int, Exception](), False
        self.left = deque[int]()  # tasks of helpers with too little stack; nothing was written

    def __del__(self) -> None:
        for lock in self.locks:
            _free(lock)

    def some(self, helps: bool = False) -> None:
        """Does tasks in order until one fails; the first task that would fail has then already started."""
        while self.tasks and not self.closed:
            try:
                i = self.tasks.popleft()
            except IndexError:
                return
            try:
                self.work(i)
            except Exception as error:
                if helps and isinstance(error, RecursionError):
                    self.left.append(i)
                    return
                self.errors[i], self.closed = error, True

    def help(self, lock: int) -> None:
        if _acquire(lock, 0):  # not acquired: the call has ended
            try:
                self.some(helps=True)
            finally:
                _release(lock)

    def run(self) -> None:
        helpers_have_ended = map(_acquire, self.locks, itertools.repeat(1))
        try:
            try:
                for i, lock in enumerate(self.locks):
                    _pool().submit(self.help, lock, i)
            except RuntimeError:  # no thread can start: the system has no more, or the interpreter ends
                pass
            self.some()
        finally:
            self.closed = True
            deque(helpers_have_ended, 0)  # one call of C, which nothing interrupts; run keeps the locks
            work = self.work
            del self.work  # the queue may keep a reference to self
        for i in sorted(self.left):
            if i < min(self.errors, default=i + 1):
                work(i)
        if self.errors:
            errors, self.errors = self.errors, {}
            raise errors.pop(min(errors))


def share(work: Callable[[int], None], count: int, threads: int | None) -> None:
    """Calls work(0) to work(count - 1), here and on threads of the pool.

    All calls have ended when it returns or raises any exception. ctypes releases the interpreter's lock.
    """
    helpers = min(count, count if threads is None else threads, processors()) - 1 if count > 1 else 0
    if helpers > 0:
        _Shared(work, count, helpers).run()
    else:
        for i in range(count):
            work(i)
