/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTRACT_H
#define CONTRACT_H
#include <stddef.h>
typedef struct { float max, N; double s; } contract_chunk;   /* sum of exp(x / tau) over the chunk = s * 2^(N - 30) */
typedef struct { float max, N; double S; } contract_row;     /* sum of exp(x / tau) over the row   = S * 2^N */
/* tau, 1 / tau, that as a float, and constants of the exponential (conformance/numerics.md) */
typedef struct { double tau, r; float hi, eighth_hi, eighth_lo, per_eighth, q2, q3, floor; } contract_temperature;
contract_temperature contract_temperature_of(double tau);    /* 0: none */
float contract_lowest(float N, const contract_temperature *t); /* the least x that counts: there e is +0 */
float contract_exp(float x, float N);
float contract_exp_at(float x, float N, const contract_temperature *t);
float contract_reference(float max);
double contract_log(double v);      /* of a normal v > 0 */
double contract_log1p(double q);    /* 0 <= q <= 1 */
double contract_distance(contract_row r, const contract_temperature *t);
double contract_chunk_sum(const float *term, size_t n);
contract_chunk contract_chunk_of(const float *x, size_t n, ptrdiff_t without, const contract_temperature *t);
contract_row contract_fold(const contract_chunk *chunk, size_t count);
/* each returns 0 and writes NaN for a row with NaN, +inf, or nothing above -inf; scratch holds n floats */
int contract_softmax(const float *x, size_t n, float *y, float *scratch);
int contract_log_softmax(const float *x, size_t n, float *y, float *lse, float *scratch);
int contract_cross_entropy(const float *x, size_t n, size_t label, double scale, float *loss, float *gradient,
                           float *lse, float *scratch);
/* Backward of softmax or log-softmax: y is its output, g the upstream gradient; mask: NULL, or 0 for a masked class. */
void contract_backward(const float *y, const float *g, const unsigned char *mask, size_t n, int log, double temperature,
                       float *dx);
#endif
