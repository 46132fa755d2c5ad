/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xent.h: softmax, log-softmax and cross-entropy on tensors that already lie in memory.
 *
 * This header is the manual. docs/spec/numerics.md defines every bit of every result; docs/developing/design.md says
 * why the interface has this form.
 *
 * FUNCTIONS
 *   xent_softmax, xent_log_softmax     y = softmax(x), y = log softmax(x)
 *   xent_softmax_backward              dx from y and dy; xent_log_softmax_backward likewise
 *   xent_log_sum_exp                   one number per row
 *   xent_cross_entropy                 losses, their gradient, hits, argmax and more from one read of the logits
 *   xent_cross_entropy_backward        the gradient later, from statistics that the forward saved
 *   xent_check_targets                 finds a label out of range before anything is written
 *   xent_binary_cross_entropy          of a sigmoid per element
 *   xent_linear_cross_entropy          of hidden states and weights, whose logits are never in memory as a whole
 *   xent_sample                        a token per row: greedy, temperature, penalties, top-k, top-p and more
 *   xent_prepare, xent_run             any of these, checked once and run often
 *   Further ones are below: selected log-probabilities, divergences, Hessian-vector products, rows in parts, sums.
 *
 * THE MODEL
 *   A tensor is (outer, classes, inner) with a stride, in elements, for each of the three. A row is one
 *   (outer, inner) pair with all its classes, and its number is outer_index * inner + inner_index.
 *   [N, C] is (N, C, 1), which xent_rows makes; [N, C, H, W] with the class axis 1 is (N, C, H*W); [C] is (1, C, 1).
 *   A tensor without rows has outer 0. inner 0 with outer above 0 was left out, and is refused.
 *
 * CALLS
 *   Every function takes one struct, which names its arrays:
 *       xent_softmax_call c = {.size = sizeof c, .sizes = xent_rows(rows, classes),
 *                              .logits = {x, xent_per_class(classes, 1, XENT_F32)},
 *                              .output = {y, xent_per_class(classes, 1, XENT_F32)}};
 *       xent_status status = xent_softmax(&c);
 *   Members that you leave out are 0 or NULL: not asked for. Four are always needed: the size of the struct, and
 *   the sizes outer, classes and inner of the tensor. Bindings call the same functions by number: see FOR BINDINGS.
 *
 * RANGES
 *   Every computation works on rows [row_begin, row_end), so a caller splits rows over its own threads.
 *   A row can also be split over its classes, at multiples of XENT_CHUNK: xent_forward_states (or
 *   xent_backward_states) on each class range, xent_finish once, then the function that writes, on each
 *   class range, with the statistics that xent_finish gave. All splits give the same bits.
 *
 * ADDRESSES
 *   Arrays are indexed from row 0, class 0 whatever the range: a range says which part is touched.
 *   Addresses must be aligned to their element type. Members that may be NULL say so.
 *   An output may be its input (same address, same strides: in place). Any other overlap between the byte
 *   ranges of an output and of another array is XENT_OVERLAP, and so are strides that put two elements of
 *   an output in one place. Structs, statistics, states, tally and report must not overlap anything; that
 *   is not checked.
 *
 * SIZES OF STRUCTS
 *   Structs with a field `size` begin with it: set it to sizeof the struct. Later versions append fields.
 *   A caller that was compiled against an older header passes a smaller struct: the fields it does not
 *   know count as 0, which always means "not used". A larger one is accepted while the bytes that this
 *   library does not know are 0, else XENT_UNSUPPORTED. A size that no version has (0, as it was not set; below
 *   the first one's, above 4096, not a multiple of 8) is XENT_INVALID_SIZE; a tally must have the library's own
 *   size. Nothing else of the struct is read then, so of the struct of a call no report is filled.
 *
 * TYPES
 *   Where logits (y of a softmax backward) are F16, BF16 or F32, everything is computed as for F32 and
 *   every float array of the call may be F16, BF16 or F32, each for itself: inputs are widened exactly,
 *   results rounded once to nearest even. Where they are F64, everything is computed in double, and every
 *   float array may be F64 or F32. Another type is XENT_UNSUPPORTED, and so is I32 for numbers of more than
 *   2^31 classes; a number that is no type is XENT_INVALID_ARGUMENT.
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
 *   sink (a logit per row, strides may be 0): adds exp(sink) to the denominator of the row. It is not a
 *   class, and neither softcap nor temperature changes it.
 *
 * SHARDS
 *   Where the classes of a tensor are divided over processes, a shard's arrays hold the classes
 *   [first_class, first_class + classes) of all_classes. Labels stay in [0, all_classes). This is for
 *   xent_forward_states, xent_backward_states and, with statistics, the functions that write; and for xent_sample.
 *
 * THREADS, STATE, ERRORS
 *   Functions are pure and re-entrant: no globals that change, no allocation, no threads, no I/O, no
 *   environment variables. Disjoint ranges may run at the same time, each with a report and a tally of
 *   its own. A call takes up to 128 KiB of stack; where a thread has less than that and 32 KiB left, it is
 *   XENT_OUT_OF_STACK. (A thread's first call asks the C library where its stack ends; that may allocate and read.)
 *   Everything but a label out of range (or state, in xent_finish and xent_sample) is checked before the first store;
 *   xent_check_targets finds labels out of range before it, too.
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
#define XENT_ABI_VERSION 3
/* The arithmetic of docs/spec/numerics.md; two libraries with equal numerics versions give equal bits. */
#define XENT_NUMERICS_VERSION 3
/* Class ranges begin and end at multiples of this, or end with the row. */
#define XENT_CHUNK 8192

/* ---- statuses: these numbers never change ---------------------------------------------------- */

typedef int32_t xent_status;
enum {
  XENT_OK = 0,
  XENT_INVALID_ARGUMENT = 1, /* report: field. NULL, misaligned, a size or range that cannot be */
  XENT_INVALID_SHAPE = 2,    /* report: field, integer. zero classes, inner 0 beside rows, negative sizes or strides,
                                overflow */
  XENT_INVALID_OPTION = 3,   /* report: field, value. an option has a value that it cannot have */
  XENT_INVALID_LABEL = 4,    /* report: row, label. not in [0, classes) and not the ignore index */
  XENT_OVERLAP = 5,          /* report: field. an output overlaps another array and is not in place */
  XENT_UNSUPPORTED = 6,      /* report: field, integer. a type, instruction set or option not in this build */
  XENT_OUT_OF_STACK = 7,     /* the thread has less stack left than a call takes */
  XENT_INVALID_SIZE = 8      /* report: field, integer. `size` of a struct is 0 or none that this library knows */
};

/* The argument or option that a status is about; these numbers never change either. */
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
  XENT_FIELD_ALL_CLASSES = 45,
  XENT_FIELD_FOCAL_GAMMA = 46,
  XENT_FIELD_FOCAL_ALPHA = 47,
  XENT_FIELD_SAMPLING = 48,
  XENT_FIELD_RULES = 49,
  XENT_FIELD_TIES = 50,
  XENT_FIELD_GREEDY = 51,
  XENT_FIELD_MIN_KEEP = 52,
  XENT_FIELD_TOP_K = 53,
  XENT_FIELD_TOP_P = 54,
  XENT_FIELD_MIN_P = 55,
  XENT_FIELD_TYPICAL_P = 56,
  XENT_FIELD_REPETITION_PENALTY = 57,
  XENT_FIELD_FREQUENCY_PENALTY = 58,
  XENT_FIELD_PRESENCE_PENALTY = 59,
  XENT_FIELD_PROMPT_COUNT = 60,
  XENT_FIELD_OUTPUT_COUNT = 61,
  XENT_FIELD_BIAS = 62,
  XENT_FIELD_PROMPT_TOKENS = 63,
  XENT_FIELD_OUTPUT_TOKENS = 64,
  XENT_FIELD_TOKENS = 65,
  XENT_FIELD_PROCESSED_LOG_PROBABILITIES = 66,
  XENT_FIELD_KEPT = 67,
  XENT_FIELD_KEPT_MASK = 68,
  XENT_FIELD_WORKSPACE = 69,
  XENT_FIELD_ELEMENT_WEIGHTS = 70,
  XENT_FIELD_POSITIVE_WEIGHTS = 71,
  XENT_FIELD_FEATURES = 72,
  XENT_FIELD_HIDDEN = 73,
  XENT_FIELD_WEIGHTS = 74,
  XENT_FIELD_HIDDEN_GRADIENT = 75,
  XENT_FIELD_WEIGHTS_GRADIENT = 76,
  XENT_FIELD_BIAS_GRADIENT = 77
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
  XENT_I64 = 9,
  XENT_U16 = 10,
  XENT_U32 = 11,
  XENT_U64 = 12
};

/* ---- instruction sets ------------------------------------------------------------------------- */

enum {
  XENT_ISA_BEST = 0, /* the best that this CPU, operating system and build have */
  XENT_ISA_SCALAR = 1,
  XENT_ISA_AVX2 = 2, /* AVX2, FMA and F16C */
  XENT_ISA_AVX512 = 3, /* AVX-512 F, BW, DQ and VL */
  XENT_ISA_NEON = 4 /* AArch64: Advanced SIMD, which every such CPU has */
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

/* The layout of an array without gaps, in the order outer, classes, inner, with one number per class, or with one
 * number per row. */
static inline xent_layout xent_per_class(int64_t classes, int64_t inner, int32_t type) {
  const xent_layout l = {(int64_t)((uint64_t)classes * (uint64_t)inner), inner, 1, type, 0};
  return l;
}
/* Nothing can check that memory holds this type: int64_t labels with the type XENT_I32 are read as other labels, which
 * is no error if those are classes too. inner is 1 for a matrix, as in xent_rows. */
static inline xent_layout xent_per_row(int64_t inner, int32_t type) {
  const xent_layout l = {inner, 0, 1, type, 0};
  return l;
}

/* An array of a call; address NULL: the call is without it. */
typedef struct xent_input {
  const void *address;
  xent_layout layout;
} xent_input;
typedef struct xent_output {
  void *address;
  xent_layout layout;
} xent_output;

/* The sizes of a call's tensor. */
typedef struct xent_sizes {
  int64_t outer;        /* >= 0; 0: there are no rows */
  int64_t classes;      /* >= 1 */
  int64_t inner;        /* >= 1; 0 where outer is 0 */
  int64_t target_count; /* 0: targets are labels or probability rows; k: k classes of each row, see target_weights */
  int64_t top_count;    /* how many classes of a row top_classes has, at most classes */
  int64_t first_class;  /* of a shard: the class that its arrays begin with, a multiple of XENT_CHUNK; in xent_sample
                           any */
  int64_t all_classes;  /* of all shards together; 0: there is but this one */
  int64_t prompt_count; /* how many tokens a row has in prompt_tokens, the -1 behind them included */
  int64_t output_count; /* and in output_tokens */
  int64_t features;     /* of hidden states: how many numbers a row and a class have of them */
} xent_sizes;

/* Those of a matrix, one row behind the other. */
static inline xent_sizes xent_rows(int64_t rows, int64_t classes) {
  const xent_sizes s = {rows, classes, 1, 0, 0, 0, 0, 0, 0, 0};
  return s;
}

/* Rows or classes [begin, end). */
typedef struct xent_range {
  int64_t begin, end;
} xent_range;

/* The results of a row whose logits are all -inf. */
enum {
  XENT_FULLY_MASKED_NAN = 0, /* NaN everywhere */
  XENT_FULLY_MASKED_ZERO = 1 /* probabilities, loss and gradient +0, log-probabilities and log-sum-exp -inf */
};

/* Which classes share the weight that label smoothing takes from a label. */
enum {
  XENT_SMOOTHING_UNIFORM = 0, /* all classes that are not masked, the label's too */
  XENT_SMOOTHING_OTHERS = 1   /* all but the label; labels only */
};

typedef struct xent_options {
  uint64_t size;
  int32_t isa;              /* XENT_ISA_...; a tier that is not here is XENT_UNSUPPORTED */
  int32_t fully_masked;     /* XENT_FULLY_MASKED_... */
  int32_t has_ignore_index; /* 1: rows whose label is ignore_index are ignored; 0: there is none */
  int32_t has_gradient_scale; /* 1: gradient_scale is used; 0: the scale is 1 */
  int64_t ignore_index;     /* any number, inside [0, classes) or outside; labels only */
  double label_smoothing;   /* eps in [0, 1]: targets become (1 - eps) * target + eps / classes */
  double gradient_scale;    /* c, finite: every gradient of cross-entropy is multiplied by it */
  int32_t smoothing;        /* XENT_SMOOTHING_... */
  int32_t reserved;         /* 0 */
  double temperature;       /* logits are divided by it, after the softcap: in [2^-32, 2^32]; 0: 1 */
  double softcap;           /* c: logits become c tanh(x / c): in [2^-32, 2^32]; 0: they stay. Not in softmax
                               backward */
  double z_loss;            /* finite, >= 0: z_loss * lse^2 is added to the loss of a row; 0: none */
  double probability_clamp; /* d in (0, 0.5]: the probability of a label, or of every class with a target, counts
                               as one in [d, 1 - d] in losses and log_probabilities, not in gradients; without
                               smoothing only, of probability and sparse rows not in states; 0: none */
  double focal_gamma;       /* in [0, 2^32]: the loss is focal, times (1 - p)^gamma, p the probability of what is right;
                               labels only, without smoothing, z-loss and clamp; 0: it is not */
  double focal_alpha;       /* in (0, 1], of binary cross-entropy: positives weigh alpha, negatives 1 - alpha; 0: both
                               weigh 1 */
} xent_options;

/* No ignore index, no smoothing, gradient scale 1. */
static inline xent_options xent_default_options(void) {
  xent_options o = {sizeof(xent_options), XENT_ISA_BEST, XENT_FULLY_MASKED_NAN, 0, 1, 0, 0.0, 1.0,
                    XENT_SMOOTHING_UNIFORM, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
  return o;
}

/* What a row leaves behind for its second pass or a later backward. Opaque: it knows the function, the kind of targets
 * and the options that it was made for, and others are refused. The numbers of logits and targets it does not know:
 * give the same ones. */
typedef struct xent_statistics {
  uint64_t opaque[8];
} xent_statistics;

/* The contribution of one chunk of one row. Opaque. May be stored, sent and put into its place by another process of
 * the same byte order: it knows its numerics version, options and label, and xent_finish refuses what does not fit. */
typedef struct xent_state {
  uint64_t opaque[8];
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

/* What a call reports. Set size; the call writes the rest. May be NULL in every function but xent_check_targets and
 * xent_finish. */
typedef struct xent_report {
  uint64_t size;
  int32_t field;      /* XENT_FIELD_... the status speaks of */
  int32_t way;        /* how the rows were computed, for xent_way_name; 0: none was. Numbers change between versions */
  int64_t row;        /* of a label out of range, of a state, statistics or row offset that does not fit, or, with
                         per_row, of sampling that is refused; else -1 */
  int64_t label;      /* the label out of range; of U64 targets a negative one stands for 2^64 more */
  int64_t integer;    /* the size, type or instruction set at fault */
  double value;       /* the option at fault */
  int64_t counted;    /* of xent_check_targets, xent_cross_entropy and xent_finish: rows that were
                         not ignored; the two rounds of xent_finish add up */
  double denominator; /* their number as a double; where rows or classes have weights: see xent_check_targets */
  int64_t unfinished; /* xent_finish, xent_sample: rows whose states must be computed once more */
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
/* 1 where this CPU, operating system and build have it, as they always have XENT_ISA_BEST; else 0. */
XENT_API int32_t xent_has_isa(int32_t isa);
/* "best", "scalar", "avx2", "avx512", "neon"; "unknown" otherwise. */
XENT_API const char *xent_isa_name(int32_t isa);
/* The name of a way in which calls are computed, xent_report.way; "none" for 0, "unknown" otherwise. */
XENT_API const char *xent_way_name(int32_t way);

/* ---- softmax and log-softmax ------------------------------------------------------------------- */

/* y = exp(x) / sum exp(x) over the classes of each row, x being the logits after softcap and temperature.
 * output may be logits in place. A class range other than the whole row needs statistics. */
typedef struct xent_softmax_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows, *classes; /* or NULL: all */
  const xent_options *options;      /* or NULL: xent_default_options */
  xent_report *report;              /* or NULL */
  xent_input logits;
  xent_output output;
  xent_input class_mask /* or NULL */, sink /* or NULL */, row_offsets /* or NULL */;
  const xent_statistics *statistics; /* or NULL; of row r at index r, from xent_finish, or from xent_cross_entropy
                                        without targets: then no sum is computed */
} xent_softmax_call;

XENT_API xent_status xent_softmax(const xent_softmax_call *call);
/* y = x - log sum exp(x), never above 0; otherwise as xent_softmax. -inf stays -inf. */
XENT_API xent_status xent_log_softmax(const xent_softmax_call *call);

/* log sum exp(x), one number per row. Class ranges: xent_finish. */
typedef struct xent_log_sum_exp_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;         /* or NULL */
  xent_input logits;
  xent_output log_sum_exp;
  xent_input class_mask /* or NULL */, sink /* or NULL */, row_offsets /* or NULL */;
} xent_log_sum_exp_call;

XENT_API xent_status xent_log_sum_exp(const xent_log_sum_exp_call *call);

/* dx = y * (dy - sum dy * y) / temperature, y being softmax's output. It holds with a sink too, which needs no mention.
 * gradient may be output or upstream in place. What upstream and output hold at a masked class has no influence.
 * statistics: as in xent_softmax_call, of xent_finish over xent_backward_states. */
typedef struct xent_softmax_backward_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows, *classes; /* or NULL: all */
  const xent_options *options;      /* or NULL: xent_default_options */
  xent_report *report;              /* or NULL */
  xent_input output, upstream;
  xent_output gradient;
  xent_input class_mask /* or NULL */, row_offsets /* or NULL */;
  const xent_statistics *statistics; /* or NULL */
} xent_softmax_backward_call;

XENT_API xent_status xent_softmax_backward(const xent_softmax_backward_call *call);
/* dx = (dy - exp(y) * sum dy) / temperature, y being log-softmax's output; otherwise as xent_softmax_backward. */
XENT_API xent_status xent_log_softmax_backward(const xent_softmax_backward_call *call);

/* ---- cross-entropy ------------------------------------------------------------------------------ */

/* Reads the targets of a row range before anything is written: every label, and every class of a sparse row,
 * must be in [0, classes), not masked, or be the ignore index, else XENT_INVALID_LABEL with the first such row;
 * weights must be finite and not negative, else XENT_INVALID_OPTION with field, value and index (in `integer`).
 * target_weights are not read, and may be missing.
 * Rows are counted unless their label is the ignore index or their row weight is 0; report->counted is of this
 * range. Probability rows are not read. */
typedef struct xent_check_targets_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;
  int32_t logits_type; /* says which types the weights may have */
  int32_t reserved;    /* 0 */
  xent_input targets, target_weights /* or NULL */, class_mask /* or NULL */, class_weights /* or NULL */,
      row_weights /* or NULL */, row_offsets /* or NULL */;
  xent_tally *tally;   /* or NULL: the denominator of a mean is added, row by row: row weight * class weight of the
                          label; the row weight alone for probability and sparse rows. report->denominator is its
                          rounded sum, and without row and class weights the counted rows */
} xent_check_targets_call;

XENT_API xent_status xent_check_targets(const xent_check_targets_call *call);

/* loss_r = u sum w q' (lse - x) + u z_loss lse^2, with class weights w, row weight u, and q' the smoothed target:
 * (1 - eps) q + eps / K over the K classes that are not masked, or of the others. q is the target distribution: 1 at
 * the label, the probability row, or the weights of a sparse row. And, in the same read of the logits, the gradient of
 * gradient_scale * loss, which may overwrite the logits.
 * What an ignored row holds changes nothing; its loss, gradient and hit are +0, its log-sum-exp NaN.
 * A label out of range stops the call with XENT_INVALID_LABEL: rows before it are written already, unless
 * xent_check_targets was asked first, and the tally has their losses.
 * Weights are used as they are: xent_check_targets checks them. A row may be ragged or masked and have a sink. */
typedef struct xent_cross_entropy_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;         /* or NULL */
  xent_input logits;
  xent_input targets;        /* of an integer type: labels; of a float type: probability rows; sizes.target_count k > 0:
                                k class numbers per row, where a class may come twice and the ignore index stands for
                                none. Or NULL: no loss and no gradient, but log_sum_exp, argmax, entropies and top_* */
  /* Each of these may be NULL; most calls have no others: */
  xent_output losses;
  xent_output log_sum_exp;
  xent_output hits;              /* U8: 1 where the label is the first of the largest logits, else 0 (rows that are NaN
                                    or fully masked too); labels only */
  xent_output gradient;        /* c u (p (sum w q' + 2 z_loss lse) - w q') / temperature, times softcap's derivative */
  /* And what else is read: */
  xent_input target_weights; /* with target_count and only then: one number per class number */
  xent_input class_mask;     /* or NULL */
  xent_input class_weights;  /* or NULL; finite, >= 0; one per class: outer and inner strides are not looked at */
  xent_input row_weights;    /* or NULL; finite, >= 0, a float type or U8; a row of weight 0 is ignored, and not read */
  xent_input sink;           /* or NULL */
  /* And written: */
  xent_output log_probabilities; /* of the label; NaN in ignored rows; labels only */
  xent_output argmax;            /* I32 or I64: the lowest of the largest classes; -1 in rows that are NaN, fully masked
                                    or ignored */
  xent_output ranks;             /* I32 or I64, of the label: how many classes come before it in falling order, the
                                    lower first among equals; -1 as argmax; labels only */
  xent_output entropies;         /* - sum p log p over the classes; NaN in ignored rows */
  xent_output top_classes;       /* I32 or I64: the top_count largest, the lower first among equals; -1 where there are
                                    not so many */
  xent_output top_log_probabilities; /* theirs; -inf where there are not so many, NaN in rows that are NaN or ignored */
  xent_output target_gradient; /* c u (1 - eps) w (lse - x): of probability rows or of target_weights */
  xent_input row_offsets;    /* or NULL */
  xent_statistics *statistics; /* of row r at index r, for xent_cross_entropy_backward; without targets
                                  only beside top_classes, for xent_softmax and xent_log_softmax of these */
  xent_tally *tally;           /* the losses are added to it */
} xent_cross_entropy_call;

