#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the classes that Xent samples from with those that the logits processors of transformers keep.

    python3 conformance/peers/sampling.py --library build/libxent.so

Needs NumPy, torch and transformers (pip). The processors are made and called one by one, in the order of generate().
Prints the number of equal kept sets and the reasons for the other ones. Exits with 1 if a difference has no reason.
"""
import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers.generation import logits_process as processors

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import package
from cases import Source, decode, encode
from pyxent.conformance import run

torch.set_num_threads(1)

EQUALS = "which of the equals stay"
SUMS = "a sum or a threshold of floats"
SCORES = "scores of typical-p in float"
REASONS = {
    EQUALS: "as many classes of every logit are kept: torch's order of equals is its own",
    SUMS: "within 5e-6 of the share, a relative 2.5e-6 of the threshold of min-p: here they are exact or doubles",
    SCORES: "within 3e-5 of the last score that is kept: the entropy is a sum of floats there",
}
NEAR = 5e-6
NEAR_SCORE = 3e-5

# The number of rows of each size.
SIZES = {10: 400, 100: 400, 1000: 300, 32000: 30, 128256: 12}
KINDS = {
    "normal": lambda s, n: 2 * s.normal(n),
    "flat": lambda s, n: 0.2 * s.normal(n),
    "wide": lambda s, n: 40 * (s.uniform(n) - 0.5),
    "a language model's": lambda s, n: 2 * s.normal(n) + np.where(s.uniform(n) < 30 / n, 12 * s.uniform(n), 0),
    "equals": lambda s, n: np.floor(6 * s.uniform(n)),
    "bfloat16": lambda s, n: decode(encode(3 * s.normal(n) + 10, "bf16"), "bf16"),
    "some -inf": lambda s, n: np.where(s.uniform(n) < 0.4, -np.inf, 3 * s.normal(n)),
}
SAMPLINGS = [
    {"top_k": 5}, {"top_k": 50}, {"top_p": 0.9}, {"top_p": 0.5}, {"top_p": 0.95, "min_keep": 3}, {"min_p": 0.05},
    {"min_p": 0.3, "min_keep": 2}, {"typical_p": 0.9}, {"typical_p": 0.2}, {"top_k": 50, "top_p": 0.9, "min_p": 0.05},
    {"top_k": 40, "top_p": 0.95, "temperature": 0.7}, {"top_p": 0.8, "temperature": 1.5},
    {"min_p": 0.1, "temperature": 2.0}, {"top_k": 20, "top_p": 0.9, "min_p": 0.02, "typical_p": 0.95, "temperature": 0.6},
    {"repetition_penalty": 1.3, "top_k": 30, "top_p": 0.9},
]


def theirs(x, numbers, tokens):
    """The classes that the processors of transformers keep."""
    least = numbers.get("min_keep", 1)
    chain = []
    if "repetition_penalty" in numbers:
        chain.append(processors.RepetitionPenaltyLogitsProcessor(numbers["repetition_penalty"]))
    if "temperature" in numbers:
        chain.append(processors.TemperatureLogitsWarper(numbers["temperature"]))
    for name, kind in (("top_k", processors.TopKLogitsWarper), ("top_p", processors.TopPLogitsWarper),
                       ("min_p", processors.MinPLogitsWarper), ("typical_p", processors.TypicalLogitsWarper)):
        if name in numbers:
            chain.append(kind(numbers[name], min_tokens_to_keep=least))
    scores = torch.from_numpy(x)
    for processor in chain:
        scores = processor(torch.from_numpy(tokens), scores)
    return (scores > -torch.inf).numpy()


def ours(x, numbers, tokens):
    inputs = {"logits": x}
    if "repetition_penalty" in numbers:
        inputs["prompt_tokens"] = tokens
    results = run("sample", inputs, 1, wanted={"tokens": "i64", "kept_mask": "u8"},
                  sampling={"rules": "transformers", **numbers})
    return results["kept_mask"].astype(bool)


def moved(numbers, by):
    """The same with shares that keep more (by > 0) or fewer."""
    changed = dict(numbers)
    for name in ("top_p", "typical_p"):
        if name in changed:
            changed[name] = min(max(changed[name] + by, 1e-300), 1.0)
    if "min_p" in changed:
        changed["min_p"] *= 1 - by / 2
    return changed


def typical_scores(x):
    """The distance of -log p of each class from the entropy, in double."""
    shifted = x.astype(np.float64) - x.max()
    log_p = shifted - np.log(np.exp(shifted).sum())
    p = np.exp(log_p)
    return np.abs(-log_p + (p * np.where(p > 0, log_p, 0)).sum())


def reason(x, mine, other, fewest, most, numbers):
    """Why a row's kept sets differ, or None."""
    values = np.unique(x[mine ^ other])
    count = {v: [int((kept & (x == v)).sum()) for kept in (mine, other, fewest, most)] for v in values}
    if all(a == b for a, b, _, _ in count.values()):
        return EQUALS
    if all(least <= b <= greatest for _, b, least, greatest in count.values()):
        return SUMS
    if set(numbers) == {"typical_p"}:
        scores = typical_scores(x)
        if np.abs(scores[mine ^ other] - scores[mine].max()).max() < NEAR_SCORE:
            return SCORES
    return None


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--library", required=True, help="libxent.so")
    package.use(arguments.parse_args().library)
    compared, reasons, unexplained = Counter(), Counter(), []
    for n, rows in SIZES.items():
        for kind, make in KINDS.items():
            source = Source(f"{kind} {n}")
            x = np.stack([make(source, n) for _ in range(rows)]).astype(np.float32)
            tokens = source.below(n, rows, 12)
            for numbers in SAMPLINGS:
                mine, other = ours(x, numbers, tokens), theirs(x, numbers, tokens)
                fewest, most = (ours(x, moved(numbers, by), tokens) for by in (-NEAR, NEAR))
                compared[kind] += rows
                for row in np.flatnonzero((mine != other).any(axis=1)):
                    why = reason(x[row], mine[row], other[row], fewest[row], most[row], numbers)
                    if why:
                        reasons[kind, why] += 1
                    else:
                        unexplained.append(f"{n} classes, {kind}, row {row}, {numbers}: {mine[row].sum()} classes kept here, "
                                           f"{other[row].sum()} there, {(mine[row] ^ other[row]).sum()} differ")
    print(f"{'rows':20} {'compared':>9} {'equal':>9}  " + "  ".join(REASONS))
    for kind in KINDS:
        different = [reasons[kind, why] for why in REASONS]
        equal = compared[kind] - sum(different) - sum(f", {kind}, " in line for line in unexplained)
        print(f"{kind:20} {compared[kind]:9} {equal:9}  " + "  ".join(f"{number:{len(why)}}"
                                                                      for why, number in zip(REASONS, different)))
    print(*(f"{why}: {text}" for why, text in REASONS.items()), sep="\n")
    print(*unexplained[:30], sep="\n", end="\n" if unexplained else "")
    print(f"\n{compared.total()} kept sets (transformers {transformers.__version__}, PyTorch {torch.__version__}), "
          f"{sum(reasons.values())} differ for a reason, {len(unexplained)} without one")
    return 1 if unexplained or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
