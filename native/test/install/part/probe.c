/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic, copies and arrays on the stack of which compilers make other code with the flags that part.sh lists. */
#include <math.h>
#include <stddef.h>
#include <string.h>

float probe_add(float a, float b);
float probe_contract(float a, float b, float c);
float probe_divide(float a);
float probe_round(float a);
float probe_sum(const float *x, int n);
float probe_zero(float a);
int probe_classify(float a);
int probe_nan(float a);
void probe_copy(float *to, const float *from, size_t count);
void probe_fill(float *to, int n);
void probe_select(float *x, const float *y, int n);

float probe_add(float a, float b) { return (a + b) - a; }
float probe_contract(float a, float b, float c) { return a * b + c; }
float probe_divide(float a) { return a / 3.0f; }
float probe_round(float a) { return a + 1.0f / 3.0f; }
float probe_zero(float a) { return 0.0f - (a + 0.0f); }
int probe_nan(float a) { return a != a; }
int probe_classify(float a) { return isnan(a) ? 1 : isinf(a) ? 2 : 3; }

float probe_sum(const float *x, int n) {
  float sum = 0;
  for (int i = 0; i < n; i++) sum += x[i];
  return sum;
}

void probe_select(float *x, const float *y, int n) {
  for (int i = 0; i < n; i++) x[i] = x[i] > y[i] ? x[i] / y[i] : y[i] - 1.0f;
}

__attribute__((visibility("default"))) float probe_kept[64]; /* whose address depends on -fPIE */

void probe_copy(float *to, const float *from, size_t count) {
  memcpy(probe_kept, from, count);
  memcpy(to, probe_kept, sizeof probe_kept);
}

void probe_fill(float *to, int n) {
  float values[4096];
  for (int i = 0; i < n; i++) values[i] = (float)i;
  for (int i = 0; i < n; i++) to[i] = values[n - 1 - i];
}