XENT_API xent_status xent_cross_entropy(const xent_cross_entropy_call *call);

/* The gradient alone, from the statistics of an earlier xent_cross_entropy over the same logits, targets and weights:
 * dx = upstream * its gradient. upstream has one number per row; NULL: 1 for every row. The gradient may overwrite the
 * logits. The class range may be any that begins and ends at chunk boundaries. */
typedef struct xent_cross_entropy_backward_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows, *classes; /* or NULL: all */
  const xent_options *options;      /* or NULL: xent_default_options */
  xent_report *report;              /* or NULL */
  xent_input logits, targets, upstream /* or NULL */;
  xent_output gradient;
  xent_input target_weights /* or NULL */, class_mask /* or NULL */, class_weights /* or NULL */,
      row_weights /* or NULL */, row_offsets /* or NULL */;
  const xent_statistics *statistics;
} xent_cross_entropy_backward_call;

XENT_API xent_status xent_cross_entropy_backward(const xent_cross_entropy_backward_call *call);

/* Log-probabilities of selected classes: log softmax(x) of the classes in targets, and, in the same call, the gradient
 * dx = c sum_j g_j (e_j - p) / temperature of gradient_scale * sum_j g_j log p_j, g being upstream and e_j 1 at the
 * j-th selected class; it may overwrite the logits. That of a class with more than half of its row is as accurate as
 * the loss of a label: with one class per row the bits are those of - xent_cross_entropy, of its gradient with -g.
 * A class may be selected twice. An entry that is the ignore index counts for nothing, and its log-probability is
 * +0, so that sums over rows are sums of those that count; a row of none but such has the gradient +0. In a NaN row
 * every other log-probability is NaN, in a fully masked one by option -inf, the gradient +0.
 * A class out of range stops the call as in xent_cross_entropy. Of the options isa, fully_masked, ignore index,
 * gradient_scale, temperature and softcap are for this; any other that is set is XENT_UNSUPPORTED, and so are more than
 * 256 classes per row, and a shard. */
