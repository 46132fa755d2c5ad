/* SPDX-License-Identifier: Apache-2.0 */
/* The schedules in which a call can be computed, by name: xent_report.schedule. Which one is taken: choose.h. */
#ifndef XENT_SCHEDULES_H
#define XENT_SCHEDULES_H

enum {
  XENT_SCHEDULE_NONE,
  XENT_SCHEDULE_SINGLE, /* one row of at most 128 classes, and nothing unusual asked of it */
  XENT_SCHEDULE_DENSE,  /* sixteen rows of a few classes as they are in memory */
  XENT_SCHEDULE_FLOW,   /* up to sixteen rows of up to 1024 classes together: schedules/flow.h */
  XENT_SCHEDULE_STRIP,  /* columns, four and more side by side, a row in each lane */
  XENT_SCHEDULE_TURNED, /* columns that become rows, some at a time */
  XENT_SCHEDULE_ROW,    /* rows of 1025 to 4096 classes, as flow; all others, chunk by chunk */
  XENT_SCHEDULE_F64,    /* float64 arithmetic */
  XENT_SCHEDULE_ELEMENTS /* every element by itself, in pieces */
};

static const char *const xent_schedule_names[] = {
    [XENT_SCHEDULE_NONE] = "none", [XENT_SCHEDULE_SINGLE] = "single", [XENT_SCHEDULE_DENSE] = "dense",
        [XENT_SCHEDULE_FLOW] = "flow",
    [XENT_SCHEDULE_STRIP] = "strip", [XENT_SCHEDULE_TURNED] = "turned", [XENT_SCHEDULE_ROW] = "row",
        [XENT_SCHEDULE_F64] = "f64",
    [XENT_SCHEDULE_ELEMENTS] = "elements"};

#endif
