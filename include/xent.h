/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xent.h: softmax, log-softmax and cross-entropy on memory that you already have.
 *
 * Every struct that is all zeros but for its `size` has the default of every member: set what you need.
 *
 * This header is the manual. conformance/numerics.md defines every bit of every result, conformance/bounds.md
 * bounds its error. docs/developing/design.md explains why the interface has this form, and what the code paths are.
 *
 * A FIRST CALL
 *   The probabilities of a matrix of floats, and the losses and the gradient of int32_t labels, one per row:
 *       xent_status status = xent_softmax_f32(logits, rows, classes, probabilities);
 *       status = xent_cross_entropy_f32(logits, labels, rows, classes, losses, gradient);
 *   Both read logits. Either may overwrite them: pass the logits as probabilities, or as gradient.
 *   For other types, layouts, options and results, the same with a struct:
 *       xent_layout floats = xent_per_class(classes, 1, XENT_F32);
 *       xent_softmax_call call = {.size = sizeof call, .sizes = xent_rows(rows, classes),
 *                                 .logits = {logits, floats}, .output = {probabilities, floats}};
 *       status = xent_softmax(&call);
 *   The page docs/c.md shows a mean over rows, and how to build and link the library.
 *
 * FUNCTIONS
 *   xent_softmax_f32, xent_cross_entropy_f32    a matrix of floats, in one line
 *   xent_softmax, xent_log_softmax     y = softmax(x), y = log softmax(x)
 *   xent_softmax_backward              dx from y and dy; also xent_log_softmax_backward
 *   xent_log_sum_exp                   one number per row
 *   xent_cross_entropy                 losses, gradient, correct, argmax and more from one read of the logits
 *   xent_cross_entropy_backward        the gradient later, from statistics that the forward saved
 *   xent_check_targets                 finds a label out of range before anything is written
 *   xent_sigmoid, xent_log_sigmoid     y = sigmoid(x), y = log sigmoid(x), of each element
 *   xent_sigmoid_backward              dx from x and dy; also xent_log_sigmoid_backward
 *   xent_binary_cross_entropy          the sigmoid loss of each element
 *   xent_linear_cross_entropy          the loss of hidden states and weights, without the logits in memory
 *   xent_sample                        a token per row: greedy, temperature, penalties, top-k, top-p and more
 *   xent_prepare, xent_run             any of these functions, checked once and run often
 *   xent_text_biases                   biases against repetition in a text, for xent_sample
 *   Below: selected log-probabilities, divergences, Hessian-vector products, rows in parts, exact sums.
 *
 * THE MODEL
 *   A tensor has the shape (outer, classes, inner) and a stride, in elements, for each of the three dimensions.
 *   A row is one (outer, inner) pair with all its classes. Its number is outer_index * inner + inner_index.
 *   Its class c is outer_index * outer + c * classes + inner_index * inner elements after the address of an array, with
 *   the strides of its layout.
 *   [N, C] is (N, C, 1): use xent_rows. [N, C, H, W] with class axis 1 is (N, C, H*W). [C] is (1, C, 1).
 *   A tensor without rows has outer 0. If outer is above 0, inner must be too: an inner of 0 is XENT_INVALID_SHAPE,
 *   because it is usually a member that was not set.
 *
 * CALLS
 *   Each function takes one struct. Set its size, the sizes outer, classes and inner, and the arrays that the function
 *   needs. Every member that you leave out is 0 or NULL, which means "not used". Bindings that pass
 *   arrays as arguments find more in xent_bindings.h.
 *
 * RANGES
 *   A call computes the rows of its member `rows`, so you can divide rows over your threads.
 *   You can also divide the classes of a row, at multiples of XENT_CHUNK: call xent_forward_states (or
 *   xent_backward_states) for each class range, then xent_finish once, then the function that writes for each class
 *   range, with the statistics of xent_finish. Every division returns the same bits.
 *
 * ADDRESSES
 *   An address is that of row 0, class 0, even if the range begins later. It must be aligned to the element type.
 *   Comments say which members may be NULL.
 *   An output may be its input (same address, strides and type: in place). Any other overlap of the bytes of an output
 *   with another array is XENT_OVERLAP. Strides that put two elements of an output at one address are XENT_OVERLAP too.
 *   Structs, statistics, states, exact sums, workspace and report must not overlap anything; that is not checked.
 *
 * SIZES OF STRUCTS
 *   A struct with a member `size` begins with it: set it to sizeof the struct. Later versions append members.
 *   An older caller passes a smaller struct: the missing members count as 0. A newer caller passes a larger one, which
 *   is accepted if all bytes beyond this version are 0; otherwise the call returns XENT_UNSUPPORTED. Any other size is
 *   XENT_INVALID_SIZE: 0 (not set), smaller than the first version, above 4096, or not a multiple of 8. An exact
 *   sum must have exactly the size of this version. After an invalid size of a call struct, no report is written.
 *   Bytes of a report beyond this version are neither read nor written.
 *
 * TYPES
 *   If the logits (for a softmax backward: y) are F16, BF16 or F32, everything is computed in float, and each float
 *   array of the call may be F16, BF16 or F32. Inputs are widened exactly; results are rounded once to nearest even.
 *   If they are F64, everything is computed in double, and each float array may be F64 or F32. Another type is
 *   XENT_UNSUPPORTED, and so is I32 for class numbers if there are more than 2^31 classes. A number that does not
 *   name a type is XENT_INVALID_ARGUMENT.
 *
 * MASKED CLASSES, RAGGED ROWS, SINK
 *   class_mask (U8, one number per class; strides of 0 repeat it): a class whose number is 0 takes no part. Its logit,
 *   even a NaN, has no influence. Label smoothing does not count it, and a label there is XENT_INVALID_LABEL. Its
 *   probability and gradients are +0 and its log-probability is -inf. In a NaN row they are NaN in every class: such a
 *   row has a NaN or +inf in a class that takes part, or no class takes part and options->fully_masked selects NaN.
 *   The gradient of a softmax or log-softmax backward is +0 in a masked class of every row.
 *   row_offsets (I32 or I64, rows + 1 numbers without gaps; inner is 1): rows of different lengths ("ragged rows"). Row
 *   r has row_offsets[r + 1] - row_offsets[r] classes, at most `classes`. In each array with one number per class it
 *   begins at row_offsets[r] * layout.classes; layout.outer is not used. A row without classes is fully masked.
 *   sink (a logit per row; strides may be 0): adds exp(sink) to the denominator of the row, as an extra logit without a
 *   class. Softcap and temperature do not change it.
 *
 * SHARDS
 *   If the classes of a tensor are divided over processes, each process has a shard: arrays with the classes
 *   [first_class, first_class + classes) of all_classes. Labels stay in [0, all_classes). Shards are for
 *   xent_forward_states, xent_backward_states and, with statistics, the functions that write.
 *
 * THREADS, ERRORS
 *   Functions are pure and re-entrant: no mutable globals, no allocation, no threads, no I/O, no environment variables.
 *   Disjoint ranges may run at the same time, each with its own report and exact sum. A call needs up to 136 KiB of
 *   stack. If less than 160 KiB is left, it returns XENT_OUT_OF_STACK. (The first call of a thread asks the C
 *   library where its stack ends, which may allocate and read.) This is unknown, and not checked, on a stack that is
 *   not the thread's own, as of a coroutine or a signal handler: it must have 136 KiB.
 *   If a call fails, xent_status_message has the reason, and its report the details: set .report = &report, and read
 *   the members that the status names below. xent_field_name(report.field) is the argument or option.
 *   Everything is checked before the first store, except a label out of range, and a state in xent_finish. Call
 *   xent_check_targets to check labels before the first store too.
 *   If another thread changes labels, sparse targets, masks or row offsets during a call, the results are undefined and
 *   the status may be XENT_INVALID_LABEL, but the call accesses only memory that was checked.
 *   Every NaN written is the canonical quiet NaN of its type (0x7fc00000 in F32). A call sets the floating-point mode
 *   of the thread (rounding, flush-to-zero) if necessary, and restores it.
 */
