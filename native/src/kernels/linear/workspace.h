/* SPDX-License-Identifier: Apache-2.0 */
/* The cut of a linear layer's cross-entropy into parts, and their positions in the caller's workspace. */
#ifndef XENT_LINEAR_WORKSPACE_H
#define XENT_LINEAR_WORKSPACE_H

#include "kernels/supported.h"
#include "kernels/stages/targets/targets.h"
#include "numerics/constants.h"
#include "xent_bindings.h"

enum {
  XENT_TERMS = 128,      /* of a block of a dot product */
  XENT_PANEL_MOST = 32,  /* columns of a panel, in any tier: a workspace has room for all tiers */
  XENT_TILE_MOST = 12,   /* rows of a tile */
  XENT_WORKSPACE_ALIGNMENT = 64,
  XENT_GRADIENT_CONTENTS = XENT_WORKSPACE_WEIGHTS_GRADIENT | XENT_WORKSPACE_HIDDEN_GRADIENT
};

/* The numbers of rows and classes whose logits are in memory at the same time: for the forward, and for gradients,
 * whose rows are whole blocks of XENT_TERMS or all rows. */
typedef struct {
  int64_t rows, gradient_rows, gradient_classes;
} linear_cut;

/* The cuts, from the fastest to the smallest. */
static const linear_cut linear_cuts[] = {{264, 256, 512}, {132, 128, 512}, {132, 128, 128}, {60, 128, 128},
                                         {24, 128, 128},  {12, 128, 128}, {1, 128, 128}};
enum { XENT_LINEAR_CUTS = sizeof linear_cuts / sizeof *linear_cuts };

/* Offsets in bytes. */
typedef struct {
  linear_cut cut;
  int64_t pitch, columns; /* floats between rows of logits, or of sums of gradients */
  uint64_t hidden, panel, sums, logits, states, statistics, gradient_tiles, hidden_sums, weights_sums, bias_sums, size;
  int64_t kept_rows, kept_pitch; /* the first rows, whose logits are kept until their gradient is computed */
  uint64_t kept;
} linear_workspace;

