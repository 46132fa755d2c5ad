/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths in which a call can be computed, by name: xent_report.schedule. Which one a call takes: paths.h.
 * A build for tests has a switch for each path (XENT_SWITCHES): a call takes the next path that fits if a path is off,
 * and has the same bits. Without switches nothing of them is compiled.
 */
#ifndef XENT_SCHEDULES_H
#define XENT_SCHEDULES_H

#include <stdint.h>

#define XENT_SCHEDULES(_)                                                                                        \
  _(NONE, "none")                                                                                                \
  _(SINGLE, "single")         /* one row of at most 128 classes, and nothing unusual asked of it */              \
  _(DENSE, "dense")           /* sixteen rows of a few classes as they are in memory */                          \
  _(FLOW, "flow")             /* up to sixteen rows of up to 1024 classes together: schedules/flow.h */          \
  _(STRIP, "strip")           /* columns, four and more side by side, a row in each lane */                      \
  _(TURNED, "turned")         /* columns that become rows, some at a time */                                     \
  _(ROW, "row")               /* any row, chunk by chunk: generic/ */                                            \
  _(F64, "f64")               /* float64 arithmetic of any row */                                                \
  _(ELEMENTS, "elements")     /* every element by itself, in pieces */                                           \
  _(LONG, "long")             /* rows of 1025 to 4096 classes, as flow */                                        \
  _(FLOATS, "floats")         /* backward of float rows that are a pitch apart */                                \
  _(SHORT, "short")           /* backward of copies of rows of at most 128 classes, many at a time */            \
  _(CONTIGUOUS, "contiguous") /* backward of contiguous rows of one type, one by one */                          \
  _(COPIES, "copies")         /* backward of any row, which is copied */                                         \
  _(F64_TILES, "f64-tiles")   /* float64 arithmetic, a class of several rows in a vector */                      \
  _(F64_ROWS, "f64-rows")     /* float64 backward of several rows as they are in memory */

/* Parts of flow that have a switch, too. A report does not name them. */
#define XENT_FLOW_SWITCHES(_)                                                         \
  _(BESIDE, "flow-beside")   /* a block is written beside the next one; else copied */ \
  _(MASKED, "flow-masked")   /* masked rows are read where they are */                 \
  _(LENGTHS, "flow-lengths") /* short rows have loops of constant length */

#define XENT_SCHEDULE_NUMBER(name, text) XENT_SCHEDULE_##name,
#define XENT_SCHEDULE_NAME(name, text) text,
enum { XENT_SCHEDULES(XENT_SCHEDULE_NUMBER) XENT_SCHEDULE_COUNT };
static const char *const xent_schedule_names[] = {XENT_SCHEDULES(XENT_SCHEDULE_NAME)};

#ifdef XENT_SWITCHES
enum { XENT_SCHEDULE_LAST = XENT_SCHEDULE_COUNT - 1, XENT_FLOW_SWITCHES(XENT_SCHEDULE_NUMBER) XENT_SWITCH_COUNT };
_Static_assert(XENT_SWITCH_COUNT <= 32, "a bit for each");
static const char *const xent_switch_names[] = {XENT_SCHEDULES(XENT_SCHEDULE_NAME)
                                                    XENT_FLOW_SWITCHES(XENT_SCHEDULE_NAME)};
/* The paths that are off: bit XENT_SCHEDULE_... of each. A path that takes any call stays on. */
extern volatile uint32_t xent_without;
#define XENT_IS_OFF(schedule) ((xent_without >> (schedule) & 1) != 0)
#else
#define XENT_IS_OFF(schedule) 0
#endif

#endif
