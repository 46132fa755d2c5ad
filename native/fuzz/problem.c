/* SPDX-License-Identifier: Apache-2.0 */
#include "problem.h"

#include "elements.h"
#include "kernels/path_names.h"
#include "place.h"

/* ---- sizes and ranges ---- */

enum { MOST_PRODUCTS = 200000 }; /* of a linear layer */

/* Numbers of classes at which kernels differ; the longest are around the ends of chunks. */
static int64_t some_classes(fuzz_input *in) {
  static const int64_t ends[] = {1, 16, 104, 1024, XENT_CHUNK};
  const int64_t kind = below(in, 12);
  if (kind >= 11) return XENT_CHUNK * (1 + below(in, 2)) - 2 + below(in, 5);
  const int at = kind < 1 ? 0 : kind < 4 ? 1 : kind < 7 ? 2 : kind < 10 ? 3 : 4;
  const int64_t least = at ? ends[at - 1] + 1 : 1, most = ends[at];
  return chance(in, 64) ? most : least + (int64_t)take(in, 2) % (most - least + 1);
}

/* The number of rows that a call with `classes` classes can have in a short time, at most `most`. */
static int64_t some_rows(fuzz_input *in, int64_t classes, int64_t most) {
  const int64_t fit = 40000 / classes;
  return 1 + below(in, fit < 1 ? 1 : fit < most ? fit : most);
}

/* The first ones, which inputs of the corpus choose by number; long rows are ROW. */
static int32_t some_path(fuzz_input *in) {
  const int32_t kind = (int32_t)take(in, 1), first = XENT_PATH_EACH, last = XENT_PATH_F64;
  const int32_t paths = last - first + 1, path = first + kind % (paths + 1);
  if (kind < 0x80) return XENT_PATH_NONE;
  return path > last ? XENT_PATH_TURNED : path; /* which one function of many takes */
}

/* Whole blocks of sixteen and a remainder, rarely fewer rows. */
static int64_t some_block(fuzz_input *in, int64_t classes) {
  const int64_t fit = 20000 / classes, most = fit < 16 ? 16 : fit < 80 ? fit : 80;
  return chance(in, 32) ? 1 + below(in, 15) : 16 + below(in, most - 15);
}

/* Sizes that paths.h maps to each path. */
static void read_sizes_of_way(fuzz_problem *p, fuzz_input *in) {
  static const int64_t least[] = {[XENT_PATH_EACH] = 2, [XENT_PATH_DENSE] = 2, [XENT_PATH_FLOW] = 1,
                                  [XENT_PATH_STRIP] = 1,  [XENT_PATH_TURNED] = 1, [XENT_PATH_ROW] = 1025,
                                  [XENT_PATH_F64] = 1},
                       most[] = {[XENT_PATH_EACH] = 128, [XENT_PATH_DENSE] = 104, [XENT_PATH_FLOW] = 1024,
                                 [XENT_PATH_STRIP] = 1200, [XENT_PATH_TURNED] = 1200,
                                     [XENT_PATH_ROW] = 2200,
                                 [XENT_PATH_F64] = 1200};
  xent_shape *s = &p->shape;
  s->classes = least[p->path] + (int64_t)take(in, 2) % (most[p->path] - least[p->path] + 1);
  s->outer = s->inner = 1;
  if (p->path == XENT_PATH_STRIP || p->path == XENT_PATH_TURNED)
    s->inner = some_block(in, s->classes);
  else if (p->path != XENT_PATH_EACH)
    s->outer = some_block(in, s->classes);
}

/* Sizes around the ends of blocks, panels and tiles; rarely more than a chunk of classes. */
static void read_sizes_of_layer(fuzz_problem *p, fuzz_input *in) {
  static const int64_t ends[] = {1, 16, 32, 64, 128};
  xent_shape *s = &p->shape;
  s->features = chance(in, 64) ? ends[below(in, 5)] + below(in, 2) : 1 + below(in, 70);
  s->classes = chance(in, 96) ? ends[below(in, 5)] + below(in, 2) : 1 + (int64_t)take(in, 2) % 150;
  if (chance(in, 24)) {
    s->classes = XENT_CHUNK * (1 + below(in, 2)) - 1 + below(in, 3);
    s->features = 1 + below(in, 3);
  }
  s->inner = chance(in, 48) ? 1 + below(in, 3) : 1;
  const int64_t fit = MOST_PRODUCTS / (s->classes * s->features * s->inner);
  s->outer = 1 + below(in, fit < 1 ? 1 : fit < 45 ? fit : 45);
  if (is_wild(p, in, 12)) s->features = wild_number(in);
  if (is_wild(p, in, 12)) s->classes = wild_number(in);
  if (is_wild(p, in, 12)) s->outer = wild_number(in);
}

