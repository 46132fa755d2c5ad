/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sampling in shards: every round of two shards that have the same logits. Each shard passes states as if from another
 * machine, and they may be damaged on their way.
 */
#include "run.h"

static const uint32_t inputs = BIT(LOGITS) | BIT(CLASS_MASK) | BIT(BIAS) | BIT(PROMPT_TOKENS) | BIT(OUTPUT_TOKENS) |
                             BIT(BIAS_TOKENS) | BIT(BIAS_VALUES),
                      outputs = BIT(TOKENS) | BIT(PROCESSED_LOG_PROBABILITIES) | BIT(KEPT);

/* A write into the gathered states. */
typedef struct {
  int64_t round;
  uint64_t at, number;
  bool adds, in_head;
} change;

enum { MOST_CHANGES = 3, MOST_ROUNDS = 15, HEAD = 96 };
static change changes[MOST_CHANGES];
static int64_t count;

/* The shape of this shard, or of the other, whose classes are before or after those of this one. */
static xent_shape shape_of_shard(const fuzz_problem *p, bool other) {
  xent_shape s = {0};
  const size_t bytes = (size_t)p->slots[SHAPE].bytes;
  memcpy(&s, p->slots[SHAPE].data, bytes < sizeof s ? bytes : sizeof s);
  if (other && s.all_classes == 2 * p->shape.classes) s.first_class = s.all_classes - s.classes - s.first_class;
  return s;
}

static void call_shard(fuzz_problem *p, int64_t begin, int64_t end, bool other, int64_t round) {
  void *const *a = p->address;
  const xent_shape shape = shape_of_shard(p, other);
  const bool plain = p->slots[SHAPE].bytes == (int64_t)sizeof shape && other;
  settle(p, "a shard",
         run_at((xent_work){.function = XENT_FUNCTION_SAMPLE,
                            .shape = plain ? &shape : shape_of(p),
                            .options = options_of(p),
                            .sampling = a[SAMPLING],
                            .choice = p->sampling_per_row,
                            .report = report_of(p),
                            .row_begin = begin,
                            .row_end = end,
                            .workspace_size = p->workspace_size,
                            .shards = round ? 2 : 0},
                ARRAYS(a[LOGITS], a[TOKENS], a[CLASS_MASK], a[BIAS], a[PROMPT_TOKENS], a[OUTPUT_TOKENS],
                       a[PROCESSED_LOG_PROBABILITIES], a[KEPT], NULL, NULL, NULL, NULL, NULL, NULL, a[WORKSPACE],
                       round ? a[GATHERED] : NULL, a[STATES], a[BIAS_TOKENS], a[BIAS_VALUES])),
         (fuzz_effect){inputs, outputs | BIT(STATES), begin, end, 0, p->shape.classes, true});
}

static void damage(uint8_t *gathered, int64_t bytes, int64_t round) {
  const uint64_t states = (uint64_t)bytes / sizeof(xent_sample_state);
  for (int64_t i = 0; i < count && states > 0; i++) {
    const change *c = &changes[i];
    const uint64_t words = (c->in_head ? HEAD : sizeof(xent_sample_state)) / sizeof(uint64_t), state = c->at % states,
                   word = c->at / states % words;
    uint8_t *at = gathered + state * sizeof(xent_sample_state) + word * sizeof(uint64_t);
    uint64_t number;
    memcpy(&number, at, sizeof number);
    number = c->adds ? number + c->number : c->number;
    if (c->round == round) memcpy(at, &number, sizeof number);
  }
}

static void call(fuzz_problem *p, int64_t begin, int64_t end) {
  static uint8_t next[ROOM];
  const fuzz_slot *states = &p->slots[STATES], *gathered = &p->slots[GATHERED];
  const size_t each = (size_t)states->bytes;
  for (int64_t round = 0, left = 1; round < MOST_ROUNDS && left > 0; round++) {
    left = 0;
    for (int other = 0; other < 2; other++) {
      call_shard(p, begin, end, other, round);
      if (settled()) return;
      left += report_read(p).unfinished;
      memcpy(next + (size_t)other * each, states->data, each);
    }
    damage(next, 2 * states->bytes, round);
    memcpy(gathered->data, next, (size_t)gathered->bytes);
    memcpy(gathered->before, next, (size_t)gathered->bytes);
  }
}

void fuzz_sample_shards(const uint8_t *data, size_t size) {
  fuzz_problem *p = the_problem();
  fuzz_input in = {data, data + size};
  count = chance(&in, 160) ? 1 + below(&in, MOST_CHANGES) : 0;
  for (int64_t i = 0; i < count; i++) {
    changes[i].round = below(&in, 4);
    changes[i].at = take(&in, 2);
    changes[i].number = (uint64_t)wild_number(&in);
    changes[i].adds = chance(&in, 128);
    changes[i].in_head = !chance(&in, 64);
  }
  p->sampled = p->sharded = true;
  problem_read(p, &in, BIT(LOGITS) | BIT(TOKENS) | BIT(REPORT) | BIT(STATES) | BIT(GATHERED),
               inputs | outputs | BIT(SAMPLING));
  run_on_every_tier(p, call, false);
  p->sampled = p->sharded = false;
}
