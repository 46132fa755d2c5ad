#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Derives every constant of the arithmetic (conformance/numerics.md) and writes the two files that contain them.

    tools/constants.py            derive, print, write constants.h and Constants.java
    tools/constants.py --check    derive, print, exit with 1 if a written file differs from the derived one

Needs only Python 3.8 or later. Nothing here computes in the machine's floating point: values are decimals
of 60 digits or exact fractions, and are rounded once to the format of the constant.
"""
import sys
from decimal import Decimal, getcontext
from fractions import Fraction
from pathlib import Path

getcontext().prec = 60

ROOT = Path(__file__).resolve().parent.parent
C_FILE = ROOT / "native/src/numerics/constants.h"
JAVA_FILE = ROOT / "java/xent/src/main/java/dev/xent/internal/kernels/reference/math/Constants.java"

LN2 = Decimal(2).ln()

# The bits in all releases: a derivation with other bits is a mistake
# here, or a new numerics version.
PINNED = {
    "LOG2E": "0x1.715476p+0",
    "LN2_HI": "0x1.62e430p-1",
    "LN2_LO": "-0x1.05c610p-29",
    "Q2": "0x1.000876p-1",
    "Q3": "0x1.55568ap-3",
    "FLOOR": "-0x1.b34be2p+6",
    "LIMIT": "0x1.000000p+14",
    "LOWEST_REFERENCE": "-0x1.715400p+14",
    "ROUND": "0x1.800000p+23",
    "LN2": "0x1.62e42fefa39efp-1",
    "TANH_SPLIT": "0x1.c00000p-1",
    "NEAR_ZERO": "0x1.000000p-3",
}
PINNED_TABLE = [0x3F800000, 0x3F7B95C2, 0x3F7837F0, 0x3F75FED7, 0x3F7504F3, 0x3F75672A, 0x3F7744FD, 0x3F7AC0C7]
PINNED_TANH = ["-0x1.555556p-2", "0x1.1110cap-3", "-0x1.ba03bep-5", "0x1.64cc9ap-6", "-0x1.167f44p-7", "0x1.716c44p-9",
               "-0x1.1f17b8p-11"]
PINNED_LOG1P = ["-0x1.fffffep-2", "0x1.55540cp-2", "-0x1.ffb95cp-3", "0x1.969cb2p-3", "-0x1.448ee2p-3", "0x1.d992bcp-4",
                "-0x1.11708cp-4", "0x1.9d455ap-6", "-0x1.24b298p-8"]
PINNED_WIDE = {
    "WIDE_LOG2E": "0x1.71547652b82fep+0",
    "WIDE_LN2_HI": "0x1.62e42fefa39efp-1",
    "WIDE_LN2_LO": "0x1.abc9e3b39803fp-56",
    "WIDE_FLOOR": "-0x1.a5163fe09663ep+9",
    "WIDE_ROUND": "0x1.80000000003ffp+52",
}
PINNED_EXP_TERMS = [
    "0x1.000000000000cp-1", "0x1.5555555555559p-3", "0x1.555555554ffa2p-5", "0x1.111111110f6b4p-7",
    "0x1.6c16c185be4d1p-10", "0x1.a01a01afe29a2p-13", "0x1.a0199662bc477p-16", "0x1.71ddf85aafbbep-19",
    "0x1.28b06e0824254p-22", "0x1.af5eb1ac08dc6p-26"]
PINNED_LOG_TERMS = [
    "0x1.5555555555555p-1", "0x1.9999999999f17p-2", "0x1.24924923de6edp-2", "0x1.c71c72df580fcp-3",
    "0x1.745cac43cc003p-3", "0x1.3b29d0452d426p-3", "0x1.0e8c55b42945fp-3", "0x1.169c38cc826bep-3"]


class Format:
    """A binary floating-point format. Every number that is rounded here is normal in it."""

    def __init__(self, precision, bias):
        self.precision, self.bias = precision, bias

    def split(self, value):
        """The exponent e and the integer significand of value rounded to nearest even, 2^e <= |value| < 2^(e+1)."""
        value = Fraction(value)
        size, exponent = abs(value), 0
        while size >= 2:
            size, exponent = size / 2, exponent + 1
        while size < 1:
            size, exponent = size * 2, exponent - 1
        significand = round(size * 2 ** (self.precision - 1))  # of a Fraction: to nearest even, exact
        if significand == 2**self.precision:
            significand, exponent = significand // 2, exponent + 1
        return exponent, significand

    def round(self, value):
        exponent, significand = self.split(value)
        rounded = Fraction(significand) * Fraction(2) ** (exponent - self.precision + 1)
        return -rounded if value < 0 else rounded

    def hex(self, value):
        exponent, significand = self.split(value)
        assert self.round(value) == Fraction(value), "only numbers of the format have a spelling"
        digits = (self.precision + 2) // 4
        fraction = (significand - (1 << self.precision - 1)) << (4 * digits - self.precision + 1)
        return f"{'-' if value < 0 else ''}0x1.{fraction:0{digits}x}p{exponent:+d}"

    def bits(self, value):
        exponent, significand = self.split(value)
        return (exponent + self.bias << self.precision - 1) + significand - (1 << self.precision - 1)


FLOAT = Format(24, 127)
DOUBLE = Format(53, 1023)


def decimal(fraction):
    return Decimal(fraction.numerator) / Decimal(fraction.denominator)


# ---- the polynomial: exp(t) = 1 + t + Q2 t^2 + Q3 t^3 on |t| <= HALF_WIDTH, least largest relative error ----

# t is the rest of x after n eighths of ln 2, so |t| <= ln(2)/16. It can be slightly larger, because the
# rounding of LOG2E moves the border between two n by 8 |x| |LOG2E - log2(e)| eighths. The interval is wide
# enough for |x| up to a tenth of LIMIT. At LIMIT itself t exceeds it by less than 1/200, which hardly changes
# the error. (The width changes the last bits of Q3, and the error only in its fifth digit.)
LIMIT = Fraction(16384)
LOG2E = FLOAT.round(1 / LN2)
HALF_WIDTH = LN2 / 8 * (Decimal("0.5") + 8 * decimal(LIMIT) / 10 * abs(decimal(LOG2E) - 1 / LN2))
GRID = 100


def relative_error(t, q2, q3):
    return (1 + t + t * t * (q2 + t * q3)) / t.exp() - 1


def turning_points(error):
    """Points of the interval at which |error| has a local maximum, refined between the points of the grid."""
    step = 2 * HALF_WIDTH / GRID
    grid = [-HALF_WIDTH + step * i for i in range(GRID + 1)]
    size = [abs(error(t)) for t in grid]
    found = []
    for i, t in enumerate(grid):
        left = size[i - 1] if i > 0 else -1
        right = size[i + 1] if i < GRID else -1
        if size[i] >= left and size[i] > right:
            found.append(highest(lambda u: abs(error(u)), max(t - step, -HALF_WIDTH), min(t + step, HALF_WIDTH)))
    return found


def largest(error):
    return max(abs(error(t)) for t in turning_points(error))


def highest(function, low, high):
    """The place of the maximum of a function that has only one in [low, high]."""
    ratio = (Decimal(5).sqrt() - 1) / 2
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    fa, fb = function(a), function(b)
    for _ in range(50):
        if fa > fb:
            high, b, fb = b, a, fa
            a = high - ratio * (high - low)
            fa = function(a)
        else:
            low, a, fa = a, b, fb
            b = low + ratio * (high - low)
            fb = function(b)
    return (low + high) / 2


def solve(rows):
    """Gaussian elimination: each row has its coefficients, then the right side."""
    n = len(rows)
    rows = [row[:] for row in rows]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(n):
            if r != i:
                factor = rows[r][i] / rows[i][i]
                rows[r] = [v - factor * p for v, p in zip(rows[r], rows[i])]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def best_pair():
    """Remez exchange for (Q2, Q3): the error reaches its maximum three times, with alternating signs."""
    points = [-HALF_WIDTH, HALF_WIDTH / 2, HALF_WIDTH]
    for _ in range(40):
        # (1 + t + t^2 q2 + t^3 q3) / e^t - 1 = +-level
        rows = [[t * t / t.exp(), t**3 / t.exp(), Decimal((-1) ** i), 1 - (1 + t) / t.exp()]
                for i, t in enumerate(points)]
        q2, q3, level = solve(rows)

        def error(t, q2=q2, q3=q3):
            return relative_error(t, q2, q3)

        candidates = turning_points(error)
        worst = max(abs(error(t)) for t in candidates)
        if worst <= abs(level) * (1 + Decimal("1e-25")):
            return q2, q3
        points = alternating(candidates, error, 3)
    raise ArithmeticError("the exchange did not settle")


def alternating(candidates, error, count):
    """The largest error of each run of equal signs, cut to `count` neighbours that include the overall maximum."""
    runs = []
    for t in sorted(candidates):
        if runs and (error(runs[-1]) > 0) == (error(t) > 0):
            runs[-1] = max(runs[-1], t, key=lambda u: abs(error(u)))
        else:
            runs.append(t)
    while len(runs) > count:
        runs.pop(0 if abs(error(runs[0])) < abs(error(runs[-1])) else -1)
    return runs


def best_last(q2):
    """Q3 for a fixed Q2: searches the minimum of the largest error, which is a convex function of Q3."""
    def worst(q3):
        return largest(lambda t: relative_error(t, q2, q3))

    return highest(lambda q3: -worst(q3), Decimal("0.1666"), Decimal("0.1668"))


def polynomial():
    q2, _ = best_pair()
    q2 = FLOAT.round(q2)
    return q2, FLOAT.round(best_last(decimal(q2)))


# ---- tanh(v) = v + v z P(z) with z = v^2, for 0 <= v <= TANH_SPLIT ------------------------------------

TANH_SPLIT = Fraction(7, 8)
TANH_TERMS = 7


def cosine(x):
    total = term = Decimal(1)
    k = 0
    while abs(term) > Decimal("1e-58"):
        k += 2
        term = -term * x * x / (k * (k - 1))
        total += term
    return total


def tanh_series():
    """P from its values at the Chebyshev points of [0, TANH_SPLIT^2]: the error is within a hundredth of an ulp."""
    pi = Decimal("3.14159265358979323846264338327950288419716939937510582097494")
    width = decimal(TANH_SPLIT * TANH_SPLIT)
    rows = []
    for i in range(TANH_TERMS):
        z = width * (1 + cosine(pi * (2 * i + 1) / (2 * TANH_TERMS))) / 2
        v, e = z.sqrt(), (2 * z.sqrt()).exp()
        rows.append([z**j for j in range(TANH_TERMS)] + [((e - 1) / (e + 1) / v - 1) / z])
    return [FLOAT.round(c) for c in solve(rows)]


# ---- float64: two polynomials through points with error 0, chosen so that the error is close to the least ----

# |t| of the exponential is at most ln(2)/2, or slightly more if the rounding of LOG2E moves the border of n.
WIDE_HALF_WIDTH = LN2 / 2 * (1 + Decimal("1e-11"))
EXP_TERMS = 10
# r = f / (2 + f) of the logarithm for -0.293 <= f <= 0.5 is at most 1/5
LOG_WIDTH = Decimal("0.04")
LOG_TERMS = 8
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def chebyshev_points(count, low, high):
    return [(low + high) / 2 + (high - low) / 2 * cosine(PI * (2 * i + 1) / (2 * count)) for i in range(count)]


def exp_points():
    """Zeros of the error of t^2 p(t) besides t = 0: Chebyshev points of an interval of t^2 whose lowest one is 0."""
    pairs = EXP_TERMS // 2 + 1
    least = cosine(PI * (2 * pairs - 1) / (2 * pairs))
    sizes = [WIDE_HALF_WIDTH * ((c - least) / (1 - least)).sqrt() for c in chebyshev_points(pairs, Decimal(-1), Decimal(1))[:-1]]
    return sizes + [-t for t in sizes]


def through_points(function, points):
    """Coefficients, rounded to double, of the polynomial through the function at these points."""
    terms = len(points)
    return [DOUBLE.round(c) for c in solve([[x**k for k in range(terms)] + [function(x)] for x in points])]


def exp_rest(t):
    """(exp(t) - 1 - t) / t^2"""
    total, term, k = Decimal(0), Decimal("0.5"), 2
    while abs(term) > Decimal("1e-58"):
        total, k = total + term, k + 1
        term = term * t / k
    return total


def log_rest(z):
    """(log((1 + r) / (1 - r)) / r - 2) / z of z = r^2"""
    total, power, k = Decimal(0), Decimal(2), 3
    while abs(power) > Decimal("1e-58"):
        total, power, k = total + power / k, power * z, k + 2
    return total


def polynomial_error(function, coefficients, low, high, weight):
    """The largest |p - function| * weight on a grid of the interval."""
    def error(x):
        value = Decimal(0)
        for c in reversed(coefficients):
            value = value * x + decimal(c)
        return abs(value - function(x)) * weight(x)

    return max(error(low + (high - low) * i / 400) for i in range(401))


# ---- log1p(u) = u + u^2 (C0 + C1 u + ...) for 0 <= u <= 1, of softplus ----------------------------------

LOG1P_TERMS = 9


def log1p_rest(u):
    """(log(1 + u) / u - 1) / u"""
    return ((1 + u).ln() / u - 1) / u


def log1p_series():
    points = chebyshev_points(LOG1P_TERMS, Decimal(0), Decimal(1))
    return [FLOAT.round(c) for c in solve([[u**k for k in range(LOG1P_TERMS)] + [log1p_rest(u)] for u in points])]


def log1p_error(coefficients):
    return polynomial_error(log1p_rest, coefficients, Decimal("0.0025"), Decimal(1), lambda u: u * u / (1 + u).ln())


def derive_wide():
    constants = {"WIDE_LOG2E": DOUBLE.round(1 / LN2), "WIDE_LN2_HI": DOUBLE.round(LN2)}
    constants["WIDE_LN2_LO"] = DOUBLE.round(LN2 - decimal(constants["WIDE_LN2_HI"]))
    # 1215: with the scale 2^192 the biased exponent 1023 + 192 - 1215 is 0
    constants["WIDE_FLOOR"] = DOUBLE.round(-1215 * LN2)
    # 1.5 * 2^52: adding it rounds to an integer; 1023 more make the low bits a biased exponent
    constants["WIDE_ROUND"] = Fraction(3 * 2**51 + 1023)
    exp_terms = through_points(exp_rest, exp_points())
    log_terms = through_points(log_rest, chebyshev_points(LOG_TERMS, Decimal(0), LOG_WIDTH))
    return constants, exp_terms, log_terms


def wide_errors(exp_terms, log_terms):
    """The errors of the two polynomials, relative to exp(t) and to log(m)."""
    return (polynomial_error(exp_rest, exp_terms, -WIDE_HALF_WIDTH, WIDE_HALF_WIDTH, lambda t: t * t / t.exp()),
            polynomial_error(log_rest, log_terms, Decimal(0), LOG_WIDTH, lambda z: z / 2))


# ---- everything else --------------------------------------------------------------------------------

def derive():
    constants = {
        "LOG2E": LOG2E,
        "LN2_HI": FLOAT.round(LN2),
    }
    constants["LN2_LO"] = FLOAT.round(LN2 - decimal(constants["LN2_HI"]))
    constants["Q2"], constants["Q3"] = polynomial()
    # 157: with the table's scale 2^30 the biased exponent 127 + 30 - 157 is 0
    constants["FLOOR"] = FLOAT.round(-157 * LN2)
    constants["LIMIT"] = LIMIT
    # 1.5 * 2^23: adding it rounds a small float to an integer
    constants["ROUND"] = Fraction(3 * 2**22)
    # reference(-infinity): fma(-LIMIT, LOG2E, ROUND) - ROUND
    constants["LOWEST_REFERENCE"] = FLOAT.round(constants["ROUND"] - LIMIT * LOG2E) - constants["ROUND"]
    constants["LN2"] = DOUBLE.round(LN2)
    # a shift moves the index i in the low bits of z into the exponent as well: subtracted here
    table = [FLOAT.bits((LN2 * i / 8).exp()) - (i << 20) for i in range(8)]
    series = [DOUBLE.round(Fraction(1, 2 * i + 1)) for i in range(9)]
    constants["TANH_SPLIT"] = TANH_SPLIT
    constants["NEAR_ZERO"] = Fraction(1, 8)
    return constants, table, series, tanh_series(), log1p_series()


def spelled(constants):
    return {name: (DOUBLE if name == "LN2" else FLOAT).hex(value) for name, value in constants.items()}


WHAT = {
    "LOG2E": "log2(e)",
    "LN2_HI": "ln 2 = LN2_HI + LN2_LO, each rounded to float",
    "LN2_LO": None,
    "Q2": "exp(t) = 1 + t + Q2 t^2 + Q3 t^3 for |t| <= ln(2)/16",
    "Q3": None,
    "FLOOR": "-157 ln 2: so far below its reference the table scale is exactly +0",
    "LIMIT": "|max| up to which no shift is needed",
    "LOWEST_REFERENCE": "the reference of -infinity",
    "ROUND": "1.5 * 2^23: adding it rounds to an integer",
    "TANH_SPLIT": "up to here tanh is a polynomial, from here on it comes from the exponential",
    "NEAR_ZERO": "|max| + D below which log-sum-exp is next to 0",
}


WIDE_WHAT = {
    "WIDE_LOG2E": "float64: log2(e)",
    "WIDE_LN2_HI": "its ln 2 as a sum of two, each rounded to double",
    "WIDE_LN2_LO": None,
    "WIDE_FLOOR": "-1215 ln 2: so far below its reference the scale is exactly +0",
    "WIDE_ROUND": "1.5 * 2^52 + 1023: adding it rounds to an integer, whose low bits are a biased exponent",
}
WIDE_TERMS = {
    "WIDE_EXP_TERMS": "exp(t) = 1 + t + t^2 (X0 + X1 t + ...) for |t| <= ln(2)/2",
    "WIDE_LOG_TERMS": "log((1 + r) / (1 - r)) = r (2 + z (L0 + L1 z + ...)), z = r^2 <= 0.04",
}


def c_name(name):
    return name.replace("WIDE_", "F64_")


def wide_text(wide, language):
    """The constants of float64, the same in both languages except for their declarations."""

    constants, *terms = wide
    c = language == "C"
    indent, comment = ("", ("/* ", " */")) if c else ("  ", ("/** ", ". */"))

    def declared(what):
        if what is None:
            return []
        return [indent + comment[0] + (what if c else what.replace("<=", "&lt;=")) + comment[1]]

    def spelled_in(value):
        return value if c else value.replace("p+", "p")

    lines = []
    for name, what in WIDE_WHAT.items():
        lines += declared(what)
        value = spelled_in(constants[name])
        lines += [f"static const double XENT_{c_name(name)} = {value};"] if c else [f"  static final double {name} = {value};", ""]
    for (name, what), values in zip(WIDE_TERMS.items(), terms):
        lines += declared(what)
        lines += [f"static const double XENT_{c_name(name)}[{len(values)}] = {{" if c else f"  static final double[] {name} = {{"]
        rows = [", ".join(spelled_in(v) for v in values[i:i + 3]) for i in range(0, len(values), 3)]
        lines += ["    " + row + ("," if i + 1 < len(rows) else "};" if c else "") for i, row in enumerate(rows)]
        lines += [] if c else ["  };", ""]
    return lines


def c_text(spelling, table, series, tanh, log1p, wide):
    lines = ["/* SPDX-License-Identifier: Apache-2.0 */",
             "/* Written by tools/constants.py: change that, not this. numerics.md says what they are for. */",
             "#ifndef XENT_NUMERICS_CONSTANTS_H", "#define XENT_NUMERICS_CONSTANTS_H", "", "#include <stdint.h>", "",
             "enum {",
             "  XENT_LANES = 16,      /* class i of a chunk belongs to lane i mod 16 */",
             "  XENT_GROUP = 128,     /* classes whose terms are added in float before a double takes them */",
             "  XENT_EXACT_MAX = 1024 /* chunks up to this size take their reference from their maximum */",
             "};", ""]
    for name, what in WHAT.items():
        if what:
            lines.append(f"/* {what} */")
        lines.append(f"static const float XENT_{name} = {spelling[name]}f;")
    lines += ["", "/* bits(2^(i/8) rounded to float) - (i << 20) */", "static const uint32_t XENT_TWO_TO_EIGHTHS[8] = {"]
    lines += ["    " + ", ".join(f"0x{v:08x}u" for v in table[i:i + 4]) + ("," if i == 0 else "};") for i in (0, 4)]
    lines += ["", "static const double XENT_LN2 = " + spelling["LN2"] + ";",
              "/* 1 / (2 i + 1): log((1 + r) / (1 - r)) = 2 (r + r^3/3 + r^5/5 + ...) */",
              "static const double XENT_LOG_SERIES[9] = {"]
    spelled_series = [DOUBLE.hex(v) for v in series]
    lines += ["    " + ", ".join(spelled_series[i:i + 3]) + ("," if i < 6 else "};") for i in (0, 3, 6)]
    spelled_tanh = [FLOAT.hex(v) + "f" for v in tanh]
    lines += ["", "/* tanh(v) = v + v z (TANH[0] + TANH[1] z + ...), z = v^2 */", f"static const float XENT_TANH[{len(tanh)}] = {{",
              "    " + ", ".join(spelled_tanh[:4]) + ",", "    " + ", ".join(spelled_tanh[4:]) + "};"]
    spelled_log1p = [FLOAT.hex(v) + "f" for v in log1p]
    lines += ["", "/* log1p(u) = u + u^2 (C0 + C1 u + ...) for 0 <= u <= 1 */", f"static const float XENT_LOG1P[{len(log1p)}] = {{",
              "    " + ", ".join(spelled_log1p[:5]) + ",", "    " + ", ".join(spelled_log1p[5:]) + "};"]
    lines += [""] + wide_text(wide, "C") + ["", "#endif", ""]
    return "\n".join(lines)


def java_text(spelling, table, series, tanh, log1p, wide):
    lines = ["// SPDX-License-Identifier: Apache-2.0",
             "// Written by tools/constants.py: change that, not this.",
             "package dev.xent.internal.kernels.reference.math;", "",
             "/** The constants of the arithmetic; numerics.md says what they are for. */",
             "public final class Constants {",
             "  /** Class i of a chunk belongs to lane i mod 16. */",
             "  static final int LANES = 16;", "",
             "  /** Classes whose terms are added in float before a double takes them. */",
             "  static final int GROUP = 128;", "",
             "  /** Chunks up to this size take their reference from their maximum. */",
             "  static final int EXACT_MAX = 1024;", "",
             "  /** Classes of a chunk: XENT_CHUNK of xent.h. */",
             "  static final int CHUNK = 8192;", ""]
    for name, what in WHAT.items():
        if what:
            what = what.replace("<=", "&lt;=")
            lines.append(f"  /** {what}. */")
        lines += [f"  static final float {name} = {spelling[name].replace('p+', 'p')}f;", ""]
    lines += ["  /** bits(2^(i/8) rounded to float) - (i << 20). */".replace("<<", "&lt;&lt;"),
              "  static final int[] TWO_TO_EIGHTHS = {"]
    lines += ["    " + ", ".join(f"0x{v:08x}" for v in table[i:i + 4]) + ("," if i == 0 else "") for i in (0, 4)]
    lines += ["  };", "", "  static final double LN2 = " + spelling["LN2"] + ";", "",
              "  /** 1 / (2 i + 1): log((1 + r) / (1 - r)) = 2 (r + r^3/3 + r^5/5 + ...). */",
              "  static final double[] LOG_SERIES = {"]
    spelled_series = [DOUBLE.hex(v).replace("p+", "p") for v in series]
    lines += ["    " + ", ".join(spelled_series[i:i + 3]) + ("," if i < 6 else "") for i in (0, 3, 6)]
    spelled_tanh = [FLOAT.hex(v).replace("p+", "p") + "f" for v in tanh]
    lines += ["  };", "", "  /** tanh(v) = v + v z (TANH[0] + TANH[1] z + ...), z = v^2. */", "  static final float[] TANH = {",
              "    " + ", ".join(spelled_tanh[:4]) + ",", "    " + ", ".join(spelled_tanh[4:])]
    spelled_log1p = [FLOAT.hex(v).replace("p+", "p") + "f" for v in log1p]
    lines += ["  };", "", "  /** log1p(u) = u + u^2 (C0 + C1 u + ...) for 0 &lt;= u &lt;= 1. */", "  static final float[] LOG1P = {",
              "    " + ", ".join(spelled_log1p[:5]) + ",", "    " + ", ".join(spelled_log1p[5:])]
    lines += ["  };", ""] + wide_text(wide, "Java") + ["  private Constants() {}", "}", ""]
    return "\n".join(lines).replace("  static final", "  public static final")


def main(arguments):
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    constants, table, series, tanh, log1p = derive()
    spelling = spelled(constants)
    derived = (spelling, table, [FLOAT.hex(v) for v in tanh], [FLOAT.hex(v) for v in log1p])
    pinned = (PINNED, PINNED_TABLE, PINNED_TANH, PINNED_LOG1P)
    if derived != pinned:
        print(f"derived {derived},\npinned  {pinned}", file=sys.stderr)
        return 1
    wide_constants, *terms = derive_wide()
    wide = ({name: DOUBLE.hex(value) for name, value in wide_constants.items()},
            *([DOUBLE.hex(v) for v in values] for values in terms))
    if wide != (PINNED_WIDE, PINNED_EXP_TERMS, PINNED_LOG_TERMS):
        print(f"derived {wide},\npinned  {(PINNED_WIDE, PINNED_EXP_TERMS, PINNED_LOG_TERMS)}", file=sys.stderr)
        return 1
    for name, value in {**spelling, **wide[0]}.items():
        print(f"{name:17} {value}")
    q2, q3 = decimal(constants["Q2"]), decimal(constants["Q3"])
    worst = largest(lambda t: relative_error(t, q2, q3))
    print(f"worst relative error of the polynomial {worst:.4e}, 2^{worst.ln() / LN2:.2f}")
    error = log1p_error(log1p)
    print(f"worst relative error of log1p(u) {error:.4e}, 2^{error.ln() / LN2:.2f}")
    for name, error in zip(("exponential", "logarithm"), wide_errors(*terms)):
        print(f"worst relative error of float64's {name} {error:.4e}, 2^{error.ln() / LN2:.2f}")
    differ = 0
    texts = ((C_FILE, c_text(spelling, table, series, tanh, log1p, wide)),
             (JAVA_FILE, java_text(spelling, table, series, tanh, log1p, wide)))
    for path, text in texts:
        shown = path.relative_to(ROOT)
        if arguments == ["--check"]:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                print(f"{shown} is not what tools/constants.py writes: run it", file=sys.stderr)
                differ = 1
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {shown}")
    return differ


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