static void read_sizes(fuzz_problem *p, fuzz_input *in) {
  if (p->linear) {
    read_sizes_of_layer(p, in);
    return;
  }
  if (p->path) {
    read_sizes_of_way(p, in);
    return;
  }
  xent_shape *s = &p->shape;
  const uint64_t kind = take(in, 1);
  s->outer = s->inner = 1;
  if (kind < 0x90) { /* rows */
    s->classes = some_classes(in);
    s->outer = some_rows(in, s->classes, chance(in, 128) ? 9 : 128);
  } else if (kind < 0xd8) { /* columns, in strips of them */
    s->classes = some_classes(in);
    s->inner = some_rows(in, s->classes, 70);
    s->outer = some_rows(in, s->classes * s->inner, 4);
  } else if (kind < 0xe4) { /* empty */
    s->outer = below(in, 3);
    s->classes = 1 + below(in, 20);
    s->inner = below(in, 3);
  } else {
    s->outer = chance(in, 128) ? wild_number(in) : 1 + below(in, 4);
    s->classes = chance(in, 128) ? wild_number(in) : 1 + below(in, 30);
    s->inner = chance(in, 64) ? wild_number(in) : 1;
  }
}

static void read_ranges(fuzz_problem *p, fuzz_input *in) {
  const int64_t rows = rows_of(p), classes = p->shape.classes;
  p->row_begin = p->class_begin = 0;
  p->row_end = rows;
  p->class_end = classes;
  if (chance(in, 64) && rows > 0) {
    p->row_begin = (int64_t)take(in, 1) % rows;
    p->row_end = p->row_begin + (int64_t)take(in, 1) % (rows - p->row_begin);
  }
  if (is_wild(p, in, 6)) p->row_begin = wild_number(in);
  if (is_wild(p, in, 6)) p->row_end = wild_number(in);
  if (classes > XENT_CHUNK && chance(in, 128)) {
    const int64_t chunks = (classes - 1) / XENT_CHUNK + 1;
    p->class_begin = below(in, 3) % (chunks + 1) * XENT_CHUNK;
    if (p->class_begin <= classes - XENT_CHUNK && chance(in, 128)) p->class_end = p->class_begin + XENT_CHUNK;
    if (p->class_begin > classes) p->class_begin = 0;
  }
  if (p->linear && classes > 0 && chance(in, 96)) { /* of gradients */
    p->class_begin = (int64_t)take(in, 2) % classes;
    p->class_end = p->class_begin + (int64_t)take(in, 2) % (classes - p->class_begin + 1);
  }
  if (is_wild(p, in, 6)) p->class_begin = wild_number(in);
  if (is_wild(p, in, 6)) p->class_end = wild_number(in);
}

static void read_counts(fuzz_problem *p, fuzz_input *in) {
  xent_shape *s = &p->shape;
  if (chance(in, p->path && p->path != XENT_PATH_ROW ? 8 : 64)) s->target_count = 1 + below(in, 5);
  if (p->path == XENT_PATH_TURNED || chance(in, 128)) s->top_count = 1 + below(in, 6);
  if (s->top_count > s->classes) s->top_count = s->classes;
  if (is_wild(p, in, 3)) s->target_count = wild_number(in);
  if (is_wild(p, in, 3)) s->top_count = wild_number(in);
  if (p->sampled) {
    if (chance(in, 128)) s->prompt_count = 1 + below(in, 20);
    if (chance(in, 128)) s->output_count = 1 + below(in, 70);
    if (is_wild(p, in, 3)) s->prompt_count = wild_number(in);
    if (is_wild(p, in, 3)) s->output_count = wild_number(in);
    if (chance(in, 128)) s->target_count = 1 + below(in, 30);
  }
  if (is_wild(p, in, 10)) {
    s->first_class = chance(in, 128) ? wild_number(in) : below(in, 3) * XENT_CHUNK;
    s->all_classes = chance(in, 128) ? wild_number(in) : s->classes;
  }
}

