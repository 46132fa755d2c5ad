// SPDX-License-Identifier: Apache-2.0
//! Computes softmax, log-softmax, cross-entropy and their gradients by numerics.md, and compares every bit.
//!
//!     rustc -O --edition 2021 vectors.rs && ./vectors [FOLDER]
//!
//! FOLDER has cases.txt and arrays.bin. An example of an implementation that has nothing in common with Xent. It
//! computes the cases whose logits are F32, F16 or BF16 (sections 2, 3 and 5) with one label per row, and counts all
//! others. README.md describes the files. Section numbers are those of numerics.md.
use std::collections::HashMap;

// ---- section 2: exponential, hyperbolic tangent, logarithm ---------------------------------------

/// A float of C's form, such as -0x1.8p+3, at compile time for the constants.
const fn hex(text: &str) -> f64 {
    let b = text.as_bytes();
    let (mut i, mut digits, mut power, mut seen_point) = (if b[0] == b'-' { 3 } else { 2 }, 0u64, 0i32, false);
    while b[i] != b'p' {
        if b[i] == b'.' {
            seen_point = true;
        } else {
            digits = digits * 16 + (b[i] - if b[i] < b'a' { b'0' } else { b'a' - 10 }) as u64;
            power -= if seen_point { 4 } else { 0 };
        }
        i += 1;
    }
    let (negative, mut exponent) = (b[i + 1] == b'-', 0);
    i += if b[i + 1] == b'-' || b[i + 1] == b'+' { 2 } else { 1 };
    while i < b.len() {
        exponent = exponent * 10 + (b[i] - b'0') as i32;
        i += 1;
    }
    power += if negative { -exponent } else { exponent };
    let mut v = digits as f64;
    while power > 0 {
        v *= 2.0;
        power -= 1;
    }
    while power < 0 {
        v /= 2.0;
        power += 1;
    }
    if b[0] == b'-' { -v } else { v }
}

const LOG2E: f32 = hex("0x1.715476p+0") as f32;
const LN2_HI: f32 = hex("0x1.62e430p-1") as f32;
const ROUND: f32 = 12582912.0;
const LIMIT: f32 = 16384.0;
const LN2: f64 = 0.69314718055994530942;
const TANH: [f32; 7] = [
    hex("-0x1.555556p-2") as f32, hex("0x1.1110cap-3") as f32, hex("-0x1.ba03bep-5") as f32,
    hex("0x1.64cc9ap-6") as f32, hex("-0x1.167f44p-7") as f32, hex("0x1.716c44p-9") as f32,
    hex("-0x1.1f17b8p-11") as f32,
];

/// 2^k, k at least -1000.
fn two(k: f64) -> f64 {
    f64::from_bits(((k.max(-1000.0) as i64 + 1023) as u64) << 52)
}

#[derive(Clone)]
struct Exponential { r: f64, r_hi: f32, eighth_hi: f32, eighth_lo: f32, inverse: f32, q2: f32, q3: f32, floor: f32 }

impl Exponential {
    fn new(tau: f64) -> Self {
        let (r, eighth) = (1.0 / tau, LN2 / 8.0 * tau);
        let eighth_hi = eighth as f32;
        Exponential {
            r, r_hi: r as f32, eighth_hi, eighth_lo: (eighth - eighth_hi as f64) as f32,
            inverse: (1.0 / eighth) as f32, q2: (hex("0x1.000876p-1") * r * r) as f32,
            q3: (hex("0x1.55568ap-3") * r * r * r) as f32, floor: (hex("-0x1.b34be2p+6") * tau) as f32,
        }
    }

    /// exp(x/τ) is 2^n·e·2^-30.
    fn e(&self, x: f32, n_row: f32) -> f32 {
        let low = n_row.mul_add(8.0 * self.eighth_hi, self.floor);
        let x = if x < low { low } else { x };
        let magic = ROUND + 8.0 * 30.0 - 8.0 * n_row;
        let z = x.mul_add(self.inverse, magic);
        let n = z - magic;
        let t = n.mul_add(-self.eighth_lo, n.mul_add(-self.eighth_hi, x));
        let i = z.to_bits() & 7;
        let t8 = ((i as f64 / 8.0).exp2() as f32).to_bits() - (i << 20);
        let s = f32::from_bits(t8.wrapping_add(z.to_bits() << 20));
        let p = self.q3.mul_add(t, self.q2).mul_add(t, self.r_hi) * t;
        p.mul_add(s, s)
    }

