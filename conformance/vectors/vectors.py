#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Computes softmax, log-softmax, cross-entropy and their gradients by numerics.md, and compares every bit.

    python3 vectors.py [FOLDER]      FOLDER has cases.txt and arrays.bin

An example of an implementation that has nothing in common with Xent: Python alone, one row at a time. It computes the
cases whose logits are F32, F16 or BF16 (sections 2, 3 and 5) with one label or a probability row per row, and counts
all others. README.md describes the files. Section numbers are those of numerics.md.
"""
import ctypes
import math
import struct
import sys
from pathlib import Path

INF, NAN = math.inf, math.nan
MIN = 2.0**-126


# ---- IEEE arithmetic that Python lacks ------------------------------------------------------------------------------

def f(value):
    """A double rounded to float. An operation on two floats in double, then rounded, is the operation in float."""
    return ctypes.c_float(value).value


def bits(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


def as_float(number):
    return struct.unpack("<f", struct.pack("<I", number & 0xFFFFFFFF))[0]


def fma(a, b, c):
    """a·b + c of floats, rounded once: the product is exact in double, and the sum is rounded to odd first."""
    p = a * b
    s = p + c
    if math.isfinite(s):
        part = s - p
        error = (p - (s - part)) + (c - part)
        if error:
            word = struct.unpack("<q", struct.pack("<d", s))[0]
            if not word & 1:
                s = struct.unpack("<d", struct.pack("<q", word + (1 if (error > 0) == (s > 0) else -1)))[0]
    return f(s)


def fma_double(a, b, c):
    """a·b + c of finite doubles, rounded once."""
    (an, ad), (bn, bd), (cn, cd) = a.as_integer_ratio(), b.as_integer_ratio(), c.as_integer_ratio()
    numerator = an * bn * cd + cn * ad * bd
    return numerator / (ad * bd * cd) if numerator else a * b + c


def divide(a, b):
    """a / b in double, with IEEE's results for b = 0."""
    if b:
        return a / b
    return NAN if a == 0 or math.isnan(a) else math.copysign(INF, a) * math.copysign(1, b)


# ---- section 2: exponential, hyperbolic tangent, logarithm ----------------------------------------------------------

hexadecimal = float.fromhex
LOG2E, LN2_HI = hexadecimal("0x1.715476p+0"), hexadecimal("0x1.62e430p-1")
Q2, Q3 = hexadecimal("0x1.000876p-1"), hexadecimal("0x1.55568ap-3")
FLOOR, ROUND, LIMIT, LN2 = hexadecimal("-0x1.b34be2p+6"), 12582912.0, 16384.0, 0.69314718055994530942
T8 = [bits(f(2 ** (i / 8))) - (i << 20) for i in range(8)]
TANH = [hexadecimal(word) for word in (
    "-0x1.555556p-2", "0x1.1110cap-3", "-0x1.ba03bep-5", "0x1.64cc9ap-6", "-0x1.167f44p-7", "0x1.716c44p-9",
    "-0x1.1f17b8p-11")]


class Exponential:
    """exp(x/τ) as 2^N·e(x; N)·2^-30, and the reference N of a maximum."""

    def __init__(self, tau):
        self.r = 1 / tau
        self.r_hi = f(self.r)
        eighth = LN2 / 8 * tau
        self.eighth_hi = f(eighth)
        self.eighth_lo = f(eighth - self.eighth_hi)
        self.inverse = f(1 / eighth)
        self.q2, self.q3 = f(Q2 * self.r * self.r), f(Q3 * self.r * self.r * self.r)
        self.floor = f(FLOOR * tau)

    def e(self, x, n_row):
        low = fma(n_row, 8 * self.eighth_hi, self.floor)
        if x < low:
            x = low
        magic = ROUND + 8 * 30 - 8 * n_row
        z = fma(x, self.inverse, magic)
        n = f(z - magic)
        t = fma(n, -self.eighth_lo, fma(n, -self.eighth_hi, x))
        s = as_float(T8[bits(z) & 7] + (bits(z) << 20))
        p = f(fma(fma(self.q3, t, self.q2), t, self.r_hi) * t)
        return fma(p, s, s)

    def ref(self, maximum):
        m = f(maximum * self.r_hi)
        return f(fma(max(-LIMIT, min(LIMIT, m)), LOG2E, ROUND) - ROUND)


PLAIN = Exponential(1.0)


