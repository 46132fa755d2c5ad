/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "arrays.h"
#include "tiers.h"

/* The results of the calls of a run. */
enum { MOST_CALLS = 32 };
typedef struct {
  xent_status status;
  xent_report report;
} fuzz_answer;

static fuzz_answer answers[MOST_CALLS], first_answers[MOST_CALLS];
static int answered, first_answered;
static fuzz_count count;
static const char *tier;
static bool counts_paths;
static uint32_t taken; /* bits of the paths that a run's calls took */
static uint32_t used;  /* bits of the arrays that a run's calls read or wrote */
static bool crosses;   /* whether a call wrote where an earlier one has an array that the call does not take */

fuzz_count calls_so_far(void) { return count; }

fuzz_problem *the_problem(void) {
  static fuzz_problem *p;
  if (p) return p;
  p = calloc(1, sizeof *p);
  if (!p) abort();
  for (int i = 0; i < SLOTS; i++) slot_make(&p->slots[i]);
  return p;
}

/* ---- calls ---- */

/* Reverses the elements of each array but the offsets of rows, which a prepared call need not check again. */
static void turn_contents(const fuzz_problem *p) {
  for (int i = 0; i < ARRAYS; i++) {
    const fuzz_slot *s = &p->slots[i];
    if (i == ROW_OFFSETS || !p->address[i] || p->in_slot_of[i] != i || p->bytes[i] <= 0) continue;
    const int64_t size = (int64_t)size_of_type(layout_of_array(p, i)->type);
    for (int64_t low = 0, high = s->bytes / size - 1; low < high; low++, high--)
      for (int64_t k = 0; k < size; k++) {
        const unsigned char byte = s->data[low * size + k];
        s->data[low * size + k] = s->data[high * size + k];
        s->data[high * size + k] = byte;
      }
  }
}

/* Copies of the slots of these arrays, in other memory; false if an array is in none, or is not one of the first. */
static bool move_arrays(const fuzz_problem *p, const void *const *arrays, const void **moved) {
  static unsigned char *copies[SLOTS];
  enum { LINE = 64 };
  for (int i = FEW_ARRAYS; i < MOST_ARRAYS; i++)
    if (arrays[i]) return false;
  for (int i = 0; i < FEW_ARRAYS; i++) {
    const unsigned char *at = arrays[i];
    moved[i] = NULL;
    for (int k = 0; at && k < SLOTS && !moved[i]; k++) {
      const fuzz_slot *s = &p->slots[k];
      if (!s->data || at < s->data || at >= s->data + s->bytes) continue;
      if (!copies[k]) copies[k] = must_allocate(ROOM + LINE);
      unsigned char *copy = copies[k] + (s->data - s->room) % LINE;
      memcpy(copy, s->data, (size_t)s->bytes);
      moved[i] = copy + (at - s->data);
    }
    if (at && !moved[i]) return false;
  }
  return true;
}

/* Prepares a call while its arrays have other contents, in other memory if possible, and runs it there. */
static bool run_before(const fuzz_problem *p, function_call work, const void *const *arrays, xent_prepared *prepared) {
  const void *moved[MOST_ARRAYS] = {NULL};
  turn_contents(p);
  const bool elsewhere = move_arrays(p, arrays, moved);
  work.prepared = prepared;
  const doors linked = {xent_few_at, xent_many_at};
  const bool ran = !run_through(&linked, work, elsewhere ? moved : arrays) && !xent_run(prepared);
  for (int i = 0; i < SLOTS; i++) memcpy(p->slots[i].data, p->slots[i].before, (size_t)p->slots[i].bytes);
  count.again += ran;
  count.moved += ran && elsewhere;
  return ran;
}

xent_status call_at(const fuzz_problem *p, function_call work, const void *const *arrays) {
  static unsigned calls;
  static xent_prepared prepared = {.size = sizeof prepared};
  if (calls++ % 2 || !run_before(p, work, arrays, &prepared)) return run_at(work, arrays);
  return run_moved(&prepared, arrays);
}