    fn reference(&self, maximum: f32) -> f32 {
        (maximum * self.r_hi).clamp(-LIMIT, LIMIT).mul_add(LOG2E, ROUND) - ROUND
    }
}

fn tanh(x: f32) -> f32 {
    let v = if x.abs() > 10.0 { 10.0 } else { x.abs() };
    let z = v * v;
    let p = TANH.iter().rev().skip(1).fold(TANH[6], |p, &c| p.mul_add(z, c));
    let t = if v > 0.875 {
        1.0 - 2.0 / (Exponential::new(1.0).e(2.0 * v, 30.0) + 1.0)
    } else {
        (v * z).mul_add(p, v)
    };
    t.copysign(x)
}

fn series(r: f64) -> f64 {
    let z = r * r;
    let p = (1..=7).rev().fold(1.0 / 17.0, |p: f64, i| p.mul_add(z, 1.0 / (2 * i + 1) as f64));
    let p = (p * z).mul_add(r, r);
    p + p
}

fn log(v: f64) -> f64 {
    let k = (v.to_bits() as i64 - 0x3FE6A09E667F3BCD) >> 52;
    let m = f64::from_bits((v.to_bits() as i64 - (k << 52)) as u64);
    (k as f64).mul_add(LN2, series((m - 1.0) / (m + 1.0)))
}

fn log1p(q: f64) -> f64 {
    series(q / (2.0 + q))
}

// ---- section 2: sums and rows --------------------------------------------------------------------

fn largest(x: &[f32]) -> f32 {
    x.iter().fold(f32::NEG_INFINITY, |m, &v| if v > m { v } else { m }) + 0.0 // -0 counts as +0
}

fn add_group(lanes: &mut [f64; 16], terms: &[f32]) {
    let v = |i: usize| terms.get(i).copied().unwrap_or(0.0);
    for i in 0..16 {
        let low = (v(i) + v(i + 16)) + (v(i + 32) + v(i + 48));
        let high = (v(i + 64) + v(i + 80)) + (v(i + 96) + v(i + 112));
        lanes[i] += (low + high) as f64;
    }
}

fn tree(mut lanes: [f64; 16], classes: usize) -> f64 {
    for half in [8, 4, 2, 1] {
        for j in 0..half {
            let in_float = classes <= 16 && half > 1;
            let (a, b) = (lanes[j], lanes[j + half]);
            lanes[j] = if in_float { (a as f32 + b as f32) as f64 } else { a + b };
        }
    }
    lanes[0]
}

fn chunk_sum(v: &[f32]) -> f64 {
    let mut lanes = [0.0; 16];
    v.chunks(128).for_each(|group| add_group(&mut lanes, group));
    tree(lanes, v.len())
}

/// M_c, N_c and s_c of a chunk; the class `label` of it adds +0 to the sum.
fn chunk(exp: &Exponential, x: &[f32], masked: &[bool], label: Option<usize>) -> (f32, f32, f64) {
    let (maximum, is_long) = (largest(x), x.len() > 1024);
    let mut n = exp.reference(if is_long { f32::NEG_INFINITY } else { maximum });
    let mut lanes = [0.0; 16];
    for (at, group) in x.chunks(128).enumerate() {
        let g = largest(group);
        let raised = exp.reference(g);
        if is_long && g * exp.r_hi > (n + 16.0) * LN2_HI && raised > n {
            lanes.iter_mut().for_each(|lane| *lane *= two((n - raised) as f64));
            n = raised;
        }
        let term = |i: usize| if masked[i] || label == Some(i) { 0.0 } else { exp.e(x[i], n) };
        let terms: Vec<f32> = (at * 128..at * 128 + group.len()).map(term).collect();
        add_group(&mut lanes, &terms);
    }
    (maximum, n, tree(lanes, x.len()))
}

/// The results of a row that do not depend on targets but for the label.
struct Row { x: Vec<f32>, label: Option<usize>, m: f32, n: f32, others: f64, e_label: f64, s: f64, e_max: f64, d: f64,
    lse: f64, nan: bool, empty: bool }

