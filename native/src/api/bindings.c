/* SPDX-License-Identifier: Apache-2.0 */
/* The ways to make a call: as structs, as addresses for bindings, or prepared by one check for many runs. */
#include "api/calls.h"
#include "cpu/stack.h"
#include "kernels/supported.h"
#include "xent_bindings.h"

enum { FEW = 6 }; /* arrays of the shorter entry point */

/* ---- structs ---- */

/* The first fields of every struct: a range of rows, a range of classes if the function has one, options. */
typedef struct XENT_BEHIND_OPAQUE {
  uint64_t size;
  xent_sizes sizes;
  const void *addresses[3];
} call_head;

/* An int32_t of a struct; 0 if the struct does not have it. */
static int32_t number_at(const void *call, uint16_t at) {
  int32_t number = 0;
  if (at) memcpy(&number, (const char *)call + at, sizeof number);
  return number;
}

static uint64_t word_at(const void *call, const xent_place *place) {
  uint64_t word;
  memcpy(&word, (const char *)call + place->at, sizeof word);
  return word;
}

/* Makes the call of a struct of this version. The arrays of the mask are these, instead of those of the struct. */
__attribute__((always_inline)) static inline void take_members(xent_frame *f, const void *call,
                                                               const xent_entry *function, uint64_t mask,
                                                               const void *const *arrays) {
  const call_head *h = call; /* not a copy, whose loads would wait for its stores */
  const xent_sizes *sizes = &h->sizes;
  const int last = function->has_classes;
  const xent_range *rows = h->addresses[0], *classes = last ? h->addresses[1] : NULL;
  const xent_options *options = h->addresses[last + 1];
  int64_t all_rows;
  if (__builtin_mul_overflow(sizes->outer, sizes->inner, &all_rows)) all_rows = 0; /* rejected as a shape */
  memset(&f->shape, 0, offsetof(xent_shape, logits));
  f->shape.outer = sizes->outer, f->shape.classes = sizes->classes, f->shape.inner = sizes->inner;
  f->call = (xent_call){.shape = &f->shape, .options = options ? options : &xent_no_options,
                        .row_begin = rows ? rows->begin : 0, .row_end = rows ? rows->end : all_rows,
                        .class_begin = classes ? classes->begin : 0,
                        .class_end = classes ? classes->end : sizes->classes};
  memcpy(&f->call.report, (const char *)call + function->report, sizeof f->call.report);
  f->choice = number_at(call, function->choice);
  f->continues = number_at(call, function->continues);
  f->reserved = number_at(call, function->reserved);
  f->shape.logits = (xent_layout){.type = number_at(call, function->logits_type)}; /* read even without logits */
  for (int i = function->arrays; i < function->count; i++) {
    const xent_rule *rule = &xent_rules[function->places[i].rule];
    const uint64_t word = word_at(call, &function->places[i]);
    char *to = rule->form == XENT_OF_SHAPE ? (char *)&f->shape + rule->layout : (char *)&f->call + rule->address;
    memcpy(to, &word, sizeof word);
  }
  /* Layouts of absent arrays are ignored, except those that are needed; sparse targets need their weights. */
  const bool all = function->all_layouts || f->shape.target_count;
  const uint64_t visited = all ? xent_all_places(function) : function->visited;
  f->given = visited;
  for (int i = 0; i < function->arrays; i++) {
    const bool passed = mask >> i & 1;
    const uint64_t address = passed ? (uintptr_t)*arrays++ : word_at(call, &function->places[i]);
    _Static_assert(sizeof address == sizeof(void *), "an address of the struct is one of the call");
    if (!address && !(visited >> i & 1)) continue;
    const xent_rule *rule = &xent_rules[function->places[i].rule];
    f->given |= UINT64_C(1) << i;
    memcpy((char *)&f->call + rule->address, &address, sizeof address);
    _Static_assert(offsetof(xent_input, layout) == offsetof(xent_output, layout), "addresses, then layouts");
    if (xent_is_array(rule))
      memcpy((char *)&f->shape + rule->layout,
             (const char *)call + function->places[i].at + offsetof(xent_input, layout), sizeof(xent_layout));
  }
}

/* The members that an older version did not have are 0. */
__attribute__((cold, noinline)) static void take_older(xent_frame *f, const void *call, const xent_entry *function,
                                                       uint64_t mask, const void *const *arrays) {
  uint64_t whole[XENT_LARGEST_STRUCT / sizeof(uint64_t)] = {0}, size;
  memcpy(&size, call, sizeof size);
  memcpy(whole, call, (size_t)size);
  take_members(f, whole, function, mask, arrays);
}

