/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of the kernels that calls alone cannot show: results depend on nothing that was not set, the rows of a
 * block fit in the scratch memory, and a weight of 0 divides nothing. Compiled into this file, with the scalar
 * instruction set. */
#define XENT_TIER scalar
#include <stdio.h>

#include "kernels/paths.h"
#include "kernels/sample/sampler_rows.h"

enum { ROWS = 11, CLASSES = 40 };

static int checks, failures;

static void check(bool right, const char *text, int64_t a, int64_t b) {
  checks++;
  if (right) return;
  failures++;
  printf("%s: %lld, %lld\n", text, (long long)a, (long long)b);
}

typedef struct {
  xent_shape shape;
  xent_options options;
  xent_report report;
  xent_exact_sum exact_sum;
  xent_call call;
} small_call;

static float logits[ROWS * CLASSES];
static int64_t labels[ROWS];
static float targets[ROWS * CLASSES], weights[CLASSES], row_weights[ROWS], sinks[ROWS], upstream[ROWS];

/* What a call has written, besides what its second pass is made of. */
typedef struct {
  float losses[ROWS], log_sum_exp[ROWS], log_probabilities[ROWS], entropies[ROWS];
  int64_t argmax[ROWS], ranks[ROWS];
  uint8_t correct[ROWS];
  xent_statistics statistics[ROWS];
  xent_exact_sum exact_sum;
  int64_t valid_rows;
  uint32_t regular;
  float f[XENT_ROWS], b[XENT_ROWS], scale[XENT_ROWS], label_gradient[XENT_ROWS], max[XENT_ROWS];
} written;

enum {
  LABELS = 1 << 0, PROBABILITIES = 1 << 1, CLASS_WEIGHTS = 1 << 2, ROW_WEIGHTS = 1 << 3, SINK = 1 << 4,
  SMOOTHING = 1 << 5, OTHERS = 1 << 6, Z_LOSS = 1 << 7, FOCAL = 1 << 8, CLAMP = 1 << 9, LOSSES = 1 << 10,
  GRADIENT = 1 << 11, LOG_SUM_EXP = 1 << 12, ENTROPIES = 1 << 13, ORDER = 1 << 14, STATISTICS = 1 << 15,
  LOG = 1 << 16, TEMPERATURE = 1 << 17, UPSTREAM = 1 << 18, ALL = (1 << 19) - 1
};