def tanh(x):
    v = min(abs(x), 10.0) if x == x else x
    z = f(v * v)
    p = TANH[6]
    for i in range(5, -1, -1):
        p = fma(p, z, TANH[i])
    if v > 0.875:
        t = f(1 - f(2 / f(f(PLAIN.e(f(2 * v), 30.0)) + 1)))
    else:
        t = fma(f(v * z), p, v)
    return math.copysign(t, x)


def series(r):
    z = r * r
    p = 1 / 17
    for d in range(15, 2, -2):
        p = fma_double(p, z, 1 / d)
    p = fma_double(p * z, r, r)
    return p + p


def log(v):
    word = struct.unpack("<q", struct.pack("<d", v))[0]
    k = (word - 0x3FE6A09E667F3BCD) >> 52
    m = math.ldexp(v, -k)
    return fma_double(float(k), LN2, series((m - 1) / (m + 1)))


def log1p(q):
    return series(q / (2 + q))


# ---- section 2: sums and rows ---------------------------------------------------------------------------------------

def largest(x):
    return max((value for value in x if value == value), default=-INF) + 0.0  # -0 counts as +0


def two(k):
    return 2.0 ** max(k, -1000)


def group_sums(v):
    """Sixteen sums of up to 128 floats."""
    v = v + [0.0] * (128 - len(v))
    for lane in range(16):
        a, b, c, d, e, g, h, i = v[lane::16]
        yield f(f(f(a + b) + f(c + d)) + f(f(e + g) + f(h + i)))


def tree(lanes, classes):
    for half in (8, 4, 2, 1):
        for j in range(half):
            total = lanes[j] + lanes[j + half]
            lanes[j] = f(total) if classes <= 16 and half > 1 else total
    return lanes[0]


def chunk_sum(v):
    lanes = [0.0] * 16
    for begin in range(0, len(v), 128):
        lanes = [lane + add for lane, add in zip(lanes, group_sums(v[begin:begin + 128]))]
    return tree(lanes, len(v))


def chunk(exp, x, masked, label):
    """M_c, N_c and s_c of a chunk; the class `label` of it adds +0 to the sum."""
    maximum = largest(x)
    long = len(x) > 1024
    n = exp.ref(-INF if long else maximum)
    lanes = [0.0] * 16
    for begin in range(0, len(x), 128):
        group = x[begin:begin + 128]
        if long:
            g = largest(group)
            raised = exp.ref(g)
            if f(g * exp.r_hi) > f((n + 16) * LN2_HI) and raised > n:
                lanes = [lane * two(n - raised) for lane in lanes]
                n = raised
        terms = [0.0 if masked[begin + i] or begin + i == label else exp.e(value, n) for i, value in enumerate(group)]
        lanes = [lane + add for lane, add in zip(lanes, group_sums(terms))]
    return maximum, n, tree(lanes, len(x))


class Row:
    """The results of a row that do not depend on targets but for the label y, or None."""

    def __init__(self, exp, x, masked, label, sink, shift=0.0):
        self.exp, self.x, self.label, self.shift = exp, x, label, shift
        n, total, maximum = -23637.0, 0.0, -INF
        self.chunks = []
        for begin in range(0, len(x), 8192):
            place = -1 if label is None else label - begin
            self.chunks.append(chunk(exp, x[begin:begin + 8192], masked[begin:begin + 8192], place))
        parts = list(self.chunks)
        if sink is not None:
            parts.append((sink + 0.0, exp.ref(sink), exp.e(sink, exp.ref(sink))))
        for m_c, n_c, s_c in parts:
            higher = max(n, n_c)
            total = total * two(n - higher) + s_c * 2.0**-30 * two(n_c - higher)
            n, maximum = higher, max(maximum, m_c)
        self.n, self.m, self.others = n, maximum, total
        self.e_label = exp.e(x[label], n) * 2.0**-30 if label is not None else 0.0
        self.s = total + self.e_label if label is not None else total
        if math.isfinite(maximum) and not abs(f(maximum * exp.r_hi)) <= LIMIT and not shift:
            self.__init__(exp, [f(value - maximum) for value in x], masked, label,
                          None if sink is None else f(sink - maximum), maximum)
            return
        self.nan = maximum == INF or math.isnan(self.s)
        self.empty = not self.nan and maximum == -INF
        if not self.nan and not self.empty:
            self.e_max = exp.e(maximum, n) * 2.0**-30
            rest = self.s - self.e_max
            self.d = (0.0 if rest <= 0 else log1p(rest / self.e_max) if rest <= self.e_max else
                      fma_double(n, LN2, log(self.s)) - maximum * exp.r)
            self.lse = self.shift * exp.r + (maximum * exp.r + self.d)

    def softmax(self):
        if len(self.x) == 1 and self.x[0] == self.m and self.s == self.e_max:
            return [1.0]
        factor = f(2.0**-30 / self.s)
        return [f(self.exp.e(value, self.n) * factor) for value in self.x]

    def log_softmax(self):
        return [fma(f(value - self.m), self.exp.r_hi, f(0 - self.d)) for value in self.x]

    def loss_of_label(self, clamp):
        """L, or C(L)."""
        q = divide(self.others, self.e_label)
        loss = log1p(q) if q <= 1 else self.d + (self.m - self.x[self.label]) * self.exp.r
        return clamped(loss, clamp)


