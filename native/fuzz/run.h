/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of every call, on every tier. */
#ifndef XENT_FUZZ_RUN_H
#define XENT_FUZZ_RUN_H

#include "calls.h"
#include "kernels/path_names.h"
#include "problem.h"

/* The calls of a target, on the rows from begin to end; each is followed by settle. */
typedef void (*fuzz_calls)(fuzz_problem *p, int64_t row_begin, int64_t row_end);

/* Makes the calls on every tier of this CPU, one of them in another float mode. If the rows can be split, makes them
 * again in two parts. Fails if the tiers differ in a status, a report or a byte. With XENT_SWITCHES, every tier makes
 * them again with paths off. */
void run_on_every_tier(fuzz_problem *p, fuzz_calls calls, bool splits);

/* The arrays that a call takes, and those that it may write: slots as bits, and the rows and classes within them. */
typedef struct {
  uint32_t reads, slots;
  int64_t row_begin, row_end, class_begin, class_end;
  bool partly; /* an error may come after rows before the reported one are written */
} fuzz_effect;

/* Makes a call by number: at once, prepared, or prepared and run first with other contents in other memory. */
xent_status call_at(const fuzz_problem *p, function_call work, const void *const *arrays);
/* Checks the stores since the last call: none if the call was rejected, otherwise only into the allowed elements. */
void settle(fuzz_problem *p, const char *function, xent_status status, fuzz_effect effect);
/* The status of the last call. */
xent_status settled(void);

/* The number of calls, and of accepted calls. Of those with a report, the number per path in the scalar tier: all,
 * those with at least sixteen rows, and of these those with a mask per row. */
typedef struct {
  long long made, accepted;
  /* Prepared calls that ran with other contents before; those of them that ran in other memory, too. */
  long long again, moved;
  long long took[XENT_PATH_COUNT], blocks[XENT_PATH_COUNT], masked[XENT_PATH_COUNT];
  /* Runs with paths off: all; and those without a path that the calls took, by path, and on every tier. */
  long long without, replaced[XENT_PATH_COUNT];
} fuzz_count;
fuzz_count calls_so_far(void);

static inline const xent_shape *shape_of(const fuzz_problem *p) { return &p->shape; }
static inline const xent_options *options_of(const fuzz_problem *p) { return p->address[OPTIONS]; }
static inline xent_report *report_of(const fuzz_problem *p) { return p->address[REPORT]; }
/* Reads the report, which may be at any address and be truncated. */
xent_report report_read(const fuzz_problem *p);
static inline xent_exact_sum *exact_sum_of(const fuzz_problem *p) { return p->address[EXACT_SUM]; }
static inline xent_statistics *statistics_of(const fuzz_problem *p) { return p->address[STATISTICS]; }
static inline xent_state *states_of(const fuzz_problem *p) { return p->address[STATES]; }

/* The problem of a target. The first call makes its rooms. */
fuzz_problem *the_problem(void);

/* The targets: each takes any bytes. */
#define FUZZ_TARGETS(X) \
  X(binary) X(check_targets) X(cross_entropy) X(divergence) X(hvp) X(linear) X(parts) X(sample) \
  X(selected) X(sigmoid) X(softmax) X(exact_sum)
#define DECLARE(name) void fuzz_##name(const uint8_t *data, size_t size);
FUZZ_TARGETS(DECLARE)
#undef DECLARE

#endif