typedef struct xent_selected_log_probabilities_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;         /* or NULL */
  xent_input logits;
  xent_input targets; /* the classes, of an integer type: sizes.target_count per row; 0: one, as labels lie */
  xent_output log_probabilities; /* as targets lie; or NULL */
  xent_output gradient;          /* or NULL */
  xent_input upstream;           /* g, as targets lie, or NULL: 1 everywhere */
  xent_input class_mask /* or NULL */, sink /* or NULL */, row_offsets /* or NULL */;
  xent_statistics *statistics;   /* or NULL; of row r at index r, for the backward */
} xent_selected_log_probabilities_call;

XENT_API xent_status xent_selected_log_probabilities(const xent_selected_log_probabilities_call *call);

/* The gradient alone, from the statistics of a forward over the same logits and classes. */
typedef struct xent_selected_log_probabilities_backward_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;         /* or NULL */
  xent_input logits, targets;
  xent_output gradient;
  xent_input upstream /* or NULL */, class_mask /* or NULL */, row_offsets /* or NULL */;
  const xent_statistics *statistics;
} xent_selected_log_probabilities_backward_call;

XENT_API xent_status xent_selected_log_probabilities_backward(
    const xent_selected_log_probabilities_backward_call *call);

/* Kullback-Leibler divergence of a student from its teacher: loss_r = u sum q (log q - log p), q being the softmax of
 * teacher / temperature and p the softmax of logits / temperature; never below 0. And the gradient of
 * gradient_scale * loss with respect to the logits: c u (p - q) / temperature. It may overwrite the logits.
 * Computed in double whatever the types. A row in which either side is NaN or fully masked is NaN (or +0, as
 * options->fully_masked says, where it is fully masked); a class that the teacher has and the student does not: +inf.
 * Of the options isa, fully_masked, gradient_scale and temperature are for this; any other that is set is
 * XENT_UNSUPPORTED. */
