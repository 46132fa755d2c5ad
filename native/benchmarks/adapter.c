/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled against the header of one version; the build defines ADAPTER as the name of the adapter. */
#include "adapter.h"

#include <string.h>

#include "xent.h"

static void prepare(plain_problem *p) {
  _Static_assert(sizeof(xent_options) <= sizeof p->options, "room");
  xent_options options = xent_default_options();
  options.isa = !strcmp(p->tier, "avx512") ? XENT_ISA_AVX512 : !strcmp(p->tier, "avx2") ? XENT_ISA_AVX2
              : !strcmp(p->tier, "scalar") ? XENT_ISA_SCALAR : XENT_ISA_BEST;
  memcpy(p->options, &options, sizeof options);
}

#define FULL xent_per_class(p->classes, p->inner, XENT_F32)
#define ROW xent_per_inner(p->inner, XENT_F32)
#define PREPARED                                                                            \
  .sizes = {.outer = p->outer, .classes = p->classes, .inner = p->inner},                   \
  .options = (const xent_options *)(const void *)p->options

typedef xent_status forward(const xent_softmax_call *);
typedef xent_status backward(const xent_softmax_backward_call *);
typedef xent_status cross_entropy(const xent_cross_entropy_call *);

static int run_forward(any_function *f, const plain_problem *p) {
  const xent_softmax_call c = {.size = sizeof c, PREPARED, .logits = {p->x, FULL}, .output = {p->y, FULL}};
  return ((forward *)f)(&c);
}
static int run_backward(any_function *f, const plain_problem *p) {
  const xent_softmax_backward_call c = {.size = sizeof c, PREPARED, .output = {p->x, FULL}, .upstream = {p->g, FULL},
                                        .gradient = {p->y, FULL}};
  return ((backward *)f)(&c);
}
static int run_cross_entropy(any_function *f, const plain_problem *p, void *losses, void *gradient,
                             xent_exact_sum *exact_sum) {
  const xent_cross_entropy_call c = {.size = sizeof c, PREPARED, .logits = {p->x, FULL},
                                     .targets = {p->labels, xent_per_inner(p->inner, XENT_I32)},
                                     .losses = {losses, ROW},
                                     .gradient = {gradient, FULL}, .exact_sum = exact_sum};
  return ((cross_entropy *)f)(&c);
}
static int run_loss(any_function *f, const plain_problem *p) {
  static xent_exact_sum exact_sum;
  if (!exact_sum.size) exact_sum = xent_empty_exact_sum(); /* calls on a filled sum take the same time */
  return run_cross_entropy(f, p, NULL, NULL, &exact_sum);
}
static int run_losses(any_function *f, const plain_problem *p) {
  return run_cross_entropy(f, p, p->losses, NULL, NULL);
}
static int run_loss_and_gradient(any_function *f, const plain_problem *p) {
  return run_cross_entropy(f, p, p->losses, p->y, NULL);
}

const adapter ADAPTER = {prepare,
                         {{"softmax", "xent_softmax", run_forward},
                          {"log-softmax", "xent_log_softmax", run_forward},
                          {"reduced loss", "xent_cross_entropy", run_loss},
                          {"losses", "xent_cross_entropy", run_losses},
                          {"loss and gradient", "xent_cross_entropy", run_loss_and_gradient},
                          {"softmax backward", "xent_softmax_backward", run_backward},
                          {"log-softmax backward", "xent_log_softmax_backward", run_backward}}};