/* ---- after a call ---- */

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* The end of the rows that may be written. */
static int64_t last_row(const fuzz_problem *p, xent_status status, const fuzz_effect *e) {
  if (status == XENT_OK) return e->row_end;
  if (!e->partly || (status != XENT_INVALID_LABEL && status != XENT_INVALID_ARGUMENT)) return e->row_begin;
  if (!p->address[REPORT]) return e->row_end;
  const xent_report report = answers[answered - 1].report;
  const bool of_a_row = status == XENT_INVALID_LABEL || report.field == XENT_FIELD_STATES;
  return of_a_row && report.row >= e->row_begin && report.row < e->row_end ? report.row : e->row_begin;
}

static void mark_states(const fuzz_problem *p, const fuzz_effect *e, int64_t rows, uint8_t *marks) {
  const int64_t chunks = xent_chunks(p->shape.classes);
  for (int64_t row = 0; row < rows; row++)
    for (int64_t c = e->class_begin / XENT_CHUNK; c < xent_chunks(e->class_end); c++)
      memset(marks + (size_t)(row * chunks + c) * sizeof(xent_state), 1, sizeof(xent_state));
}

static void mark_slot(const fuzz_problem *p, int slot, xent_status status, const fuzz_effect *e, uint8_t *marks) {
  const int64_t end = last_row(p, status, e), bytes = p->slots[slot].bytes, first = sizeof(uint64_t);
  if (slot == REPORT) {
    if (p->address[REPORT]) memset(marks + first, 1, (size_t)(smaller(bytes, sizeof(xent_report)) - first));
    return;
  }
  if (slot == WORKSPACE) {
    memset(marks, 1, (size_t)bytes);
    return;
  }
  if (slot == EXACT_SUM) {
    if ((e->slots & BIT(EXACT_SUM)) &&
        (status == XENT_OK || (e->partly && status == XENT_INVALID_LABEL) || end > e->row_begin))
      memset(marks + first, 1, (size_t)(bytes - first));
    return;
  }
  if (slot == STATISTICS && (e->slots & BIT(slot)) && end > e->row_begin)
    memset(marks + (size_t)e->row_begin * sizeof(xent_statistics), 1,
           (size_t)(end - e->row_begin) * sizeof(xent_statistics));
  if (slot == STATES && (e->slots & BIT(slot)) && end > e->row_begin) mark_states(p, e, end - e->row_begin, marks);
  for (int i = 0; i < ARRAYS; i++) {
    const bool sums = i == WEIGHTS_GRADIENT || i == BIAS_GRADIENT; /* over any number of rows, including 0 */
    if ((e->slots & BIT(i)) && p->in_slot_of[i] == slot && p->address[i] &&
        (sums ? status == XENT_OK : end > e->row_begin))
      mark_elements(p, i, e->row_begin, end, e->class_begin, e->class_end, marks);
  }
}

static void check_slot(const fuzz_problem *p, int slot, const char *function, xent_status status,
                       const fuzz_effect *e) {
  static uint8_t marks[ROOM];
  const fuzz_slot *s = &p->slots[slot];
  if (!slot_is_intact(s)) fail("%s, %s: a byte beside array %d was written", function, tier, slot);
  if (!memcmp(s->data, s->before, (size_t)s->bytes)) return;
  memset(marks, 0, (size_t)s->bytes);
  mark_slot(p, slot, status, e, marks);
  for (int64_t i = 0; i < s->bytes; i++)
    if (s->data[i] != s->before[i] && !marks[i])
      fail("%s, %s, status %d: byte %lld of array %d is none that it writes", function, tier, status, (long long)i,
           slot);
  memcpy(s->before, s->data, (size_t)s->bytes);
}

static void count_path(const fuzz_problem *p, const fuzz_effect *e, int32_t path) {
  if (!counts_paths || !p->address[REPORT] || e->row_begin >= e->row_end) return;
  const bool block = e->row_end - e->row_begin >= 16;
  count.took[path]++;
  count.blocks[path] += block;
  count.masked[path] += block && p->address[CLASS_MASK] && (p->shape.class_mask.outer || p->shape.class_mask.inner);
}

static bool is_same_step(int64_t a, int64_t b, int64_t extent) { return a == b || extent <= 1; }

