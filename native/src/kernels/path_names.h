/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of the paths that compute calls: xent_report.path. paths.h defines the path that a call over rows
 * takes; the functions of api/ name that of the others. A test build has a switch for each path (XENT_SWITCHES): if a
 * path is off, a call takes the next path that fits, with the same bits. Without XENT_SWITCHES, the switches are not
 * compiled.
 */
#ifndef XENT_PATH_NAMES_H
#define XENT_PATH_NAMES_H

#include <stdint.h>

#define XENT_PATHS(_)                                                                                        \
  _(NONE, "none")                                                                                                \
  _(EACH, "each")             /* rows of at most 1024 classes one by one, and only usual outputs */               \
  _(DENSE, "dense")           /* six to sixteen rows of a few classes, in place */                               \
  _(FLOW, "flow")             /* up to sixteen rows of up to 4096 classes together: paths/flow.h */          \
  _(STRIP, "strip")           /* columns, at least four next to each other, one row per lane */                  \
  _(TURNED, "turned")         /* columns transposed to rows, some at a time */                                   \
  _(ROW, "row")               /* any row, chunk by chunk: generic/ */                                            \
  _(F64, "f64")               /* float64 arithmetic of any row */                                                \
  _(ELEMENTS, "elements")     /* each element independently, in pieces */                                        \
  _(SHORT, "short")           /* backward of short rows: floats in place, or copies, many at a time */            \
  _(CONTIGUOUS, "contiguous") /* backward of contiguous rows of one type, one by one */                          \
  _(COPIES, "copies")         /* backward of any row, by copies */                                               \
  _(F64_TILES, "f64-tiles")   /* float64 arithmetic, with a class of several rows per vector */                  \
  _(F64_ROWS, "f64-rows")     /* float64 backward of several rows in place */

#define XENT_PATH_NUMBER(name, text) XENT_PATH_##name,
#define XENT_PATH_NAME(name, text) text,
enum { XENT_PATHS(XENT_PATH_NUMBER) XENT_PATH_COUNT };
static const char *const xent_path_names[] = {XENT_PATHS(XENT_PATH_NAME)};

#ifdef XENT_SWITCHES
_Static_assert(XENT_PATH_COUNT <= 32, "a bit for each");
/* The paths that are off, one bit XENT_PATH_... each. A path that takes any call stays on. */
extern volatile uint32_t xent_without;
#define XENT_IS_OFF(path) ((xent_without >> (path) & 1) != 0)
#else
#define XENT_IS_OFF(path) 0
#endif

#endif
