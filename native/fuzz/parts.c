/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows in parts: states of class ranges, both rounds of finish, and the outputs computed from the statistics. The
 * outputs must have the same bits as one call for the whole. Sometimes states or statistics are damaged in between.
 */
#include "run.h"

enum { OF_SOFTMAX, OF_TARGETS, OF_BACKWARD, KINDS };
static int64_t kind;
static bool log_of, damages;
static uint64_t damage_at;
static uint8_t damage_by;

static const uint32_t finish_outputs = BIT(STATISTICS) | BIT(LOSSES) | BIT(LOG_SUM_EXP) | BIT(CORRECT) | BIT(EXACT_SUM);

/* One chunk, or all of the classes if there are very many (then the call has no rows). */
static int64_t class_range_end(const fuzz_problem *p, int64_t from) {
  const int64_t classes = p->shape.classes, most = 4 * XENT_CHUNK;
  return classes <= most && classes - from > XENT_CHUNK ? from + XENT_CHUNK : classes;
}

/* Chunk by chunk: each chunk is a separate class range. */
static bool states(fuzz_problem *p, int64_t begin, int64_t end, const xent_statistics *known) {
  void *const *a = p->address;
  const int64_t classes = p->shape.classes;
  for (int64_t from = 0, to; from < classes || from == 0; from = to) {
    to = class_range_end(p, from);
    const xent_status status =
        kind == OF_BACKWARD ? call_at(p,
                                      on_classes(XENT_FUNCTION_BACKWARD_STATES, shape_of(p), options_of(p), begin, end,
                                                 from, to, report_of(p)),
                                      ARRAYS(log_of ? NULL : a[OUTPUT], a[UPSTREAM], a[CLASS_MASK], states_of(p)))
                            : call_at(p,
                                      on_classes(XENT_FUNCTION_FORWARD_STATES, shape_of(p), options_of(p), begin, end,
                                                 from, to, report_of(p)),
                                      ARRAYS(a[LOGITS], a[TARGETS], a[CLASS_MASK], a[TARGET_WEIGHTS], a[CLASS_WEIGHTS],
                                             known, states_of(p)));
    settle(p, "states", status, (fuzz_effect){0, BIT(STATES), begin, end, from, to, true});
    if (status) return false;
  }
  return true;
}

static bool finish(fuzz_problem *p, int64_t begin, int64_t end, int32_t second) {
  void *const *a = p->address;
  const xent_status status = call_at(p,
                                     (function_call){.function = XENT_FUNCTION_FINISH,
                                                 .shape = shape_of(p),
                                                 .options = options_of(p),
                                                 .choice = second,
                                                 .report = report_of(p),
                                                 .row_begin = begin,
                                                 .row_end = end},
                                     ARRAYS(a[TARGETS], a[LOSSES], a[LOG_SUM_EXP], a[CORRECT], a[CLASS_WEIGHTS],
                                            a[ROW_WEIGHTS], a[SINK], states_of(p), statistics_of(p), exact_sum_of(p)));
  settle(p, second ? "second finish" : "finish", status,
         (fuzz_effect){BIT(TARGETS) | BIT(CLASS_WEIGHTS) | BIT(ROW_WEIGHTS) | BIT(SINK), finish_outputs, begin, end, 0,
                       p->shape.classes, true});
  return status == XENT_OK;
}