__attribute__((always_inline)) static inline xent_status take_call(xent_frame *f, const void *call,
                                                                   const xent_entry *function, uint64_t mask,
                                                                   const void *const *arrays) {
  const xent_status status = xent_check_call(call, function->first_size, function->size);
  if (status) return status;
  const uint64_t *size = call;
  f->keep = NULL;
  if (*size < function->size)
    take_older(f, call, function, mask, arrays);
  else
    take_members(f, call, function, mask, arrays);
  return XENT_OK;
}

xent_status xent_make_call(const void *call, const xent_entry *function) {
  xent_frame f;
  const xent_status status = take_call(&f, call, function, 0, NULL);
  return status ? status : function->work(&f);
}

/* ---- functions by their numbers ---- */

#define NUMBERED_FUNCTION(number, name) [XENT_FUNCTION_##number] = &xent_of_##name,
static const xent_entry *const functions[] = {XENT_FUNCTIONS(NUMBERED_FUNCTION)};

static const xent_entry *function_of(int32_t number) {
  return number >= 1 && number < XENT_COUNT(functions) ? functions[number] : NULL;
}

uint64_t xent_workspace(int32_t function, const void *call) {
  const xent_entry *own = function_of(function);
  xent_frame f;
  if (!own || !own->workspace || take_call(&f, call, own, 0, NULL) || xent_check_sizes(&f)) return 0;
  return own->workspace(&f.call);
}

/* ---- calls that are checked once ---- */

/* The contents of an xent_prepared. */
struct XENT_BEHIND_OPAQUE xent_kept {
  uint64_t size;
  const xent_entry *function; /* NULL: nothing is prepared */
  xent_kernel kernel;         /* NULL: checked values are in memory that may change, so each run checks them */
  xent_call call;             /* as passed to the kernel; without a kernel, as made */
  int32_t choice, path;
  const void *texts; /* the struct whose counts of tokens may change, or NULL */
  uint16_t places[XENT_MOST_ARRAYS]; /* where xent_run_at writes an array in this struct; 0: the call does not use it */
  xent_report report;                /* of a call that was made without one */
  xent_shape shape;
  xent_sampling sampling; /* as it was checked, if the call has one */
};
_Static_assert(sizeof(xent_kept) <= sizeof(xent_prepared), "the caller's memory holds it");
_Static_assert(sizeof(xent_sampling) == offsetof(xent_sampling, dynatemp_exponent) + sizeof(uint64_t),
               "no bytes between words");

xent_status xent_keep(xent_frame *f, xent_kernel kernel) {
  xent_kept *p = f->keep;
  const xent_call *c = &f->call;
  const int32_t path = f->report->path;
  f->report->path = XENT_PATH_NONE; /* no row was computed */
  if (c->sampling_per_row || !XENT_HAS_ONLY(c, IN_KEPT, XENT_OPTIONS_OF_PATHS)) return XENT_OK;
  /* The call as it was made: the check removes lists without entries, which may have some in a later run. */
  if (XENT_HAS_BESIDE(&p->call, IN_KEPT)) return XENT_OK;
  if (c->sampling && c->sampling->size != sizeof p->sampling) return XENT_OK;
  if (c->sampling) p->sampling = *c->sampling;
  const bool forward = kernel == f->kernels->f32->softmax_forward || kernel == f->kernels->f32->cross_entropy_forward;
  const bool none = c->row_begin >= c->row_end; /* which the fixed kernel would report as its path */
  p->kernel = forward && !none ? f->kernels->kept_forward(c) : kernel;
  p->call = *c;
  p->path = path;
  if (c->report == &f->own_report) {
    p->report.size = sizeof p->report;
    p->call.report = &p->report;
  }
  p->call.shape = &p->shape;
  if (c->output_layout) {
    const ptrdiff_t at = (const char *)c->output_layout - (const char *)&f->shape;
    p->call.output_layout = (const xent_layout *)(const void *)((const char *)&p->shape + at);
  }
  return XENT_OK;
}

/* Clears the prepared call. */
static xent_status forget(xent_prepared *prepared) {
  const xent_status status = xent_check_size(prepared, sizeof *prepared);
  if (!status) ((xent_kept *)(void *)prepared)->function = NULL;
  return status;
}