typedef struct xent_divergence_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;         /* or NULL */
  xent_input logits, teacher;
  xent_output losses /* or NULL */, gradient /* or NULL */;
  xent_input class_mask /* or NULL */, row_weights /* or NULL */;
  xent_tally *tally; /* or NULL */
} xent_divergence_call;

XENT_API xent_status xent_kl_divergence(const xent_divergence_call *call);
/* Jensen-Shannon divergence: loss_r = u (sum q log(q / m) + sum p log(p / m)) / 2 with m = (p + q) / 2, from 0 to
 * log 2; its gradient is c u p (log(p / m) - sum p log(p / m)) / (2 temperature). A class that one side alone has is
 * finite; otherwise as xent_kl_divergence. */
XENT_API xent_status xent_jensen_shannon_divergence(const xent_divergence_call *call);
/* Total variation distance: loss_r = u sum |p - q| / 2, from 0 to 1; its gradient, with s = the sign of p - q, 0 where
 * they are equal, is c u p (s - sum p s) / (2 temperature); otherwise as xent_jensen_shannon_divergence. */
XENT_API xent_status xent_total_variation(const xent_divergence_call *call);

/* Hessian-vector products of cross-entropy: output = c u (diag p - p p^T) v / temperature^2, p being the softmax of
 * logits / temperature, v `upstream`, c gradient_scale and u the row weight. (diag p - p p^T) / temperature^2 is the
 * Hessian, with respect to the logits, of log sum exp(x), and so of the loss of every target with the sum 1: a label,
 * smoothed or not, or a probability row. The weight of a label's class is a factor of the row weight. A row of weight 0
 * is ignored: +0, whatever it holds. Masked classes are +0.
 * output has the probabilities for a while, so its type is F32, or F64 where the logits are. It may be logits in place.
 * Of the options isa, fully_masked, gradient_scale and temperature are for this; any other that is set is
 * XENT_UNSUPPORTED. */
