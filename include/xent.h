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
 *   their own; wider types than float32 come with statistics and states of their own.
 *
 * THREADS, STATE, ERRORS
 *   Functions are pure and re-entrant: no globals that change, no allocation, no threads, no I/O, no
 *   environment variables. Disjoint ranges may run at the same time, each with a report and a tally of
 *   its own. A call takes up to 128 KiB of stack. Everything but a label out of range (or
 *   state, in xent_finish) is checked before the first store; xent_check_targets finds labels out of range before the first store too.
 *   Every NaN written is the canonical quiet one (0x7fc00000). The floating-point mode of the thread
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
  XENT_FIELD_ISA = 32,
  XENT_FIELD_FULLY_MASKED = 33,
  XENT_FIELD_IGNORE_INDEX = 34,
  XENT_FIELD_LABEL_SMOOTHING = 35,
  XENT_FIELD_GRADIENT_SCALE = 36
};

/* ---- element types ---------------------------------------------------------------------------- */

enum {
  XENT_NO_TYPE = 0,
  XENT_F32 = 1,
  XENT_F64 = 2,     /* F64, F16, BF16: reserved, XENT_UNSUPPORTED in this version */
  XENT_F16 = 3,
  XENT_BF16 = 4,
  XENT_I8 = 5,      /* integer types: class labels */
  XENT_U8 = 6,
  XENT_I16 = 7,
  XENT_I32 = 8,
  XENT_I64 = 9
};

/* ---- instruction sets ------------------------------------------------------------------------- */

enum {
  XENT_ISA_BEST = 0, /* the best that this CPU, operating system and build have */
  XENT_ISA_SCALAR = 1,
  XENT_ISA_AVX2 = 2, /* AVX2 and FMA */
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
  xent_layout targets;     /* labels, one per row; or F32 probability rows, one number per class */
  xent_layout losses;      /* one per row */
  xent_layout log_sum_exp; /* one per row */
  xent_layout hits;        /* one per row, U8 */
} xent_shape;

/* (outer, classes, inner) with every array dense and row-major: logits, output, gradient and upstream
 * F32 with one number per class, losses and log_sum_exp F32 and hits U8 per row, and targets of the
 * given type: labels per row, or with XENT_F32 probability rows. */