fn sum_row(exp: &Exponential, x: Vec<f32>, masked: &[bool], label: Option<usize>, sink: Option<f32>,
           shift: f32) -> Row {
    let (mut n, mut others, mut m) = (-23637f32, 0f64, f32::NEG_INFINITY);
    let mut parts: Vec<_> = x.chunks(8192).enumerate().map(|(i, part)| {
        let place = label.filter(|y| y / 8192 == i).map(|y| y % 8192);
        chunk(exp, part, &masked[i * 8192..], place)
    }).collect();
    parts.extend(sink.map(|s| (s + 0.0, exp.reference(s), exp.e(s, exp.reference(s)) as f64)));
    for (m_c, n_c, s_c) in parts {
        let higher = n.max(n_c);
        others = others * two((n - higher) as f64) + s_c * two(-30.0) * two((n_c - higher) as f64);
        (n, m) = (higher, m.max(m_c));
    }
    let e_label = label.map_or(0.0, |y| exp.e(x[y], n) as f64 * two(-30.0));
    let s = if label.is_some() { others + e_label } else { others };
    if m.is_finite() && !((m * exp.r_hi).abs() <= LIMIT) && shift == 0.0 {
        return sum_row(exp, x.iter().map(|v| v - m).collect(), masked, label, sink.map(|s| s - m), m);
    }
    let nan = m == f32::INFINITY || s.is_nan();
    let e_max = exp.e(m, n) as f64 * two(-30.0);
    let d = if s <= e_max { 0.0 }
        else if s <= 2.0 * e_max { log1p((s - e_max) / e_max) }
        else { (n as f64).mul_add(LN2, log(s)) - m as f64 * exp.r };
    let lse = shift as f64 * exp.r + (m as f64 * exp.r + d);
    Row { x, label, m, n, others, e_label, s, e_max, d, lse, nan, empty: !nan && m == f32::NEG_INFINITY }
}

// ---- the files -----------------------------------------------------------------------------------

struct Array { kind: String, offset: usize, count: usize }

#[derive(Default)]
struct Case { name: String, function: String, shape: Vec<usize>, options: HashMap<String, String>,
    inputs: HashMap<String, Array>, outputs: Vec<(String, Array)> }

impl Case {
    fn option(&self, name: &str) -> Option<f64> {
        self.options.get(name).map(|text| if text.contains('x') { hex(text) } else { text.parse().unwrap() })
    }

    fn says(&self, name: &str, value: &str) -> bool {
        self.options.get(name).is_some_and(|text| text == value)
    }

    /// Whether this program computes the case.
    fn computed(&self) -> bool {
        let of_row = |a: &Array| a.count == self.shape[0] * self.shape[2] && a.kind.starts_with(['i', 'u']);
        self.inputs.get("logits").is_some_and(|a| a.kind != "f64")
            && !self.inputs.contains_key("target_weights") && !self.options.contains_key("focal_gamma")
            && match self.function.as_str() {
                "cross_entropy" | "cross_entropy_backward" => self.inputs.get("targets").is_some_and(of_row),
                name => name == "softmax_forward" || name == "log_softmax_forward",
            }
    }
}

fn half(h: u16) -> f32 {
    let (power, digits) = ((h >> 10 & 31) as i32, (h & 1023) as f64);
    let v = match power {
        31 => if digits == 0.0 { f64::INFINITY } else { f64::NAN },
        0 => digits * two(-24.0),
        _ => (digits + 1024.0) * two((power - 25) as f64),
    };
    (if h & 0x8000 != 0 { -v } else { v }) as f32
}

fn read(data: &[u8], a: &Array) -> Vec<f64> {
    let size = match a.kind.as_str() {
        "i8" | "u8" => 1,
        "f16" | "bf16" | "i16" | "u16" => 2,
        "f32" | "i32" | "u32" => 4,
        _ => 8,
    };
    data[a.offset..a.offset + a.count * size].chunks(size).map(|b| match a.kind.as_str() {
        "f32" => f32::from_le_bytes(b.try_into().unwrap()) as f64,
        "f64" => f64::from_le_bytes(b.try_into().unwrap()),
        "f16" => half(u16::from_le_bytes(b.try_into().unwrap())) as f64,
        "bf16" => f32::from_bits((u16::from_le_bytes(b.try_into().unwrap()) as u32) << 16) as f64,
        "i8" => b[0] as i8 as f64,
        "u8" => b[0] as f64,
        "i16" => i16::from_le_bytes(b.try_into().unwrap()) as f64,
        "u16" => u16::from_le_bytes(b.try_into().unwrap()) as f64,
        "i32" => i32::from_le_bytes(b.try_into().unwrap()) as f64,
        "u32" => u32::from_le_bytes(b.try_into().unwrap()) as f64,
        "u64" => u64::from_le_bytes(b.try_into().unwrap()) as f64,
        _ => i64::from_le_bytes(b.try_into().unwrap()) as f64,
    }).collect()
}