static void read_options(fuzz_problem *p, fuzz_input *in) {
  xent_options *o = &p->options;
  *o = xent_default_options();
  p->any_isa = true;
  if (!chance(in, 128)) return;
  o->fully_masked = chance(in, 64);
  if (chance(in, 64)) {
    o->has_ignore_index = 1;
    o->ignore_index = chance(in, 64) ? wild_number(in) : chance(in, 128) ? 0 : -100;
  }
  if (chance(in, 64)) o->label_smoothing = (double)below(in, 11) / 10;
  if (chance(in, 64)) o->gradient_scale = (double)(below(in, 16) - 8) / 3;
  if (chance(in, 32)) o->smoothing = XENT_SMOOTHING_OTHERS;
  if (chance(in, 48)) o->temperature = (double)below(in, 32) / 8;
  if (chance(in, 48)) o->softcap = (double)below(in, 60);
  if (chance(in, 48)) o->z_loss = (double)below(in, 16) / 1024;
  if (chance(in, 32)) o->probability_clamp = (double)below(in, 9) / 16;
  if (!is_wild(p, in, 24)) return;
  double *const numbers[] = {&o->label_smoothing, &o->gradient_scale, &o->temperature, &o->softcap, &o->z_loss,
                             &o->probability_clamp};
  int32_t *const switches[] = {&o->isa,       &o->fully_masked, &o->has_ignore_index, (int32_t *)&o->reserved + 1,
                               &o->smoothing, (int32_t *)&o->reserved};
  const int64_t which = below(in, 12);
  if (which < 6) {
    *numbers[which] = wild_double(in);
  } else {
    *switches[which - 6] = (int32_t)wild_number(in);
    p->any_isa = which != 6;
  }
}

/* For the path of one row, which takes plain calls: drops most options and arrays. */
static uint32_t plainly(fuzz_problem *p, fuzz_input *in, uint32_t needed, uint32_t given) {
  static const uint32_t plain = BIT(TARGETS) | BIT(LOSSES) | BIT(OUTPUT) | BIT(GRADIENT) | BIT(EXACT_SUM) | BIT(REPORT);
  xent_options *o = &p->options;
  if (p->path != XENT_PATH_EACH || chance(in, 32)) return given;
  o->label_smoothing = o->softcap = o->z_loss = o->probability_clamp = 0;
  o->smoothing = XENT_SMOOTHING_UNIFORM;
  if (chance(in, 192)) o->temperature = 0;
  p->shape.target_count = 0;
  return given & (needed | plain);
}

/* ---- layouts ---- */

static int32_t read_type(fuzz_problem *p, fuzz_input *in, int index, bool wide, bool narrow) {
  static const int32_t labels[] = {XENT_I64, XENT_I32, XENT_I8, XENT_U8, XENT_I16, XENT_U16, XENT_U32, XENT_U64};
  if (is_wild(p, in, 3)) return (int32_t)wild_number(in);
  if (is_wild(p, in, 3)) return (int32_t)below(in, 14);
  switch (kind_of(p, index)->types) {
    case BYTES: return XENT_U8;
    case BYTES_OR_WORDS: return !chance(in, 64) ? XENT_U8 : chance(in, 128) ? XENT_I32 : XENT_U32;
    case CLASS_NUMBERS:
    case OFFSETS: return chance(in, 128) ? XENT_I32 : XENT_I64;
    case TARGET:
      if (p->sampled || p->shape.target_count || !chance(in, 64))
        return labels[below(in, p->path && p->shape.classes > INT8_MAX ? 2 : 8)];
      break;
    case FLOATS_OR_BYTES:
      if (chance(in, 64)) return XENT_U8;
      break;
    default: break;
  }
  if (p->linear && index == LOGITS) return XENT_F32;
  if (p->hessian && index == OUTPUT) return wide ? XENT_F64 : XENT_F32;
  if (wide) return chance(in, 48) && index != LOGITS && index != OUTPUT ? XENT_F32 : XENT_F64;
  static const int32_t floats[] = {XENT_F32, XENT_F16, XENT_BF16};
  return narrow ? floats[below(in, 3)] : XENT_F32;
}