def clamped(loss, clamp):
    """C(loss)."""
    return min(max(loss, -log(1 - clamp)), -log(max(clamp, 2.0**-1022))) if clamp else loss


# ---- section 3: labels and probability rows -------------------------------------------------------------------------

def weighted_sums(row, target):
    """T and Q of targets t_k."""
    t, q, maximum, x = 0.0, 0.0, -INF, row.x
    for i, (m_c, _, _) in enumerate(row.chunks):
        begin = 8192 * i
        m = m_c if math.isfinite(m_c) else 0.0
        part = range(begin, min(begin + 8192, len(x)))
        dot = chunk_sum([f(target[k] * f(m - x[k])) if target[k] else 0.0 for k in part])
        mass = chunk_sum([target[k] for k in part])
        raised = max(maximum, m_c)
        if math.isfinite(maximum) and math.isfinite(raised) and maximum != raised:
            t += q * (raised - maximum)
        t += dot
        if math.isfinite(m_c) and raised != m:
            t += mass * (raised - m)
        q, maximum = q + mass, raised
    if row.m > maximum and math.isfinite(maximum):
        t += q * (row.m - maximum)  # the sink is larger
    return t, q


def capped_slope(gradient, softcap, logit):
    if not softcap:
        return gradient
    slope = tanh(f(logit * f(1 / softcap)))
    return f(gradient * fma(-slope, slope, 1.0))


def soft_cross_entropy(row, masked, weights, options, u, upstream, logits, probabilities):
    """Loss and gradient of a probability row."""
    exp, x = row.exp, row.x
    epsilon, zeta, clamp = (options.get(name, 0.0) for name in ("label_smoothing", "z_loss", "probability_clamp"))
    count = masked.count(False)
    share = epsilon / count if epsilon and count else 0.0
    target = [fma(f(1 - epsilon), q, f(share)) if share else q for q in probabilities]
    target = [0.0 if mask else t for mask, t in zip(masked, target)]
    if weights:
        target = [f(t * weights[k]) for k, t in enumerate(target)]
    total, q = weighted_sums(row, target)
    if not math.isfinite(q):
        return NAN, [NAN] * len(x)
    b = total * exp.r + q * row.d
    if clamp:
        b = 0.0
        for t, value in zip(target, x):
            b += t * clamped(row.d + (row.m - value) * exp.r, clamp) if t else 0.0
    if zeta:
        b += zeta * (row.lse * row.lse)
    c = options.get("gradient_scale", 1.0) * u * upstream
    cc = c / options["temperature"] if "temperature" in options else c
    h = 2.0**-30 / row.s * cc * (q + 2 * zeta * row.lse)
    carried = 0 < abs(h) < MIN and abs(cc) < 2.0**31
    up = 2.0**96 if carried else 1.0
    gradient = []
    for k, value in enumerate(x):
        g = fma(exp.e(value, row.n), f(h * up), -f(target[k] * f(cc * up)))
        if carried:
            product = cc * target[k]
            g = -f(product) if abs(product) >= 2.0**30 else f(g * 2.0**-96)
        gradient.append(0.0 if masked[k] else capped_slope(g, options.get("softcap", 0.0), logits[k]))
    return f(u * b), gradient