#ifndef XENT_H
#define XENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __GNUC__ /* the compilers that the library builds with: GCC and Clang */
#define XENT_API __attribute__((visibility("default")))
#else
#define XENT_API
#endif

/* Initializes a struct with zeros. */
#ifdef __cplusplus
#define XENT_ZEROS {}
#else
#define XENT_ZEROS {0}
#endif

/* The version of this binary interface. Do not call a library with another ABI version. */
#define XENT_ABI_VERSION 1
/* The arithmetic of conformance/numerics.md; libraries with equal numerics versions return equal bits. */
#define XENT_NUMERICS_VERSION 1
/* Class ranges begin and end at multiples of this number, or end with the row. */
#define XENT_CHUNK 8192

/* ---- statuses: these numbers never change ---------------------------------------------------- */

typedef int32_t xent_status;
typedef enum xent_status_number {
  XENT_OK = 0,
  XENT_INVALID_ARGUMENT = 1, /* report: field. NULL, misaligned, or an impossible size or range */
  XENT_INVALID_SHAPE = 2,    /* report: field, integer. no classes, an inner of 0 with rows, negative sizes or strides,
                                overflow */
  XENT_INVALID_OPTION = 3,   /* report: field, and value or, for an integer of xent_sampling, integer. an option out of
                                its range, or not allowed with another one */
  XENT_INVALID_LABEL = 4,    /* report: field, row, label. a label or token that is not in [0, classes) or masked, and
                                not the ignore index */
  XENT_OVERLAP = 5,          /* report: field. an output overlaps another array and is not in place */
  XENT_UNSUPPORTED = 6,      /* report: field, and integer or value. a type, instruction set or option not in this
                                build. Without a report: the number of a function, or bytes of a larger struct */
  XENT_OUT_OF_STACK = 7,     /* the thread has less stack left than a call needs */
  XENT_INVALID_SIZE = 8      /* report: field, integer. `size` of a struct is not set, or invalid */
} xent_status_number;

/* The argument or option that caused a status. These numbers never change. */
typedef enum xent_field {
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
  XENT_FIELD_CORRECT = 12,
  XENT_FIELD_STATISTICS = 13,
  XENT_FIELD_STATES = 14,
  XENT_FIELD_EXACT_SUM = 15,
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
  XENT_FIELD_BIAS_GRADIENT = 77,
  XENT_FIELD_BIAS_TOKENS = 78,
  XENT_FIELD_BIAS_VALUES = 79,
  XENT_FIELD_TOP_N_SIGMA = 80,
  XENT_FIELD_XTC_PROBABILITY = 81,
  XENT_FIELD_XTC_THRESHOLD = 82,
  XENT_FIELD_ORDER = 83,
  XENT_FIELD_SCALE = 84,
  XENT_FIELD_DYNATEMP_RANGE = 85,
  XENT_FIELD_DYNATEMP_EXPONENT = 86,
  XENT_FIELD_DRAFT_TOKENS = 87,
  XENT_FIELD_DRAFT_PROBABILITIES = 88,
  XENT_FIELD_CONTINUES = 89,
  XENT_FIELD_NO_REPEAT_NGRAM = 90,
  XENT_FIELD_BANNED_SEQUENCES = 91,
  XENT_FIELD_DRY_MULTIPLIER = 92,
  XENT_FIELD_DRY_BASE = 93,
  XENT_FIELD_DRY_ALLOWED_LENGTH = 94,
  XENT_FIELD_DRY_RANGE = 95,
  XENT_FIELD_DRY_BREAKERS = 96,
  XENT_FIELD_TOKEN_COUNT = 97,
  XENT_FIELD_BIAS_COUNT = 98
} xent_field;

/* ---- element types ---------------------------------------------------------------------------- */

typedef enum xent_type {
  XENT_NO_TYPE = 0,
  XENT_F32 = 1,
  XENT_F64 = 2,
  XENT_F16 = 3,     /* IEEE 754 binary16 */
  XENT_BF16 = 4,    /* the upper half of a float32 */
  XENT_I8 = 5,      /* integer types: labels and class numbers; U8 also flags and masks */
  XENT_U8 = 6,
  XENT_I16 = 7,
  XENT_I32 = 8,
  XENT_I64 = 9,
  XENT_U16 = 10,
  XENT_U32 = 11,
  XENT_U64 = 12
} xent_type;

/* ---- instruction sets ------------------------------------------------------------------------- */

typedef enum xent_isa {
  XENT_ISA_BEST = 0, /* the best of this CPU, operating system and build */
  XENT_ISA_SCALAR = 1,
  XENT_ISA_AVX2 = 2, /* AVX2, FMA and F16C */
  XENT_ISA_AVX512 = 3, /* AVX-512 F, BW, DQ and VL */
  XENT_ISA_NEON = 4 /* AArch64: Advanced SIMD */
} xent_isa;

/* ---- structs ---------------------------------------------------------------------------------- */

/* The layout of one array: strides in elements, and the element type. A stride of 0 repeats an element, for inputs
 * only. Arrays with one entry per row (labels, losses ...) do not use `classes`. In arrays with k entries per row that
 * are not one per class (prompt_tokens, top_classes ...), the entries of a row are `classes` apart: without gaps,
 * xent_per_class(k, inner, type). If an array is NULL, its layout is ignored. */
typedef struct xent_layout {
  int64_t outer;
  int64_t classes;
  int64_t inner;
  int32_t type;
  int32_t reserved; /* 0 */
} xent_layout;

/* The layout of an array without gaps, in the order outer, classes, inner, with one number per class. inner is 1 for a
 * matrix, as in xent_rows. */
static inline xent_layout xent_per_class(int64_t classes, int64_t inner, int32_t type) {
  const xent_layout l = {(int64_t)((uint64_t)classes * (uint64_t)inner), inner, 1, type, 0};
  return l;
}
/* The layout of an array without gaps with one number per row, for an inner of 1, as in xent_rows. Nothing can check
 * the type: int64_t labels with the type XENT_I32 are read as others, without an error if those are classes too, and
 * with XENT_F32 as a probability row. Nor can anything check the size: losses with the layout of xent_per_class are
 * written past their end. */
static inline xent_layout xent_per_row(int32_t type) {
  const xent_layout l = {1, 0, 1, type, 0};
  return l;
}
/* The same for any inner: one number per outer and inner index. */
static inline xent_layout xent_per_inner(int64_t inner, int32_t type) {
  const xent_layout l = {inner, 0, 1, type, 0};
  return l;
}

/* An array of a call. An address of NULL means that the call does not use it. */
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
  int64_t outer;   /* >= 0; 0: no rows */
  int64_t classes; /* >= 1 */
  int64_t inner;   /* >= 1; may be 0 if outer is 0 */
} xent_sizes;

/* The sizes of a matrix. */
static inline xent_sizes xent_rows(int64_t rows, int64_t classes) {
  const xent_sizes s = {rows, classes, 1};
  return s;
}

/* Rows or classes [begin, end). */
typedef struct xent_range {
  int64_t begin, end;
} xent_range;

/* The results of a row whose logits are all -inf. */
typedef enum xent_fully_masked {
  XENT_FULLY_MASKED_NAN = 0, /* NaN everywhere */
  XENT_FULLY_MASKED_ZERO = 1 /* probabilities, loss and gradient +0, log-probabilities and log-sum-exp -inf */
} xent_fully_masked;

/* The classes that share the weight that label smoothing takes from a label. */
typedef enum xent_smoothing {
  XENT_SMOOTHING_UNIFORM = 0, /* all classes that are not masked, including the label's */
  XENT_SMOOTHING_OTHERS = 1   /* all but the label; labels only */
} xent_smoothing;

