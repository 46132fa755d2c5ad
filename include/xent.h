/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xent.h: softmax, log-softmax and cross-entropy on tensors that already lie in memory.
 *
 * This header is the manual. docs/numerics.md defines every bit of every result; docs/design.md says
 * why the interface has this form.
 *
 * THE MODEL
 *   A tensor is (outer, classes, inner) with a stride, in elements, for each of the three. A row is one
 *   (outer, inner) pair with all its classes, and its number is outer_index * inner + inner_index.
 *   [N, C] is (N, C, 1); [N, C, H, W] with the class axis 1 is (N, C, H*W); [C] is (1, C, 1).
 *
 * RANGES
 *   Every computation works on rows [row_begin, row_end), so a caller splits rows over its own threads.
 *   A row can also be split over its classes, at multiples of XENT_CHUNK: xent_forward_states (or
 *   xent_backward_states) on each class range, xent_finish once, then the function that writes, on each
 *   class range, with the statistics that xent_finish gave. All splits give the same bits.
 *
 * ADDRESSES
 *   Structs begin with their size and hold no address; every address is an argument. Arrays are indexed
 *   from row 0, class 0 whatever the range: a range says which part is touched. Addresses must be
 *   aligned to their element type. NULL is allowed only where the parameter says "or NULL".
 *   An output may be its input (same address, same strides: in place). Any other overlap of the byte
 *   range of an array that is written with that of another array is XENT_OVERLAP. Statistics, states,
 *   tally and report must not overlap anything; that is not checked.
 *
 * SIZES OF STRUCTS
 *   xent_shape, xent_options, xent_report and xent_tally begin with their size: set it to sizeof the
 *   struct. Later versions append fields. A caller that was compiled against an older header passes a
 *   smaller struct: the fields it does not know count as 0, which always means "not used". A larger one
 *   is accepted while the bytes that this library does not know are 0, else XENT_UNSUPPORTED. A size
 *   that no version has (below version 1's, above 4096, not a multiple of 8) is XENT_INVALID_ARGUMENT;
 *   a tally must have the library's own size. Arrays that later versions add come with functions of
 *   their own.
 *
 * TYPES
 *   Where logits (y of a softmax backward) are F16, BF16 or F32, everything is computed as for F32 and
 *   every float array of the call may be F16, BF16 or F32, each for itself: inputs are widened exactly,
 *   results rounded once to nearest even. Where they are F64, everything is computed in double, and every
 *   float array may be F64 or F32. Other types are XENT_UNSUPPORTED.
 *
 * MASKED CLASSES, RAGGED ROWS, SINK
 *   class_mask (U8, one number per class, strides may be 0 to repeat it for all rows): a class whose number
 *   is 0 does not take part. Its logit may be loaded, but whatever it is, NaN too, has no influence; it is
 *   not counted by smoothing, and a label there is XENT_INVALID_LABEL. Its probability and gradients are +0
 *   and its log-probability is -inf, except in a row that is NaN (a class that takes part is NaN or +inf, or
 *   none takes part and options->fully_masked says so): that is NaN in every class, masked ones too. The
 *   gradient of a softmax or log-softmax backward is +0 there in every row.
 *   row_offsets (I32 or I64, rows + 1 numbers without gaps; inner is 1): row r has row_offsets[r + 1] -
 *   row_offsets[r] classes, at most `classes`, and begins at row_offsets[r] * layout.classes in every array
 *   that has a number per class; layout.outer is not used there. A row of no classes is fully masked.
 *   sink (a logit per row, strides may be 0): one more exp(sink) in the denominator of the row, which is no
 *   class: taken as it is, without softcap or temperature.
 *
 * SHARDS
 *   Where the classes of a tensor are divided over processes, a shard's arrays hold the classes
 *   [first_class, first_class + classes) of all_classes. Labels stay in [0, all_classes). This is for
 *   xent_forward_states, xent_backward_states and, with statistics, the functions that write.
 *
 * THREADS, STATE, ERRORS
 *   Functions are pure and re-entrant: no globals that change, no allocation, no threads, no I/O, no
 *   environment variables. Disjoint ranges may run at the same time, each with a report and a tally of
 *   its own. A call takes up to 128 KiB of stack. Everything but a label out of range (or
 *   state, in xent_finish) is checked before the first store; xent_check_targets finds labels out of range before the first store too.
 *   Where another thread changes labels, sparse targets, masks or row offsets during a call, results mean
 *   nothing and a label may still be XENT_INVALID_LABEL, but only memory that was checked is touched.
 *   Every NaN written is the canonical quiet one of its type (0x7fc00000 in F32). The floating-point mode of the thread
 *   (rounding, flush-to-zero) is checked, set where it differs, and put back.
 */
#ifndef XENT_H
#define XENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(XENT_STATIC) || !defined(__GNUC__)
#define XENT_API
#else
#define XENT_API __attribute__((visibility("default")))
#endif

/* The form of this interface; a library with another ABI version must not be called. */
#define XENT_ABI_VERSION 1
/* The arithmetic of docs/numerics.md; two libraries with equal numerics versions give equal bits. */
#define XENT_NUMERICS_VERSION 1
/* Class ranges begin and end at multiples of this, or end with the row. */
#define XENT_CHUNK 8192

/* ---- statuses: these numbers never change ---------------------------------------------------- */

typedef int32_t xent_status;
enum {
  XENT_OK = 0,
  XENT_INVALID_ARGUMENT = 1, /* report: field. NULL, misaligned, a size or range that cannot be */
  XENT_INVALID_SHAPE = 2,    /* report: field, integer. zero classes, negative sizes or strides, overflow */
  XENT_INVALID_OPTION = 3,   /* report: field, value. an option has a value that it cannot have */
  XENT_INVALID_LABEL = 4,    /* report: row, label. not in [0, classes) and not the ignore index */
  XENT_OVERLAP = 5,          /* report: field. an output overlaps another array and is not in place */
  XENT_UNSUPPORTED = 6       /* report: field, integer. a type, instruction set or option not in this build */
};

/* What a status speaks of; pinned like the statuses. */
enum {
  XENT_FIELD_NONE = 0,
  XENT_FIELD_SHAPE = 1,
  XENT_FIELD_OPTIONS = 2,
  XENT_FIELD_ROW_RANGE = 3,
  XENT_FIELD_CLASS_RANGE = 4,
  XENT_FIELD_LOGITS = 5,
  XENT_FIELD_OUTPUT = 6,
  XENT_FIELD_GRADIENT = 7,
  XENT_FIELD_UPSTREAM = 8,
  XENT_FIELD_TARGETS = 9,
  XENT_FIELD_LOSSES = 10,
  XENT_FIELD_LOG_SUM_EXP = 11,
  XENT_FIELD_HITS = 12,
  XENT_FIELD_STATISTICS = 13,
  XENT_FIELD_STATES = 14,
  XENT_FIELD_TALLY = 15,
  XENT_FIELD_REPORT = 16,
  XENT_FIELD_CLASSES = 17,
  XENT_FIELD_TARGET_WEIGHTS = 18,
  XENT_FIELD_ROW_OFFSETS = 19,
  XENT_FIELD_CLASS_MASK = 20,
  XENT_FIELD_CLASS_WEIGHTS = 21,
  XENT_FIELD_ROW_WEIGHTS = 22,
  XENT_FIELD_SINK = 23,
  XENT_FIELD_LOG_PROBABILITIES = 24,
  XENT_FIELD_ARGMAX = 25,
  XENT_FIELD_RANKS = 26,
  XENT_FIELD_ENTROPIES = 27,
  XENT_FIELD_TOP_CLASSES = 28,
  XENT_FIELD_TOP_LOG_PROBABILITIES = 29,
  XENT_FIELD_TARGET_GRADIENT = 30,
  XENT_FIELD_TEACHER = 31,
  XENT_FIELD_ISA = 32,
  XENT_FIELD_FULLY_MASKED = 33,
  XENT_FIELD_IGNORE_INDEX = 34,
  XENT_FIELD_LABEL_SMOOTHING = 35,
  XENT_FIELD_GRADIENT_SCALE = 36,
  XENT_FIELD_SMOOTHING = 37,
  XENT_FIELD_TEMPERATURE = 38,
  XENT_FIELD_SOFTCAP = 39,
  XENT_FIELD_Z_LOSS = 40,
  XENT_FIELD_PROBABILITY_CLAMP = 41,
  XENT_FIELD_TARGET_COUNT = 42,
  XENT_FIELD_TOP_COUNT = 43,
  XENT_FIELD_FIRST_CLASS = 44,
  XENT_FIELD_ALL_CLASSES = 45
};

/* ---- element types ---------------------------------------------------------------------------- */

enum {
  XENT_NO_TYPE = 0,
  XENT_F32 = 1,
  XENT_F64 = 2,
  XENT_F16 = 3,     /* IEEE 754 binary16 */
  XENT_BF16 = 4,    /* the upper half of a float32 */
  XENT_I8 = 5,      /* integer types: labels and other class numbers; U8 also hits and masks */
  XENT_U8 = 6,
  XENT_I16 = 7,
  XENT_I32 = 8,
  XENT_I64 = 9
};

/* ---- instruction sets ------------------------------------------------------------------------- */

enum {
  XENT_ISA_BEST = 0, /* the best that this CPU, operating system and build have */
  XENT_ISA_SCALAR = 1,
  XENT_ISA_AVX2 = 2, /* AVX2, FMA and F16C */
  XENT_ISA_AVX512 = 3 /* AVX-512 F, BW, DQ and VL */
};

/* ---- structs ---------------------------------------------------------------------------------- */

/* How one array lies in memory: strides in elements (0 repeats, for inputs only) and element type.
 * Arrays with one entry per row (labels, losses ...) do not use `classes`. The layouts of arrays that a
 * call does not have, or that are NULL, are not looked at. */
typedef struct xent_layout {
  int64_t outer;
  int64_t classes;
  int64_t inner;
  int32_t type;
  int32_t reserved; /* 0 */
} xent_layout;

/* The sizes of the tensor and the layout of every array of the call. */
typedef struct xent_shape {
  uint64_t size;
  int64_t outer;   /* >= 0 */
  int64_t classes; /* >= 1 */
  int64_t inner;   /* >= 0 */
  xent_layout logits;      /* x */
  xent_layout output;      /* y: probabilities or log-probabilities */
  xent_layout gradient;    /* dx: written by backward functions */
  xent_layout upstream;    /* dy of a softmax backward; one number per row in cross-entropy */
  xent_layout targets;     /* labels, one per row; or probability rows of floats, one number per class */
  xent_layout losses;      /* one per row */
  xent_layout log_sum_exp; /* one per row */
  xent_layout hits;        /* one per row, U8 */
  int64_t target_count;    /* 0: targets are labels or probability rows; k: k classes of each row, see target_weights */
  int64_t top_count;       /* how many classes of a row top_classes has, at most classes */
  int64_t first_class;     /* of a shard: the class that its arrays begin with, a multiple of XENT_CHUNK */
  int64_t all_classes;     /* of all shards together; 0: there is but this one */
  xent_layout target_weights;        /* target_count numbers per row, along `classes`; where that is 0 there are none */
  xent_layout row_offsets;           /* I32 or I64; its strides are not looked at */
  xent_layout class_mask;            /* U8, one per class */
  xent_layout class_weights;         /* one per class: `classes` is the stride, outer and inner are not looked at */
  xent_layout row_weights;           /* one per row, a float type or U8 */
  xent_layout sink;                  /* one per row */
  xent_layout log_probabilities;     /* one per row */
  xent_layout argmax;                /* one per row, I32 or I64 */
  xent_layout ranks;                 /* one per row, I32 or I64 */
  xent_layout entropies;             /* one per row */
  xent_layout top_classes;           /* top_count numbers per row, along `classes`; I32 or I64 */
  xent_layout top_log_probabilities; /* top_count numbers per row, along `classes` */
  xent_layout target_gradient;       /* as targets that are probability rows, or as target_weights */
  xent_layout teacher;               /* one per class */
} xent_shape;

/* (outer, classes, inner) with every array of xent_cross_entropy_forward and of the softmax functions dense and
 * row-major: logits, output, gradient and upstream F32 with one number per class, losses and log_sum_exp F32
 * and hits U8 per row, and targets of the given type: labels per row, or with XENT_F32 probability rows. The
 * layouts of other arrays are left 0. */
static inline xent_shape xent_dense_shape(int64_t outer, int64_t classes, int64_t inner, int32_t targets_type) {
  const xent_layout full = {classes * inner, inner, 1, XENT_F32, 0}, row = {inner, 0, 1, XENT_F32, 0};
  const xent_layout none = {0, 0, 0, XENT_NO_TYPE, 0};
  xent_shape s = {sizeof(xent_shape), outer, classes, inner, full, full, full, full, row, row, row, row, 0, 0, 0, 0,
                  none, none, none, none, none, none, none, none, none, none, none, none, none, none};
  if (targets_type == XENT_F32) s.targets = full;
  s.targets.type = targets_type;
  s.hits.type = XENT_U8;
  return s;
}

/* What a row of logits that are all -inf gives. */
enum {
  XENT_FULLY_MASKED_NAN = 0, /* NaN everywhere */
  XENT_FULLY_MASKED_ZERO = 1 /* probabilities, loss and gradient +0, log-probabilities and log-sum-exp -inf */
};

/* Which classes share what label smoothing takes from a label. */
enum {
  XENT_SMOOTHING_UNIFORM = 0, /* all classes that are not masked, the label's too */
  XENT_SMOOTHING_OTHERS = 1   /* all but the label; labels only */
};

typedef struct xent_options {
  uint64_t size;
  int32_t isa;              /* XENT_ISA_...; a tier above this CPU's is XENT_UNSUPPORTED */
  int32_t fully_masked;     /* XENT_FULLY_MASKED_... */
  int32_t has_ignore_index; /* 1: rows whose label is ignore_index are ignored; 0: there is none */
  int32_t has_gradient_scale; /* 1: gradient_scale is used; 0: the scale is 1 */
  int64_t ignore_index;     /* any number, inside [0, classes) or outside; labels only */
  double label_smoothing;   /* eps in [0, 1]: targets become (1 - eps) * target + eps / classes */
  double gradient_scale;    /* c, finite: every gradient of cross-entropy is multiplied by it */
  int32_t smoothing;        /* XENT_SMOOTHING_... */
  int32_t reserved;         /* 0 */
  double temperature;       /* logits are divided by it, after the softcap: finite and > 0; 0: 1 */
  double softcap;           /* c: logits become c tanh(x / c): finite and > 0; 0: they stay; not in softmax backward */
  double z_loss;            /* finite, >= 0: z_loss * lse^2 is added to the loss of a row; 0: none */
  double probability_clamp; /* d in (0, 0.5]: a label's probability counts as one in [d, 1 - d] in losses and
                               log_probabilities, not in gradients; without smoothing only; 0: none */
} xent_options;

/* No ignore index, no smoothing, gradient scale 1. */
static inline xent_options xent_default_options(void) {
  xent_options o = {sizeof(xent_options), XENT_ISA_BEST, XENT_FULLY_MASKED_NAN, 0, 1, 0, 0.0, 1.0,
                    XENT_SMOOTHING_UNIFORM, 0, 0.0, 0.0, 0.0, 0.0};
  return o;
}

/* What a row leaves behind for its second pass or a later backward. Opaque: do not build one. Fits the
 * function, targets and options that it was made for: another kind of statistics is refused. */
typedef struct xent_statistics {
  float shift;     /* subtracted from the logits before everything else; 0 while |max| <= 16384 */
  float max;       /* of the shifted row */
  float reference; /* N: sum = sum of exp(x - shift) / 2^N */
  uint32_t kind;   /* what sum is, and whether the row is finished */
  double sum;      /* over all classes; without the label's in cross-entropy with labels */
  double mass;     /* sum of the targets of a probability row; the label's own term for labels */
  double pull;     /* of a general call: what the probabilities are multiplied with in the gradient */
  double share;    /* of a general call: what smoothing gives each class */
  double wide_shift; /* shift, max and the low part of sum where the arithmetic is F64 */
  double wide_max;
  double sum_low;
} xent_statistics;

/* The contribution of one chunk of one row. Opaque: do not build one. May be stored, sent and put
 * into its place by another process of the same byte order; it carries its numerics version, and
 * xent_finish refuses another. */
typedef struct xent_state {
  float max;
  float reference;
  double sum;
  double dot;        /* sum of target * logit (of the logits alone for labels with smoothing) */
  double mass;       /* sum of the targets */
  float label_logit; /* of the chunk that holds the label */
  uint32_t kind;     /* what sum is, flags, and in the upper half the numerics version */
  double wide_max;   /* max, label_logit and the low part of sum where the arithmetic is F64 */
  double wide_label_logit;
  double sum_low;
  int64_t counted;   /* of a general call: classes that are not masked */
} xent_state;

/* An exact sum of floats and doubles. Adding is exact, so order does not matter; up to 2^39 floats and 2^30
 * doubles. A tally begins as all zeros but its size. */
typedef struct xent_tally {
  uint64_t size;
  int64_t nan;
  int64_t positive_infinity;
  int64_t negative_infinity;
  int64_t bins[256];  /* of floats: one counter per exponent */
  int64_t doubles;    /* how many doubles there are in digits */
  int64_t digits[66]; /* of doubles: digit i counts 2^(32 i - 1074) */
} xent_tally;

static inline xent_tally xent_empty_tally(void) {
  xent_tally t = {sizeof(xent_tally), 0, 0, 0, {0}, 0, {0}};
  return t;
}

/* What a call has to say. Set size; the rest is written by the call. May be NULL in every function
 * but xent_check_targets and xent_finish. */
typedef struct xent_report {
  uint64_t size;
  int32_t field;      /* XENT_FIELD_... the status speaks of */
  int32_t reserved;
  int64_t row;        /* of a label out of range, or of a state or statistics that do not fit, else -1 */
  int64_t label;      /* the label out of range */
  int64_t integer;    /* the size, type or instruction set at fault */
  double value;       /* the option at fault */
  int64_t counted;    /* of xent_check_targets, xent_cross_entropy_forward and xent_finish: rows that were
                         not ignored; the two rounds of xent_finish add up */
  double denominator; /* their number as a double; where rows or classes have weights: see xent_check_targets */
  int64_t again;      /* xent_finish: rows whose states must be computed once more */
} xent_report;

/* ---- facts ------------------------------------------------------------------------------------ */

XENT_API uint32_t xent_abi_version(void);
XENT_API uint32_t xent_numerics_version(void);
/* "1.2.3", static storage */
XENT_API const char *xent_version(void);
/* Static, one sentence, never NULL. */
XENT_API const char *xent_status_message(xent_status status);
/* "label_smoothing" for XENT_FIELD_LABEL_SMOOTHING ...; static, never NULL. */
XENT_API const char *xent_field_name(int32_t field);
/* The best instruction set of this CPU and operating system that this build has. */
XENT_API int32_t xent_best_isa(void);
/* "best", "scalar", "avx2", "avx512"; "unknown" otherwise. */
XENT_API const char *xent_isa_name(int32_t isa);

/* ---- softmax and log-softmax ------------------------------------------------------------------- */

/* y = exp(x) / sum exp(x) over the classes of each row, x being the logits after softcap and temperature.
 * layouts: logits, row_offsets, class_mask, sink, output. In place allowed.
 * statistics NULL: the class range must be the whole row. Else: of xent_finish, read at index row, and
 * the class range may be any that begins and ends at chunk boundaries.
 * NaN or +inf in a row: the row is NaN. All -inf: options->fully_masked. -inf: +0. One class: 1. */
XENT_API xent_status xent_softmax_forward(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
    const void *logits, const void *row_offsets /* or NULL */, const void *class_mask /* or NULL */,
    const void *sink /* or NULL */, const xent_statistics *statistics /* or NULL */, void *output,
    xent_report *report /* or NULL */);

/* y = x - log sum exp(x), never above 0; otherwise as xent_softmax_forward. -inf stays -inf. */
XENT_API xent_status xent_log_softmax_forward(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
    const void *logits, const void *row_offsets /* or NULL */, const void *class_mask /* or NULL */,
    const void *sink /* or NULL */, const xent_statistics *statistics /* or NULL */, void *output,
    xent_report *report /* or NULL */);

/* log sum exp(x), one number per row. layouts: logits, row_offsets, class_mask, sink, log_sum_exp. Class ranges: xent_finish. */
XENT_API xent_status xent_log_sum_exp(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end,
    const void *logits, const void *row_offsets /* or NULL */, const void *class_mask /* or NULL */,
    const void *sink /* or NULL */, void *log_sum_exp, xent_report *report /* or NULL */);

/* dx = y * (dy - sum dy * y) / temperature, y being softmax's output. It holds with a sink too, which needs no mention.
 * layouts: output, upstream, row_offsets, class_mask, gradient. gradient may be output or upstream in place.
 * What upstream and output hold at a masked class has no influence.
 * statistics: as in xent_softmax_forward, of xent_finish over xent_backward_states. */
XENT_API xent_status xent_softmax_backward(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
    const void *output, const void *upstream, const void *row_offsets /* or NULL */,
    const void *class_mask /* or NULL */, const xent_statistics *statistics /* or NULL */,
    void *gradient, xent_report *report /* or NULL */);

/* dx = (dy - exp(y) * sum dy) / temperature, y being log-softmax's output; otherwise as xent_softmax_backward. */
XENT_API xent_status xent_log_softmax_backward(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
    const void *output, const void *upstream, const void *row_offsets /* or NULL */,
    const void *class_mask /* or NULL */, const xent_statistics *statistics /* or NULL */,
    void *gradient, xent_report *report /* or NULL */);

/* ---- cross-entropy ------------------------------------------------------------------------------ */

/* Reads the targets of a row range before anything is written: every label, and every class of a sparse row,
 * must be in [0, classes), not masked, or be the ignore index, else XENT_INVALID_LABEL with the first such row;
 * weights must be finite and not negative, else XENT_INVALID_OPTION with field, value and index (in `integer`).
 * Rows are counted unless their label is the ignore index or their row weight is 0; report->counted is of this
 * range. Probability rows are not read.
 * weights: the denominator of a mean is added to it, row by row: row weight * class weight of the label; the row
 * weight alone for probability and sparse rows. report->denominator is its rounded sum, and without
 * row and class weights the counted rows.
 * layouts: targets, target_weights, row_offsets, class_mask, class_weights, row_weights. */
XENT_API xent_status xent_check_targets(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, const void *targets, const void *target_weights /* or NULL */,
    const void *row_offsets /* or NULL */, const void *class_mask /* or NULL */,
    const void *class_weights /* or NULL */, const void *row_weights /* or NULL */, xent_tally *weights /* or NULL */, xent_report *report);

/* loss = - sum q log softmax(x), q being the target distribution: 1 at the label, or the probability
 * row, smoothed as the options say. And, in the same read of the logits, the gradient of
 * gradient_scale * loss, which may overwrite the logits.
 * layouts: logits, targets (an integer type: labels, a float type: probability rows), losses, log_sum_exp, hits,
 * gradient.
 *   losses       per row
 *   log_sum_exp  per row
 *   hits         1 where the label is the first of the largest logits, else 0 (rows that are NaN or
 *                fully masked too); labels only
 *   gradient     c * (softmax(x) * sum q - q)
 *   statistics   of row r at index r, for xent_cross_entropy_backward
 *   tally        the losses are added to it
 * What an ignored row holds changes nothing; its loss, gradient and hit are +0, its log-sum-exp NaN.
 * A label out of range stops the call with XENT_INVALID_LABEL: rows before it are written already, unless
 * xent_check_targets was asked first, and the tally has their losses. */
XENT_API xent_status xent_cross_entropy_forward(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end,
    const void *logits, const void *targets,
    void *losses /* or NULL */, void *log_sum_exp /* or NULL */, void *hits /* or NULL */,
    void *gradient /* or NULL */, xent_statistics *statistics /* or NULL */,
    xent_tally *tally /* or NULL */, xent_report *report /* or NULL */);

/* The whole of it: loss_r = u sum w q' (lse - x) + u z_loss lse^2, with class weights w, row weight u, and q' the
 * smoothed target: (1 - eps) q + eps / K over the K classes that are not masked, or of the others.
 * What xent_cross_entropy_forward has is as there; besides
 *   targets               or NULL: no loss and no gradient, but log_sum_exp, argmax, entropies and top_classes.
 *                         shape->target_count k > 0: k class numbers per row with target_weights; a class may come twice,
 *                         and the ignore index stands for none. target_weights without them: XENT_INVALID_ARGUMENT
 *   class_weights         finite, >= 0
 *   row_weights           finite, >= 0; a row of weight 0 is ignored: it is not read
 *   log_probabilities     of the label; NaN in ignored rows
 *   argmax                the lowest of the largest classes; -1 in rows that are NaN, fully masked or ignored
 *   ranks                 of the label: how many classes come before it in falling order, the lower first among equals;
 *                         -1 as argmax
 *   entropies             - sum p log p over the classes; NaN in ignored rows
 *   top_classes           the top_count largest, the lower first among equals; -1 where there are not so many
 *   top_log_probabilities theirs; -inf where there are not so many, NaN in rows that are NaN or ignored
 *   gradient              c u (p (sum w q' + 2 z_loss lse) - w q') / temperature, times softcap's derivative
 *   target_gradient       c u (1 - eps) w (lse - x): of probability rows or of target_weights
 * Weights are used as they are: xent_check_targets checks them. A row may be ragged or masked and have a sink. */
XENT_API xent_status xent_cross_entropy_full(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end,
    const void *logits, const void *targets /* or NULL */, const void *target_weights /* or NULL */,
    const void *row_offsets /* or NULL */, const void *class_mask /* or NULL */,
    const void *class_weights /* or NULL */, const void *row_weights /* or NULL */,
    const void *sink /* or NULL */,
    void *losses /* or NULL */, void *log_sum_exp /* or NULL */, void *hits /* or NULL */,
    void *log_probabilities /* or NULL */, void *argmax /* or NULL */, void *ranks /* or NULL */,
    void *entropies /* or NULL */, void *top_classes /* or NULL */,
    void *top_log_probabilities /* or NULL */, void *gradient /* or NULL */,
    void *target_gradient /* or NULL */, xent_statistics *statistics /* or NULL */,
    xent_tally *tally /* or NULL */, xent_report *report /* or NULL */);

/* The arrays of xent_cross_entropy_full by name, for C: those left NULL are not asked for. Not a struct of
 * the interface: it may grow, and never crosses it. */
typedef struct xent_cross_entropy_arrays {
  const void *logits, *targets, *target_weights, *row_offsets, *class_mask, *class_weights, *row_weights, *sink;
  void *losses, *log_sum_exp, *hits, *log_probabilities, *argmax, *ranks, *entropies, *top_classes,
      *top_log_probabilities, *gradient, *target_gradient;
  xent_statistics *statistics;
  xent_tally *tally;
} xent_cross_entropy_arrays;

static inline xent_status xent_cross_entropy(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, const xent_cross_entropy_arrays *a,
    xent_report *report /* or NULL */) {
  return xent_cross_entropy_full(shape, options, row_begin, row_end, a->logits, a->targets, a->target_weights,
      a->row_offsets, a->class_mask, a->class_weights, a->row_weights, a->sink, a->losses, a->log_sum_exp,
      a->hits, a->log_probabilities, a->argmax, a->ranks, a->entropies, a->top_classes,
      a->top_log_probabilities, a->gradient, a->target_gradient, a->statistics, a->tally, report);
}

/* The gradient alone, from the statistics of an earlier forward over the same logits, targets and weights:
 * dx = upstream * the gradient of xent_cross_entropy_full. upstream NULL: 1 for every row.
 * layouts: those of the arrays; upstream has one number per row. The gradient may overwrite the logits.
 * The class range may be any that begins and ends at chunk boundaries. */
XENT_API xent_status xent_cross_entropy_backward(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
    const void *logits, const void *targets, const void *target_weights /* or NULL */,
    const void *row_offsets /* or NULL */, const void *class_mask /* or NULL */,
    const void *class_weights /* or NULL */, const void *row_weights /* or NULL */,
    const xent_statistics *statistics,
    const void *upstream /* or NULL */, void *gradient, xent_report *report /* or NULL */);

/* Kullback-Leibler divergence of a student from its teacher: loss_r = u sum q (log q - log p), q being the softmax of
 * teacher / temperature and p that of logits / temperature; never below 0. And the gradient of
 * gradient_scale * loss with respect to the logits: c u (p - q) / temperature.
 * layouts: logits, teacher, class_mask, row_weights, losses, gradient. The gradient may overwrite the logits.
 * Computed in double whatever the types. A row in which either side is NaN or fully masked is NaN (or +0, as
 * options->fully_masked says, where it is fully masked); a class that the teacher has and the student does not: +inf.
 * Of the options isa, fully_masked, gradient_scale and temperature are for this; any other that is set is
 * XENT_UNSUPPORTED. */
XENT_API xent_status xent_kl_divergence(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, const void *logits, const void *teacher,
    const void *class_mask /* or NULL */, const void *row_weights /* or NULL */,
    void *losses /* or NULL */, void *gradient /* or NULL */, xent_tally *tally /* or NULL */,
    xent_report *report /* or NULL */);

/* ---- rows in parts ------------------------------------------------------------------------------ */

/* How many states a row has: ceil(classes / XENT_CHUNK). */
static inline int64_t xent_chunks(int64_t classes) { return classes / XENT_CHUNK + (classes % XENT_CHUNK != 0); }

/* First pass over a class range. states has (row_end - row_begin) * xent_chunks(classes) entries, those
 * of row_begin first; the entries of the class range are written.
 * targets NULL: for softmax, log-softmax and log-sum-exp. Else for cross-entropy: every call of a row
 * knows the row's target, whether or not the label lies in its class range.
 * statistics NULL: first round. Else: the second round, for the rows in which xent_finish set a shift
 * (|max| > 16384; report->again counts them); other rows are left as they are. */
XENT_API xent_status xent_forward_states(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
    const void *logits, const void *targets /* or NULL */, const void *target_weights /* or NULL */,
    const void *class_mask /* or NULL */, const void *class_weights /* or NULL */,
    const xent_statistics *statistics /* or NULL */, xent_state *states, xent_report *report /* or NULL */);

/* First pass of a softmax backward (output given) or a log-softmax backward (output NULL). */
XENT_API xent_status xent_backward_states(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
    const void *output /* or NULL */, const void *upstream, const void *class_mask /* or NULL */,
    xent_state *states, xent_report *report /* or NULL */);

/* Folds the states of whole rows, in class order. Writes statistics at index row and, for forward
 * states, what is asked of log_sum_exp and, with targets, of losses, hits and tally (as
 * xent_cross_entropy_forward). targets: as given to xent_forward_states.
 * States that do not belong together (of another kind, numerics version or round, or of a label in another
 * chunk) are XENT_INVALID_ARGUMENT with field and row; rows before are written. A state does not tell which
 * class of its chunk the label was: that targets are as they were is the caller's word.
 * report->again > 0: some rows have a shift now and nothing but their statistics was written; compute
 * their states once more with these statistics, then call xent_finish again with second_round = 1,
 * which finishes those rows alone. */
XENT_API xent_status xent_finish(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, const xent_state *states, const void *targets /* or NULL */,
    const void *class_weights /* or NULL */, const void *row_weights /* or NULL */,
    const void *sink /* or NULL */, int32_t second_round, xent_statistics *statistics, void *losses /* or NULL */,
    void *log_sum_exp /* or NULL */, void *hits /* or NULL */, xent_tally *tally /* or NULL */,
    xent_report *report);

/* ---- exact sums --------------------------------------------------------------------------------- */

/* Adds count values of type XENT_F32 or XENT_F64, stride elements apart. */
XENT_API xent_status xent_tally_add(xent_tally *tally, const void *values, int32_t type, int64_t stride, int64_t count);
/* Adds what `other` holds. */
XENT_API xent_status xent_tally_merge(xent_tally *tally, const xent_tally *other);
/* The sum, rounded once to double: NaN after a NaN or infinities of both signs. */
XENT_API double xent_tally_sum(const xent_tally *tally);

#ifdef __cplusplus
}
#endif
#endif