static int64_t times(int64_t a, int64_t b) {
  const wide_int product = (wide_int)a * b;
  return product > INT64_MAX || product < INT64_MIN ? INT64_MAX : (int64_t)product;
}

static void read_layout(fuzz_problem *p, fuzz_input *in, int index, int32_t type) {
  xent_layout *l = layout_to_set(p, index);
  const fuzz_extent extent = extent_of(p, index);
  const bool matrix = extent == MATRIX;
  const int64_t entries = entries_of(p, extent), inner = matrix ? 1 : p->shape.inner,
                outer = matrix ? p->shape.classes : p->shape.outer;
  const uint64_t any = take(in, 1), kind = p->path ? any % (kind_of(p, index)->written ? 0xdc : 0xf4) : any;
  *l = (xent_layout){times(entries, inner), inner, 1, type, 0};
  if (extent == ONE_ROW) l->classes = 1;
  if (kind < 0xa0) return;
  if (kind < 0xb8) { /* gaps at the end of rows */
    l->outer = times(entries, inner) < INT64_MAX / 2 ? times(entries, inner) + 1 + below(in, 9) : INT64_MAX;
  } else if (kind < 0xcc) { /* classes last */
    *l = (xent_layout){times(entries, inner), 1, entries, type, 0};
  } else if (kind < 0xdc) { /* gaps everywhere */
    const int64_t step = 1 + below(in, 4);
    *l = (xent_layout){times(times(entries, inner), step), times(inner, step), step, type, 0};
    if (extent == ONE_ROW) l->classes = step;
  } else if (kind < 0xec) { /* repeated: accepted for inputs only */
    const uint64_t which = take(in, 1);
    if (which & 1) l->outer = 0;
    if (which & 2) l->inner = 0;
    if (which & 4) l->classes = 0;
  } else if (kind < 0xf4) { /* outer innermost */
    *l = (xent_layout){1, outer, times(entries, outer), type, 0};
  } else {
    if (chance(in, 128)) l->outer = wild_number(in);
    if (chance(in, 128)) l->classes = wild_number(in);
    if (chance(in, 128)) l->inner = wild_number(in);
    if (chance(in, 24)) l->reserved = (int32_t)wild_number(in);
  }
}

static void read_layouts(fuzz_problem *p, fuzz_input *in, uint32_t arrays) {
  const uint64_t kind = take(in, 1);
  const bool wide = !p->sampled && !p->linear && (p->path ? p->path == XENT_PATH_F64 : kind >= 0xa0 &&
                                                  kind < 0xd0);
  const bool narrow = kind >= 0xd0;
  for (int i = 0; i < ARRAYS; i++) {
    if (!(arrays & BIT(i))) continue;
    const int32_t type = read_type(p, in, i, wide, narrow);
    layout_to_set(p, i)->type = type;
    read_layout(p, in, i, type);
  }
}

/* ---- a problem ---- */

/* Empties the range of rows if one of millions of inputs would take too long, or an array reaches beyond its room. */
static void limit_rows(fuzz_problem *p, uint32_t given) {
  bool huge = false;
  for (int i = 0; i < SLOTS; i++) huge |= (given & BIT(i)) && p->bytes[i] < 0;
  const int64_t rows = rows_of(p);
  if (p->row_begin < 0 || p->row_begin >= p->row_end || p->row_end > rows) return;
  const int64_t entries = p->shape.target_count;
  if (entries > 1000) huge = true; /* each is compared with each */
  const wide_int before = (wide_int)p->shape.prompt_count + p->shape.output_count;
  const wide_int work =
      (wide_int)(p->row_end - p->row_begin) * ((wide_int)p->shape.classes + p->shape.top_count + entries + before);
  const wide_int products = p->linear ? work * (p->shape.features < 1 ? 1 : p->shape.features) : 0;
  if (huge || work > 50000 || products > 2 * MOST_PRODUCTS) p->row_end = p->row_begin;
}