typedef struct xent_cross_entropy_hvp_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;         /* or NULL */
  xent_input logits, upstream;
  xent_output output;
  xent_input class_mask /* or NULL */, row_weights /* or NULL */, sink /* or NULL */, row_offsets /* or NULL */;
} xent_cross_entropy_hvp_call;

XENT_API xent_status xent_cross_entropy_hvp(const xent_cross_entropy_hvp_call *call);

/* ---- sampling ----------------------------------------------------------------------------------- */

/* The order of the filters, and what top-k does with ties: numerics.md, section 11. A filter that rules do not
 * have is XENT_UNSUPPORTED. */
enum {
  XENT_RULES_XENT = 0,         /* top-k, top-p, min-p, typical-p */
  XENT_RULES_TRANSFORMERS = 1, /* the same */
  XENT_RULES_VLLM = 2,         /* min-p, top-k, top-p */
  XENT_RULES_LLAMA_CPP = 3,    /* top-k, typical-p, top-p, min-p, all at the temperature 1; then the temperature */
  XENT_RULES_ONNXRUNTIME_GENAI = 4 /* top-k, top-p */
};

/* Which classes top-k keeps of those that equal the k-th largest. */
enum {
  XENT_TIES_OF_RULES = 0, /* ALL by TRANSFORMERS and VLLM, else FIRST */
  XENT_TIES_FIRST = 1,    /* the lower ones, k in all */
  XENT_TIES_ALL = 2
};

/* How a token is drawn. A number that is 0 is not used: all zeros but the size draw from the whole softmax. */
typedef struct xent_sampling {
  uint64_t size;
  int32_t rules;     /* XENT_RULES_... */
  int32_t ties;      /* XENT_TIES_... */
  int32_t greedy;    /* 1: the largest class, the lowest among equals; temperature and filters are not looked at */
  int32_t reserved;  /* 0 */
  int64_t min_keep;  /* >= 0: every filter keeps at least so many classes; 0: 1 */
  int64_t top_k;     /* >= 0: the k largest classes */
  double top_p;      /* in [0, 1]: the fewest of the largest classes that have this probability together */
  double min_p;      /* in [0, 1]: classes with at least this share of the largest probability */
  double typical_p;  /* in [0, 1]: the classes whose information is nearest to the entropy, with this probability */
  double temperature; /* in [2^-32, 2^32]; 0: 1 */
  double repetition_penalty; /* > 0, of a class among prompt and output tokens: a logit above 0 is divided by it,
                                another is multiplied; 0: none */
  double frequency_penalty;  /* finite; subtracted as often as the class is among the output tokens */
  double presence_penalty;   /* finite; subtracted once */
  uint64_t seed;
  uint64_t stream; /* streams, steps and draws have chances that have nothing to do with each other */
  uint32_t step;   /* of a sequence: how many tokens came before */
  uint32_t draw;   /* 0, and 1, 2 ... for further tokens of the same logits */
} xent_sampling;

static inline xent_sampling xent_default_sampling(void) {
  xent_sampling s = {sizeof(xent_sampling), XENT_RULES_XENT, XENT_TIES_OF_RULES, 0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0,
                     0.0, 0.0, 0, 0, 0, 0};
  return s;
}

/* What a shard says of its classes of one row. Opaque. May be sent to another process of the same byte order: it knows
 * its numerics version, options and classes, and xent_sample refuses what does not fit. */
typedef struct xent_sample_state {
  uint64_t opaque[524];
} xent_sample_state;

/* A token of each row: drawn with the probability that softmax gives it among the classes that the filters keep, after
 * softcap, class_mask, bias and penalties. The bits do not depend on how rows are batched, where each has sampling of
 * its own. A row in which a class is NaN or +inf after all that, or in which none is above -inf, has no token: -1.
 * Logits are F16, BF16 or F32, and classes fewer than 2^31. Of the options isa and softcap are for this; any other that
 * is set is XENT_UNSUPPORTED. report->counted: rows that have a token.
 *
 * Rows whose classes are divided: where sizes.all_classes is not 0, logits, class_mask and bias have those from
 * sizes.first_class on, one or more, and tokens count through all classes. Each shard calls with the same sampling and
 * tokens, sends its states to all, and calls again, with the same logits, and with what it gathered, until
 * report->unfinished is 0: all shards have the tokens of the whole rows then. That takes 1 round of states with top-k
 * where ties are FIRST, or greedy; 2 where top-p keeps at most 512 classes; else up to 14. A row that is not finished
 * is left as it is. Unless greedy, top_k or min_keep above 512, and typical_p without a top_k of at most 512 whose ties
 * are FIRST, are XENT_UNSUPPORTED, and so are the outputs from kept_mask on. States that do not belong together are
 * XENT_INVALID_ARGUMENT with field and row; rows before are written. */
