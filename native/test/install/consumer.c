/* SPDX-License-Identifier: Apache-2.0 */
/* The loss and gradient of the README's rows, as a program of a user's that has the installed header alone. */
#include <stdio.h>
#include <xent.h>

int main(void) {
  const float logits[] = {2, 1, 0, 0, 3, 1, 9, 9, 9};
  const int32_t labels[] = {0, 1, -100};
  float losses[3], gradient[9];

  xent_options options = xent_default_options();
  options.has_ignore_index = 1;
  options.ignore_index = -100;
  options.label_smoothing = 0.1;
  const xent_layout per_class = xent_per_class(3, 1, XENT_F32);
  const xent_cross_entropy_call call = {.size = sizeof call,
                                        .sizes = xent_rows(3, 3),
                                        .options = &options,
                                        .logits = {logits, per_class},
                                        .targets = {labels, xent_per_row(XENT_I32)},
                                        .losses = {losses, xent_per_row(XENT_F32)},
                                        .gradient = {gradient, per_class}};
  const xent_status status = xent_cross_entropy(&call);
  if (status != XENT_OK) {
    fprintf(stderr, "%s\n", xent_status_message(status));
    return 1;
  }
  printf("losses %.6f %.6f %.6f, gradient %.6f\n", losses[0], losses[1], losses[2], gradient[0]);
  return 0;
}