/// The bits of a float in a type, rounded to nearest even.
fn encode(v: f32, kind: &str) -> u32 {
    let (u, sign) = (v.to_bits(), v.to_bits() >> 16 & 0x8000);
    match kind {
        "f32" => if v.is_nan() { 0x7fc00000 } else { u },
        "bf16" => if v.is_nan() { 0x7fc0 } else { (u + 0x7fff + (u >> 16 & 1)) >> 16 },
        _ if v.is_nan() => 0x7e00,
        _ if v.abs() >= 65520.0 => sign | 0x7c00,
        _ if v.abs() < two(-14.0) as f32 => sign | (v.abs() * two(24.0) as f32).round_ties_even() as u32,
        _ => sign | ((((u & 0x7fffffff) + 0xfff + (u >> 13 & 1)) >> 13) - (112 << 10)),
    }
}

fn read_cases(text: &str) -> Vec<Case> {
    let (mut cases, mut case) = (vec![], Case::default());
    for line in text.lines().skip(1) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[0] {
            "case" => case = Case { name: line[5..].to_string(), ..Case::default() },
            "function" => case.function = words[1].to_string(),
            "shape" => case.shape = words[1..].iter().map(|n| n.parse().unwrap()).collect(),
            "option" => { case.options.insert(words[1].to_string(), words[2].to_string()); }
            "input" | "output" => {
                let (offset, count) = (words[3].parse().unwrap(), words[4].parse().unwrap());
                let array = Array { kind: words[2].to_string(), offset, count };
                if words[0] == "input" { case.inputs.insert(words[1].to_string(), array); }
                else { case.outputs.push((words[1].to_string(), array)); }
            }
            "end" => cases.push(std::mem::take(&mut case)),
            _ => {}
        }
    }
    cases
}

// ---- section 3: labels ---------------------------------------------------------------------------

