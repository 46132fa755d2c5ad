/* SPDX-License-Identifier: Apache-2.0 */
/* The ways in which a call can be computed, by name: xent_report.way. Which one is taken: choose.h. */
#ifndef XENT_WAYS_H
#define XENT_WAYS_H

enum {
  XENT_WAY_NONE,
  XENT_WAY_SINGLE, /* one row of at most 128 classes, and nothing unusual asked of it */
  XENT_WAY_DENSE,  /* sixteen rows of a few classes as they lie */
  XENT_WAY_FLOW,   /* up to sixteen rows of up to 1024 classes together: ways/flow.h */
  XENT_WAY_STRIP,  /* columns, sixteen and more side by side */
  XENT_WAY_TURNED, /* columns that become rows, some at a time */
  XENT_WAY_ROW,    /* row by row, chunk by chunk: everything */
  XENT_WAY_F64,    /* float64 arithmetic */
  XENT_WAY_ELEMENTS /* every element by itself, in pieces */
};

static const char *const xent_way_names[] = {
    [XENT_WAY_NONE] = "none", [XENT_WAY_SINGLE] = "single", [XENT_WAY_DENSE] = "dense", [XENT_WAY_FLOW] = "flow",
    [XENT_WAY_STRIP] = "strip", [XENT_WAY_TURNED] = "turned", [XENT_WAY_ROW] = "row", [XENT_WAY_F64] = "f64",
    [XENT_WAY_ELEMENTS] = "elements"};

#endif
