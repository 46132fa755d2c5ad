/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A linear layer of more than 2^31 weights. Most of them are pages that are never written, which are 0 and take no
 * memory; the classes with numbers are on both sides of 2^31 and at the ends. Losses, gradients of hidden states and of
 * a range of classes against cross-entropy of the logits and the contract's dot products.
 * Usage: large_linear_test [all]   also float32 and every instruction set; by default bfloat16 and the best one
 */
#include "pages.h"

#include "arrays.h"
#include "contract/linear.h"
#include "tiers.h"

enum { ROWS = 2, FEATURES = 4096, CLASSES = (1 << 19) + 3, FROM = CLASSES - 40 };
_Static_assert((int64_t)CLASSES * FEATURES > INT64_C(1) << 31, "more than 32 bits count");
static const int64_t numbered[] = {0, 1, (1 << 19) - 1, 1 << 19, CLASSES - 1};
static const int64_t looked_at[] = {0, 1, 127, 128, 2048, FEATURES - 1}; /* features of hidden states' gradients */
enum { NUMBERED = sizeof numbered / sizeof *numbered, LOOKED_AT = sizeof looked_at / sizeof *looked_at };

static float hidden[ROWS * FEATURES], gradient_of_hidden[ROWS * FEATURES], losses[ROWS];
static float own[NUMBERED][FEATURES]; /* weights of the numbered classes */
static const int32_t labels[ROWS] = {1 << 19, CLASSES - 2};
static xent_statistics statistics[ROWS];
static int64_t compared, different;

static void compare(float got, float expected, const char *what, int64_t at) {
  compared++;
  if (!memcmp(&got, &expected, sizeof got) || different++ > 9) return;
  fprintf(stderr, "%s, element %lld: %a, expected %a\n", what, (long long)at, (double)got, (double)expected);
}

/* Pages that are 0. */
static array of_weights(int32_t type) {
  array a = {.layout = layout_of(FEATURES, 1, 0, type)};
  a.bytes = (size_t)CLASSES * FEATURES * size_of_type(type);
  a.data = closed_pages(a.bytes);
  open_pages(a.data, a.bytes);
  return a;
}

/* Every feature of a class without numbers is 0, and so is its share of a sum. */
static float expected_gradient(const float *g, int64_t feature) {
  float *column = must_allocate(CLASSES * sizeof *column);
  memset(column, 0, CLASSES * sizeof *column);
  for (int i = 0; i < NUMBERED; i++) column[numbered[i]] = own[i][feature];
  const float sum = contract_linear_gradient((contract_terms){g, 1}, (contract_terms){column, 1}, CLASSES);
  free(column);
  return sum;
}

/* Losses and the gradient of the logits. */
static float *expect(float *expected_losses) {
  float *logits = must_allocate((size_t)ROWS * CLASSES * sizeof *logits), *g = logits;
  memset(logits, 0, (size_t)ROWS * CLASSES * sizeof *logits);
  for (int64_t row = 0; row < ROWS; row++)
    for (int i = 0; i < NUMBERED; i++)
      logits[row * CLASSES + numbered[i]] = contract_logit((contract_terms){hidden + row * FEATURES, 1},
                                                           (contract_terms){own[i], 1}, FEATURES, NULL);
  const xent_cross_entropy_call call = {.size = sizeof call,
                                        .sizes = xent_rows(ROWS, CLASSES),
                                        .logits = {logits, xent_per_class(CLASSES, 1, XENT_F32)},
                                        .targets = {labels, xent_per_row(XENT_I32)},
                                        .losses = {expected_losses, xent_per_row(XENT_F32)},
                                        .gradient = {g, xent_per_class(CLASSES, 1, XENT_F32)}};
  must(xent_cross_entropy(&call), "cross-entropy of the logits");
  return g;
}