typedef struct xent_sample_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;        /* or NULL: all */
  const xent_options *options;   /* or NULL: xent_default_options */
  const xent_sampling *sampling; /* or NULL: xent_default_sampling */
  int32_t per_row;               /* 1: sampling of row r is at index r, and the first one is always read, as all have
                                    its size; 0: one is for all, and row r has the stream stream + r */
  int32_t reserved;              /* 0 */
  xent_report *report;           /* or NULL */
  xent_input logits;
  xent_output tokens;            /* I32 or I64 */
  xent_input class_mask;         /* or NULL */
  xent_input bias;               /* or NULL: a number per class, which is added; strides may be 0 */
  xent_input prompt_tokens;      /* or NULL: prompt_count classes per row, of an integer type; -1 is none, where a type
                                    has it */
  xent_input output_tokens;      /* or NULL: likewise output_count */
  /* What is written beside tokens; each may be NULL: */
  xent_output processed_log_probabilities; /* of the token, among the classes that are kept */
  xent_output kept;              /* I32 or I64: how many classes the filters keep */
  xent_output kept_mask;         /* U8, a number per class: 1 where they keep it, else 0 */
  /* As xent_cross_entropy gives them where the token is the label, with class_mask, without bias and penalties; a row
   * without a token is ignored there: */
  xent_output log_probabilities, ranks, entropies, top_classes, top_log_probabilities;
  void *workspace;               /* with prompt_tokens or output_tokens: xent_sample_workspace bytes at a multiple of 8,
                                    which nobody else uses during the call */
  uint64_t workspace_size;
  /* Of a shard, else NULL and 0: */
  const xent_sample_state *gathered; /* NULL in the first round; then what all shards wrote in the one before, in any
                                        order of shards: that of shard s and row r at index s * outer * inner + r */
  int64_t shards;                    /* how many there are in gathered */
  xent_sample_state *states;         /* of row r at index r; may be this shard's part of gathered, if no
                                        other call reads that and this call is not repeated */
} xent_sample_call;

XENT_API xent_status xent_sample(const xent_sample_call *call);

/* The bytes of workspace that a call with so many classes and tokens (prompt_count + output_count) needs; 0 without
 * tokens, and where the classes are more than a call may have, 2^31 - 1. */
XENT_API uint64_t xent_sample_workspace(int64_t classes, int64_t tokens);

/* ---- binary cross-entropy ------------------------------------------------------------------------ */

/* Of every element by itself, softplus(x) being log(1 + exp(x)):
 *     loss = w a (r t softplus(-x) + (1 - t) softplus(x)) m^gamma
 * with its target t, weight w and positive weight r; a = alpha t + (1 - alpha) (1 - t) with focal_alpha, else 1; and
 * m = (1 - t) sigmoid(x) + t sigmoid(-x), the probability of what is wrong, with focal_gamma. And, in the same read of
 * the logits, the gradient of gradient_scale * loss, which may overwrite the logits. losses has a number per element.
 * Every array is one per element, and strides of 0 repeat: positive weights per class have the strides 0, 1, 0.
 * targets of a float type are used as they are, and mean something in [0, 1]. Those of an integer type must be 0, 1 or
 * the ignore index, else XENT_INVALID_LABEL with row, label and the class (in `integer`), before the first store.
 * An element of weight 0, or whose label is the ignore index, is ignored: loss and gradient are +0, whatever it holds.
 * report->counted is the number of the others, which a call that asks for nothing else gives, too.
 * Of the options isa, ignore_index, gradient_scale, focal_gamma and focal_alpha are for this; any other that is set is
 * XENT_UNSUPPORTED. With focal_gamma everything is computed in double and rounded to float where logits are not F64. */
typedef struct xent_binary_cross_entropy_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;         /* or NULL */
  xent_input logits, targets;
  xent_output losses /* or NULL */, gradient /* or NULL */;
  xent_input element_weights /* or NULL; or of type U8 */, positive_weights /* or NULL */;
  xent_tally *tally; /* or NULL: the losses are added to it */
} xent_binary_cross_entropy_call;

XENT_API xent_status xent_binary_cross_entropy(const xent_binary_cross_entropy_call *call);

/* ---- cross-entropy of a linear layer ------------------------------------------------------------- */

/* What a workspace is for. */
enum {
  XENT_WORKSPACE_WEIGHTS_GRADIENT = 1, /* weights_gradient or bias_gradient */
  XENT_WORKSPACE_WHOLE_ROWS = 2,       /* argmax, ranks, entropies, top_classes, top_log_probabilities,
                                          target_gradient, or a probability clamp of probability or sparse rows */
  XENT_WORKSPACE_LEAST = 4,            /* as few bytes as will do, not as many as are fastest */
  XENT_WORKSPACE_HIDDEN_GRADIENT = 8,  /* hidden_gradient */
  XENT_WORKSPACE_LOGITS = 16           /* with a gradient, room for all logits of the range: the gradients take them
                                          from there, and a third or a quarter of the work is saved. A workspace
                                          between this size and the one without keeps the logits of some rows */
};

/* xent_cross_entropy of logits = hidden * weights^T + bias, which are computed piece by piece in the workspace: the
 * bits of all results are those of xent_cross_entropy on the logits of numerics.md, section 13. They do not depend
 * on the workspace, nor on where logits are written or read.
 * hidden has sizes.features numbers per row, `classes` of its layout apart. weights have as many per class: `outer` of
 * their layout is from class to class, `classes` from one number of a class to the next. hidden, weights, bias and what
 * is written are F16, BF16 or F32, each for itself.
 * Gradients are of gradient_scale * loss: hidden_gradient has sizes.features numbers per row; those of weights and bias
 * are sums over the rows of the range, and are written, not added. What an ignored row and a class that is masked in a
 * row hold changes nothing in them. After XENT_INVALID_LABEL rows before it may be written, and no gradient is. */
typedef struct xent_linear_cross_entropy_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;         /* or NULL */
  xent_input hidden;
  xent_input weights;
  xent_input bias;             /* or NULL: one number per class: outer and inner strides are not looked at */
  xent_output logits;          /* or NULL: F32, for xent_linear_cross_entropy_backward; this call's own gradients are
                                  computed from them, too */
  /* As in xent_cross_entropy_call: */
  xent_input targets, target_weights, class_mask, class_weights, row_weights, sink;
  xent_output losses, log_sum_exp, hits, log_probabilities, argmax, ranks, entropies, top_classes,
      top_log_probabilities, target_gradient;
  xent_output hidden_gradient;  /* or NULL */
  xent_output weights_gradient; /* or NULL */
  xent_output bias_gradient;    /* or NULL */
  xent_statistics *statistics;  /* or NULL: as in xent_cross_entropy_call */
  xent_tally *tally;            /* or NULL */
  void *workspace;              /* at least XENT_WORKSPACE_LEAST bytes at a multiple of 64, which nobody else uses
                                   during the call */
  uint64_t workspace_size;
} xent_linear_cross_entropy_call;

XENT_API xent_status xent_linear_cross_entropy(const xent_linear_cross_entropy_call *call);