typedef struct xent_options {
  uint64_t size;
  int32_t isa;              /* XENT_ISA_...; one that is not available is XENT_UNSUPPORTED */
  int32_t fully_masked;     /* XENT_FULLY_MASKED_... */
  int32_t has_ignore_index; /* 1: rows whose label is ignore_index are ignored; 0: no row is, and
                               ignore_index has no effect */
  int32_t smoothing;        /* XENT_SMOOTHING_... */
  int64_t ignore_index;     /* any number, also in [0, classes); labels only */
  uint64_t reserved;        /* 0 */
  double label_smoothing;   /* eps in [0, 1]: targets become (1 - eps) * target + eps / classes */
  double gradient_scale;    /* c, finite: every gradient of cross-entropy is multiplied by it; 0: 1, and -0.0: 0 */
  double temperature;       /* logits are divided by it, after the softcap: in [2^-32, 2^32]; 0: 1 */
  double softcap;           /* c: logits become c tanh(x / c): in [2^-32, 2^32]; 0: not used. Not in softmax
                               backward */
  double z_loss;            /* finite, >= 0: z_loss * lse^2 is added to the loss of a row; 0: none */
  double probability_clamp; /* d in (0, 0.5]: losses and log_probabilities use the probability of a label, or of
                               every class with a target, clamped to [d, 1 - d]; gradients do not. Not with
                               smoothing; for probability and sparse rows not in states; 0: none */
  double focal_gamma;       /* in [0, 2^32]: focal loss, times (1 - p)^gamma with the probability p of the right
                               class; labels only, without smoothing, z-loss and clamp; 0: not used */
  double focal_alpha;       /* in (0, 1], of binary cross-entropy: positives have weight alpha, negatives 1 - alpha;
                               0: both 1 */
} xent_options;

/* No ignore index, no smoothing, gradient scale 1. */
static inline xent_options xent_default_options(void) {
  xent_options o = XENT_ZEROS;
  o.size = sizeof o;
  return o;
}

/* What a forward saves of a row for its second pass or a later backward. Opaque. It records the function, the kind of
 * targets, and label_smoothing, smoothing, temperature, softcap, z_loss and focal_gamma; a call with others is
 * rejected. Pass the same logits and targets: they are not recorded. */
typedef struct xent_statistics {
  uint64_t opaque[8];
} xent_statistics;

/* The intermediate sums of one chunk of one row. Opaque. You may store it, or send it to another process with the same
 * byte order. It records numerics version, options and label, and xent_finish rejects one that does not fit. */
typedef struct xent_state {
  uint64_t opaque[8];
} xent_state;

/* An exact sum of up to 2^39 floats and 2^30 doubles. The order of additions changes nothing. A new one has its
 * size, and zeros. */
typedef struct xent_exact_sum {
  uint64_t size;
  int64_t nan;
  int64_t positive_infinity;
  int64_t negative_infinity;
  int64_t bins[256];  /* of floats: one counter per exponent */
  int64_t doubles;    /* the number of doubles in digits */
  int64_t digits[66]; /* of doubles: digit i counts 2^(32 i - 1074) */
} xent_exact_sum;

static inline xent_exact_sum xent_empty_exact_sum(void) {
  xent_exact_sum s = {sizeof(xent_exact_sum), 0, 0, 0, {0}, 0, {0}};
  return s;
}

/* What a call reports. Set size; the call writes the rest. xent_check_targets, xent_finish and
 * xent_sample of a shard require it. Calls that run at the same time need a report each. */
typedef struct xent_report {
  uint64_t size;
  int32_t field;      /* XENT_FIELD_... that caused the status */
  int32_t path;       /* the code path of the call, for xent_path_name; 0: none, as of a call without rows, or that
                         is rejected before it reads a row, or only prepared. Changes between versions */
  int64_t row;        /* of a label out of range, of a state, statistics or row offset that does not fit, or, with
                         per_row, of invalid sampling; else -1 */
  int64_t label;      /* the label or token out of range; for U64 targets add 2^64 to a negative one */
  int64_t integer;    /* the invalid size, stride, begin or end of a range, type, instruction set or integer of
                         xent_sampling; the index of an invalid weight; the size that a workspace needs */
  double value;       /* the invalid option */
  int64_t valid_rows; /* of losses, xent_check_targets and xent_finish: rows that are not ignored (elements, of
                         binary cross-entropy); of xent_sample: rows with a token. Add up the two rounds of
                         xent_finish */
  double denominator; /* of xent_check_targets: what a mean is divided by; else valid_rows, even with weights */
  int64_t unfinished; /* of xent_finish: rows whose states must be computed again */
} xent_report;

/* ---- facts ------------------------------------------------------------------------------------ */

XENT_API uint32_t xent_abi_version(void);
XENT_API uint32_t xent_numerics_version(void);
/* "1.2.3". Static. */
XENT_API const char *xent_version(void);
/* One sentence. Static, never NULL. */
XENT_API const char *xent_status_message(xent_status status);
/* "label_smoothing" for XENT_FIELD_LABEL_SMOOTHING, and so on. Static, never NULL. */
XENT_API const char *xent_field_name(int32_t field);
/* The best instruction set of this CPU, operating system and build. */
XENT_API int32_t xent_best_isa(void);
/* 1 if this CPU, operating system and build have it, else 0. Always 1 for XENT_ISA_BEST. */
XENT_API int32_t xent_has_isa(int32_t isa);
/* "best", "scalar", "avx2", "avx512", "neon"; "unknown" otherwise. */
XENT_API const char *xent_isa_name(int32_t isa);
/* The name of a code path, xent_report.path; "none" for 0, "unknown" for a number without a name. */
XENT_API const char *xent_path_name(int32_t path);

/* ---- softmax and log-softmax ------------------------------------------------------------------- */

/* y = exp(x) / sum exp(x) over the classes of each row, with the logits x after softcap and temperature. Options of
 * targets and gradients have no effect, but must be valid; focal_alpha is XENT_UNSUPPORTED, as in every function but
 * binary cross-entropy. output may be the logits, in place. A class range other than the whole row needs statistics. */
typedef struct xent_softmax_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows, *classes; /* or NULL: all */
  const xent_options *options;      /* or NULL: xent_default_options */
  xent_report *report;              /* or NULL */
  int64_t first_class, all_classes; /* of a shard, see SHARDS; 0: all classes are here */
  xent_input logits;
  xent_output output;
  xent_input class_mask /* or NULL */, sink /* or NULL */, row_offsets /* or NULL */;
  const xent_statistics *statistics; /* or NULL; of row r at index r, from xent_finish, or from xent_cross_entropy
                                        without targets. They replace the first pass */
} xent_softmax_call;

XENT_API xent_status xent_softmax(const xent_softmax_call *call);
/* y = x - log sum exp(x), never above 0. -inf stays -inf. Otherwise the same as xent_softmax. */
XENT_API xent_status xent_log_softmax(const xent_softmax_call *call);

/* xent_softmax of a matrix of floats without gaps, with the default options. output may be the logits. */
static inline xent_status xent_softmax_f32(const float *logits, int64_t rows, int64_t classes, float *output) {
  const xent_layout floats = xent_per_class(classes, 1, XENT_F32);
  xent_softmax_call call = XENT_ZEROS;
  call.size = sizeof call;
  call.sizes = xent_rows(rows, classes);
  call.logits.address = logits;
  call.logits.layout = floats;
  call.output.address = output;
  call.output.layout = floats;
  return xent_softmax(&call);
}

/* log sum exp(x), one number per row, with its digits also next to 0. +inf if a logit or the sink is, and none is NaN.
 * For class ranges use xent_finish. */
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

/* dx = y * (dy - sum dy * y) / temperature, with the output y of a softmax, also of one with a sink.
 * gradient may be output or upstream, in place. Masked classes of upstream and output have no influence.
 * statistics: as in xent_softmax_call, of xent_finish over xent_backward_states. */
