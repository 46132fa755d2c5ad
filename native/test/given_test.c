/* SPDX-License-Identifier: Apache-2.0 */
/* Paths that list their arrays and options do not take a call with an array or an option outside of the list: this file
 * is compiled with one more array in xent_call, and sets the option that is reserved. */
#define XENT_FRESH_ARRAY
#define XENT_TIER scalar
#include <stdio.h>

#include "kernels/vector/vector.h"
#undef XENT_MASKED_LOADS
#define XENT_MASKED_LOADS 1 /* as in instruction sets whose masked rows are read in place */

#include "api/bindings.c"
#include "kernels/paths.h"
#include "kernels/linear/workspace.h"
#include "kernels/sample/sampler_rows.h"

#include "api/checks.c" /* last: it has names that are local ones of kernels */

static int checks, failures;

/* A call that a path takes, until it has the new array or the reserved option. */
typedef struct {
  xent_shape shape;
  xent_options options;
  xent_call call;
  float logits[64], output[64];
  int64_t labels[16];
} small_call;

static void begin(small_call *c, int64_t rows, int64_t classes, int64_t inner) {
  *c = (small_call){.shape = {.outer = rows, .classes = classes, .inner = inner}};
  c->options = xent_default_options();
  const xent_layout l = xent_per_class(classes, inner, XENT_F32);
  c->shape.logits = c->shape.output = c->shape.gradient = l;
  c->shape.targets = xent_per_inner(inner, XENT_I64);
  c->call = (xent_call){.shape = &c->shape, .options = &c->options, .row_end = rows * inner, .class_end = classes,
                        .logits = c->logits, .output = c->output, .output_layout = &c->shape.output};
}

static void expect(const char *path, bool as_it_is, bool with_array, bool with_option) {
  checks += 3;
  if (as_it_is && !with_array && !with_option) return;
  failures++;
  printf("%s takes a call: as it is %d, with one more array %d, with one more option %d\n", path, as_it_is, with_array,
         with_option);
}

typedef bool (*path_fits)(const xent_call *call);

/* Arrays only: the permitted options of a call are checked earlier. */
static void test_arrays(const char *path, path_fits fits, small_call *c) {
  const bool as_it_is = fits(&c->call);
  c->call.fresh = c;
  expect(path, as_it_is, fits(&c->call), false);
  c->call.fresh = NULL;
}
static void test_path(const char *path, path_fits fits, small_call *c) {
  const bool as_it_is = fits(&c->call);
  c->call.fresh = c;
  const bool with_array = fits(&c->call);
  c->call.fresh = NULL;
  c->options.reserved = 1;
  const bool with_option = fits(&c->call);
  c->options.reserved = 0;
  expect(path, as_it_is, with_array, with_option);
}

/* ---- predicates that depend on more than the call ---- */

static bool is_plain(const xent_call *call) { return job_of(call).plain; }
static bool needs_no_log_sum_exp(const xent_call *call) { return !job_of(call).distances; }
static bool has_probabilities_alone(const xent_call *call) { return job_of(call).probabilities_alone; }
static bool masked_flow(const xent_call *call) {
  const job j = job_of(call);
  return masked_rows_flow(&j);
}
static xent_status no_kernel(const xent_call *call) { return call ? XENT_OK : XENT_INVALID_ARGUMENT; }
/* Whether a checked call is not checked again. */
static bool call_is_kept(const xent_call *call) {
  xent_frame f = {.call = *call, .kernels = &xent_kernels_scalar, .report = &f.own_report};
  xent_kept kept = {.kernel = NULL};
  f.keep = &kept;
  return xent_keep(&f, no_kernel) == XENT_OK && kept.kernel != NULL;
}
static bool rows_come_in_parts(const xent_call *call) { return !(linear_contents(call) & XENT_WORKSPACE_WHOLE_ROWS); }

/* ---- the sets ---- */

static void test_bits(void) {
  xent_call call = {.fresh = &call};
  checks += 6;
  failures += !has_any(&call, XENT_HAS(fresh)) || has_any(&call, XENT_ALL_ARRAYS & ~XENT_HAS(fresh));
  call = (xent_call){.exact_sum = (void *)&call, .output = (void *)&call};
  drop_other_arrays(&call, XENT_HAS(exact_sum));
  failures += call.output != NULL || call.exact_sum == NULL;
  xent_options o = {.focal_alpha = 0.5};
  failures += !sets_any(&o, XENT_SETS(focal_alpha)) || sets_any(&o, XENT_ALL_OPTIONS & ~XENT_SETS(focal_alpha));
  o = (xent_options){.reserved = 1};
  failures += !sets_any(&o, XENT_SETS(reserved)) || sets_any(&o, XENT_SETS(smoothing));
  o = (xent_options){.z_loss = -0.0};
  failures += sets_any(&o, XENT_ALL_OPTIONS);
  o = (xent_options){.z_loss = 0x1p-1074};
  failures += !sets_any(&o, XENT_SETS(z_loss));
}