/* The gradients alone, from the statistics of an earlier xent_linear_cross_entropy or xent_finish over the same arrays:
 * upstream times those of gradient_scale * loss. Gradients of weights and bias may be of any range of classes, and the
 * classes those of a shard: threads divide the classes, and each sums over all rows. hidden_gradient needs all classes,
 * as its sum goes through them in order, else XENT_INVALID_ARGUMENT: threads divide the rows. */
typedef struct xent_linear_cross_entropy_backward_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows, *classes; /* or NULL: all */
  const xent_options *options;      /* or NULL: xent_default_options */
  xent_report *report;              /* or NULL */
  xent_input hidden, weights, bias /* or NULL */;
  xent_input logits;                /* or NULL: they are computed again. Those that xent_linear_cross_entropy wrote */
  xent_input targets, target_weights /* or NULL */, class_mask /* or NULL */, class_weights /* or NULL */,
      row_weights /* or NULL */;
  xent_input upstream;          /* or NULL: one number per row */
  xent_output hidden_gradient;  /* or NULL */
  xent_output weights_gradient; /* or NULL */
  xent_output bias_gradient;    /* or NULL */
  const xent_statistics *statistics;
  void *workspace;              /* as in xent_linear_cross_entropy_call, of the classes of the range */
  uint64_t workspace_size;
} xent_linear_cross_entropy_backward_call;

XENT_API xent_status xent_linear_cross_entropy_backward(const xent_linear_cross_entropy_backward_call *call);

/* xent_forward_states of the logits of a linear layer, for xent_finish with the logits_type XENT_F32: threads divide
 * the classes of a few rows, or processes have shards of the weights. */
typedef struct xent_linear_states_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows, *classes; /* or NULL: all */
  const xent_options *options;      /* or NULL: xent_default_options */
  xent_report *report;              /* or NULL */
  xent_input hidden, weights, bias /* or NULL */;
  xent_input targets /* or NULL */, target_weights /* or NULL */, class_mask /* or NULL */, class_weights /* or NULL */;
  const xent_statistics *statistics; /* or NULL */
  xent_state *states;
  void *workspace; /* as in xent_linear_cross_entropy_call, of the classes of the range */
  uint64_t workspace_size;
} xent_linear_states_call;

XENT_API xent_status xent_linear_states(const xent_linear_states_call *call);

/* The bytes of workspace for a range of so many rows and classes; `contents`: XENT_WORKSPACE_... A range of no classes
 * needs no workspace. 0 where 64 bits do not hold them, rows are below 0, or
 * features or classes below 1. */
XENT_API uint64_t xent_linear_workspace(int64_t rows, int64_t features, int64_t classes, int32_t contents);

/* ---- rows in parts ------------------------------------------------------------------------------ */

/* How many states a row has: ceil(classes / XENT_CHUNK). */
static inline int64_t xent_chunks(int64_t classes) { return classes / XENT_CHUNK + (classes % XENT_CHUNK != 0); }

/* First pass over a class range. states has a place for every chunk of every row of the row range, xent_chunks(classes)
 * per row; the places of the class range are written.
 * targets NULL: for softmax, log-softmax and log-sum-exp. Else for cross-entropy: every call of a row
 * knows the row's target, whether or not the label lies in its class range.
 * statistics NULL: first round. Else: the second round, for the rows in which xent_finish set a shift
 * (|max| > 16384; report->unfinished counts them); other rows are left as they are. */
typedef struct xent_forward_states_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows, *classes; /* or NULL: all */
  const xent_options *options;      /* or NULL: xent_default_options */
  xent_report *report;              /* or NULL */
  xent_input logits, targets /* or NULL */, class_mask /* or NULL */, target_weights /* or NULL */,
      class_weights /* or NULL */;
  const xent_statistics *statistics; /* or NULL */
  xent_state *states;
} xent_forward_states_call;

XENT_API xent_status xent_forward_states(const xent_forward_states_call *call);

/* First pass of a softmax backward, or with output.address NULL of a log-softmax backward: output.layout.type is that
 * of the output all the same. */
typedef struct xent_backward_states_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows, *classes; /* or NULL: all */
  const xent_options *options;      /* or NULL: xent_default_options */
  xent_report *report;              /* or NULL */
  xent_input output, upstream, class_mask /* or NULL */;
  xent_state *states;
} xent_backward_states_call;

XENT_API xent_status xent_backward_states(const xent_backward_states_call *call);

/* Folds the states of whole rows, in class order. Writes statistics at index row and, for forward
 * states, log_sum_exp and, with targets, losses, hits and tally, where they are asked for (as
 * xent_cross_entropy). targets: as given to xent_forward_states.
 * States that do not belong together (of another kind, numerics version, options, round or label) are
 * XENT_INVALID_ARGUMENT with field and row; rows before are written.
 * report->unfinished > 0: some rows have a shift now and nothing but their statistics was written; compute
 * their states once more with these statistics, then call xent_finish again with second_round = 1,
 * which finishes those rows alone. */
typedef struct xent_finish_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;
  int32_t logits_type; /* of the logits that the states are of; not looked at where they are of a backward */
  int32_t second_round;
  xent_input targets; /* or NULL */
  xent_output losses /* or NULL */, log_sum_exp /* or NULL */, hits /* or NULL */;
  xent_input class_weights /* or NULL */, row_weights /* or NULL */, sink /* or NULL */;
  const xent_state *states;
  xent_statistics *statistics;
  xent_tally *tally; /* or NULL */
} xent_finish_call;

XENT_API xent_status xent_finish(const xent_finish_call *call);

/* ---- exact sums --------------------------------------------------------------------------------- */

/* Adds count values of type XENT_F32 or XENT_F64, stride elements apart. Nothing is added where it is refused. */
XENT_API xent_status xent_tally_add(xent_tally *tally, const void *values, int32_t type, int64_t stride, int64_t count);
/* Adds the sums of `other`. */
XENT_API xent_status xent_tally_merge(xent_tally *tally, const xent_tally *other);
/* The sum, rounded once to double: NaN after a NaN or infinities of both signs. */
XENT_API double xent_tally_sum(const xent_tally *tally);

/* ---- calls that are checked once and run often ----------------------------------------------- */