/* Statistics have one entry per row of the tensor, states one per chunk of every row of the range. */
static void size_statistics(fuzz_problem *p) {
  const int64_t rows = rows_of(p), classes = p->shape.classes;
  if (p->sampled) {
    const wide_int tokens = (wide_int)p->shape.prompt_count + p->shape.output_count + p->shape.target_count;
    uint64_t bytes = tokens > ROOM ? ROOM : xent_sample_workspace(classes, (int64_t)tokens);
    if (extent_of(p, CLASS_MASK) == PER_WORD && classes > 0 && classes < ROOM) bytes += ((uint64_t)classes + 7) / 8 * 8;
    p->bytes[WORKSPACE] = bytes > ROOM / 2 ? -1 : (int64_t)bytes;
    p->bytes[SAMPLING] = rows < 0 ? 0 : rows > ROOM / 512 ? -1 : 1;
    return;
  }
  if (p->linear) {
    const uint64_t bytes = workspace_of_layer(p);
    p->bytes[WORKSPACE] = bytes > ROOM - 64 ? -1 : (int64_t)bytes;
  }
  const wide_int statistics = (wide_int)rows * (int64_t)sizeof(xent_statistics);
  const wide_int chunks = classes < 1 ? 0 : (wide_int)(classes - 1) / XENT_CHUNK + 1;
  const wide_int states = chunks * ((wide_int)p->row_end - p->row_begin) * (int64_t)sizeof(xent_state);
  p->bytes[STATISTICS] = statistics < 0 ? 0 : statistics > ROOM / 2 ? -1 : (int64_t)statistics;
  p->bytes[STATES] = states < 0 ? 0 : states > ROOM / 2 ? -1 : (int64_t)states;
}

/* For a call that targets a path: drops the arrays and options that its other arguments rule out. */
static uint32_t agreeing(fuzz_problem *p, fuzz_input *in, uint32_t given) {
  xent_options *o = &p->options;
  if (p->elementwise) {
    o->label_smoothing = o->temperature = o->softcap = o->z_loss = o->probability_clamp = 0;
    o->smoothing = o->fully_masked = 0;
    const bool floats = p->shape.targets.type >= XENT_F32 && p->shape.targets.type <= XENT_BF16;
    if (floats && !is_wild(p, in, 8)) o->has_ignore_index = 0;
    if (chance(in, 48)) o->focal_gamma = is_wild(p, in, 24) ? wild_double(in) : (double)below(in, 9) / 2;
    if (chance(in, 48)) o->focal_alpha = is_wild(p, in, 24) ? wild_double(in) : (double)below(in, 9) / 8;
    return given;
  }
  if (p->sampled) {
    if (!p->shape.top_count) given &= ~(BIT(TOP_CLASSES) | BIT(TOP_LOG_PROBABILITIES));
    if (is_wild(p, in, 16)) return given;
    const double softcap = o->softcap;
    const int32_t isa = o->isa;
    *o = xent_default_options();
    o->softcap = softcap;
    o->isa = isa;
    return given;
  }
  if (p->hessian && !is_wild(p, in, 16)) {
    o->label_smoothing = o->softcap = o->z_loss = o->probability_clamp = 0;
    o->smoothing = o->has_ignore_index = 0;
  }
  const bool labels = given & BIT(TARGETS) && extent_of(p, TARGETS) == PER_ROW && !p->shape.target_count;
  if (labels && !p->selected && !p->hessian && p->seed % 8 == 7) { /* a focal loss, which needs plain labels */
    o->focal_gamma = (double)(1 + p->seed / 8 % 16) / 4;
    if (!is_wild(p, in, 16)) o->label_smoothing = o->z_loss = o->probability_clamp = 0;
  }
  if (!p->path) return given;
  if (p->path != XENT_PATH_ROW && !chance(in, 8)) given &= ~BIT(ROW_OFFSETS);
  if (!p->shape.target_count) given &= ~BIT(TARGET_WEIGHTS);
  if (!p->shape.top_count) given &= ~(BIT(TOP_CLASSES) | BIT(TOP_LOG_PROBABILITIES));
  if (o->label_smoothing > 0) o->probability_clamp = 0;
  if (p->selected) {
    o->label_smoothing = o->z_loss = o->probability_clamp = 0;
    o->smoothing = XENT_SMOOTHING_UNIFORM;
    return given;
  }
  if (!(given & BIT(TARGETS)) || (extent_of(p, TARGETS) == PER_ROW && !p->shape.target_count))
    return given & ~BIT(TARGET_GRADIENT);
  o->has_ignore_index = 0;
  o->smoothing = XENT_SMOOTHING_UNIFORM;
  o->probability_clamp = 0;
  return given & ~(BIT(CORRECT) | BIT(LOG_PROBABILITIES) | BIT(RANKS));
}

