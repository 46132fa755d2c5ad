/* SPDX-License-Identifier: Apache-2.0 */
/* The work of a call: a summary of its options and arrays, made once for all of its rows. For columns it is made once
 * more, from the call with its axes exchanged. */
#ifndef XENT_JOB_H
#define XENT_JOB_H

#include "kernels/present.h"
#include "kernels/supported.h"
#include "kernels/math/exponential.h"
#include "kernels/math/logarithm.h"
#include "kernels/stages/targets/loss.h"

typedef struct {
  const xent_call *call;
  f32_temperature temperature;
  double eps, confidence;   /* of label smoothing; confidence = 1 - eps */
  double scale;             /* gradient_scale; upstream, row weight and temperature: scale_of_rows */
  double least, most;       /* limits on -log p of a label or a target, if most > 0 */
  double gamma;             /* of a focal loss; 0: not focal */
  float confidence32;
  bool labels, probabilities, sparse; /* the kind of targets; all false: no targets, as for log-sum-exp or argmax */
  bool soft;                /* probabilities or sparse */
  bool others;              /* smoothing is for all classes except the label */
  bool weighted;            /* classes have weights */
  bool smoothed;            /* eps > 0 */
  bool per_class;           /* targets_vary */
  bool scaled;              /* a row's share is not of smoothing, but the scale of its gradient */
  bool plain;               /* losses and gradients of labels are those of a call without options */
  bool probabilities_alone; /* the only outputs per row are log-sum-exp, statistics or state */
  bool distances;           /* the call needs the log-sum-exp of a row, not only the loss of its label */
} job;

XENT_INLINE job job_of(const xent_call *call) {
  const xent_options *o = call->options;
  const double d = o->probability_clamp > 0 && o->probability_clamp < DBL_MIN ? DBL_MIN : o->probability_clamp;
  job j = {.call = call, .temperature = f32_temperature_of(o->temperature), .eps = o->label_smoothing,
           .confidence = 1 - o->label_smoothing, .labels = has_labels(call),
           .sparse = call->targets && call->shape->target_count, .others = o->smoothing == XENT_SMOOTHING_OTHERS,
           .weighted = call->class_weights != NULL};
  j.soft = call->targets && !j.labels;
  j.probabilities = j.soft && !j.sparse;
  j.smoothed = call->targets && j.eps > 0;
  j.per_class = targets_vary(call);
  j.confidence32 = (float)j.confidence;
  j.gamma = j.labels ? o->focal_gamma : 0;
  j.scaled = j.labels && scales_gradients(o);
  j.scale = gradient_scale_of(o);
  if (d > 0) {
    j.least = 0 - log_normal(1 - d);
    j.most = 0 - log_normal(d);
  }
  j.plain = j.labels && !XENT_HAS_BESIDE(call, IN_PLAIN) && !sets_any(o, XENT_OPTIONS_ON_LOSSES) &&
            j.temperature.value == 1;
  j.probabilities_alone = XENT_HAS_ONLY(call, IN_PROBABILITIES, XENT_OPTIONS_OF_PATHS);
  j.distances = (call->targets && (j.smoothed || !j.labels)) ||
                !XENT_HAS_ONLY(call, IN_NO_LOG_SUM_EXP, XENT_OPTIONS_OF_PATHS & ~XENT_SETS(z_loss));
  return j;
}

#endif