typedef struct xent_softmax_backward_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows, *classes; /* or NULL: all */
  const xent_options *options;      /* or NULL: xent_default_options */
  xent_report *report;              /* or NULL */
  int64_t first_class, all_classes; /* of a shard, see SHARDS; 0: all classes are here */
  xent_input output, upstream;
  xent_output gradient;
  xent_input class_mask /* or NULL */, row_offsets /* or NULL */;
  const xent_statistics *statistics; /* or NULL */
} xent_softmax_backward_call;

XENT_API xent_status xent_softmax_backward(const xent_softmax_backward_call *call);
/* dx = (dy - exp(y) * sum dy) / temperature, with the output y of a log-softmax. Otherwise the same as
 * xent_softmax_backward. */
XENT_API xent_status xent_log_softmax_backward(const xent_softmax_backward_call *call);

/* ---- cross-entropy ------------------------------------------------------------------------------ */

/* Checks the targets of a row range; writes nothing. Every label, and every class of a sparse row, must be in
 * [0, classes) and not masked, or be the ignore index; otherwise the status is XENT_INVALID_LABEL with the first such
 * row. Weights must be finite and not negative; otherwise it is XENT_INVALID_OPTION with field, value and index (in
 * `integer`). target_weights and probability rows are not read, and target_weights may be NULL.
 * report->valid_rows is the number of rows of this range that are not ignored. A row is ignored if its label is the
 * ignore index or its row weight is 0. */
typedef struct xent_check_targets_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;
  int64_t target_count; /* 0: targets are labels or probability rows; k: k classes per row, with target_weights */
  int32_t logits_type; /* decides which types the weights may have */
  int32_t reserved;    /* 0 */
  xent_input targets, target_weights /* or NULL */, class_mask /* or NULL */, class_weights /* or NULL */,
      row_weights /* or NULL */, row_offsets /* or NULL */;
  xent_exact_sum *exact_sum;   /* or NULL: the denominator of a mean is added to it. Each row adds its row weight, for
                          labels times the class weight of the label. report->denominator is the rounded sum;
                          without weights it is the number of rows that are not ignored */
} xent_check_targets_call;

XENT_API xent_status xent_check_targets(const xent_check_targets_call *call);

/* The loss of each row, and in the same read of the logits the gradient of gradient_scale * loss, which may overwrite
 * the logits:
 *     loss = u sum w q' (lse - x) + u z_loss lse^2
 * with class weights w, row weight u and the smoothed target q' = (1 - eps) q + eps / K over the K classes that are not
 * masked, or over the other classes. The target q is 1 at the label, a probability row, or the weights of a sparse row.
 * The content of an ignored row has no influence; its loss, gradient and correct flag are +0, its log-sum-exp is NaN.
 * A label out of range stops the call with XENT_INVALID_LABEL. The rows before it are then written, and their losses
 * are in the exact sum; call xent_check_targets first to avoid that. It also checks the weights, which this call
 * does not.
 * For a mean: call xent_check_targets, copy report->denominator, because this call writes its report too, set
 * gradient_scale = 1 / denominator, and divide xent_exact_sum_value(exact_sum) by the denominator. A denominator of 0
 * has no mean: do not set its scale.
 * Rows may be ragged or masked and have a sink. */
typedef struct xent_cross_entropy_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;         /* or NULL */
  int64_t target_count; /* 0: targets are labels or probability rows; k: k classes per row, with target_weights */
  int64_t top_count;    /* the number of top_classes per row, at most classes */
  xent_input logits;
  xent_input targets;        /* integers: labels; floats: probability rows; with target_count k > 0: k class
                                numbers per row, of which one may come twice and the ignore index marks an unused entry.
                                NULL: no loss and no gradient, but log_sum_exp, argmax, entropies and top_* */
  /* Optional outputs that most calls use: */
  xent_output losses;
  xent_output log_sum_exp;     /* without targets as of xent_log_sum_exp; with targets absolute digits next to 0, and
                                  NaN in a row with +inf */
  xent_output correct;           /* U8: 1 if the label is the first of the largest logits, else 0, also in rows that are
                                    NaN or fully masked; labels only */
  xent_output gradient;        /* c u (p (sum w q' + 2 z_loss lse) - w q') / temperature, times softcap's derivative */
  /* Optional inputs: */
  xent_input target_weights; /* required with target_count, else NULL: one number per class number */
  xent_input class_mask;     /* or NULL */
  xent_input class_weights;  /* or NULL; finite, >= 0; xent_per_class: outer and inner strides are ignored */
  xent_input row_weights;    /* or NULL; finite, >= 0, a float type or U8; a row of weight 0 is ignored */
  xent_input sink;           /* or NULL */
  /* Further outputs: */
  xent_output log_probabilities; /* of the label; NaN in ignored rows; labels only */
  xent_output argmax;            /* I32 or I64: the class of the largest logit, the lowest among equals; -1 in rows that
                                    are NaN, fully masked or ignored */
  xent_output ranks;             /* I32 or I64: the number of classes before the label in descending order, the lower
                                    first among equals; -1 as argmax; labels only */
  xent_output entropies;         /* - sum p log p over the classes; NaN in ignored rows */
  xent_output top_classes;       /* I32 or I64: the top_count largest, the lower first among equals; -1 if a row has
                                    fewer */
  xent_output top_log_probabilities; /* theirs; -inf if a row has fewer, NaN in rows that are NaN or ignored */
  xent_output target_gradient; /* c u (1 - eps) w (lse - x), for probability rows or target_weights */
  xent_input row_offsets;    /* or NULL */
  xent_statistics *statistics; /* of row r at index r, for xent_cross_entropy_backward. Without targets they
                                  need top_classes, and are for xent_softmax and xent_log_softmax of the same
                                  logits */
  xent_exact_sum *exact_sum;   /* the losses are added to it */
} xent_cross_entropy_call;

XENT_API xent_status xent_cross_entropy(const xent_cross_entropy_call *call);

/* xent_cross_entropy of a matrix of floats without gaps and a label per row, with the default options. losses has a
 * number per row, gradient the shape of the logits; it may be the logits. Either may be NULL. */
static inline xent_status xent_cross_entropy_f32(const float *logits, const int32_t *labels, int64_t rows,
                                                 int64_t classes, float *losses, float *gradient) {
  const xent_layout floats = xent_per_class(classes, 1, XENT_F32);
  xent_cross_entropy_call call = XENT_ZEROS;
  call.size = sizeof call;
  call.sizes = xent_rows(rows, classes);
  call.logits.address = logits;
  call.logits.layout = floats;
  call.targets.address = labels;
  call.targets.layout = xent_per_row(XENT_I32);
  call.losses.address = losses;
  call.losses.layout = xent_per_row(XENT_F32);
  call.gradient.address = gradient;
  call.gradient.layout = floats;
  return xent_cross_entropy(&call);
}

/* The gradient alone, from the statistics of an earlier xent_cross_entropy over the same logits, targets and weights:
 * dx = upstream * its gradient, with one upstream number per row. The gradient may overwrite the logits. A class range
 * must begin and end at multiples of XENT_CHUNK, or end with the row. */
typedef struct xent_cross_entropy_backward_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows, *classes; /* or NULL: all */
  const xent_options *options;      /* or NULL: xent_default_options */
  xent_report *report;              /* or NULL */
  int64_t target_count; /* 0: targets are labels or probability rows; k: k classes per row, with target_weights */
  int64_t first_class, all_classes; /* of a shard, see SHARDS; 0: all classes are here */
  xent_input logits, targets, upstream /* or NULL */;
  xent_output gradient;
  xent_input target_weights /* or NULL */, class_mask /* or NULL */, class_weights /* or NULL */,
      row_weights /* or NULL */, row_offsets /* or NULL */;
  const xent_statistics *statistics;
} xent_cross_entropy_backward_call;

XENT_API xent_status xent_cross_entropy_backward(const xent_cross_entropy_backward_call *call);

