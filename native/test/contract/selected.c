/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/selected.h"

#include <string.h>

#include "contract/contract.h"
#include "contract/fma.h"
#include "kernels/kernels.h"

static float float_logit(const general_input *in, int64_t k, float *slope) {
  *slope = 1;
  if (in->softcap == 0) return in->logits[k];
  const float t = contract_tanh(in->logits[k] * (float)(1 / in->softcap));
  *slope = fmaf(-t, t, 1);
  return (float)in->softcap * t;
}
static double double_logit(const f64_problem *in, int64_t k, double *slope) {
  *slope = 1;
  if (in->softcap == 0) return in->x[k];
  const double t = f64_contract_tanh(in->x[k] * (1 / in->softcap));
  *slope = fma(-t, t, 1);
  return t * in->softcap;
}

static double logit_of(const general_input *narrow, const f64_problem *wide, int64_t k) {
  float slope;
  double wide_slope;
  return narrow ? (double)float_logit(narrow, k, &slope) : double_logit(wide, k, &wide_slope);
}

/* The class that is the label, -1: none. */
static int64_t apart(const selection *s, const general_input *narrow, const f64_problem *wide) {
  int64_t best = -1;
  for (int64_t j = 0; j < s->count; j++) {
    if (s->classes[j] < 0) continue;
    if (best < 0 || logit_of(narrow, wide, s->classes[j]) > logit_of(narrow, wide, s->classes[best])) best = j;
  }
  return best < 0 ? -1 : s->classes[best];
}

/* The targets, - upstream: of a class, or (-1) of all, but for another; whether there are any. */
static bool target_of(const selection *s, int64_t class, int64_t but, double *sum) {
  bool any = false;
  *sum = 0;
  for (int64_t j = 0; j < s->count; j++) {
    if (s->classes[j] < 0 || (class >= 0 && s->classes[j] != class) || s->classes[j] == but) continue;
    *sum = any ? *sum - s->upstream[j] : -s->upstream[j];
    any = true;
  }
  return any;
}

static double scaled(double c, double temperature) { return temperature != 0 ? c / temperature : c; }

static float quiet_float(double v) {
  const uint32_t quiet = 0x7fc00000u;
  float f = (float)v;
  if (f != f) memcpy(&f, &quiet, sizeof f);
  return f;
}
static double quiet(double v) {
  const uint64_t bits = 0x7ff8000000000000u;
  if (v != v) memcpy(&v, &bits, sizeof v);
  return v;
}

void contract_selected(const general_input *row, const selection *s, general_output *out, float *log_probabilities) {
  general_input in = *row;
  const int64_t y = apart(s, row, NULL);
  double U, rest;
  target_of(s, -1, -1, &U);
  in.targets = LABEL, in.label = y, in.has_ignore = true, in.ignore = -1, in.weights = NULL, in.row_weight = 1;
  in.has_row_weight = in.others = false, in.eps = in.z_loss = in.clamp = 0, in.scale = s->scale * U;
  contract_general_row(&in, out);
  const row_statistics *r = &out->statistics;
  const bool special = r->kind & XENT_ROW_SPECIAL;
  const contract_temperature tau = contract_temperature_of(in.temperature);
  const contract_row sums = {.max = (float)r->max, .N = r->reference, .S = r->sum + r->mass};
  const double D = special ? 0 : contract_distance(sums, &tau);
  float slope;
  for (int64_t j = 0; j < s->count; j++) {
    const int64_t k = s->classes[j];
    log_probabilities[j] = 0;
    if (k < 0) continue;
    if (special)
      log_probabilities[j] = r->kind & XENT_ROW_NAN ? quiet_float(NAN) : -INFINITY;
    else if (k == y)
      log_probabilities[j] = 0 - out->loss;
    else
      log_probabilities[j] =
          (float)(0 - (D + (r->max - (double)(float_logit(&in, k, &slope) - (float)r->shift)) * tau.r));
  }
  if (special || !target_of(s, -1, y, &rest)) return;
  const double cc = scaled(s->scale * U, in.temperature), S = sums.S, H = 0x1p-30 / S * cc;
  const bool carried = H != 0 && fabs(H) < 0x1p-126 && fabs(cc) < 0x1p31;
  const double up = carried ? 0x1p96 : 1;
  for (int64_t j = 0; j < s->count; j++) {
    const int64_t k = s->classes[j];
    double t;
    if (k < 0) continue;
    target_of(s, k, -1, &t);
    const float x = float_logit(&in, k, &slope) - (float)r->shift;
    const double own = scaled(s->scale * t, in.temperature);
    float g = fmaf(contract_exp_at(x, r->reference, &tau), (float)(H * up), -(float)(own * up));
    if (carried) g = fabs(own) >= 0x1p30 ? -(float)own : g * 0x1p-96f;
    if (k == y) g = (float)((0 - r->sum / S) * own + (r->mass / S) * scaled(s->scale * rest, in.temperature));
    out->gradient[k] = quiet_float((double)(in.softcap != 0 ? g * slope : g));
  }
}

void f64_contract_selected(const f64_problem *row, const selection *s, f64_answer *out, double *log_probabilities) {
  f64_problem in = *row;
  const int64_t y = apart(s, NULL, row);
  double U, rest, slope;
  target_of(s, -1, -1, &U);
  in.targets = y < 0 ? F64_NONE : F64_LABEL, in.label = y, in.class_weights = NULL;
  in.has_row_weight = in.others = false;
  in.eps = in.z_loss = in.clamp = 0, in.scale = s->scale * U;
  f64_contract_row(&in, out);
  for (int64_t k = 0; y < 0 && k < in.classes; k++) out->gradient[k] = 0;
  const bool special = out->nan || out->masked;
  const double r = in.temperature == 0 ? 1 : 1 / in.temperature, S = out->others + out->own_e;
  for (int64_t j = 0; j < s->count; j++) {
    const int64_t k = s->classes[j];
    log_probabilities[j] = 0;
    if (k < 0) continue;
    if (special)
      log_probabilities[j] = out->nan ? quiet(NAN) : -INFINITY;
    else if (k == y)
      log_probabilities[j] = 0 - out->loss;
    else
      log_probabilities[j] = 0 - fma(out->max - (double_logit(&in, k, &slope) - out->shift), r, out->distance);
  }
  if (y < 0 || special || !target_of(s, -1, y, &rest)) return;
  const double cc = scaled(s->scale * U, in.temperature), G = cc / S;
  const bool tiny = cc != 0 && fabs(G) < 0x1p-1022;
  for (int64_t j = 0; j < s->count; j++) {
    const int64_t k = s->classes[j];
    double t;
    if (k < 0) continue;
    target_of(s, k, -1, &t);
    const double x = double_logit(&in, k, &slope) - out->shift, own = scaled(s->scale * t, in.temperature);
    const double e = f64_contract_exp_at(x, out->reference, in.temperature);
    double g = fma(e, G, -own);
    if (tiny) g = fabs(own) >= 0x1p100 ? -own : fma(e, 0x1p900 / S * cc, -own * 0x1p900) * 0x1p-900;
    if (k == y) g = (0 - out->others / S) * own + (out->own_e / S) * scaled(s->scale * rest, in.temperature);
    out->gradient[k] = quiet(in.softcap != 0 ? g * slope : g);
  }
}