/* The numbers of the functions never change. */
enum {
  XENT_FUNCTION_SOFTMAX = 1,
  XENT_FUNCTION_LOG_SOFTMAX = 2,
  XENT_FUNCTION_LOG_SUM_EXP = 3,
  XENT_FUNCTION_SOFTMAX_BACKWARD = 4,
  XENT_FUNCTION_LOG_SOFTMAX_BACKWARD = 5,
  XENT_FUNCTION_CHECK_TARGETS = 6,
  XENT_FUNCTION_CROSS_ENTROPY = 7,
  XENT_FUNCTION_CROSS_ENTROPY_BACKWARD = 8,
  XENT_FUNCTION_SELECTED_LOG_PROBABILITIES = 9,
  XENT_FUNCTION_SELECTED_LOG_PROBABILITIES_BACKWARD = 10,
  XENT_FUNCTION_KL_DIVERGENCE = 11,
  XENT_FUNCTION_JENSEN_SHANNON_DIVERGENCE = 12,
  XENT_FUNCTION_TOTAL_VARIATION = 13,
  XENT_FUNCTION_CROSS_ENTROPY_HVP = 14,
  XENT_FUNCTION_SAMPLE = 15,
  XENT_FUNCTION_BINARY_CROSS_ENTROPY = 16,
  XENT_FUNCTION_LINEAR_CROSS_ENTROPY = 17,
  XENT_FUNCTION_LINEAR_CROSS_ENTROPY_BACKWARD = 18,
  XENT_FUNCTION_LINEAR_STATES = 19,
  XENT_FUNCTION_FORWARD_STATES = 20,
  XENT_FUNCTION_BACKWARD_STATES = 21,
  XENT_FUNCTION_FINISH = 22
};

#define XENT_PREPARED_BYTES 2304

/* Memory of the caller's for one call. It is not moved or copied while it is used. */
typedef struct xent_prepared {
  uint64_t size; /* XENT_PREPARED_BYTES */
  uint64_t opaque[287];
} xent_prepared;

/* Checks a call of a function, given by its number, without computing anything; `call` is the function's struct, which
 * is not used afterwards. Returns what the function would return before it computes, so records, offsets and tokens,
 * which the checks read, are there already:
 *     xent_prepared p = {.size = sizeof p};
 *     xent_status status = xent_prepare(&p, XENT_FUNCTION_SOFTMAX, &c);
 *     while (status == XENT_OK && next(x)) status = xent_run(&p);
 * A status that is not XENT_OK leaves nothing prepared. */
XENT_API xent_status xent_prepare(xent_prepared *prepared, int32_t function, const void *call);

/* Makes the call that was prepared: status, report and results are those of the function. What arrays, records and
 * xent_sampling hold may change from run to run, labels included. Their addresses, the options and, of a call through
 * a door, the shape do not, and all of them stay there until the last run. One thread at a time; the structs of
 * several calls are independent. XENT_INVALID_ARGUMENT, without a report, if nothing is prepared. */
XENT_API xent_status xent_run(xent_prepared *prepared);

/* ---- FOR BINDINGS ------------------------------------------------------------------------------- */

/* The same functions by their numbers, with every array as an argument: for languages whose calls check the memory that
 * is an argument, or can hand out an array of their own only as one. A struct that says how the arrays lie serves many
 * calls at once. NULL as in the structs above, but shape and options are always there. */

/* Sizes and layouts. The struct may end behind `output` or any layout after it, where the call has no array of a later
 * one. What a call does not have is not looked at, but the layouts of arrays that it needs, and the type of the logits
 * (of the output, in a softmax backward and in xent_backward_states), which decides how everything is computed. */
typedef struct xent_shape {
  uint64_t size;
  /* as in xent_sizes */
  int64_t outer, classes, inner, target_count, top_count, first_class, all_classes, prompt_count, output_count,
      features;
  xent_layout logits;
  xent_layout output;
  xent_layout gradient;
  xent_layout upstream;
  xent_layout targets;
  xent_layout losses;
  xent_layout log_sum_exp;
  xent_layout hits;
  xent_layout target_weights;
  xent_layout row_offsets; /* its strides are not looked at */
  xent_layout class_mask;
  xent_layout class_weights;
  xent_layout row_weights;
  xent_layout sink;
  xent_layout log_probabilities;
  xent_layout argmax;
  xent_layout ranks;
  xent_layout entropies;
  xent_layout top_classes;
  xent_layout top_log_probabilities;
  xent_layout target_gradient;
  xent_layout teacher;
  xent_layout bias;
  xent_layout prompt_tokens;
  xent_layout output_tokens;
  xent_layout tokens;
  xent_layout processed_log_probabilities;
  xent_layout kept;
  xent_layout kept_mask;
  xent_layout element_weights;
  xent_layout positive_weights;
  xent_layout hidden;
  xent_layout weights;
  xent_layout hidden_gradient;
  xent_layout weights_gradient;
  xent_layout bias_gradient;
} xent_shape;

/* A call without its arrays. */
typedef struct xent_work {
  uint64_t size;
  int32_t function;              /* XENT_FUNCTION_...; one that is not here is XENT_UNSUPPORTED */
  int32_t choice;                /* per_row of xent_sample, second_round of xent_finish; else 0, or it is
                                    XENT_INVALID_ARGUMENT without a report */
  const xent_shape *shape;
  const xent_options *options;
  const xent_sampling *sampling; /* of xent_sample, as in its struct; else NULL */
  xent_report *report;           /* as in the function's struct */
  int64_t row_begin, row_end;
  int64_t class_begin, class_end; /* not looked at where the function's struct has no range of classes */
  uint64_t workspace_size;       /* of a workspace that is among the arrays; else 0 */
  int64_t shards;                /* of what is gathered in xent_sample; else 0 */
  xent_prepared *prepared;       /* NULL, or the call is checked and kept there, as by xent_prepare */
} xent_work;

/* The arrays are those of the function's struct, in its order: inputs and outputs, statistics, states, tally and
 * workspace, each NULL where the call is without it. A call that has none but the first six may take the first door,
 * which is shorter. One behind the last array of the function is NULL, else XENT_INVALID_ARGUMENT without a report. */
XENT_API xent_status xent_few_at(const xent_work *work, const void *a0, const void *a1, const void *a2, const void *a3,
    const void *a4, const void *a5);
XENT_API xent_status xent_many_at(const xent_work *work, const void *a0, const void *a1, const void *a2, const void *a3,
    const void *a4, const void *a5, const void *a6, const void *a7, const void *a8, const void *a9, const void *a10,
    const void *a11, const void *a12, const void *a13, const void *a14, const void *a15, const void *a16,
    const void *a17, const void *a18, const void *a19, const void *a20, const void *a21, const void *a22,
    const void *a23, const void *a24, const void *a25, const void *a26, const void *a27, const void *a28,
    const void *a29, const void *a30, const void *a31);

/* xent_run for memory that moves as a whole, such as arrays of a language with a garbage collector: the arrays are the
 * first six of the function's struct, as aligned and as far apart as they were. NULL leaves one where it was, and one
 * that the call is without is not looked at. */
XENT_API xent_status xent_run_at(xent_prepared *prepared, const void *a0, const void *a1, const void *a2,
    const void *a3, const void *a4, const void *a5);

#ifdef __cplusplus
}
#endif
#endif