/* Log-probabilities of selected classes: log softmax(x) of the classes in targets, and in the same call the gradient
 * of gradient_scale * sum_j g_j log p_j, which may overwrite the logits:
 *     dx = c sum_j g_j (e_j - p) / temperature
 * with g = upstream, c = gradient_scale, and e_j = 1 at the j-th selected class. With one class per row the
 * log-probabilities have the bits of -xent_cross_entropy, and the gradient those of its gradient with -g. A class
 * with more than half of the probability of its row has the same accuracy for any number of classes.
 * A class may be selected twice. An entry with the ignore index has the log-probability +0 and no gradient, so sums
 * over rows skip it. A row with only such entries has the gradient +0. Every other log-probability is NaN in a NaN
 * row. In a fully masked row, XENT_FULLY_MASKED_ZERO selects -inf and the gradient +0.
 * A class out of range stops the call as in xent_cross_entropy. Options: isa, fully_masked, ignore index,
 * gradient_scale, temperature and softcap; others are XENT_UNSUPPORTED, and so are more than 256 classes per row. */
typedef struct xent_selected_log_probabilities_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;         /* or NULL */
  int64_t target_count; /* the number of selected classes per row; 0: one, in the layout of labels */
  xent_input logits;
  xent_input targets; /* the classes, integers: target_count per row */
  xent_output log_probabilities; /* or NULL; in the layout of targets */
  xent_output gradient;          /* or NULL */
  xent_input upstream;           /* g, in the layout of targets, or NULL: 1 everywhere */
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
  int64_t target_count; /* as in the forward */
  xent_input logits, targets;
  xent_output gradient;
  xent_input upstream /* or NULL */, class_mask /* or NULL */, row_offsets /* or NULL */;
  const xent_statistics *statistics;
} xent_selected_log_probabilities_backward_call;

XENT_API xent_status xent_selected_log_probabilities_backward(
    const xent_selected_log_probabilities_backward_call *call);

/* Kullback-Leibler divergence of a student from its teacher, and the gradient of gradient_scale * loss with respect
 * to the logits, which may overwrite them:
 *     loss = u sum q (log q - log p), never below 0; dx = c u (p - q) / temperature
 * with q = softmax(teacher / temperature), p = softmax(logits / temperature) and the row weight u. All types are
 * computed in double. A row in which either side is NaN is NaN. A row in which either side is fully masked is NaN,
 * or +0 with XENT_FULLY_MASKED_ZERO. A class that only the teacher has makes the loss +inf.
 * Options: isa, fully_masked, gradient_scale and temperature; others are XENT_UNSUPPORTED. */
typedef struct xent_divergence_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;         /* or NULL */
  xent_input logits, teacher;
  xent_output losses /* or NULL */, gradient /* or NULL */;
  xent_input class_mask /* or NULL */, row_weights /* or NULL */;
  xent_exact_sum *exact_sum; /* or NULL */
} xent_divergence_call;

XENT_API xent_status xent_kl_divergence(const xent_divergence_call *call);
/* Jensen-Shannon divergence, from 0 to log 2: loss = u (sum q log(q / m) + sum p log(p / m)) / 2 with m = (p + q) / 2;
 * dx = c u p (log(p / m) - sum p log(p / m)) / (2 temperature). A class that only one side has is finite. Otherwise the
 * same as xent_kl_divergence. */
XENT_API xent_status xent_jensen_shannon_divergence(const xent_divergence_call *call);
/* Total variation distance, from 0 to 1: loss = u sum |p - q| / 2; dx = c u p (s - sum p s) / (2 temperature) with s
 * = the sign of p - q, 0 if they are equal. Otherwise the same as xent_jensen_shannon_divergence. */
XENT_API xent_status xent_total_variation(const xent_divergence_call *call);

/* Hessian-vector products of cross-entropy:
 *     output = c u (diag p - p p^T) v / temperature^2
 * with p = softmax(logits / temperature), v = upstream, c = gradient_scale and the row weight u. This is the Hessian of
 * the loss with respect to the logits, for every target whose sum is 1: labels, also smoothed, and probability rows.
 * To weight classes, multiply the row weight by the weight of the label's class. A row of weight 0 is ignored: +0.
 * Masked classes are +0.
 * output stores probabilities in between, so its type is F32, or F64 for logits of F64. It may be the logits, in place.
 * Options: isa, fully_masked, gradient_scale and temperature; others are XENT_UNSUPPORTED. */
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

/* The order of the filters, and how top-k treats ties: numerics.md, section 11. A filter that is not in the list of the
 * rules is XENT_UNSUPPORTED. */
typedef enum xent_sampling_rules {
  XENT_RULES_XENT = 0,         /* temperature, top-n-sigma, top-k, top-p, min-p, typical-p, XTC */
  XENT_RULES_TRANSFORMERS = 1, /* temperature, top-k, top-p, min-p, typical-p */
  XENT_RULES_VLLM = 2,         /* temperature, min-p, top-k, top-p */
  XENT_RULES_LLAMA_CPP = 3,    /* top-n-sigma, top-k, typical-p, top-p, min-p, XTC, temperature */
  XENT_RULES_ONNXRUNTIME_GENAI = 4 /* temperature, top-k, top-p */
} xent_sampling_rules;

/* The filters of an order, and the temperature, before which filters have the weights of temperature 1. */
typedef enum xent_sampling_filter {
  XENT_FILTER_TOP_K = 1,
  XENT_FILTER_TOP_P = 2,
  XENT_FILTER_MIN_P = 3,
  XENT_FILTER_TYPICAL_P = 4,
  XENT_FILTER_TOP_N_SIGMA = 5,
  XENT_FILTER_XTC = 6,
  XENT_FILTER_TEMPERATURE = 7
} xent_sampling_filter;

/* Which of the classes that equal the k-th largest top-k keeps. */
typedef enum xent_sampling_ties {
  XENT_TIES_OF_RULES = 0, /* ALL for TRANSFORMERS and VLLM, else FIRST */
  XENT_TIES_FIRST = 1,    /* the lower ones, so that k classes are kept */
  XENT_TIES_ALL = 2
} xent_sampling_ties;

/* How to draw a token. A number of 0 is not used: with only the size set, tokens are drawn from the whole softmax. */
typedef struct xent_sampling {
  uint64_t size;
  int32_t rules;     /* XENT_RULES_... */
  int32_t ties;      /* XENT_TIES_... */
  int32_t greedy;    /* 1: the class of the largest logit, the lowest among equals; ignores temperature and filters */
  int32_t reserved;  /* 0 */
  int64_t min_keep;  /* >= 1: the minimum number of classes that each filter keeps; 0: 1 */
  int64_t top_k;     /* >= 0: the k largest classes */
  double top_p;      /* in (0, 1]: the smallest set of the largest classes with this total probability */
  double min_p;      /* in [0, 1]: classes with at least this share of the largest probability */
  double typical_p;  /* in (0, 1]: the classes whose -log p is nearest to the entropy, with this total probability */
  double temperature; /* in [2^-32, 2^32]; 0: not set, as 1. Other libraries are greedy at 0: set greedy */
  double repetition_penalty; /* in [2^-126, 3.4e38], for classes among prompt and output tokens: divides logits above
                                0, multiplies others; 0: none */
  double frequency_penalty;  /* in [-3.4e38, 3.4e38]: subtracted for each time that the class is among the output
                                tokens */
  double presence_penalty;   /* in [-3.4e38, 3.4e38]: subtracted once if the class is among the output tokens */
  uint64_t seed;
  uint64_t stream; /* different streams, steps and draws have independent random numbers */
  uint32_t step;   /* the number of tokens before this one */
  uint32_t draw;   /* 0; 1, 2 ... for more tokens of the same logits */
  double top_n_sigma;     /* in [0, 2^32]: the classes at most this many standard deviations below the largest logit */
  double xtc_probability; /* in [0, 1]: the chance that XTC removes all classes above the least likely one that has at
                             least the share xtc_threshold */
  double xtc_threshold;   /* in (0, 1]; 0: 0.1 */
  uint64_t order; /* XENT_FILTER_..., each at most once, one per byte from the lowest on: TOP_K | TOP_P << 8 is top-k,
                     then top-p; 0: the order of the rules. Without TEMPERATURE, that comes first */
  double scale;   /* logits are multiplied by it, before the softcap: in [2^-32, 2^32]; 0: 1 */
  double dynatemp_range;    /* in [0, 2^32]: the temperature is between temperature - dynatemp_range, at least 0, and
                               temperature + dynatemp_range, by the entropy of the classes that are left at its
                               position in the order */
  double dynatemp_exponent; /* in [2^-32, 2^32]: the power of the entropy, as a share of the largest one; 0: 1 */
} xent_sampling;