def cross_entropy(row, masked, weights, options, u, upstream, logits):
    """Loss and gradient of a row with a label."""
    exp, y, x = row.exp, row.label, row.x
    epsilon, zeta = options.get("label_smoothing", 0.0), options.get("z_loss", 0.0)
    others = options.get("smoothing") == "others"
    even = [not mask and not (others and k == y) for k, mask in enumerate(masked)]
    count = sum(even)
    share = epsilon / count if epsilon and count else 0.0
    w_y = weights[y] if weights else 1.0
    own = (1 - epsilon) * w_y

    t, q = 0.0, 0.0
    if share:
        target = [(weights[k] if weights else 1.0) if even[k] else 0.0 for k in range(len(x))]
        t, q = weighted_sums(row, target)

    loss = row.loss_of_label(options.get("probability_clamp", 0.0)) if own else 0.0
    if share:
        smooth = (t * exp.r + q * row.d) / count if weights else t / count * exp.r + row.d
        b = fma_exact(own, loss, epsilon * smooth) if own else epsilon * smooth
    else:
        b = own * loss if own else 0.0
    if zeta:
        b += zeta * (row.lse * row.lse)
    loss = f(u * b)

    c = options.get("gradient_scale", 1.0) * u * upstream
    cc = c / options["temperature"] if "temperature" in options else c
    empty = bool(epsilon) and not share
    a = own + share * q if weights else own if empty else 1.0
    pull = a + 2 * zeta * row.lse
    h = 2.0**-30 / row.s * cc * pull
    carried = 0 < abs(h) < MIN and abs(cc) < 2.0**31
    up = 2.0**96 if carried else 1.0
    factor, bs = f(h * up), f(cc * share * up)
    gradient = []
    for k, value in enumerate(x):
        if masked[k]:
            gradient.append(0.0)
            continue
        product = cc * share * (weights[k] if weights else 0.0)
        if k == y:
            if weights or zeta or empty:
                g = (0 - row.others / row.s) * own + row.e_label / row.s * (pull - own)
                g = f((g - share * w_y if even[y] else g) * cc)
            elif epsilon <= 0.5:
                rest = 0.0 if not share else epsilon if others else epsilon - share
                g = f(((0 - row.others / row.s) + rest) * cc)
            else:
                g = f((row.e_label / row.s - (1 - epsilon + (0.0 if others else share))) * cc)
        elif carried and share and weights and even[k] and abs(product) >= 2.0**30:
            g = -f(product)
        else:
            b = -0.0 if not share or not even[k] else -f(weights[k] * bs) if weights else -bs
            g = fma(exp.e(value, row.n), factor, b)
            g = f(g * 2.0**-96) if carried else g
        gradient.append(capped_slope(g, options.get("softcap", 0.0), logits[k]))
    return loss, gradient


def fma_exact(a, b, c):
    """a·b + c in double, also if one is infinite."""
    return fma_double(a, b, c) if all(map(math.isfinite, (a, b, c))) else a * b + c


# ---- sections 5 and 10: edges and types -----------------------------------------------------------------------------