/// The loss and the gradient of a row with a label.
fn cross_entropy(case: &Case, exp: &Exponential, row: &Row, masked: &[bool], w: Option<&Vec<f32>>, u: f64,
                 upstream: f64, logits: &[f32]) -> (f32, Vec<f32>) {
    let (y, x) = (row.label.unwrap(), &row.x);
    let (epsilon, zeta) = (case.option("label_smoothing").unwrap_or(0.0), case.option("z_loss").unwrap_or(0.0));
    let others = case.says("smoothing", "others");
    let even: Vec<bool> = (0..x.len()).map(|k| !masked[k] && !(others && k == y)).collect();
    let count = even.iter().filter(|&&is| is).count() as f64;
    let share = if epsilon > 0.0 && count > 0.0 { epsilon / count } else { 0.0 };
    let w_y = w.map_or(1.0, |w| w[y] as f64);
    let own = (1.0 - epsilon) * w_y;

    let (mut t, mut q, mut max) = (0f64, 0f64, f64::NEG_INFINITY);
    for at in (0..if share > 0.0 { x.len() } else { 0 }).step_by(8192) {
        let part = at..x.len().min(at + 8192);
        let m_c = largest(&x[part.clone()]);
        let m = if m_c.is_finite() { m_c } else { 0.0 };
        let target = |k: usize| if even[k] { w.map_or(1.0, |w| w[k]) } else { 0.0 };
        let term = |k: usize| if target(k) != 0.0 { target(k) * (m - x[k]) } else { 0.0 };
        let dot = chunk_sum(&part.clone().map(term).collect::<Vec<_>>());
        let mass = match w {
            Some(_) => chunk_sum(&part.map(target).collect::<Vec<_>>()),
            None => part.filter(|&k| even[k]).count() as f64,
        };
        let raised = max.max(m_c as f64);
        if max.is_finite() && raised.is_finite() && max != raised { t += q * (raised - max); }
        t += dot;
        if m_c.is_finite() && raised != m as f64 { t += mass * (raised - m as f64); }
        (q, max) = (q + mass, raised);
    }
    if max.is_finite() && row.m as f64 > max { t += q * (row.m as f64 - max); } // the sink is larger

    let ratio = row.others / row.e_label;
    let mut loss = if ratio <= 1.0 { log1p(ratio) } else { row.d + (row.m as f64 - x[y] as f64) * exp.r };
    if let Some(clamp) = case.option("probability_clamp").filter(|&d| d > 0.0) {
        loss = loss.max(-log(1.0 - clamp)).min(-log(clamp.max(two(-1000.0) * two(-22.0))));
    }
    let smooth = if w.is_some() { (t * exp.r + q * row.d) / count } else { t / count * exp.r + row.d };
    let mut b = match (share > 0.0, own == 0.0) {
        (true, true) => epsilon * smooth,
        (true, false) => own.mul_add(loss, epsilon * smooth),
        (false, true) => 0.0,
        (false, false) => own * loss,
    };
    if zeta > 0.0 { b += zeta * (row.lse * row.lse); }

    let c = case.option("gradient_scale").unwrap_or(1.0) * u * upstream;
    let cc = case.option("temperature").map_or(c, |tau| c / tau);
    let none = epsilon > 0.0 && share == 0.0;
    let a = if w.is_some() { own + share * q } else if none { own } else { 1.0 };
    let pull = a + 2.0 * zeta * row.lse;
    let h = two(-30.0) / row.s * cc * pull;
    let carried = h.abs() > 0.0 && h.abs() < two(-126.0) && cc.abs() < two(31.0);
    let up = if carried { two(96.0) } else { 1.0 };
    let (factor, bs) = ((h * up) as f32, (cc * share * up) as f32);
    let (p_y, not_y) = (row.e_label / row.s, 0.0 - row.others / row.s);
    let gradient = (0..x.len()).map(|k| {
        if masked[k] { return 0.0; }
        let product = cc * share * w.map_or(0.0, |w| w[k] as f64);
        let g = if k == y && (w.is_some() || zeta > 0.0 || none) {
            let before = not_y * own + p_y * (pull - own);
            ((if even[y] { before - share * w_y } else { before }) * cc) as f32
        } else if k == y && epsilon <= 0.5 {
            let rest = if share == 0.0 { 0.0 } else if others { epsilon } else { epsilon - share };
            ((not_y + rest) * cc) as f32
        } else if k == y {
            ((p_y - (1.0 - epsilon + if others { 0.0 } else { share })) * cc) as f32
        } else if carried && share > 0.0 && w.is_some() && even[k] && product.abs() >= two(30.0) {
            -(product as f32)
        } else {
            let b = if share == 0.0 || !even[k] { -0.0 } else { -w.map_or(bs, |w| w[k] * bs) };
            exp.e(x[k], row.n).mul_add(factor, b) * if carried { two(-96.0) as f32 } else { 1.0 }
        };
        match case.option("softcap") {
            Some(cap) => { let t = tanh(logits[k] * (1.0 / cap) as f32); g * (-t).mul_add(t, 1.0) }
            None => g,
        }
    }).collect();
    ((u * b) as f32, gradient)
}

// ---- sections 5 and 10: edges and types ----------------------------------------------------------