static inline xent_sampling xent_default_sampling(void) {
  xent_sampling s = XENT_ZEROS;
  s.size = sizeof s;
  return s;
}

/* Draws a token of each row from the softmax of the classes that the filters keep, after scale, softcap, class_mask,
 * bias and penalties. A row with its own sampling returns the same bits in any batch. The token is -1 if a class is
 * then NaN or +inf, or if no class is above -inf. report->valid_rows is the number of rows with a token. Logits are
 * F16, BF16 or F32, with fewer than 2^31 classes. Options: isa and softcap; others are XENT_UNSUPPORTED.
 *
 * Drafts: a row with a draft token d, which another model drew with draft_probabilities q, gets d with the probability
 * min(1, p_d / q_d), p being the softmax that tokens are drawn from; else a token drawn from max(p - q, 0), which is
 * not d. So a token is its draft if and only if the draft was accepted, and its distribution is p. A greedy row ignores
 * its draft.
 *
 * Texts: one row per call, whose tokens are those of the call before and then new ones. With `continues`, only the new
 * tokens are read and checked, with the same result. The workspace must have zeros, for the first call, or what an
 * earlier call wrote; it knows how many tokens it has. The call reads and checks all tokens if these are not the first
 * ones of the text, which shows if one of the last 16 of them differs, if the number of classes or prompt_count is
 * another one, or for more than 16 new tokens: clear `continues` if you change others. You may move the workspace,
 * and use it after a call that fails. With several rows, `continues` is XENT_INVALID_ARGUMENT. */
typedef struct xent_sample_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;        /* or NULL: all */
  const xent_options *options;   /* or NULL: xent_default_options */
  const xent_sampling *sampling; /* or NULL: xent_default_sampling */
  int32_t per_row;               /* 1: the sampling of row r is at index r, not NULL; the first one is read if there are
                                    rows, because all have its size. 0: one for all rows; row r has the stream
                                    stream + r */
  int32_t continues;             /* 1: the text is that of the call before and new tokens, see Texts; 0: it is new */
  xent_report *report;           /* or NULL */
  int64_t top_count;             /* the number of top_classes per row, at most classes */
  int64_t prompt_count;          /* tokens per row in prompt_tokens, unused entries included; fewer than 2^31 */
  int64_t output_count;          /* the same of output_tokens */
  int64_t bias_count;            /* the same of bias_tokens */
  xent_input logits;
  xent_output tokens;            /* I32 or I64 */
  xent_input class_mask;         /* or NULL: U8, one number per class, see MASKED CLASSES. Or I32 or U32: 32 classes in
                                    each number, the first one in the lowest bit */
  xent_input bias;               /* or NULL: added to the logits, one number per class; strides may be 0 */
  xent_input prompt_tokens;      /* or NULL: prompt_count classes per row, of an integer type; -1 marks an unused
                                    entry, in types with a sign. If the count is 0, the array is ignored */
  xent_input output_tokens;      /* or NULL: the same with output_count */
  /* Optional outputs: */
  xent_output processed_log_probabilities; /* of the token among the kept classes */
  xent_output kept;              /* I32 or I64: the number of classes that the filters keep */
  xent_output kept_mask;         /* U8, one number per class: 1 if it is kept, else 0 */
  /* The same as the outputs of xent_cross_entropy with the token as label, with class_mask and scale, without bias,
   * penalties, temperature and filters. A row without a token is an ignored row: */
  xent_output log_probabilities, ranks, entropies, top_classes, top_log_probabilities;
  void *workspace;               /* of the size that xent_workspace returns, or NULL if that is 0; at a multiple of 8,
                                    for this call or text alone */
  uint64_t workspace_size;
  xent_input bias_tokens;        /* or NULL: bias_count classes per row that have a bias; as prompt_tokens */
  xent_input bias_values;        /* of each of them: added to its logit, after bias; if a class is repeated, its last */
  xent_input draft_tokens;       /* or NULL: one class per row, of an integer type; -1: none. See above */
  xent_input draft_probabilities; /* with draft_tokens: one number per class, at least 0. That of the draft must be in
                                     (0, 1], or the status is XENT_INVALID_OPTION with row, label and value; others
                                     are not checked */
} xent_sample_call;

XENT_API xent_status xent_sample(const xent_sample_call *call);

/* Options against repetition: the biases of the next token of a text, for bias_tokens and bias_values of xent_sample.
 * Options that are 0 or NULL are not used, or have the value that is named here.
 *
 * The call after it, for the same text with new tokens: set `continues`. Then only these are read, with the same
 * result. The workspace must have zeros, for the first call, or what an earlier call wrote. All are read if it has
 * those of another text, which shows if one of the last 16 of them differs, or if size, classes or options are other
 * ones, breakers excepted. You may move the workspace, and use it after a call that fails.
 *
 * The time of a call with few new tokens does not depend on the text, except for the number of biases and, for DRY, of
 * the last token's occurrences in the range. */
typedef struct xent_text_biases_call {
  uint64_t size;
  int64_t classes;              /* 1 to 2^31 - 1 */
  const int32_t *tokens;        /* the text: classes; NULL if token_count is 0 */
  int64_t token_count;          /* 0 to 2^31 - 2 */
  int32_t continues;            /* 1: the text is that of the call before and new tokens; 0: it is new */
  int32_t reserved;             /* 0 */
  int64_t no_repeat_ngram;      /* n >= 1: -inf for a token that completes n tokens which the text has already */
  double dry_multiplier;        /* m > 0, finite: if a token followed the last l >= a tokens before, it gets
                                   -m b^(l - a), with the largest l ("DRY") */
  double dry_base;              /* b >= 1, finite; 0: 1.75 */
  int64_t dry_allowed_length;   /* a >= 1; 0: 2 */
  int64_t dry_range;            /* r >= 1: DRY reads only the last r tokens; 0: all */
  const int32_t *dry_breakers;  /* sequences of tokens, each after its length: only the tokens after the last breaker
                                   are compared. A breaker of one token gets no penalty */
  int64_t breaker_count;        /* of the numbers in dry_breakers; below 2^31 */
  const int32_t *banned_sequences; /* sequences of classes, each after its length: -inf for the last token of a sequence
                                   if the text ends with the others */
  int64_t banned_count;         /* of the numbers in banned_sequences; below 2^31 */
  int32_t *bias_tokens;         /* receives the classes that have a bias, each once, in any order. It has room for
                                   token_count + banned_count, but not more than `classes` */
  float *bias_values;           /* receives their biases; the same room */
  int64_t *bias_count;          /* receives the number of biases */
  void *workspace;              /* of the size at xent_text_biases_workspace, at a multiple of 8, for this text alone; a
                                   larger one stays in use while the text grows. It, the arrays that are written and
                                   the others must not overlap */
  uint64_t workspace_size;
  xent_report *report;          /* or NULL */
} xent_text_biases_call;

/* A token that is not in [0, classes) is XENT_INVALID_LABEL, with its index as report->row. Safe for use by several
 * threads, each with another text. */
XENT_API xent_status xent_text_biases(const xent_text_biases_call *call);

/* The size of the workspace, in bytes. tokens: the largest token_count; listed: the sum of breaker_count and
 * banned_count. 0 if a number is negative or too large for a call. */
XENT_API uint64_t xent_text_biases_workspace(int64_t tokens, int64_t listed);