def results(case, find):
    """The outputs of a case that this program computes, by their names; `find` returns an input, or None."""
    options = case["options"]
    exp = Exponential(options.get("temperature", 1.0))
    softcap = options.get("softcap", 0.0)
    outer, classes, inner = case["shape"]
    names = "output", "losses", "gradient", "log_sum_exp"
    found = {name: [0.0] * entry[2] for name, entry in case["outputs"].items() if name in names}
    logits, mask, weights = find("logits"), find("class_mask"), find("class_weights")
    labels, u, sinks, upstream = find("targets"), find("row_weights"), find("sink"), find("upstream")
    offsets = find("row_offsets")
    soft = labels and case["inputs"]["targets"][0] in FLOATS
    for i in range(outer * inner):
        begin, step, length = (i // inner) * classes * inner + i % inner, inner, classes
        if offsets:
            begin, step, length = offsets[i], 1, offsets[i + 1] - offsets[i]
        places = range(begin, begin + length * step, step)
        given = [logits[place] for place in places]
        masked = [False] * length
        if mask:
            masked = [not mask[k if len(mask) == classes else place] for k, place in enumerate(places)]
        x = [f(f(softcap) * tanh(f(value * f(1 / softcap)))) for value in given] if softcap else given
        x = [-INF if out else value for value, out in zip(x, masked)]
        sink = None
        if sinks:
            sink = sinks[i if len(sinks) > 1 else 0]
            scaled = f(sink * options.get("temperature", 1.0))
            sink = math.copysign(3.4028234663852886e38, sink) if math.isinf(scaled) and math.isfinite(sink) else scaled
        label = labels[i] if labels and not soft else None
        weight = u[i] if u else 1.0
        ignored = labels and (weight == 0 or not soft and label == options.get("ignore_index"))
        values = {}
        row = None if ignored else Row(exp, x, masked, label, sink)
        zero = options.get("fully_masked") == "zero"
        if ignored:
            values = {"losses": 0.0, "gradient": [0.0] * length, "log_sum_exp": NAN}
        elif row.nan or row.empty and not zero:
            values = {"losses": NAN, "gradient": [NAN] * length, "output": [NAN] * length, "log_sum_exp": NAN}
        elif row.empty:
            value = -INF if case["function"] == "log_softmax_forward" else 0.0
            values = {"losses": 0.0, "gradient": [0.0] * length, "output": [value] * length, "log_sum_exp": -INF}
        elif labels:
            scale = upstream[i] if upstream else 1.0
            arguments = row, masked, weights, options, weight, scale, given
            loss, gradient = (soft_cross_entropy(*arguments, [labels[place] for place in places]) if soft else
                              cross_entropy(*arguments))
            values = {"losses": loss, "gradient": gradient, "log_sum_exp": f(row.lse)}
        else:
            log = case["function"] == "log_softmax_forward"
            output = row.log_softmax() if log else row.softmax()
            values["output"] = [(-INF if log else 0.0) if out else value for value, out in zip(output, masked)]
        for name, array in found.items():
            if isinstance(values[name], list):
                for place, value in zip(places, values[name]):
                    array[place] = value
            else:
                array[i] = values[name]
    return found


CODES = {"f32": "f", "f16": "e", "f64": "d", "i8": "b", "u8": "B", "i16": "h", "u16": "H", "i32": "i", "u32": "I",
         "i64": "q", "u64": "Q"}
FLOATS = "f32", "f16", "bf16"


def read_array(data, entry):
    kind, offset, count = entry
    if kind == "bf16":
        return [as_float(half << 16) for half in struct.unpack_from(f"<{count}H", data, offset)]
    return list(struct.unpack_from(f"<{count}{CODES[kind]}", data, offset))


def encode(value, kind):
    """The bits of a float in a type, rounded to nearest even."""
    if kind == "f32":
        return 0x7FC00000 if value != value else bits(value)
    if value != value:
        return 0x7E00 if kind == "f16" else 0x7FC0
    if kind == "bf16":
        return bits(value) + 0x7FFF + (bits(value) >> 16 & 1) >> 16
    if abs(value) >= 65520:
        value = math.copysign(INF, value)
    return struct.unpack("<H", struct.pack("<e", value))[0]


def read_cases(path):
    case = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        word, *rest = line.split()
        if word == "case":
            case = {"name": line[5:], "options": {}, "inputs": {}, "outputs": {}}
        elif word == "function":
            case["function"] = rest[0]
        elif word == "shape":
            case["shape"] = [int(n) for n in rest]
        elif word == "option":
            hexadecimal_digits, number = "0x" in rest[1], rest[1].lstrip("-").isdigit()
            case["options"][rest[0]] = (hexadecimal(rest[1]) if hexadecimal_digits else
                                        int(rest[1]) if number else rest[1])
        elif word in ("input", "output"):
            case[word + "s"][rest[0]] = rest[1], int(rest[2]), int(rest[3])
        elif word == "end":
            yield case


def computed(case):
    """Whether this program computes the case."""
    if case["function"] not in ("softmax_forward", "log_softmax_forward", "cross_entropy", "cross_entropy_backward"):
        return False
    inputs, rows = case["inputs"], case["shape"][0] * case["shape"][2]
    if inputs["logits"][0] not in FLOATS or "target_weights" in inputs or "focal_gamma" in case["options"]:
        return False
    if "entropy" not in case["function"]:
        return True
    kind, _, count = inputs.get("targets", ("none", 0, 0))
    return kind[0] in "iu" and count == rows or kind in FLOATS and count == inputs["logits"][2]


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    data = (folder / "arrays.bin").read_bytes()
    cases = list(read_cases(folder / "cases.txt"))
    chosen = [case for case in cases if computed(case)]
    compared = differ = 0
    for case in chosen:
        inputs = {name: read_array(data, entry) for name, entry in case["inputs"].items()}
        for name, values in results(case, inputs.get).items():
            kind, offset, count = case["outputs"][name]
            expected = struct.unpack_from(f"<{count}{'I' if kind == 'f32' else 'H'}", data, offset)
            wrong = [i for i, value in enumerate(values) if encode(value, kind) != expected[i]]
            compared += count
            differ += len(wrong)
            if wrong:
                i = wrong[0]
                print(f"{case['name']}: {len(wrong)} of {count} values of {name} differ; value {i} is "
                      f"{encode(values[i], kind):#x} instead of {expected[i]:#x}")
    print(f"Python: {len(chosen)} of {len(cases)} cases, {compared} values compared, {differ} differ")
    return 1 if differ or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
