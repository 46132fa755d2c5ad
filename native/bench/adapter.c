/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled with the header of a version, which gives ADAPTER its name. */
#include "adapter.h"

#include <string.h>

#include "xent.h"

static void prepare(plain_problem *p) {
  _Static_assert(sizeof(xent_shape) <= sizeof p->shape && sizeof(xent_options) <= sizeof p->options, "room");
  const xent_layout full = xent_per_class(p->classes, p->inner, XENT_F32), row = xent_per_row(p->inner, XENT_F32);
  const xent_shape shape = {.size = sizeof shape,
                            .outer = p->outer,
                            .classes = p->classes,
                            .inner = p->inner,
                            .logits = full,
                            .output = full,
                            .gradient = full,
                            .upstream = full,
                            .losses = row,
                            .targets = xent_per_row(p->inner, XENT_I32)};
  xent_options options = xent_default_options();
  options.isa = !strcmp(p->tier, "avx512") ? XENT_ISA_AVX512 : !strcmp(p->tier, "avx2") ? XENT_ISA_AVX2
              : !strcmp(p->tier, "scalar") ? XENT_ISA_SCALAR : XENT_ISA_BEST;
  memcpy(p->shape, &shape, sizeof shape);
  memcpy(p->options, &options, sizeof options);
}

#define PREPARED (const xent_shape *)p->shape, (const xent_options *)p->options, 0, p->outer *p->inner

typedef xent_status forward(const xent_shape *, const xent_options *, int64_t, int64_t, int64_t, int64_t, const void *,
                            const void *, const void *, const void *, const xent_statistics *, void *, xent_report *);
typedef xent_status backward(const xent_shape *, const xent_options *, int64_t, int64_t, int64_t, int64_t, const void *,
                             const void *, const void *, const void *, const xent_statistics *, void *, xent_report *);
typedef xent_status cross_entropy(const xent_shape *, const xent_options *, int64_t, int64_t, const void *,
                                  const void *, const void *, const void *, const void *, const void *, const void *,
                                  const void *, void *, void *, void *, void *, void *, void *, void *, void *, void *,
                                  void *, void *, xent_statistics *, xent_tally *, xent_report *);

static int run_forward(any_function *f, const plain_problem *p) {
  return ((forward *)f)(PREPARED, 0, p->classes, p->x, NULL, NULL, NULL, NULL, p->y, NULL);
}
static int run_backward(any_function *f, const plain_problem *p) {
  return ((backward *)f)(PREPARED, 0, p->classes, p->x, p->g, NULL, NULL, NULL, p->y, NULL);
}
static int run_cross_entropy(any_function *f, const plain_problem *p, void *losses, void *gradient, xent_tally *tally) {
  return ((cross_entropy *)f)(PREPARED, p->x, p->labels, NULL, NULL, NULL, NULL, NULL, NULL, losses, NULL, NULL,
                              NULL, NULL, NULL, NULL, NULL, NULL, gradient, NULL, NULL, tally, NULL);
}
static int run_loss(any_function *f, const plain_problem *p) {
  static xent_tally tally;
  if (!tally.size) tally = xent_empty_tally(); /* a sum that grows is no slower */
  return run_cross_entropy(f, p, NULL, NULL, &tally);
}
static int run_losses(any_function *f, const plain_problem *p) {
  return run_cross_entropy(f, p, p->losses, NULL, NULL);
}
static int run_loss_and_gradient(any_function *f, const plain_problem *p) {
  return run_cross_entropy(f, p, p->losses, p->y, NULL);
}

const adapter ADAPTER = {prepare,
                         {{"softmax", "xent_softmax_at", run_forward},
                          {"log-softmax", "xent_log_softmax_at", run_forward},
                          {"reduced loss", "xent_cross_entropy_at", run_loss},
                          {"losses", "xent_cross_entropy_at", run_losses},
                          {"loss and gradient", "xent_cross_entropy_at", run_loss_and_gradient},
                          {"softmax backward", "xent_softmax_backward_at", run_backward},
                          {"log-softmax backward", "xent_log_softmax_backward_at", run_backward}}};