static bool may_be_in_place(const fuzz_problem *p, int written, int other) {
  const xent_layout *a = layout_of_array(p, written), *b = layout_of_array(p, other);
  const bool pair = (written == GRADIENT && (other == LOGITS || other == OUTPUT || other == UPSTREAM)) ||
                    (written == OUTPUT && other == LOGITS);
  return pair && !p->linear && p->offset[written] == p->offset[other] && a->type == b->type &&
         (p->address[ROW_OFFSETS] || is_same_step(a->outer, b->outer, p->shape.outer)) &&
         is_same_step(a->inner, b->inner, p->shape.inner) &&
         is_same_step(a->classes, b->classes, p->shape.classes);
}

static bool share_bytes(const fuzz_problem *p, int i, int j) {
  return p->in_slot_of[i] == p->in_slot_of[j] && p->offset[i] < p->offset[j] + p->bytes[j] &&
         p->offset[j] < p->offset[i] + p->bytes[i];
}

/* The calls for later rows then meet other numbers than one call for all rows. */
static bool writes_across(const fuzz_problem *p, const fuzz_effect *e) {
  for (int i = 0; i < ARRAYS; i++)
    for (int j = 0; j < ARRAYS; j++)
      if ((e->slots & BIT(i)) && (used & ~(e->reads | e->slots) & BIT(j)) && p->address[i] && p->address[j] &&
          share_bytes(p, i, j))
        return true;
  return false;
}

/* An array that is written may share bytes with another one only in place. */
static void check_overlaps(const fuzz_problem *p, const char *function, const fuzz_effect *e) {
  for (int i = 0; i < ARRAYS; i++) {
    if (!(e->slots & BIT(i)) || !p->address[i] || p->bytes[i] <= 0) continue;
    for (int j = 0; j < ARRAYS; j++) {
      if (i == j || !((e->reads | e->slots) & BIT(j)) || !p->address[j] || p->bytes[j] <= 0) continue;
      if (share_bytes(p, i, j) && !may_be_in_place(p, i, j))
        fail("%s, %s: array %d overlaps array %d, unseen", function, tier, i, j);
    }
  }
}

xent_report report_read(const fuzz_problem *p) {
  xent_report report = {0};
  if (p->address[REPORT])
    memcpy(&report, p->slots[REPORT].data, (size_t)smaller(p->slots[REPORT].bytes, sizeof report));
  return report;
}

void settle(fuzz_problem *p, const char *function, xent_status status, fuzz_effect effect) {
  if (answered == MOST_CALLS) fail("%s: more calls than are kept", function);
  fuzz_answer *answer = &answers[answered++];
  memset(answer, 0, sizeof *answer);
  answer->status = status;
  answer->report = report_read(p);
  if (!status) count_path(p, &effect, answer->report.path);
  if (!status) taken |= UINT32_C(1) << answer->report.path;
  answer->report.path = 0; /* each tier has its own */
  count.made++;
  count.accepted += !status;
  if (!status) check_overlaps(p, function, &effect);
  crosses |= writes_across(p, &effect);
  used |= effect.reads | effect.slots;
  for (int i = 0; i < SLOTS; i++) check_slot(p, i, function, status, &effect);
}

xent_status settled(void) { return answers[answered - 1].status; }

/* ---- a run ---- */

#if defined(__x86_64__)
/* Rounds toward minus infinity and flushes subnormals, if the machine can (valgrind cannot). Calls must neither depend
 * on this mode nor change it. */
static unsigned foreign;
static unsigned foreign_float_mode(void) {
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040u | 0x2000u);
  foreign = _mm_getcsr();
  return before;
}
static void check_float_mode(unsigned before) {
  const unsigned control = 0xffc0;
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  if ((after & control) != (foreign & control)) fail("the float mode is not put back: %x", after);
}
#else
static unsigned foreign_float_mode(void) { return 0; }
static void check_float_mode(unsigned before) { (void)before; }
#endif

static void begin_run(fuzz_problem *p, int32_t isa) {
  answered = 0;
  taken = used = 0;
  crosses = false;
  tier = xent_isa_name(isa);
  counts_paths = isa == XENT_ISA_SCALAR;
  if (p->any_isa && p->slots[OPTIONS].bytes >= (int64_t)sizeof p->options)
    memcpy(p->slots[OPTIONS].initial + offsetof(xent_options, isa), &isa, sizeof isa);
  for (int i = 0; i < SLOTS; i++) slot_reset(&p->slots[i]);
}