/* Chooses arrays and structs: the bits of structs follow those of the arrays that all fuzz targets have. */
static uint32_t read_asked(const fuzz_problem *p, fuzz_input *in) {
  enum { KNOWN = TEACHER + 1 };
  const uint32_t bits = (uint32_t)take(in, 4), arrays = bits & (BIT(KNOWN) - 1), structs = bits >> KNOWN << ARRAYS;
  return arrays | structs | (p->linear ? (uint32_t)take(in, 1) << KNOWN & (BIT(ARRAYS) - BIT(KNOWN)) : 0);
}

void problem_read(fuzz_problem *p, fuzz_input *in, uint32_t needed, uint32_t optional) {
  p->shape = (xent_shape){0};
  memset(p->offset, 0, sizeof p->offset);
  memset(p->bytes, 0, sizeof p->bytes);
  memset(p->address, 0, sizeof p->address);
  p->path = some_path(in);
  read_sizes(p, in);
  read_ranges(p, in);
  read_counts(p, in);
  read_options(p, in);
  const uint32_t asked = read_asked(p, in);
  p->least_workspace = !p->linear || !chance(in, 64);
  p->seed = take(in, 2);
  uint32_t given = needed | (optional & asked);
  if (p->path) given |= optional & (BIT(REPORT) | (chance(in, 96) ? BIT(CLASS_MASK) : 0));
  if (p->path == XENT_PATH_TURNED) given |= optional & BIT(TOP_CLASSES);
  given = plainly(p, in, needed, given);
  if (is_wild(p, in, 4)) given &= ~BIT(below(in, SLOTS)); /* including a needed one */
  if (given & BIT(ROW_OFFSETS) && p->shape.inner != 1 && !chance(in, 16)) given &= ~BIT(ROW_OFFSETS);
  for (int i = 0; i < ARRAYS; i++) p->address[i] = given & BIT(i) ? nowhere() : NULL; /* not NULL, for extent_of */
  read_layouts(p, in, given | (needed & ((1u << ARRAYS) - 1)));
  given = agreeing(p, in, given);
  share_memory(p, in, given);
  p->bytes[ROW_OFFSETS] = bytes_of_array(p, ROW_OFFSETS);
  if (p->bytes[ROW_OFFSETS] < 0) given &= ~BIT(ROW_OFFSETS);
  p->ragged = given & BIT(ROW_OFFSETS);
  slot_place(&p->slots[ROW_OFFSETS], p->ragged ? p->bytes[ROW_OFFSETS] : 0, chance(in, 128), 0);
  if (!p->ragged) p->address[ROW_OFFSETS] = NULL;
  if (p->ragged) make_offsets(p, in);
  p->ragged &= p->shape.row_offsets.type == XENT_I32 || p->shape.row_offsets.type == XENT_I64;
  /* Arrays that are read or written regardless of the rows: */
  if (p->shape.classes > ROOM) given &= ~BIT(CLASS_WEIGHTS);
  for (int i = WEIGHTS_GRADIENT; i <= BIAS_GRADIENT; i++)
    if (given & BIT(i) && bytes_of_array(p, i) < 0) given &= ~BIT(i);
  for (int i = 0; i < ARRAYS; i++) {
    if (given & BIT(i)) p->bytes[i] = bytes_of_array(p, i);
    if (!(given & BIT(i))) p->address[i] = NULL;
    const bool beyond = p->bytes[i] < 0 || p->offset[i] + p->bytes[i] > p->slots[ROW_OFFSETS].bytes;
    if (p->in_slot_of[i] == ROW_OFFSETS && i != ROW_OFFSETS && beyond) p->in_slot_of[i] = i, p->offset[i] = 0;
  }
  if (p->bytes[CLASS_WEIGHTS] < 0) {
    given &= ~BIT(CLASS_WEIGHTS);
    p->address[CLASS_WEIGHTS] = NULL;
    p->bytes[CLASS_WEIGHTS] = 0;
  }
  size_statistics(p);
  limit_rows(p, given);
  size_statistics(p);
  place_arrays(p, in, given);
  place_structs(p, in, given);
  fill_arrays(p, in, given);
}