static inline xent_shape xent_dense_shape(int64_t outer, int64_t classes, int64_t inner, int32_t targets_type) {
  const xent_layout full = {classes * inner, inner, 1, XENT_F32, 0}, row = {inner, 0, 1, XENT_F32, 0};
  xent_shape s = {sizeof(xent_shape), outer, classes, inner, full, full, full, full, row, row, row, row};
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

typedef struct xent_options {
  uint64_t size;
  int32_t isa;              /* XENT_ISA_...; a tier above this CPU's is XENT_UNSUPPORTED */
  int32_t fully_masked;     /* XENT_FULLY_MASKED_... */
  int32_t has_ignore_index; /* 1: rows whose label is ignore_index are ignored; 0: there is none */
  int32_t has_gradient_scale; /* 1: gradient_scale is used; 0: the scale is 1 */
  int64_t ignore_index;     /* any number, inside [0, classes) or outside; labels only */
  double label_smoothing;   /* eps in [0, 1]: targets become (1 - eps) * target + eps / classes */
  double gradient_scale;    /* c, finite: every gradient of cross-entropy is multiplied by it */
} xent_options;

/* No ignore index, no smoothing, gradient scale 1. */
static inline xent_options xent_default_options(void) {
  xent_options o = {sizeof(xent_options), XENT_ISA_BEST, XENT_FULLY_MASKED_NAN, 0, 1, 0, 0.0, 1.0};
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
} xent_state;

/* An exact sum of floats: one integer counter per exponent. Adding is exact, so order does not matter;
 * up to 2^39 values. A tally begins as all zeros but its size. */
typedef struct xent_tally {
  uint64_t size;
  int64_t nan;
  int64_t positive_infinity;
  int64_t negative_infinity;
  int64_t bins[256];
} xent_tally;

static inline xent_tally xent_empty_tally(void) {
  xent_tally t = {sizeof(xent_tally), 0, 0, 0, {0}};
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
  double denominator; /* their weights: equal to counted in this version */
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

/* y = exp(x) / sum exp(x) over the classes of each row.
 * layouts: logits F32, output F32. In place allowed.
 * statistics NULL: the class range must be the whole row. Else: of xent_finish, read at index row, and
 * the class range may be any that begins and ends at chunk boundaries.
 * NaN or +inf in a row: the row is NaN. All -inf: options->fully_masked. -inf: +0. One class: 1. */
XENT_API xent_status xent_softmax_forward(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
    const void *logits, const xent_statistics *statistics /* or NULL */, void *output,
    xent_report *report /* or NULL */);

/* y = x - log sum exp(x), never above 0; otherwise as xent_softmax_forward. -inf stays -inf. */
XENT_API xent_status xent_log_softmax_forward(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
    const void *logits, const xent_statistics *statistics /* or NULL */, void *output,
    xent_report *report /* or NULL */);

/* log sum exp(x), one number per row. layouts: logits F32, log_sum_exp F32. Class ranges: xent_finish. */
XENT_API xent_status xent_log_sum_exp(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end,
    const void *logits, void *log_sum_exp, xent_report *report /* or NULL */);

/* dx = y * (dy - sum dy * y), y being softmax's output.
 * layouts: output F32, upstream F32, gradient F32. gradient may be output or upstream in place.
 * statistics: as in xent_softmax_forward, of xent_finish over xent_backward_states. */
XENT_API xent_status xent_softmax_backward(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
    const void *output, const void *upstream, const xent_statistics *statistics /* or NULL */,
    void *gradient, xent_report *report /* or NULL */);

/* dx = dy - exp(y) * sum dy, y being log-softmax's output; otherwise as xent_softmax_backward. */
XENT_API xent_status xent_log_softmax_backward(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
    const void *output, const void *upstream, const xent_statistics *statistics /* or NULL */,
    void *gradient, xent_report *report /* or NULL */);

/* ---- cross-entropy ------------------------------------------------------------------------------ */

/* Reads the labels of a row range: every one must be in [0, classes) or be the ignore index, else
 * XENT_INVALID_LABEL with the first such row. report->counted and report->denominator are of this range.
 * Probability rows are not read: all rows count.
 * layouts: targets I8, U8, I16, I32, I64 or F32. */
XENT_API xent_status xent_check_targets(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, const void *targets, xent_report *report);

/* loss = - sum q log softmax(x), q being the target distribution: 1 at the label, or the probability
 * row, smoothed as the options say. And, in the same read of the logits, the gradient of
 * gradient_scale * loss, which may overwrite the logits.
 * layouts: logits F32; targets I8, U8, I16, I32, I64 or F32; losses, log_sum_exp, gradient F32; hits U8.
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

/* The arrays of xent_cross_entropy_forward by name, for C: those left NULL are not asked for. Not a struct of
 * the interface: it may grow, and never crosses it. */
typedef struct xent_cross_entropy_arrays {
  const void *logits, *targets;
  void *losses, *log_sum_exp, *hits, *gradient;
  xent_statistics *statistics;
  xent_tally *tally;
} xent_cross_entropy_arrays;

static inline xent_status xent_cross_entropy(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, const xent_cross_entropy_arrays *a,
    xent_report *report /* or NULL */) {
  return xent_cross_entropy_forward(shape, options, row_begin, row_end, a->logits, a->targets, a->losses,
      a->log_sum_exp, a->hits, a->gradient, a->statistics, a->tally, report);
}

/* The gradient alone, from the statistics of an earlier forward over the same logits and targets:
 * dx = upstream * gradient_scale * (softmax(x) * sum q - q). upstream NULL: 1 for every row.
 * layouts: logits F32, targets, upstream F32 per row, gradient F32. The gradient may overwrite the logits.
 * The class range may be any that begins and ends at chunk boundaries. */
XENT_API xent_status xent_cross_entropy_backward(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
    const void *logits, const void *targets, const xent_statistics *statistics,
    const void *upstream /* or NULL */, void *gradient, xent_report *report /* or NULL */);

/* ---- rows in parts ------------------------------------------------------------------------------ */

/* How many states a row has: ceil(classes / XENT_CHUNK). */
static inline int64_t xent_chunks(int64_t classes) { return (classes + XENT_CHUNK - 1) / XENT_CHUNK; }

/* First pass over a class range. states has (row_end - row_begin) * xent_chunks(classes) entries, those
 * of row_begin first; the entries of the class range are written.
 * targets NULL: for softmax, log-softmax and log-sum-exp. Else for cross-entropy: every call of a row
 * knows the row's target, whether or not the label lies in its class range.
 * statistics NULL: first round. Else: the second round, for the rows in which xent_finish set a shift
 * (|max| > 16384; report->again counts them); other rows are left as they are. */
XENT_API xent_status xent_forward_states(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
    const void *logits, const void *targets /* or NULL */, const xent_statistics *statistics /* or NULL */,
    xent_state *states, xent_report *report /* or NULL */);

/* First pass of a softmax backward (output given) or a log-softmax backward (output NULL). */
XENT_API xent_status xent_backward_states(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, int64_t class_begin, int64_t class_end,
    const void *output /* or NULL */, const void *upstream, xent_state *states,
    xent_report *report /* or NULL */);

/* Folds the states of whole rows, in class order. Writes statistics at index row and, for forward
 * states, what is asked of log_sum_exp and, with targets, of losses, hits and tally (as
 * xent_cross_entropy_forward). targets: as given to xent_forward_states.
 * States that do not belong together (of another kind, numerics version, round or label) are
 * XENT_INVALID_ARGUMENT with field and row; rows before are written.
 * report->again > 0: some rows have a shift now and nothing but their statistics was written; compute
 * their states once more with these statistics, then call xent_finish again with second_round = 1,
 * which finishes those rows alone. */
XENT_API xent_status xent_finish(const xent_shape *shape, const xent_options *options,
    int64_t row_begin, int64_t row_end, const xent_state *states, const void *targets /* or NULL */,
    int32_t second_round, xent_statistics *statistics, void *losses /* or NULL */,
    void *log_sum_exp /* or NULL */, void *hits /* or NULL */, xent_tally *tally /* or NULL */,
    xent_report *report);

/* ---- exact sums --------------------------------------------------------------------------------- */

/* Adds count F32 values, stride elements apart. */
XENT_API xent_status xent_tally_add(xent_tally *tally, const float *values, int64_t stride, int64_t count);
/* Adds what `other` holds. */
XENT_API xent_status xent_tally_merge(xent_tally *tally, const xent_tally *other);
/* The sum, rounded once to double: NaN after a NaN or infinities of both signs. */
XENT_API double xent_tally_sum(const xent_tally *tally);

#ifdef __cplusplus
}
#endif
#endif