static inline int64_t least_of(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

/* Reserves the next piece of a * b elements; false if its end overflows 64 bits. */
static inline bool next_place(linear_workspace *w, uint64_t *at, int64_t a, int64_t b, int64_t element) {
  int64_t bytes, end;
  *at = w->size;
  if (__builtin_mul_overflow(a, b, &bytes) || __builtin_mul_overflow(bytes, element, &bytes) ||
      __builtin_add_overflow((int64_t)w->size, bytes, &end) || end > INT64_MAX - 2 * XENT_WORKSPACE_ALIGNMENT)
    return false;
  w->size = (uint64_t)round_up(end, XENT_WORKSPACE_ALIGNMENT);
  return true;
}

/* The layout for `rows` rows; `contents` are XENT_WORKSPACE_... flags. False if the size overflows. */
static inline bool linear_workspace_of(int64_t rows, int64_t features, int64_t classes, int32_t contents,
                                       linear_cut cut, linear_workspace *w) {
  enum { FLOAT = 4, DOUBLE = 8, RECORD = 64, WHOLE_LOGITS = 1 << 23 };
  const int64_t most = INT64_C(1) << 48, spare = XENT_TILE_MOST + XENT_LANES;
  if (rows > most || features > most || classes > most) return false;
  const bool gradients = contents & XENT_GRADIENT_CONTENTS, whole = contents & XENT_WORKSPACE_WHOLE_ROWS;
  cut.rows = least_of(rows, cut.rows);
  cut.gradient_rows = least_of(rows, cut.gradient_rows);
  cut.gradient_classes = least_of(round_up(classes, XENT_PANEL_MOST), cut.gradient_classes);
  const int64_t width = whole ? classes : least_of(classes, XENT_CHUNK);
  const int64_t fit = WHOLE_LOGITS / width > XENT_TILE_MOST ? WHOLE_LOGITS / width : XENT_TILE_MOST;
  cut.rows = least_of(cut.rows, fit);
  const int64_t most_rows = gradients && cut.gradient_rows > cut.rows ? cut.gradient_rows : cut.rows;
  *w = (linear_workspace){.cut = cut};
  /* A pitch is not a power of two: otherwise the rows of a tile would share a cache set. */
  w->pitch = round_up(width, XENT_PANEL_MOST) + XENT_LANES;
  w->columns = round_up(features, XENT_PANEL_MOST) + XENT_LANES / 2;
  const int64_t gradient_pitch = cut.gradient_classes + XENT_LANES;
  const int64_t all = cut.rows * w->pitch, part = cut.gradient_rows * gradient_pitch;
  bool fits = next_place(w, &w->hidden, most_rows + spare, features + 1, FLOAT) &&
              next_place(w, &w->panel, XENT_TERMS + 1, XENT_PANEL_MOST, FLOAT) &&
              next_place(w, &w->sums, most_rows + spare, XENT_PANEL_MOST, DOUBLE) &&
              next_place(w, &w->logits, gradients && part > all ? part : all, 1, FLOAT) &&
              next_place(w, &w->states, cut.rows, xent_chunks(classes), RECORD);
  fits = fits && next_place(w, &w->statistics, gradients ? rows : cut.rows, 1, RECORD);
  if (gradients)
    fits = fits && next_place(w, &w->gradient_tiles, cut.gradient_rows + spare, cut.gradient_classes + spare, FLOAT);
  if (contents & XENT_WORKSPACE_HIDDEN_GRADIENT)
    fits = fits && next_place(w, &w->hidden_sums, rows, w->columns, DOUBLE);
  if (contents & XENT_WORKSPACE_WEIGHTS_GRADIENT)
    fits = fits && next_place(w, &w->weights_sums, cut.gradient_classes, w->columns, DOUBLE) &&
           next_place(w, &w->bias_sums, cut.gradient_classes, 1, DOUBLE);
  w->kept_pitch = round_up(classes, XENT_PANEL_MOST) + XENT_LANES;
  if (gradients && contents & XENT_WORKSPACE_LOGITS) fits = fits && next_place(w, &w->kept, rows, w->kept_pitch, FLOAT);
  return fits;
}

/* The contents of the workspace that a call needs. */
static inline int32_t linear_contents(const xent_call *c) {
  const bool whole = XENT_HAS_BESIDE(c, IN_LINEAR_PARTS) || (clamps_terms(c) && !c->known_statistics);
  return (c->hidden_gradient ? XENT_WORKSPACE_HIDDEN_GRADIENT : 0) |
         (c->weights_gradient || c->bias_gradient ? XENT_WORKSPACE_WEIGHTS_GRADIENT : 0) |
         (whole ? XENT_WORKSPACE_WHOLE_ROWS : 0);
}

/* The first cut that fits; false if no cut fits. The remaining space keeps logits between the two passes of a call. */
static inline bool linear_workspace_within(const xent_call *c, uint64_t size, linear_workspace *w) {
  const int64_t rows = c->row_end - c->row_begin, classes = c->class_end - c->class_begin;
  const int32_t contents = linear_contents(c);
  for (int i = 0; i < XENT_LINEAR_CUTS; i++) {
    if (!linear_workspace_of(rows, c->shape->features, classes, contents, linear_cuts[i], w) || w->size > size)
      continue;
    if (!(contents & XENT_GRADIENT_CONTENTS) || c->made_logits || c->known_statistics) return true;
    const uint64_t fit = (size - w->size) / ((uint64_t)w->kept_pitch * sizeof(float));
    w->kept = w->size;
    w->kept_rows = fit >= (uint64_t)rows ? rows : (int64_t)fit / XENT_TERMS * XENT_TERMS;
    return true;
  }
  return false;
}

#endif
