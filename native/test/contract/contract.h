/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTRACT_H
#define CONTRACT_H
#include <stddef.h>
typedef struct { float max, N; double s; } contract_chunk;   /* sum of exp(x) over the chunk = s * 2^(N - 30) */
typedef struct { float max, N; double S; } contract_row;     /* sum of exp(x) over the row   = S * 2^N */
float contract_exp(float x, float N);
float contract_reference(float max);
double contract_log(double v);      /* of a normal v > 0 */
double contract_log1p(double q);    /* 0 <= q <= 1 */
double contract_distance(contract_row r);
contract_chunk contract_chunk_of(const float *x, size_t n, ptrdiff_t without);
contract_row contract_fold(const contract_chunk *chunk, size_t count);
/* each returns 0 and writes NaN for a row with NaN, +inf, or nothing above -inf; scratch holds n floats */
int contract_softmax(const float *x, size_t n, float *y, float *scratch);
int contract_log_softmax(const float *x, size_t n, float *y, float *lse, float *scratch);
int contract_cross_entropy(const float *x, size_t n, size_t label, double scale, float *loss, float *gradient, float *lse, float *scratch);
#endif