static void run(const array *weights, const array *of_classes, int32_t isa, const float *g,
                const float *expected_losses) {
  xent_options options = xent_default_options();
  options.isa = isa;
  const xent_sizes sizes = {.outer = ROWS, .classes = CLASSES, .inner = 1};
  const xent_layout per_feature = layout_of(FEATURES, 1, 0, XENT_F32);
  const xent_range classes = {FROM, CLASSES};
  const uint64_t bytes = xent_linear_workspace(ROWS, FEATURES, CLASSES, XENT_WORKSPACE_HIDDEN_GRADIENT |
                                                                            XENT_WORKSPACE_WEIGHTS_GRADIENT);
  void *workspace = must_allocate(bytes);
  const xent_linear_cross_entropy_call forward = {.size = sizeof forward, .sizes = sizes, .options = &options,
                                                  .features = FEATURES, .hidden = {hidden, per_feature},
                                                  .weights = {weights->data, weights->layout},
                                                  .targets = {labels, xent_per_row(XENT_I32)},
                                                  .losses = {losses, xent_per_row(XENT_F32)},
                                                  .hidden_gradient = {gradient_of_hidden, per_feature},
                                                  .statistics = statistics, .workspace = workspace,
                                                  .workspace_size = bytes};
  must(xent_linear_cross_entropy(&forward), "linear cross-entropy");
  const xent_linear_cross_entropy_backward_call backward = {.size = sizeof backward, .sizes = sizes,
                                                            .classes = &classes, .options = &options,
                                                            .features = FEATURES,
                                                            .hidden = {hidden, per_feature},
                                                            .weights = {weights->data, weights->layout},
                                                            .targets = {labels, xent_per_row(XENT_I32)},
                                                            .statistics = statistics,
                                                            .weights_gradient = {of_classes->data, of_classes->layout},
                                                            .workspace = workspace, .workspace_size = bytes};
  must(xent_linear_cross_entropy_backward(&backward), "linear cross-entropy backward");
  free(workspace);
  for (int64_t row = 0; row < ROWS; row++) {
    compare(losses[row], expected_losses[row], "losses", row);
    for (int i = 0; i < LOOKED_AT; i++)
      compare(gradient_of_hidden[row * FEATURES + looked_at[i]], expected_gradient(g + row * CLASSES, looked_at[i]),
              "hidden gradient", row * FEATURES + looked_at[i]);
  }
  array expected = {.data = must_allocate(FEATURES * 4), .layout = of_classes->layout};
  for (int64_t v = FROM; v < CLASSES; v++)
    for (int64_t k = 0; k < FEATURES; k++) {
      const float sum = contract_linear_gradient((contract_terms){g + v, CLASSES},
                                                 (contract_terms){hidden + k, FEATURES}, ROWS);
      set_number(&expected, k, (double)sum);
      compare((float)get_number(of_classes, v * FEATURES + k), (float)get_number(&expected, k), "weights gradient",
              v * FEATURES + k);
    }
  free(expected.data);
}

static void run_type(int32_t type, bool all) {
  array weights = of_weights(type), of_classes = of_weights(type);
  random_source r = {21};
  for (int64_t i = 0; i < ROWS * FEATURES; i++) hidden[i] = random_normal(&r);
  for (int i = 0; i < NUMBERED; i++)
    for (int64_t k = 0; k < FEATURES; k++) {
      set_number(&weights, numbered[i] * FEATURES + k, (double)random_normal(&r) / 8);
      own[i][k] = (float)get_number(&weights, numbered[i] * FEATURES + k);
    }
  float expected_losses[ROWS];
  float *g = expect(expected_losses);
  if (!all)
    run(&weights, &of_classes, XENT_ISA_BEST, g, expected_losses);
  else
    for (int32_t isa = next_tier(XENT_ISA_BEST); isa; isa = next_tier(isa))
      run(&weights, &of_classes, isa, g, expected_losses);
  free(g);
  release_pages(weights.data, weights.bytes);
  release_pages(of_classes.data, of_classes.bytes);
}

int main(int argc, char **argv) {
  const bool all = argc > 1 && !strcmp(argv[1], "all");
  run_type(XENT_BF16, all);
  if (all) run_type(XENT_F32, all);
  printf("%lld weights: %lld numbers compared, %lld differ\n", (long long)CLASSES * FEATURES, (long long)compared,
         (long long)different);
  return different || !compared;
}