static void write_range(fuzz_problem *p, int64_t begin, int64_t end, int64_t from, int64_t to,
                        const xent_statistics *known) {
  void *const *a = p->address;
  if (kind == OF_SOFTMAX) {
    const xent_status status = call_at(p,
                                       on_classes(log_of ? XENT_FUNCTION_LOG_SOFTMAX : XENT_FUNCTION_SOFTMAX,
                                                  shape_of(p), options_of(p), begin, end, from, to, report_of(p)),
                                       ARRAYS(a[LOGITS], a[OUTPUT], a[CLASS_MASK], a[SINK], NULL, known));
    settle(p, "softmax of parts", status,
           (fuzz_effect){BIT(LOGITS) | BIT(CLASS_MASK) | BIT(SINK), BIT(OUTPUT), begin, end, from, to, false});
  } else if (kind == OF_TARGETS) {
    const xent_status status = call_at(p,
                                       on_classes(XENT_FUNCTION_CROSS_ENTROPY_BACKWARD, shape_of(p), options_of(p),
                                                  begin, end, from, to, report_of(p)),
                                       ARRAYS(a[LOGITS], a[TARGETS], NULL, a[GRADIENT], a[TARGET_WEIGHTS],
                                              a[CLASS_MASK], a[CLASS_WEIGHTS], a[ROW_WEIGHTS], NULL, known));
    settle(p, "gradient of parts", status,
           (fuzz_effect){BIT(LOGITS) | BIT(TARGETS) | BIT(TARGET_WEIGHTS) | BIT(CLASS_MASK) | BIT(CLASS_WEIGHTS) |
                             BIT(ROW_WEIGHTS),
                         BIT(GRADIENT), begin, end, from, to, true});
  } else {
    const xent_status status =
        call_at(p,
                on_classes(log_of ? XENT_FUNCTION_LOG_SOFTMAX_BACKWARD : XENT_FUNCTION_SOFTMAX_BACKWARD, shape_of(p),
                           options_of(p), begin, end, from, to, report_of(p)),
                ARRAYS(a[OUTPUT], a[UPSTREAM], a[GRADIENT], a[CLASS_MASK], NULL, known));
    settle(p, "backward of parts", status,
           (fuzz_effect){BIT(OUTPUT) | BIT(UPSTREAM) | BIT(CLASS_MASK), BIT(GRADIENT), begin, end, from, to, false});
  }
}

/* Makes one call for the whole and compares the bits. If the parts succeeded, it must succeed, too. */
static void compare_with_whole(fuzz_problem *p, int64_t begin, int64_t end) {
  static uint8_t parts[ROOM];
  if (kind == OF_TARGETS || p->address[TARGETS]) return;
  const fuzz_slot *s = &p->slots[kind == OF_BACKWARD ? GRADIENT : OUTPUT];
  memcpy(parts, s->data, (size_t)s->bytes);
  write_range(p, begin, end, 0, p->shape.classes, NULL);
  if (!settled() && memcmp(parts, s->data, (size_t)s->bytes)) fail("the parts have other bits than the whole");
}

static void damage(fuzz_problem *p, int slot) {
  const fuzz_slot *s = &p->slots[slot];
  if (!damages || s->bytes == 0) return;
  s->data[damage_at % (uint64_t)s->bytes] ^= damage_by;
  memcpy(s->before, s->data, (size_t)s->bytes);
}

static void call(fuzz_problem *p, int64_t begin, int64_t end) {
  if (!states(p, begin, end, NULL)) return;
  if (damage_by & 1) damage(p, STATES);
  if (!finish(p, begin, end, 0)) return;
  const bool again = report_read(p).unfinished > 0;
  if (again && (!states(p, begin, end, statistics_of(p)) || !finish(p, begin, end, 1))) return;
  if (!(damage_by & 1)) damage(p, STATISTICS);
  const int64_t classes = p->shape.classes;
  for (int64_t from = 0, to; from < classes; from = to) {
    to = class_range_end(p, from);
    write_range(p, begin, end, from, to, statistics_of(p));
    if (settled()) return;
  }
  bool in_place = false;
  for (int i = 0; i < ARRAYS; i++) in_place |= p->in_slot_of[i] != i;
  if (!damages && !in_place) compare_with_whole(p, begin, end);
}

void fuzz_parts(const uint8_t *data, size_t size) {
  fuzz_problem *p = the_problem();
  fuzz_input in = {data, data + size};
  kind = below(&in, KINDS);
  log_of = chance(&in, 128);
  damages = chance(&in, 48);
  damage_at = take(&in, 2);
  damage_by = (uint8_t)take(&in, 1);
  static const uint32_t needed[KINDS] = {BIT(LOGITS) | BIT(OUTPUT), BIT(LOGITS) | BIT(TARGETS) | BIT(GRADIENT),
                                         BIT(OUTPUT) | BIT(UPSTREAM) | BIT(GRADIENT)};
  uint32_t optional = BIT(CLASS_MASK);
  if (kind != OF_BACKWARD) optional |= BIT(SINK) | BIT(LOG_SUM_EXP);
  if (kind == OF_TARGETS)
    optional |=
        BIT(TARGET_WEIGHTS) | BIT(CLASS_WEIGHTS) | BIT(ROW_WEIGHTS) | BIT(LOSSES) | BIT(CORRECT) | BIT(EXACT_SUM);
  problem_read(p, &in, needed[kind] | BIT(STATISTICS) | BIT(STATES) | BIT(REPORT), optional);
  run_on_every_tier(p, call, false);
}