/* False: no function takes such a call. */
static bool begin(small_call *c, int what, written *w) {
  const bool of_targets = what & (LABELS | PROBABILITIES), softmax = what & LOG;
  if ((what & LABELS && what & PROBABILITIES) || (of_targets && softmax)) return false;
  const int for_targets =
      LOSSES | CLASS_WEIGHTS | ROW_WEIGHTS | SMOOTHING | OTHERS | Z_LOSS | FOCAL | CLAMP | UPSTREAM;
  if (!of_targets && what & for_targets) return false;
  if (!of_targets && what & (GRADIENT | LOG) && what & (LOG_SUM_EXP | ENTROPIES | ORDER | STATISTICS)) return false;
  if (what & OTHERS && !(what & SMOOTHING && what & LABELS)) return false;
  if (what & FOCAL && (what & (SMOOTHING | Z_LOSS | CLAMP) || !(what & LABELS))) return false;
  if (what & CLAMP && what & SMOOTHING) return false;
  memset(c, 0, sizeof *c);
  memset(w, 0, sizeof *w);
  c->shape = (xent_shape){.outer = ROWS, .classes = CLASSES, .inner = 1};
  c->options = xent_default_options();
  c->report.size = sizeof c->report;
  xent_call *call = &c->call;
  xent_shape *s = &c->shape;
  *call = (xent_call){.shape = s, .options = &c->options, .row_end = ROWS, .class_end = CLASSES, .logits = logits,
                      .output_layout = &s->output, .report = &c->report, .log = softmax};
  const xent_layout l = xent_per_class(CLASSES, 1, XENT_F32), row = xent_per_row(XENT_F32);
  s->logits = s->output = s->gradient = l;
  s->targets = what & LABELS ? xent_per_row(XENT_I64) : l;
  s->class_weights = (xent_layout){.classes = 1, .type = XENT_F32};
  s->losses = s->log_sum_exp = s->log_probabilities = s->entropies = s->row_weights = s->sink = s->upstream = row;
  s->argmax = s->ranks = xent_per_row(XENT_I64);
  s->correct = xent_per_row(XENT_U8);
  if (what & LABELS) call->targets = labels;
  if (what & PROBABILITIES) call->targets = targets;
  if (what & CLASS_WEIGHTS) call->class_weights = weights;
  if (what & ROW_WEIGHTS) call->row_weights = row_weights;
  if (what & SINK) call->sink = sinks;
  if (what & UPSTREAM) call->upstream = upstream;
  if (what & LOSSES) call->losses = w->losses, call->exact_sum = &w->exact_sum;
  if (what & GRADIENT || softmax) call->output = targets; /* nothing is written there */
  if (what & LOG_SUM_EXP) call->log_sum_exp = w->log_sum_exp;
  if (what & ENTROPIES) call->entropies = w->entropies;
  if (what & ORDER) call->argmax = w->argmax;
  if (what & ORDER && what & LABELS) {
    call->ranks = w->ranks;
    call->correct = w->correct;
    call->log_probabilities = w->log_probabilities;
  }
  if (what & STATISTICS) call->statistics = w->statistics;
  c->options.label_smoothing = what & SMOOTHING ? 0.125 : 0;
  c->options.smoothing = what & OTHERS ? XENT_SMOOTHING_OTHERS : XENT_SMOOTHING_UNIFORM;
  c->options.z_loss = what & Z_LOSS ? 0.25 : 0;
  c->options.focal_gamma = what & FOCAL ? 2 : 0;
  c->options.probability_clamp = what & CLAMP ? 0.01 : 0;
  c->options.temperature = what & TEMPERATURE ? 2 : 0;
  return true;
}

/* The results of sums of which only what a first pass sets is set, the rest being bytes of a pattern. */
static void results(const small_call *c, int pattern, written *w) {
  const xent_call *call = &c->call;
  const job j = job_of(call);
  row_sums in;
  row_outcome out;
  int32_t label[XENT_ROWS] = {0};
  int64_t counted[XENT_ROWS];
  memset(&in, pattern, sizeof in);
  memset(&out, pattern, sizeof out);
  in.rows.first = 0;
  in.rows.count = ROWS;
  in.rows.adjacent = true;
  in.rows.ignored = 0;
  in.folded = in.long_row = false;
  in.correct = 0x155;
  out.record = NULL;
  for (int i = 0; i < XENT_ROWS; i++) counted[i] = CLASSES;
  for (int i = 0; i < ROWS; i++) label[i] = (int32_t)labels[i];
  if (!j.plain && (call->targets || call->sink)) load_row_numbers(&j, &in.rows, label, counted, &in);
  for (int i = 0; i < ROWS; i++) {
    in.max[i] = (float)(i + 1);
    in.sum[i] = ldexp(1.5 + 0.25 * i, 30);
    if (j.labels) in.logit[i] = (float)(i + 1) - 0.5f * (float)(i % 3);
    if (j.smoothed || j.soft) in.dot[i] = 3 + i, in.mass[i] = 1 + 0.5 * i;
    if (call->argmax) in.argmax[i] = i;
    if (call->ranks) in.rank[i] = i % 3;
    if (call->entropies) in.entropy[i] = ldexp(0.5 + i, 30);
  }
  fill_sums(&in);
  results_of_rows(&j, &in, &out);
  w->valid_rows = call->report->valid_rows;
  w->regular = out.regular;
  if (!call->output) return;
  lanes_store(w->f, out.f);
  lanes_store(w->b, call->targets || !call->log ? out.b : lanes_set(0));
  lanes_store(w->max, out.max);
  if (j.per_class) memcpy(w->scale, out.scale, sizeof w->scale);
  if (j.labels) memcpy(w->label_gradient, out.label_gradient, sizeof w->label_gradient);
  for (int i = ROWS; i < XENT_ROWS; i++) w->f[i] = w->b[i] = w->scale[i] = w->label_gradient[i] = w->max[i] = 0;
}