/* ---- sigmoid and log-sigmoid --------------------------------------------------------------------- */

/* y = 1 / (1 + exp(-x / temperature)) of each element x. Neither end is rounded away: sigmoid(-100) is 3.8e-44. A NaN
 * stays NaN. output may be the logits, in place. Any type of output: the arithmetic is that of the logits' type.
 * Options: isa and temperature; gradient_scale has no effect, and others are XENT_UNSUPPORTED. */
typedef struct xent_sigmoid_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;         /* or NULL */
  xent_input logits;
  xent_output output;
} xent_sigmoid_call;

XENT_API xent_status xent_sigmoid(const xent_sigmoid_call *call);
/* y = log sigmoid(x / temperature), never above 0; -inf only of -inf, or if x / temperature overflows. Otherwise the
 * same as xent_sigmoid. */
XENT_API xent_status xent_log_sigmoid(const xent_sigmoid_call *call);

/* dx = dy * sigmoid(z) * sigmoid(-z) / temperature, with the logits x of xent_sigmoid and z = x / temperature. gradient
 * may be logits or upstream, in place. Otherwise the same as xent_sigmoid. */
typedef struct xent_sigmoid_backward_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;         /* or NULL */
  xent_input logits, upstream;
  xent_output gradient;
} xent_sigmoid_backward_call;

XENT_API xent_status xent_sigmoid_backward(const xent_sigmoid_backward_call *call);
/* dx = dy * sigmoid(-z) / temperature, with the logits of xent_log_sigmoid. Otherwise the same as
 * xent_sigmoid_backward. */
XENT_API xent_status xent_log_sigmoid_backward(const xent_sigmoid_backward_call *call);

/* ---- binary cross-entropy ------------------------------------------------------------------------ */

/* The loss of each element, and in the same read of the logits the gradient of gradient_scale * loss, which may
 * overwrite the logits:
 *     loss = w a (r t softplus(-x) + (1 - t) softplus(x)) m^gamma
 * with the target t, weight w, positive weight r and softplus(x) = log(1 + exp(x)). With focal_alpha, a = alpha t +
 * (1 - alpha) (1 - t), else 1. With focal_gamma, m = (1 - t) sigmoid(x) + t sigmoid(-x) is the probability of the
 * wrong answer. losses has one number per element.
 * Every array has one number per element. Strides of 0 repeat: positive weights per class have the strides 0, 1, 0.
 * Float targets should be in [0, 1] and are not checked. Integer targets must be 0, 1 or the ignore index; otherwise
 * the status is XENT_INVALID_LABEL with row, label and the class (in `integer`), before the first store. An element
 * of weight 0, or with the ignore index, is ignored: its loss and gradient are +0. report->valid_rows is the number of
 * the other elements, also of a call without outputs.
 * Options: isa, ignore_index, gradient_scale, focal_gamma and focal_alpha; others are XENT_UNSUPPORTED. With
 * focal_gamma everything is computed in double, and rounded to float unless the logits are F64. */
typedef struct xent_binary_cross_entropy_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;         /* or NULL */
  xent_input logits, targets;
  xent_output losses /* or NULL */, gradient /* or NULL */;
  xent_input element_weights /* or NULL; or of type U8 */, positive_weights /* or NULL */;
  xent_exact_sum *exact_sum; /* or NULL: the losses are added to it */
} xent_binary_cross_entropy_call;

XENT_API xent_status xent_binary_cross_entropy(const xent_binary_cross_entropy_call *call);

/* ---- cross-entropy of a linear layer ------------------------------------------------------------- */

/* xent_cross_entropy of logits = hidden * weights^T + bias, which are computed piece by piece in the workspace. All
 * results have the bits of xent_cross_entropy on the logits of numerics.md, section 13, for any workspace.
 * hidden has features numbers per row, `classes` of its layout apart. weights have features numbers per
 * class: `outer` of their layout is the stride from class to class, `classes` the stride within a class. hidden,
 * weights, bias and outputs are F16, BF16 or F32, in any mixture.
 * Gradients are of gradient_scale * loss. hidden_gradient has features numbers per row. The gradients of weights
 * and bias are sums over the rows of the range; they are written, not added. Ignored rows, and masked classes, have no
 * influence on them. After XENT_INVALID_LABEL the rows before it may be written, but no gradient is. */
typedef struct xent_linear_cross_entropy_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;         /* or NULL */
  int64_t features;     /* of hidden states: numbers per row and per class */
  int64_t target_count; /* 0: targets are labels or probability rows; k: k classes per row, with target_weights */
  int64_t top_count;    /* the number of top_classes per row, at most classes */
  xent_input hidden;
  xent_input weights;
  xent_input bias;             /* or NULL: one number per class; outer and inner strides are ignored */
  xent_output logits;          /* or NULL: F32, for xent_linear_cross_entropy_backward; the gradients of this call use
                                  them too */
  /* As in xent_cross_entropy_call: */
  xent_input targets, target_weights, class_mask, class_weights, row_weights, sink;
  xent_output losses, log_sum_exp, correct, log_probabilities, argmax, ranks, entropies, top_classes,
      top_log_probabilities, target_gradient;
  xent_output hidden_gradient;  /* or NULL */
  xent_output weights_gradient; /* or NULL */
  xent_output bias_gradient;    /* or NULL */
  xent_statistics *statistics;  /* or NULL: as in xent_cross_entropy_call */
  xent_exact_sum *exact_sum;    /* or NULL */
  void *workspace;              /* of a size that xent_workspace returns, at a multiple of 64, for this call alone */
  uint64_t workspace_size;
} xent_linear_cross_entropy_call;

XENT_API xent_status xent_linear_cross_entropy(const xent_linear_cross_entropy_call *call);

/* The gradients alone, from the statistics of an earlier xent_linear_cross_entropy or xent_finish over the same arrays:
 * upstream times the gradients of gradient_scale * loss. To divide the gradients of weights and bias over threads, use
 * class ranges, or the classes of a shard; each range sums over all rows. hidden_gradient needs all classes, because it
 * is summed in class order; otherwise the status is XENT_INVALID_ARGUMENT. Divide its rows instead. */
typedef struct xent_linear_cross_entropy_backward_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows, *classes; /* or NULL: all */
  const xent_options *options;      /* or NULL: xent_default_options */
  xent_report *report;              /* or NULL */
  int64_t features;     /* of hidden states: numbers per row and per class */
  int64_t target_count; /* 0: targets are labels or probability rows; k: k classes per row, with target_weights */
  int64_t first_class, all_classes; /* of a shard, see SHARDS; 0: all classes are here */
  xent_input hidden, weights, bias /* or NULL */;
  xent_input logits;                /* or NULL, computed again; else the logits that xent_linear_cross_entropy wrote */
  xent_input targets, target_weights /* or NULL */, class_mask /* or NULL */, class_weights /* or NULL */,
      row_weights /* or NULL */;
  xent_input upstream;          /* or NULL: one number per row */
  xent_output hidden_gradient;  /* or NULL */
  xent_output weights_gradient; /* or NULL */
  xent_output bias_gradient;    /* or NULL */
  const xent_statistics *statistics;
  void *workspace;              /* as in xent_linear_cross_entropy_call */
  uint64_t workspace_size;
} xent_linear_cross_entropy_backward_call;

XENT_API xent_status xent_linear_cross_entropy_backward(const xent_linear_cross_entropy_backward_call *call);

/* xent_forward_states of the logits of a linear layer, for xent_finish with the logits_type XENT_F32. Use it to divide
 * the classes of a few rows over threads, or the weights over processes. */