/// Calls `emit` with the name, the place and the value of each result of the case.
fn run(case: &Case, data: &[u8], mut emit: impl FnMut(&str, usize, f32)) {
    let find = |name: &str| case.inputs.get(name).map(|a| read(data, a));
    let (logits, mask, labels, u) = (find("logits").unwrap(), find("class_mask"), find("targets"), find("row_weights"));
    let (sinks, upstream, offsets) = (find("sink"), find("upstream"), find("row_offsets"));
    let weights: Option<Vec<f32>> = find("class_weights").map(|w| w.iter().map(|&v| v as f32).collect());
    let (classes, inner) = (case.shape[1], case.shape[2]);
    let tau = case.option("temperature").unwrap_or(1.0);
    let (exp, softcap) = (Exponential::new(tau), case.option("softcap"));
    let is_log = case.function == "log_softmax_forward";
    for i in 0..case.shape[0] * inner {
        let (begin, step, length) = match &offsets {
            Some(o) => (o[i] as usize, 1, o[i + 1] as usize - o[i] as usize),
            None => (i / inner * classes * inner + i % inner, inner, classes),
        };
        let given: Vec<f32> = (0..length).map(|k| logits[begin + k * step] as f32).collect();
        let place = |k, count| if count == classes { k } else { begin + k * step };
        let is_masked = |k| mask.as_ref().is_some_and(|m| m[place(k, m.len())] == 0.0);
        let masked: Vec<bool> = (0..length).map(is_masked).collect();
        let x = given.iter().zip(&masked).map(|(&v, &out)| match softcap {
            _ if out => f32::NEG_INFINITY,
            Some(c) => c as f32 * tanh(v * (1.0 / c) as f32),
            None => v,
        }).collect();
        let sink = sinks.as_ref().map(|s| s[if s.len() > 1 { i } else { 0 }]).map(|s| {
            let scaled = (s * tau) as f32;
            if scaled.is_infinite() && s.is_finite() { f32::MAX.copysign(scaled) } else { scaled }
        });
        let (label, weight) = (labels.as_ref().map(|l| l[i]), u.as_ref().map_or(1.0, |u| u[i]));
        let ignored = label.is_some() && (label == case.option("ignore_index") || weight == 0.0);
        let row = sum_row(&exp, x, &masked, label.filter(|_| !ignored).map(|y| y as usize), sink, 0.0);
        let (loss, lse, per_class) = if ignored || row.nan || row.empty {
            let nan = !ignored && (row.nan || !case.says("fully_masked", "zero"));
            let value = if nan { f32::NAN } else if is_log { f32::NEG_INFINITY } else { 0.0 };
            let lse = if ignored || nan { f32::NAN } else { f32::NEG_INFINITY };
            (if nan { f32::NAN } else { 0.0 }, lse, vec![value; length])
        } else if label.is_some() {
            let upstream = upstream.as_ref().map_or(1.0, |g| g[i]);
            let (loss, gradient) = cross_entropy(case, &exp, &row, &masked, weights.as_ref(), weight, upstream, &given);
            (loss, row.lse as f32, gradient)
        } else {
            let (factor, minus_d) = ((two(-30.0) / row.s) as f32, (0.0 - row.d) as f32);
            let value = |k: usize| match (masked[k], is_log) {
                (true, _) => if is_log { f32::NEG_INFINITY } else { 0.0 },
                (_, true) => (row.x[k] - row.m).mul_add(exp.r_hi, minus_d),
                _ if length == 1 && row.x[k] == row.m && row.s == row.e_max => 1.0,
                _ => exp.e(row.x[k], row.n) * factor,
            };
            (0.0, 0.0, (0..length).map(value).collect())
        };
        for (name, _) in &case.outputs {
            match name.as_str() {
                "losses" => emit(name, i, loss),
                "log_sum_exp" => emit(name, i, lse),
                "output" | "gradient" => (0..length).for_each(|k| emit(name, begin + k * step, per_class[k])),
                _ => {}
            }
        }
    }
}

fn main() {
    let folder = std::env::args().nth(1).unwrap_or(".".to_string());
    let data = std::fs::read(format!("{folder}/arrays.bin")).expect("arrays.bin");
    let cases = read_cases(&std::fs::read_to_string(format!("{folder}/cases.txt")).expect("cases.txt"));
    let (mut chosen, mut compared, mut differ) = (0, 0, 0);
    for case in cases.iter().filter(|case| case.computed()) {
        chosen += 1;
        let outputs: HashMap<&str, &Array> = case.outputs.iter().map(|(name, a)| (name.as_str(), a)).collect();
        run(case, &data, |name, i, value| {
            let array = outputs[name];
            let (is, wide) = (encode(value, &array.kind), array.kind == "f32");
            let at = array.offset + i * if wide { 4 } else { 2 };
            let low = u16::from_le_bytes([data[at], data[at + 1]]) as u32;
            let wanted = if wide { low | (data[at + 2] as u32) << 16 | (data[at + 3] as u32) << 24 } else { low };
            compared += 1;
            if is != wanted {
                differ += 1;
                if differ <= 50 { println!("{}: value {i} of {name} is {is:#x} instead of {wanted:#x}", case.name); }
            }
        });
    }
    println!("Rust: {chosen} of {} cases, {compared} values compared, {differ} differ", cases.len());
    std::process::exit((differ > 0 || compared == 0) as i32);
}