/* Every bit of every option counts, except the sign of a double. */
static void test_option_bits(void) {
#define IS_DOUBLE_F64 true
#define IS_DOUBLE_I32 false
#define IS_DOUBLE_U64 false
#define DOUBLE_OF(c, member, FIELD, kind, ...) \
  if (IS_DOUBLE_##kind && at / 8 * 8 == offsetof(xent_options, member)) is_double = true;
  for (size_t at = 0; at < sizeof(xent_options); at += sizeof(uint32_t))
    for (int bit = 0; bit < 32; bit++) {
      const uint32_t word = UINT32_C(1) << bit;
      xent_options o = {0};
      bool is_double = false;
      XENT_CALL_OPTIONS(DOUBLE_OF, )
      memcpy((char *)&o + at, &word, sizeof word);
      checks++;
      if (sets_any(&o, UINT32_C(1) << at / sizeof word) == !(is_double && bit == 31 && at % 8)) continue;
      failures++;
      printf("bit %d of the word at %zu of the options is seen, or is not\n", bit, at);
    }
}

#define LATER_RECORDED(name) 0
#define LATER_RECORDED_IF_SET(name) XENT_SETS(name)
#define LATER_UNRECORDED(name) 0
#define IF_LATER(c, name, FIELD, kind, functions, traits, recorded, ...) | LATER_##recorded(name)

/* The digest of statistics depends on its listed arrays and options, and on no other. */
static void test_digest(void) {
  static small_call c;
  begin(&c, 1, 4, 1);
  c.call.targets = c.labels;
  const uint32_t digest = xent_digest_of(&c.call);
  for (int i = 0; i < XENT_CALL_ARRAYS; i++) {
    xent_call other = c.call;
    const void *address = UINT64_C(1) << i == XENT_HAS(targets) ? NULL : &c;
    memcpy((char *)&other + (size_t)i * sizeof address, &address, sizeof address);
    checks++;
    if ((xent_digest_of(&other) != digest) == (XENT_ARRAYS_DIGESTED >> i & 1)) continue;
    failures++;
    printf("array %d is in the digest, but not in the list, or the other way round\n", i);
  }
  const uint64_t digested = XENT_ALWAYS_DIGESTED XENT_CALL_OPTIONS(IF_LATER, );
  for (int i = 0; i < XENT_OPTION_WORDS; i++) {
    xent_options o = c.options;
    xent_call other = c.call;
    other.options = &o;
    uint32_t word;
    memcpy(&word, (char *)&o + (size_t)i * sizeof word, sizeof word);
    word ^= 1;
    memcpy((char *)&o + (size_t)i * sizeof word, &word, sizeof word);
    checks++;
    if ((xent_digest_of(&other) != digest) == (digested >> i & 1)) continue;
    failures++;
    printf("word %d of the options is in the digest, but not in the list, or the other way round\n", i);
  }
}

/* Rows of a linear layer may be so far apart that their offset exceeds int64_t: for UndefinedBehaviorSanitizer. */
static void test_far_rows(void) {
  enum { PITCH = 48 };
  static small_call c;
  const int64_t first = INT64_C(1) << 60;
  begin(&c, 16, 7, 1);
  c.shape.logits.outer = PITCH;
  const row_set rows = {.first = first, .count = 16, .adjacent = true};
  for (int i = 0; i < rows.count; i++) {
    checks++;
    if ((uint64_t)row_offset(&c.shape, &c.shape.logits, row_of(&rows, i)) == (uint64_t)(first + i) * PITCH) continue;
    failures++;
    printf("row %d of far rows is elsewhere\n", i);
  }
}

int main(void) {
  static small_call c;
  test_bits();
  test_option_bits();
  test_digest();
  test_far_rows();
  begin(&c, 1, 10, 1);
  test_path("each", each_fits, &c);
  begin(&c, 16, 4, 1);
  test_path("dense", dense_fits, &c);
  test_path("flow", flow_fits, &c);
  test_path("known dense", known_dense_fits, &c);
  test_path("known flow", known_flow_fits, &c);
  test_path("kept calls", call_is_kept, &c);
  begin(&c, 1, 4, 16);
  test_path("strips", strips_fit, &c);
  begin(&c, 16, 4, 1);
  c.shape.class_mask = xent_per_class(4, 1, XENT_U8);
  c.call.class_mask = c.logits;
  test_path("masked flow", masked_flow, &c);
  begin(&c, 16, 4, 1);
  c.call.targets = c.labels;
  test_path("plain", is_plain, &c);
  test_path("near", needs_no_log_sum_exp, &c);
  c.call.targets = NULL;
  test_path("probabilities", has_probabilities_alone, &c);
  c.call.output = NULL;
  test_arrays("sampling", is_sampling_alone, &c);
  test_arrays("parts of a layer", rows_come_in_parts, &c);
  printf("%d checks, %d failures\n", checks, failures);
  return failures != 0;
}