static void test_results(void) {
  static const int patterns[] = {0, 0xff, 0x7f, 0x41};
  static written first, other;
  static small_call c;
  for (int what = 0; what <= ALL; what++) {
    if (!begin(&c, what, &first)) continue;
    results(&c, patterns[0], &first);
    for (int i = 1; i < 4; i++) {
      begin(&c, what, &other);
      results(&c, patterns[i], &other);
      check(!memcmp(&first, &other, sizeof first), "results depend on what was not set: call, pattern", what, i);
    }
  }
}

/* Every block that is copied or keeps its exponentials has room for them. */
static void test_room(void) {
  static written w;
  static small_call c;
  static const int whats[] = {0, GRADIENT | LABELS | LOSSES, LABELS | LOSSES, LOG, ENTROPIES | LABELS | LOSSES,
                              GRADIENT | PROBABILITIES | LOSSES, SMOOTHING | LABELS | GRADIENT | LOSSES};
  for (int64_t n = 1; n <= XENT_FLOW_MOST; n++)
    for (size_t k = 0; k < sizeof whats / sizeof *whats; k++)
      for (int way = 0; way < 3; way++) {
        const bool direct = way == 1;
        begin(&c, whats[k], &w);
        if (way == 2) c.options.softcap = 30;
        c.shape.classes = c.call.class_end = n;
        c.shape.logits.outer = c.shape.output.outer = direct ? n : 2 * n;
        c.shape.logits.classes = direct ? 1 : 2;
        if (whats[k] == 0) c.call.output = logits;
        const job j = job_of(&c.call);
        flow f;
        row_context row;
        flow_begin(&f, &j, generic_forward, &row);
        if (f.sloped && n > XENT_FLOW_SLOPED) continue; /* flow_fits */
        check(f.pitch >= n && f.most >= 1 && f.most <= XENT_ROWS, "a block has rows, of classes", n, f.most);
        const bool kept = f.kept && !f.in_output;
        const int64_t floats = f.most * f.pitch, e = kept && !f.over ? floats : f.pitch;
        check(!f.direct || !kept || floats <= XENT_FLOW_FLOATS, "no room for e of a block, of classes", n, f.most);
        check(f.direct || floats + e + (f.sloped ? floats : 0) <= XENT_FLOW_ROOM,
              "no room for the copies, e and slopes of a block, of classes", n, f.most);
      }
}

/* A weight that is 0, because memory has changed meanwhile, divides nothing. */
static void test_ties(void) {
  const cut c = {.before = {.weight = 3}, .equal = 4};
  check(ties_of_weight(&c, 2, 8) == 3, "ties of a weight", ties_of_weight(&c, 2, 8), 3);
  check(ties_of_weight(&c, 0, 8) == 4, "ties of no weight", ties_of_weight(&c, 0, 8), 4);
}

int main(void) {
  for (int i = 0; i < ROWS; i++) {
    labels[i] = i % CLASSES;
    row_weights[i] = 0.5f + (float)i;
    sinks[i] = 0.25f * (float)i;
    upstream[i] = 1.5f - (float)i;
  }
  for (int i = 0; i < CLASSES; i++) weights[i] = 0.75f + 0.125f * (float)i;
  for (int i = 0; i < ROWS * CLASSES; i++) targets[i] = 1.0f / CLASSES;
  test_results();
  test_room();
  test_ties();
  printf("%d checks, %d failures\n", checks, failures);
  return failures != 0;
}