/* Checks a call and stores it. */
static xent_status prepare(xent_prepared *prepared, xent_frame *f, const void *call, const xent_entry *function) {
  xent_kept *p = (xent_kept *)(void *)prepared;
  const uint64_t size = p->size;
  memset(p, 0, sizeof *p);
  p->size = size;
  p->call = f->call;
  p->choice = f->choice;
  p->call.shape = &p->shape;
  p->texts = function->continues && (f->call.prompt_tokens || f->call.output_tokens) ? call : NULL;
  f->keep = p;
  const xent_status status = function->work(f);
  if (status) return status;
  p->shape = f->shape;
  for (int i = 0; i < function->arrays; i++) {
    const uint16_t at = offsetof(xent_kept, call) + xent_rules[function->places[i].rule].address;
    const void *address;
    memcpy(&address, (const char *)p + at, sizeof address);
    p->places[i] = address ? at : 0;
  }
  p->function = function;
  return XENT_OK;
}

xent_status xent_prepare(xent_prepared *prepared, int32_t function, const void *call) {
  const xent_entry *own = function_of(function);
  xent_frame f;
  xent_status status = forget(prepared);
  if (!status) status = own ? take_call(&f, call, own, 0, NULL) : XENT_UNSUPPORTED;
  return status ? status : prepare(prepared, &f, call, own);
}

/* NULL: no call is prepared there. */
static inline xent_kept *kept_of(xent_prepared *prepared) {
  xent_kept *kept = (xent_kept *)(void *)prepared;
  return xent_check_size(prepared, sizeof *prepared) || !kept->function ? NULL : kept;
}

/* Whether sampling differs from the checked one only in numbers that no check reads. */
__attribute__((noinline)) static bool is_checked_sampling(const xent_kept *p) {
  enum { WORDS = sizeof(xent_sampling) / sizeof(uint64_t) };
  xent_sampling now = *p->call.sampling;
  now.seed = p->sampling.seed;
  now.stream = p->sampling.stream;
  now.step = p->sampling.step;
  now.draw = p->sampling.draw;
  uint64_t words[WORDS], checked[WORDS], different = 0;
  memcpy(words, &now, sizeof words);
  memcpy(checked, &p->sampling, sizeof checked);
  for (int i = 0; i < WORDS; i++) different |= words[i] ^ checked[i];
  return !different;
}

/* Checks the call and runs it. Not inlined: the frame is large. */
__attribute__((noinline)) static xent_status check_and_run(xent_kept *p) {
  xent_frame f;
  f.keep = NULL;
  f.call = p->call;
  f.choice = p->choice;
  f.continues = 0;
  f.reserved = 0;
  if (p->texts) {
    const xent_sample_call *text = p->texts;
    p->shape.prompt_count = text->prompt_count;
    p->shape.output_count = text->output_count;
    f.continues = text->continues;
  }
  f.given = xent_all_places(p->function);
  return p->function->work(&f);
}

static inline xent_status run_kept(xent_kept *p) {
  if (!p->kernel || (p->call.sampling && !is_checked_sampling(p))) return check_and_run(p);
  xent_report *report = p->call.report;
  const float_mode mode = float_mode_enter();
  const xent_exact_sum *exact_sum = p->call.exact_sum;
  const bool fits = xent_has_stack();
  *report = (xent_report){.size = report->size, .row = -1, .path = fits ? p->path : XENT_PATH_NONE};
  xent_status status = XENT_OUT_OF_STACK;
  if (fits && exact_sum && exact_sum->size != sizeof *exact_sum) {
    report->path = XENT_PATH_NONE;
    report->field = XENT_FIELD_EXACT_SUM;
    report->integer = (int64_t)exact_sum->size;
    status = XENT_INVALID_SIZE;
  } else if (fits) {
    status = p->function->weighs_rows ? p->kernel(&p->call) : run_checked(&p->call, p->kernel);
  }
  float_mode_leave(mode);
  return status;
}

xent_status xent_run(xent_prepared *prepared) {
  xent_kept *kept = kept_of(prepared);
  return kept ? run_kept(kept) : XENT_INVALID_ARGUMENT;
}

/* ---- a temperature per row ---- */

static bool are_temperatures(const double *temperatures, int64_t begin, int64_t end, xent_report *report) {
  for (int64_t row = begin; row < end; row++) {
    if (temperatures[row] >= 0x1p-32 && temperatures[row] <= 0x1p32) continue;
    report->row = row;
    report->field = XENT_FIELD_TEMPERATURE;
    report->value = temperatures[row];
    return false;
  }
  return true;
}