typedef struct xent_linear_states_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows, *classes; /* or NULL: all */
  const xent_options *options;      /* or NULL: xent_default_options */
  xent_report *report;              /* or NULL */
  int64_t features;     /* of hidden states: numbers per row and per class */
  int64_t target_count; /* 0: targets are labels or probability rows; k: k classes per row, with target_weights */
  int64_t first_class, all_classes; /* of a shard, see SHARDS; 0: all classes are here */
  xent_input hidden, weights, bias /* or NULL */;
  xent_input targets /* or NULL */, target_weights /* or NULL */, class_mask /* or NULL */, class_weights /* or NULL */;
  const xent_statistics *statistics; /* or NULL */
  xent_state *states;
  void *workspace; /* as in xent_linear_cross_entropy_call */
  uint64_t workspace_size;
} xent_linear_states_call;

XENT_API xent_status xent_linear_states(const xent_linear_states_call *call);

/* ---- rows in parts ------------------------------------------------------------------------------ */

/* The number of states of a row: ceil(classes / XENT_CHUNK). */
static inline int64_t xent_chunks(int64_t classes) { return classes / XENT_CHUNK + (classes % XENT_CHUNK != 0); }

/* First pass over a class range. states has an entry for each chunk of each row of the row range: chunk k of row r is
 * at index (r - rows->begin) * xent_chunks(sizes.classes) + k. The call writes those of its class range.
 * Without targets, the states are for softmax, log-softmax and log-sum-exp. With targets, they are for cross-entropy:
 * pass the target of a row in every call, even if the label is in another class range.
 * Without statistics, this is the first round. With statistics, it is the second round, only for the rows for which
 * xent_finish set a shift (|max| > 16384; report->unfinished counts them). Other rows are not changed. */
typedef struct xent_forward_states_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows, *classes; /* or NULL: all */
  const xent_options *options;      /* or NULL: xent_default_options */
  xent_report *report;              /* or NULL */
  int64_t target_count; /* 0: targets are labels or probability rows; k: k classes per row, with target_weights */
  int64_t first_class, all_classes; /* of a shard, see SHARDS; 0: all classes are here */
  xent_input logits, targets /* or NULL */, class_mask /* or NULL */, target_weights /* or NULL */,
      class_weights /* or NULL */;
  const xent_statistics *statistics; /* or NULL */
  xent_state *states;
} xent_forward_states_call;

XENT_API xent_status xent_forward_states(const xent_forward_states_call *call);

/* First pass of a softmax backward, or of a log-softmax backward if output.address is NULL. Set output.layout.type in
 * both cases. */
typedef struct xent_backward_states_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows, *classes; /* or NULL: all */
  const xent_options *options;      /* or NULL: xent_default_options */
  xent_report *report;              /* or NULL */
  int64_t first_class, all_classes; /* of a shard, see SHARDS; 0: all classes are here */
  xent_input output, upstream, class_mask /* or NULL */;
  xent_state *states;
} xent_backward_states_call;

XENT_API xent_status xent_backward_states(const xent_backward_states_call *call);

/* Combines the states of whole rows, in class order. Copy the states of shards next to each other first: those of a row
 * of all shards, then those of the next row. This function has no shards: its classes are those of all shards.
 * Row r has its states at (r - rows->begin) * xent_chunks(sizes.classes), and its statistics at r. For forward states
 * it also writes log_sum_exp and, with targets, losses, correct and exact_sum, as xent_cross_entropy does. Pass the
 * targets of xent_forward_states.
 * States that do not belong together (another kind, numerics version, options, round or label) are
 * XENT_INVALID_ARGUMENT with field and row; the rows before it are written.
 * If report->unfinished is above 0, some rows have a shift, and only their statistics were written. Compute their
 * states again with these statistics, and call xent_finish again with second_round = 1, which finishes only those
 * rows. */
typedef struct xent_finish_call {
  uint64_t size;
  xent_sizes sizes;
  const xent_range *rows;      /* or NULL: all */
  const xent_options *options; /* or NULL: xent_default_options */
  xent_report *report;
  int64_t target_count; /* 0: targets are labels or probability rows; k: k classes per row, with target_weights */
  int32_t logits_type; /* the type of the logits; ignored for states of a backward */
  int32_t second_round;
  xent_input targets; /* or NULL */
  xent_output losses /* or NULL */, log_sum_exp /* or NULL */, correct /* or NULL */;
  xent_input class_weights /* or NULL */, row_weights /* or NULL */, sink /* or NULL */;
  const xent_state *states;
  xent_statistics *statistics;
  xent_exact_sum *exact_sum; /* or NULL */
} xent_finish_call;

XENT_API xent_status xent_finish(const xent_finish_call *call);

/* ---- exact sums --------------------------------------------------------------------------------- */

/* Adds count values of type XENT_F32 or XENT_F64, stride elements apart. After an error, nothing is added. */
XENT_API xent_status xent_exact_sum_add(xent_exact_sum *exact_sum, const void *values, int32_t type, int64_t stride,
                                        int64_t count);
/* Adds the sums of `other`. XENT_INVALID_ARGUMENT, and nothing is added, if a counter would overflow. */
XENT_API xent_status xent_exact_sum_merge(xent_exact_sum *exact_sum, const xent_exact_sum *other);
/* The sum, rounded once to double: NaN after a NaN or infinities of both signs, and for NULL or an invalid size. */
XENT_API double xent_exact_sum_value(const xent_exact_sum *exact_sum);

/* ---- calls that are checked once and run often ----------------------------------------------- */

/* The numbers of the functions never change. */
typedef enum xent_function {
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
  XENT_FUNCTION_FINISH = 22,
  XENT_FUNCTION_SIGMOID = 23,
  XENT_FUNCTION_LOG_SIGMOID = 24,
  XENT_FUNCTION_SIGMOID_BACKWARD = 25,
  XENT_FUNCTION_LOG_SIGMOID_BACKWARD = 26
} xent_function;

/* The size, in bytes, of the workspace of a call of xent_sample or of a linear layer. Pass the number of the function,
 * and its struct with the sizes, ranges, options and arrays of the call, but no workspace. Arrays are not read: one
 * that does not exist yet may have any address but NULL. 0: the call needs no workspace, or is too large or invalid.
 * A linear layer is faster with more: set workspace_size to the most that the call may get, or leave it 0. With 0, the
 * size has no space for all logits, which in a call with gradients saves a third or a quarter of the work. */
XENT_API uint64_t xent_workspace(int32_t function, const void *call);

#define XENT_PREPARED_BYTES 4096

/* Your memory for one call. Set all to 0, then its size. Do not move or copy it while you use it. */
typedef struct xent_prepared {
  uint64_t size; /* XENT_PREPARED_BYTES */
  uint64_t opaque[511];
} xent_prepared;

/* Checks a call and computes nothing. Pass the number of the function, and its struct. The struct is not used
 * afterwards, so you may free it, except an xent_sample_call, which each run reads:
 *     xent_prepared p = {.size = sizeof p};
 *     xent_status status = xent_prepare(&p, XENT_FUNCTION_SOFTMAX, &c);
 *     while (status == XENT_OK && next(x)) status = xent_run(&p);
 * Returns the status of the function before it computes. So statistics, states, offsets and tokens, which the checks
 * read, must be in memory already. If the status is not XENT_OK, nothing is prepared. */
XENT_API xent_status xent_prepare(xent_prepared *prepared, int32_t function, const void *call);

/* Makes the prepared call; status, report and results are those of the function. Between runs you may change the
 * content of arrays, labels included, and of xent_sampling. Runs are fastest if nothing of xent_sampling but seed,
 * stream, step and draw differs from what xent_prepare checked; otherwise each run checks it again. Each run adds to an
 * exact sum, which you may clear between runs. Ranges of rows and classes are copied. Keep all arrays, statistics,
 * states, exact sums, workspace, report, xent_sampling, options and an xent_sample_call at their addresses until the
 * last run. They must not change, except gradient_scale to another finite number, and prompt_count, output_count and
 * continues of an xent_sample_call with tokens. Only one thread at a time may run a prepared call; several prepared
 * calls are independent. XENT_INVALID_ARGUMENT, without a report, if nothing is prepared. */
XENT_API xent_status xent_run(xent_prepared *prepared);

#ifdef __cplusplus
}
#endif
#endif
