/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of sigmoid and log-sigmoid. */
#include "api/calls.h"

#define PLACES(_, c) _(c, logits, LOGITS, NEEDED) _(c, output, OUTPUT_ARRAY, NEEDED)
XENT_PLACES(places, xent_sigmoid_call, PLACES);

#define BACKWARD_PLACES(_, c) \
  _(c, logits, LOGITS, NEEDED) _(c, upstream, UPSTREAM, NEEDED) _(c, gradient, ELEMENT_GRADIENT, NEEDED)
XENT_PLACES(backward_places, xent_sigmoid_backward_call, BACKWARD_PLACES);

static xent_status sigmoid(xent_frame *f);
static xent_status log_sigmoid(xent_frame *f);
static xent_status sigmoid_backward(xent_frame *f);
static xent_status log_sigmoid_backward(xent_frame *f);
const xent_entry xent_of_sigmoid = {XENT_ARGUMENTS(xent_sigmoid_call, 136, places, sigmoid),
                                    .own_options = XENT_OPTIONS_FOR(XENT_FOR_SIGMOID)};
const xent_entry xent_of_log_sigmoid = {XENT_ARGUMENTS(xent_sigmoid_call, 136, places, log_sigmoid),
                                        .own_options = XENT_OPTIONS_FOR(XENT_FOR_SIGMOID)};
const xent_entry xent_of_sigmoid_backward = {
    XENT_ARGUMENTS(xent_sigmoid_backward_call, 176, backward_places, sigmoid_backward),
    .own_options = XENT_OPTIONS_FOR(XENT_FOR_SIGMOID)};
const xent_entry xent_of_log_sigmoid_backward = {
    XENT_ARGUMENTS(xent_sigmoid_backward_call, 176, backward_places, log_sigmoid_backward),
    .own_options = XENT_OPTIONS_FOR(XENT_FOR_SIGMOID)};

static xent_status run(xent_frame *f, const xent_entry *function, const xent_layout *results) {
  xent_status status = xent_begin_call(f, function);
  if (!status) status = xent_check_arrays(f, function);
  if (!status) {
    f->call.output_layout = results;
    report_path(f, f->wide ? XENT_PATH_F64 : XENT_PATH_ELEMENTS);
    status = run_kernel(f, f->kernels->sigmoid);
  }
  return xent_end(f, status);
}

static xent_status sigmoid(xent_frame *f) { return run(f, &xent_of_sigmoid, &f->call.shape->output); }
static xent_status log_sigmoid(xent_frame *f) {
  f->call.log = true;
  return sigmoid(f);
}
static xent_status sigmoid_backward(xent_frame *f) {
  return run(f, &xent_of_sigmoid_backward, &f->call.shape->gradient);
}
static xent_status log_sigmoid_backward(xent_frame *f) {
  f->call.log = true;
  return sigmoid_backward(f);
}

xent_status xent_sigmoid(const xent_sigmoid_call *c) { return xent_make_call(c, &xent_of_sigmoid); }
xent_status xent_log_sigmoid(const xent_sigmoid_call *c) { return xent_make_call(c, &xent_of_log_sigmoid); }
xent_status xent_sigmoid_backward(const xent_sigmoid_backward_call *c) {
  return xent_make_call(c, &xent_of_sigmoid_backward);
}
xent_status xent_log_sigmoid_backward(const xent_sigmoid_backward_call *c) {
  return xent_make_call(c, &xent_of_log_sigmoid_backward);
}
