/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in float64 arithmetic as a plain program (numerics.md, sections 8 and 9): one row, every option, nothing
 * shared with the kernels. Everything is in doubles; types are the caller's. */
#ifndef CONTRACT_F64_H
#define CONTRACT_F64_H
#include <stdbool.h>
#include <stdint.h>

enum { F64_NONE, F64_LABEL, F64_DENSE, F64_SPARSE };

typedef struct {
  int64_t classes;
  const double *x;
  const uint8_t *mask;         /* or NULL */
  const double *class_weights; /* or NULL */
  bool has_sink, has_row_weight, masked_zero, others;
  double sink, row_weight, softcap, temperature, eps, z_loss, clamp, scale, gamma; /* gamma: of a focal loss */
  int targets;
  int64_t label;
  const double *q; /* of a dense row, or the numbers of the entries of a sparse one */
  int64_t entries;
  const int64_t *entry; /* classes; -1: none */
  int64_t top;
} f64_problem;

typedef struct {
  bool nan, masked; /* what the row is, if it is not an ordinary one */
  double loss, log_sum_exp, log_probability, entropy;
  int64_t argmax, rank;
  uint8_t hit;
  double *softmax, *log_softmax, *gradient, *target_gradient, *top_values; /* of the caller; classes, entries, top */
  int64_t *top_classes;
  double shift, max, reference, others, own_e, distance; /* of an ordinary row: what its results are made of */
} f64_answer;

double f64_contract_exp(double x, double N);
double f64_contract_exp_at(double x, double N, double temperature); /* 0: none */
double f64_contract_tanh(double v);
double f64_contract_log(double v);
double f64_contract_log1p(double q); /* 0 <= q <= 1 */
void f64_contract_row(const f64_problem *problem, f64_answer *answer);
/* dx of n numbers; temperature 0 means no temperature */
void f64_contract_backward(const double *y, const double *g, const uint8_t *mask, int64_t n, bool log,
                           double temperature, double *dx);
/* Teacher a and student x; the gradient with scale c. The loss is without the row's weight. */
enum { F64_KULLBACK_LEIBLER, F64_JENSEN_SHANNON, F64_TOTAL_VARIATION };
double f64_contract_divergence(int kind, const double *a, const double *x, const uint8_t *mask, int64_t n,
                                double temperature, bool masked_zero, double c, double *gradient);
#endif
