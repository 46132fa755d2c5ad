#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the cross-entropy of a linear layer with PyTorch's linear and cross_entropy, alternating on one thread.

linear_pytorch.py LIBRARY time [ROUNDS [ROWSxFEATURESxCLASSES ...]]     losses, and losses with gradients
linear_pytorch.py LIBRARY memory ROWSxFEATURESxCLASSES ours|torch       most memory beyond inputs and results, in MiB
linear_pytorch.py LIBRARY accuracy                                      rms and largest errors relative to float64
"""
import ctypes
import pathlib
import re
import statistics
import sys
import time

import numpy as np
import torch
from torch.nn.functional import cross_entropy, linear

HEADER = (pathlib.Path(__file__).parents[2] / "include" / "xent.h").read_text()
HIDDEN, LOGITS, WEIGHTS = 8, 16, 1  # XENT_WORKSPACE_..._GRADIENT, _LOGITS
F32, I32 = 1, 8


class Layout(ctypes.Structure):
    _fields_ = [("outer", ctypes.c_int64), ("classes", ctypes.c_int64), ("inner", ctypes.c_int64),
                ("type", ctypes.c_int32), ("reserved", ctypes.c_int32)]


class Array(ctypes.Structure):
    _fields_ = [("address", ctypes.c_void_p), ("layout", Layout)]


def members(struct):
    """Names of the fields of a struct, in order, from the header."""
    body = re.search(rf"typedef struct {struct} \{{(.*?)\n\}} {struct};", HEADER, re.S).group(1)
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
    for line in filter(None, map(str.strip, body.split(";"))):
        kind, names = re.match(r"((?:const )?\w+)\s+(.*)", line, re.S).groups()
        for name in names.split(","):
            yield kind, name.strip()


class Sizes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for _, name in members("xent_sizes")]


TYPES = {"xent_sizes": Sizes, "xent_input": Array, "xent_output": Array, "uint64_t": ctypes.c_uint64}


class Call(ctypes.Structure):
    _fields_ = [(name.lstrip("*"), ctypes.c_void_p if "*" in name else TYPES[kind])
                for kind, name in members("xent_linear_cross_entropy_call")]


def array(tensor):
    if tensor.dim() == 1:
        return Array(tensor.data_ptr(), Layout(1, 0, 1, I32 if tensor.dtype == torch.int32 else F32, 0))
    return Array(tensor.data_ptr(), Layout(tensor.shape[1], 1, 1, F32, 0))


class Ours:
    def __init__(self, library, x, w, labels, gradients, keep):
        self.library = ctypes.CDLL(library)
        size = self.library.xent_linear_workspace
        size.restype, size.argtypes = ctypes.c_uint64, [ctypes.c_int64] * 3 + [ctypes.c_int32]
        rows, features = x.shape
        contents = (HIDDEN | WEIGHTS if gradients else 0) | (LOGITS if keep else 0)
        bytes_ = size(rows, features, w.shape[0], contents)
        self.workspace = torch.empty(bytes_ + 64, dtype=torch.uint8)
        self.losses = torch.empty(rows)
        self.dx, self.dw = (torch.empty_like(x), torch.empty_like(w)) if gradients else (None, None)
        self.kept = (x, w, labels.to(torch.int32))
        self.call = Call(size=ctypes.sizeof(Call), hidden=array(x), weights=array(w), targets=array(self.kept[2]),
                         losses=array(self.losses), workspace=(self.workspace.data_ptr() + 63) & -64,
                         workspace_size=bytes_)
        self.call.sizes.outer, self.call.sizes.classes, self.call.sizes.inner = rows, w.shape[0], 1
        self.call.sizes.features = features
        if gradients:
            self.call.hidden_gradient, self.call.weights_gradient = array(self.dx), array(self.dw)

    def __call__(self):
        status = self.library.xent_linear_cross_entropy(ctypes.byref(self.call))
        if status:
            raise RuntimeError(f"status {status}")
        return self.losses


class Torch:
    def __init__(self, x, w, labels, gradients):
        self.x, self.w, self.labels, self.gradients = x.clone(), w.clone(), labels.long(), gradients
        if gradients:
            self.x.requires_grad_(), self.w.requires_grad_()

    def __call__(self):
        with torch.set_grad_enabled(self.gradients):
            losses = cross_entropy(linear(self.x, self.w), self.labels, reduction="none")
        if self.gradients:
            self.x.grad = self.w.grad = None
            losses.sum().backward()
        return losses.detach()


def problem(rows, features, classes):
    torch.manual_seed(1)
    return (torch.randn(rows, features), torch.randn(classes, features) / features ** 0.5,
            torch.randint(classes, (rows,)))


def seconds(run):
    begin = time.thread_time()
    run()
    return time.thread_time() - begin


def measure(library, rounds, shapes):
    for rows, features, classes in shapes:
        x, w, labels = problem(rows, features, classes)
        for gradients in (False, True) if rows > 8 else (False,):
            for keep in (False, True) if gradients else (False,):
                ours, theirs = Ours(library, x, w, labels, gradients, keep), Torch(x, w, labels, gradients)
                ours(), theirs()
                pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
                name = "loss" if not gradients else "loss and gradients" + (", kept logits" if keep else "")
                print(f"{rows:5} x {features:4} x {classes:6}, {name:32} {statistics.median(a for a, _ in pairs) * 1e3:9.2f}"
                      f" ms, PyTorch {torch.__version__} takes {statistics.median(b / a for a, b in pairs):.2f} times as long",
                      flush=True)


def resident(line):
    return int(re.search(line + r":\s+(\d+) kB", pathlib.Path("/proc/self/status").read_text()).group(1)) / 1024


def memory(library, shape, whose):
    """Measures the peak memory of a call. A tiny call comes first and loads the code and starts the threads."""
    def of(shape):
        x, w, labels = problem(*shape)
        return Ours(library, x, w, labels, False, False) if whose == "ours" else Torch(x, w, labels, False)
    of((16, 16, 100))()
    run = of(shape)
    before = resident("VmRSS")
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
    run()
    print(f"{shape}, {whose}: {resident('VmHWM') - before:.1f} MiB")


def errors(name, got, exact):
    difference = np.abs(np.asarray(got, dtype=np.float64) - exact)
    print(f"  {name:24} rms {np.sqrt(np.mean(difference ** 2)):.2e}, most {difference.max():.2e}")


def accuracy(library):
    for rows, features, classes in ((64, 256, 2000), (64, 2048, 2000), (64, 8192, 1000)):
        x, w, labels = problem(rows, features, classes)
        ours, theirs = Ours(library, x, w, labels, True, False), Torch(x, w, labels, True)
        exact = Torch(x.double(), w.double(), labels, True)
        mine, its, truth = ours().numpy(), theirs().numpy(), exact().numpy()
        print(f"{rows} x {features} x {classes}")
        for what, a, b, c in (("losses", mine, its, truth),
                              ("gradient of hidden", ours.dx.numpy(), theirs.x.grad.numpy(), exact.x.grad.numpy()),
                              ("gradient of weights", ours.dw.numpy(), theirs.w.grad.numpy(), exact.w.grad.numpy())):
            errors("Xent, " + what, a, c)
            errors("PyTorch, " + what, b, c)


def shape_of(text):
    return tuple(map(int, text.split("x")))


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[2] == "time":
        chosen = sys.argv[4:] or ["512x2048x32768", "1024x768x50257", "4096x64x100000", "256x256x32000",
                                  "1x2048x128256", "8x2048x128256"]
        measure(sys.argv[1], int(sys.argv[3]) if len(sys.argv) > 3 else 3, list(map(shape_of, chosen)))
    elif sys.argv[2] == "memory":
        memory(sys.argv[1], shape_of(sys.argv[3]), sys.argv[4])
    else:
        accuracy(sys.argv[1])