static void keep_results(const fuzz_problem *p) {
  first_answered = answered;
  memcpy(first_answers, answers, sizeof *answers * (size_t)answered);
  for (int i = 0; i < SLOTS; i++) memcpy(p->slots[i].result, p->slots[i].data, (size_t)p->slots[i].bytes);
}

static void compare_slots(const fuzz_problem *p, const char *what) {
  for (int i = 0; i < SLOTS; i++) {
    const fuzz_slot *s = &p->slots[i];
    if (i == OPTIONS || i == REPORT) continue; /* the tier; compared call by call */
    if (i == WORKSPACE) continue; /* holds no result */
    for (int64_t at = 0; at < s->bytes; at++)
      if (s->data[at] != s->result[at])
        fail("%s, %s: byte %lld of array %d is %02x, not %02x", what, tier, (long long)at, i, s->data[at],
             s->result[at]);
  }
}

static void compare_results(const fuzz_problem *p) {
  if (answered != first_answered) fail("%s: %d calls, not %d", tier, answered, first_answered);
  for (int i = 0; i < answered; i++) {
    if (answers[i].status != first_answers[i].status)
      fail("%s: call %d has status %d, not %d", tier, i, answers[i].status, first_answers[i].status);
    if (memcmp(&answers[i].report, &first_answers[i].report, sizeof(xent_report)))
      fail("%s: the report of call %d differs from the scalar tier's", tier, i);
  }
  compare_slots(p, "the same call");
}

static bool all_went_well(void) {
  for (int i = 0; i < first_answered; i++)
    if (first_answers[i].status) return false;
  return first_answered > 0;
}

#ifdef XENT_SWITCHES
/* Makes the same calls with some paths off. */
static void compare_without(fuzz_problem *p, fuzz_calls calls, int32_t isa, uint32_t off) {
  static char text[400];
  int n = snprintf(text, sizeof text, "%s without", xent_isa_name(isa));
  for (int k = XENT_PATH_EACH; k < XENT_PATH_COUNT; k++)
    if (off >> k & 1) {
      const char before = text[n - 1] == 't' ? ' ' : ',';
      n += snprintf(text + n, sizeof text - (size_t)n, "%c%s", before, xent_path_names[k]);
    }
  begin_run(p, isa);
  tier = text;
  counts_paths = false;
  xent_without = off;
  calls(p, p->row_begin, p->row_end);
  xent_without = 0;
  compare_results(p);
  count.without++;
}
/* Turns off the paths that the calls took, as long as others fit; then turns off random paths. */
static void compare_paths(fuzz_problem *p, fuzz_calls calls, int32_t isa) {
  enum { SETS = 2 };
  uint64_t r = p->seed * 0x9e3779b97f4a7c15u + (uint64_t)isa;
  uint32_t off = 0;
  for (uint32_t on; (on = taken & ~off & ~1u) != 0;) { /* bit 0: no path */
    for (int k = 0; k < XENT_PATH_COUNT; k++) count.replaced[k] += on >> k & 1;
    off |= on;
    compare_without(p, calls, isa, off);
  }
  for (int k = 0; k < SETS; k++) {
    r = (r ^ r >> 29) * 0xbf58476d1ce4e5b9u;
    compare_without(p, calls, isa, (uint32_t)(r >> 32));
  }
}
#else
static void compare_paths(fuzz_problem *p, fuzz_calls calls, int32_t isa) { (void)p, (void)calls, (void)isa; }
#endif

void run_on_every_tier(fuzz_problem *p, fuzz_calls calls, bool splits) {
  const int32_t best = xent_best_isa();
  for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa)) {
    const bool in_foreign_mode = isa == best;
    begin_run(p, isa);
    const unsigned mode = in_foreign_mode ? foreign_float_mode() : 0;
    calls(p, p->row_begin, p->row_end);
    if (in_foreign_mode) check_float_mode(mode);
    if (isa == XENT_ISA_SCALAR)
      keep_results(p);
    else
      compare_results(p);
    compare_paths(p, calls, isa);
  }
  if (!splits || crosses || !all_went_well() || p->row_end - p->row_begin < 2) return;
  begin_run(p, best);
  const int64_t middle = p->row_begin + 1 + (int64_t)(p->seed % (uint64_t)(p->row_end - p->row_begin - 1));
  calls(p, p->row_begin, middle);
  calls(p, middle, p->row_end);
  compare_slots(p, "rows in two parts");
}