xent_status xent_with_temperatures(int32_t function, const void *call, const double *temperatures) {
  const xent_entry *own = function_of(function);
  xent_prepared prepared = {.size = sizeof prepared};
  xent_report own_report = {.size = sizeof own_report};
  xent_frame f;
  xent_status status = own && temperatures ? take_call(&f, call, own, 0, NULL) : XENT_INVALID_ARGUMENT;
  if (!status) status = xent_check_size(f.call.options, sizeof(xent_options));
  if (status) return status;
  xent_options options = *f.call.options;
  options.temperature = 2; /* its kernel is for any temperature, that of 1 is not */
  f.call.options = &options;
  if (!f.call.report) f.call.report = &own_report;
  xent_report *report = f.call.report;
  const int64_t begin = f.call.row_begin, end = f.call.row_end;
  const bool recorded = f.call.known_statistics; /* with the temperatures */
  status = recorded ? XENT_OK : prepare(&prepared, &f, call, own);
  if (status) return status;
  if (!are_temperatures(temperatures, begin, end, report)) return XENT_INVALID_OPTION;
  xent_kept *kept = (xent_kept *)(void *)&prepared;
  /* Checks compute the factor of a backward and the digest of records from the temperature. */
  const bool once = !recorded && kept->kernel && kept->call.factor == 0 && !kept->call.digest;
  int64_t valid_rows = 0;
  for (int64_t row = begin, next; !status && row < end; row = next) {
    for (next = row + 1; next < end && temperatures[next] == temperatures[row]; next++) continue;
    options.temperature = temperatures[row];
    xent_call *run = once ? &kept->call : &f.call;
    if (!once) {
      take_call(&f, call, own, 0, NULL);
      run->options = &options;
      run->report = report;
    }
    run->row_begin = row;
    run->row_end = next;
    status = once ? run_kept(kept) : own->work(&f);
    valid_rows += report->valid_rows;
  }
  report->valid_rows = valid_rows;
  report->denominator = (double)valid_rows;
  return status;
}

/* ---- entry points for bindings ---- */

/* One function for all, because only the arrays differ. */
static inline xent_status call_at(xent_prepared *prepared, int32_t number, const void *call, uint64_t mask,
                                  const void *const *arrays, int count) {
  const xent_entry *function = function_of(number);
  xent_status status = prepared ? forget(prepared) : XENT_OK;
  if (status) return status;
  if (!function) return XENT_UNSUPPORTED;
  if (mask >> function->arrays || __builtin_popcountll(mask) > count) return XENT_INVALID_ARGUMENT;
  xent_frame f;
  status = take_call(&f, call, function, mask, arrays);
  if (status) return status;
  return prepared ? prepare(prepared, &f, call, function) : function->work(&f);
}

xent_status xent_few_at(xent_prepared *prepared, int32_t function, const void *call, uint64_t mask, const void *a0,
                        const void *a1, const void *a2, const void *a3, const void *a4, const void *a5) {
  const void *const arrays[FEW] = {a0, a1, a2, a3, a4, a5};
  return call_at(prepared, function, call, mask, arrays, FEW);
}

xent_status xent_many_at(xent_prepared *prepared, int32_t function, const void *call, uint64_t mask, const void *a0,
                         const void *a1, const void *a2, const void *a3, const void *a4, const void *a5, const void *a6,
                         const void *a7, const void *a8, const void *a9, const void *a10, const void *a11,
                         const void *a12, const void *a13, const void *a14, const void *a15, const void *a16,
                         const void *a17, const void *a18, const void *a19, const void *a20, const void *a21,
                         const void *a22, const void *a23, const void *a24, const void *a25, const void *a26,
                         const void *a27, const void *a28, const void *a29, const void *a30, const void *a31) {
  const void *const arrays[] = {a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18,
                                a19, a20, a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31};
  _Static_assert(XENT_COUNT(arrays) == XENT_MOST_ARRAYS, "it takes as many arrays as a function may have");
  return call_at(prepared, function, call, mask, arrays, XENT_MOST_ARRAYS);
}

xent_status xent_run_at(xent_prepared *prepared, uint64_t mask, const void *a0, const void *a1, const void *a2,
                        const void *a3, const void *a4, const void *a5) {
  const void *const arrays[FEW] = {a0, a1, a2, a3, a4, a5};
  uint16_t at[FEW];
  xent_kept *kept = kept_of(prepared);
  if (!kept || mask >> XENT_MOST_ARRAYS) return XENT_INVALID_ARGUMENT;
  int count = 0;
  for (uint64_t left = mask; left; left &= left - 1, count++) {
    if (count == FEW || !arrays[count]) return XENT_INVALID_ARGUMENT;
    at[count] = kept->places[__builtin_ctzll(left)];
    if (!at[count]) return XENT_INVALID_ARGUMENT;
  }
  for (int i = 0; i < count; i++) memcpy((char *)kept + at[i], &arrays[i], sizeof arrays[i]);
  return run_kept(kept);
}
