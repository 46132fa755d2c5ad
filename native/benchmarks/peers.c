/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares Xent with other C libraries in one process and one thread: nanoseconds per element, and the time of the
 * fastest other library over that of Xent. Xent alternates with each library. Each call has the form that its library
 * recommends: created once, float32, not in place. The results of both are compared first.
 * usage: bench_peers [CASES [ROUNDS]]   CASES: those whose `function shape` has this text in it; "": all
 */
#define _GNU_SOURCE /* RTLD_DEFAULT */
#include "timing.h"

#include <dlfcn.h>

#include "problem.h"

#if defined(PEER_ONEDNN)
#include <oneapi/dnnl/dnnl.h>
#endif
#if defined(PEER_XNNPACK) || defined(PEER_XNNPACK_2022)
#include <xnnpack.h>
#endif
#if defined(PEER_GGML)
#include <ggml-cpu.h>
#include <ggml.h>
#endif

static const struct {
  const char *name;
  int operation;
  unsigned arrays; /* of Xent's call: other libraries always read probability rows, which have a one at the label */
} functions[] = {
    {"softmax", SOFTMAX, 0},
    {"log-softmax", LOG_SOFTMAX, 0},
    {"softmax backward", SOFTMAX_BACKWARD, 0},
    {"log-softmax backward", LOG_SOFTMAX_BACKWARD, 0},
    {"loss of labels", LOSS, EXACT_SUM},
    {"loss and gradient of labels", LOSS_AND_GRADIENT, EXACT_SUM},
    {"loss of probability rows", LOSS, EXACT_SUM | PROBABILITIES},
    {"loss and gradient of probability rows", LOSS_AND_GRADIENT, EXACT_SUM | PROBABILITIES},
};
static const struct {
  int64_t rows, classes;
} shapes[] = {{1, 1000}, {64, 10}, {64, 1000}, {1024, 1000}, {10000, 100}, {64, 128256}};
enum { FUNCTIONS = sizeof functions / sizeof *functions, SHAPES = sizeof shapes / sizeof *shapes };

/* The arrays of a call. A loss is the mean over the rows. */
typedef struct {
  int operation;
  int64_t rows, classes;
  float *x; /* logits; for a backward call the outputs of the forward call */
  float *g, *targets;
  float *y, loss; /* results */
} work;

/* A library. `ready` returns a call for `run`, or NULL if the library does not have the function. */
typedef struct {
  const char *name;
  void (*print_version)(void);
  void *(*ready)(work *w);
  void (*run)(const void *ready);
  void (*release)(void *ready);
} peer;

/* Exits unless the call returns 0, which each of these libraries does on success. */
#define SUCCEED(call) must_succeed((call) == 0, #call)
static inline void must_succeed(bool success, const char *what) {
  if (success) return;
  fprintf(stderr, "failed: %s\n", what);
  exit(1);
}

#if defined(PEER_ONEDNN)
typedef struct {
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_primitive_t primitive;
  dnnl_exec_arg_t arguments[3];
  int count;
} onednn_call;

static void print_onednn(void) {
  const dnnl_version_t *v = dnnl_version();
  printf("oneDNN %d.%d.%d (%.10s)\n", v->major, v->minor, v->patch, v->hash);
  if (v->cpu_runtime == DNNL_RUNTIME_SEQ || v->cpu_runtime == DNNL_RUNTIME_OMP) return;
  fprintf(stderr, "oneDNN must be built with ONEDNN_CPU_RUNTIME=SEQ or OMP: the clock measures one thread\n");
  exit(2);
}

static void add_argument(onednn_call *c, const_dnnl_memory_desc_t rows, int argument, float *values) {
  dnnl_exec_arg_t *a = &c->arguments[c->count++];
  a->arg = argument;
  SUCCEED(dnnl_memory_create(&a->memory, rows, c->engine, values));
}

static void *ready_onednn(work *w) {
  const bool backward = w->operation == SOFTMAX_BACKWARD || w->operation == LOG_SOFTMAX_BACKWARD;
  if (!backward && w->operation != SOFTMAX && w->operation != LOG_SOFTMAX) return NULL;
  const dnnl_prop_kind_t kind = backward ? dnnl_forward_training : dnnl_forward_inference;
  const dnnl_alg_kind_t algorithm =
      w->operation == SOFTMAX || w->operation == SOFTMAX_BACKWARD ? dnnl_softmax_accurate : dnnl_softmax_log;
  onednn_call *c = must_allocate(sizeof *c);
  dnnl_memory_desc_t rows;
  dnnl_primitive_desc_t forward, descriptor;
  c->count = 0;
  SUCCEED(dnnl_engine_create(&c->engine, dnnl_cpu, 0));
  SUCCEED(dnnl_stream_create(&c->stream, c->engine, dnnl_stream_default_flags));
  SUCCEED(dnnl_memory_desc_create_with_tag(&rows, 2, (const dnnl_dims_t){w->rows, w->classes}, dnnl_f32, dnnl_ab));
  SUCCEED(dnnl_softmax_forward_primitive_desc_create(&forward, c->engine, kind, algorithm, rows, rows, 1, NULL));
  descriptor = forward;
  if (backward)
    SUCCEED(dnnl_softmax_backward_primitive_desc_create(&descriptor, c->engine, algorithm, rows, rows, rows, 1, forward,
                                                        NULL));
  SUCCEED(dnnl_primitive_create(&c->primitive, descriptor));
  add_argument(c, rows, backward ? DNNL_ARG_DST : DNNL_ARG_SRC, w->x);
  add_argument(c, rows, backward ? DNNL_ARG_DIFF_SRC : DNNL_ARG_DST, w->y);
  if (backward) add_argument(c, rows, DNNL_ARG_DIFF_DST, w->g);
  if (backward) dnnl_primitive_desc_destroy(descriptor);
  dnnl_primitive_desc_destroy(forward);
  dnnl_memory_desc_destroy(rows);
  return c;
}

static void run_onednn(const void *ready) {
  const onednn_call *c = ready;
  SUCCEED(dnnl_primitive_execute(c->primitive, c->stream, c->count, c->arguments));
  SUCCEED(dnnl_stream_wait(c->stream));
}

static void release_onednn(void *ready) {
  onednn_call *c = ready;
  for (int i = 0; i < c->count; i++) dnnl_memory_destroy(c->arguments[i].memory);
  dnnl_primitive_destroy(c->primitive);
  dnnl_stream_destroy(c->stream);
  dnnl_engine_destroy(c->engine);
  free(c);
}
#define ONEDNN {"oneDNN", print_onednn, ready_onednn, run_onednn, release_onednn}
#else
#define ONEDNN {.name = "oneDNN"}
#endif

#if defined(PEER_XNNPACK) || defined(PEER_XNNPACK_2022)
#if defined(PEER_XNNPACK_2022)
static void print_xnnpack(void) { printf("XNNPACK of 2022\n"); }

static void set_up_xnnpack(const work *w, size_t rows, size_t classes, xnn_operator_t *softmax) {
  SUCCEED(xnn_create_softmax_nc_f32(classes, classes, classes, 0, softmax));
  SUCCEED(xnn_setup_softmax_nc_f32(*softmax, rows, w->x, w->y, NULL));
}
#else
static void print_xnnpack(void) { /* it has no version, only an identifier of the build */
  const unsigned char *identifier = xnn_experimental_get_build_identifier_data();
  printf("XNNPACK, build ");
  for (size_t i = 0; i < 5 && i < xnn_experimental_get_build_identifier_size(); i++) printf("%02x", identifier[i]);
  printf("\n");
}

static void set_up_xnnpack(const work *w, size_t rows, size_t classes, xnn_operator_t *softmax) {
  SUCCEED(xnn_create_softmax_nc_f32(0, softmax));
  SUCCEED(xnn_reshape_softmax_nc_f32(*softmax, classes, classes, classes, rows, NULL));
  SUCCEED(xnn_setup_softmax_nc_f32(*softmax, w->x, w->y));
}
#endif

static void *ready_xnnpack(work *w) {
  xnn_operator_t softmax = NULL;
  if (w->operation != SOFTMAX) return NULL;
  SUCCEED(xnn_initialize(NULL));
  set_up_xnnpack(w, (size_t)w->rows, (size_t)w->classes, &softmax);
  return softmax;
}

static void run_xnnpack(const void *ready) {
  xnn_operator_t softmax;
  memcpy(&softmax, &ready, sizeof softmax); /* which is not const */
  SUCCEED(xnn_run_operator(softmax, NULL));
}

static void release_xnnpack(void *ready) { xnn_delete_operator(ready); }
enum { READ_AFTER_ARRAYS = XNN_EXTRA_BYTES };
#define XNNPACK {"XNNPACK", print_xnnpack, ready_xnnpack, run_xnnpack, release_xnnpack}
#else
enum { READ_AFTER_ARRAYS = 0 };
#define XNNPACK {.name = "XNNPACK"}
#endif

#if defined(PEER_GGML)
typedef struct {
  struct ggml_context *context;
  struct ggml_threadpool *pool;
  struct ggml_cgraph *graph;
  struct ggml_cplan *plan;
} ggml_call;
enum { GGML_NODES = 8 };

static void print_ggml(void) { printf("ggml %s (%s)\n", ggml_version(), ggml_commit()); }

static struct ggml_tensor *in_array(struct ggml_tensor *t, float *values) {
  t->data = values;
  return t;
}

static void *ready_ggml(work *w) {
  static float one = 1;
  if (w->operation == LOG_SOFTMAX || w->operation == LOG_SOFTMAX_BACKWARD) return NULL;
  const size_t room = ggml_tensor_overhead() * GGML_NODES + ggml_graph_overhead_custom(GGML_NODES, false);
  ggml_call *c = must_allocate(sizeof *c);
  struct ggml_context *context = ggml_init((struct ggml_init_params){.mem_size = room, .no_alloc = true});
  struct ggml_threadpool_params threads = ggml_threadpool_params_default(1);
  *c = (ggml_call){.context = context, .pool = ggml_threadpool_new(&threads), .plan = must_allocate(sizeof *c->plan),
                   .graph = ggml_new_graph_custom(context, GGML_NODES, false)};
  float *const inputs[] = {w->x, w->g, w->targets};
  struct ggml_tensor *t[3];
  for (int i = 0; i < 3; i++)
    t[i] = in_array(ggml_new_tensor_2d(context, GGML_TYPE_F32, w->classes, w->rows), inputs[i]);
  if (w->operation == SOFTMAX) {
    ggml_build_forward_expand(c->graph, in_array(ggml_soft_max(context, t[0]), w->y));
  } else if (w->operation == SOFTMAX_BACKWARD) {
    ggml_build_forward_expand(c->graph, in_array(ggml_soft_max_ext_back(context, t[1], t[0], 1, 0), w->y));
  } else {
    ggml_build_forward_expand(c->graph, in_array(ggml_cross_entropy_loss(context, t[0], t[2]), &w->loss));
    struct ggml_tensor *upstream = in_array(ggml_new_tensor_1d(context, GGML_TYPE_F32, 1), &one);
    if (w->operation == LOSS_AND_GRADIENT)
      ggml_build_forward_expand(c->graph,
                                in_array(ggml_cross_entropy_loss_back(context, upstream, t[0], t[2]), w->y));
  }
  *c->plan = ggml_graph_plan(c->graph, 1, c->pool);
  c->plan->work_data = must_allocate(c->plan->work_size);
  return c;
}

static void run_ggml(const void *ready) {
  const ggml_call *c = ready;
  SUCCEED(ggml_graph_compute(c->graph, c->plan));
}

static void release_ggml(void *ready) {
  ggml_call *c = ready;
  free(c->plan->work_data);
  free(c->plan);
  ggml_threadpool_free(c->pool);
  ggml_free(c->context);
  free(c);
}
#define GGML {"ggml", print_ggml, ready_ggml, run_ggml, release_ggml}
#else
#define GGML {.name = "ggml"}
#endif

static const peer peers[] = {ONEDNN, XNNPACK, GGML};
enum { PEERS = sizeof peers / sizeof *peers };

/* OpenMP's threads, if a library has brought OpenMP. */
static void use_one_thread(void) {
  void (*set)(int), *address = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  if (!address) return;
  memcpy(&set, &address, sizeof set);
  set(1);
}

/* The largest difference in a row, over the largest number of the row. In a backward call of softmax, y * dy counts as
 * well: dx is a small difference of such products. */
static double difference(const float *a, const float *b, const work *w, int64_t rows, int64_t classes) {
  double worst = 0;
  for (int64_t row = 0; row < rows; row++) {
    double largest = 0, apart = 0;
    for (int64_t i = row * classes; i < (row + 1) * classes; i++) {
      const double d = fabs((double)a[i] - (double)b[i]);
      largest = fmax(largest, fabs((double)a[i]));
      if (w->operation == SOFTMAX_BACKWARD) largest = fmax(largest, fabs((double)w->x[i] * (double)w->g[i]));
      if (!(d <= apart)) apart = d; /* also a NaN */
    }
    if (!(apart <= worst * largest)) worst = apart / largest;
  }
  return worst;
}

/* The most that results may differ. Others sum rows in float32, which shows in long rows. */
static double most_difference(int64_t classes) { return 1e-5 * (1 + (double)classes / 10000); }

typedef struct {
  double time, xent_time; /* of one call */
  double ratio;           /* of the two */
  double difference;
} outcome;

/* The outcome of a library that has the function; otherwise all zero. */
static outcome compare(const peer *other, const call *xent, work *w, int rounds) {
  void *ready = other->ready ? other->ready(w) : NULL;
  if (!ready) return (outcome){0};
  const bool loss = w->operation == LOSS || w->operation == LOSS_AND_GRADIENT;
  *xent->p->exact_sum = xent_empty_exact_sum();
  run_call(xent);
  other->run(ready);
  outcome o = {0};
  if (w->operation != LOSS) o.difference = difference(xent->y, w->y, w, w->rows, w->classes);
  const float mean = (float)(xent_exact_sum_value(xent->p->exact_sum) / (double)w->rows);
  if (loss) o.difference = fmax(o.difference, difference(&mean, &w->loss, w, 1, 1));
  call same_output = *xent; /* memory at other addresses takes other times */
  same_output.y = w->y;
  if (xent->arrays.gradient) same_output.arrays.gradient = w->y;
  const pair_times t = take_turns((timed){other->run, ready}, (timed){run_call, &same_output}, rounds);
  other->release(ready);
  o.time = t.first;
  o.xent_time = t.second;
  o.ratio = t.median;
  return o;
}

enum { COLUMN = 11 };

static void print_number(double value, int digits) {
  if (value > 0) printf("%*.*f", COLUMN, digits, value);
  else printf("%*s", COLUMN, "-");
}

/* Returns how many libraries are wrong. */
static int print_outcomes(const outcome *of, int64_t rows, int64_t classes) {
  const double elements = (double)rows * (double)classes;
  double xent[PEERS], least = 0, most_apart = 0;
  int measured = 0, wrong = 0;
  for (int i = 0; i < PEERS; i++) {
    if (!(of[i].ratio > 0)) continue;
    xent[measured++] = of[i].xent_time;
    if (measured == 1 || of[i].ratio < least) least = of[i].ratio;
    most_apart = fmax(most_apart, of[i].difference);
  }
  print_number(measured ? median_of(xent, measured) * 1e9 / elements : 0, 4);
  for (int i = 0; i < PEERS; i++) print_number(of[i].time * 1e9 / elements, 4);
  print_number(least, 2);
  printf("%*.1e", COLUMN, most_apart);
  for (int i = 0; i < PEERS; i++)
    if (!(of[i].difference <= most_difference(classes))) wrong++, printf("  WRONG: %s", peers[i].name);
  printf("\n");
  fflush(stdout);
  return wrong;
}

/* The arrays that all cases use. */
typedef struct {
  numbers n;
  float *outputs, *y;
} memory;

static int run_case(int function, int64_t rows, int64_t classes, const memory *m, int rounds) {
  static const doors linked = {xent_few_at, xent_many_at};
  const int operation = functions[function].operation;
  const bool of_softmax = operation == SOFTMAX_BACKWARD, backward = of_softmax || operation == LOG_SOFTMAX_BACKWARD;
  random_source r = {1};
  numbers n = m->n;
  problem p = make_problem(rows, classes, 1, &n, &r);
  if (backward) {
    call forward = ready_call(&linked, &(variant){0}, of_softmax ? SOFTMAX : LOG_SOFTMAX, &p, XENT_ISA_BEST);
    forward.y = m->outputs;
    run_call(&forward);
    n.x[XENT_F32] = m->outputs;
  }
  memset(n.probabilities, 0, (size_t)(rows * classes) * sizeof(float));
  for (int64_t row = 0; row < rows; row++) n.probabilities[row * classes + p.labels[row]] = 1;
  work w = {operation, rows, classes, n.x[XENT_F32], n.g[XENT_F32], n.probabilities, .y = m->y};
  const variant v = {.arrays = functions[function].arrays};
  const call xent = ready_call(&linked, &v, operation, &p, XENT_ISA_BEST);
  outcome outcomes[PEERS];
  for (int i = 0; i < PEERS; i++) outcomes[i] = compare(&peers[i], &xent, &w, rounds);
  free_problem(p);
  return print_outcomes(outcomes, rows, classes);
}

static void print_head(int function) {
  printf("\n%s, ns per element\n%-14s%*s", functions[function].name, "shape", COLUMN, "Xent");
  for (int i = 0; i < PEERS; i++) printf("%*s", COLUMN, peers[i].name);
  printf("%*s%*s\n", COLUMN, "best/Xent", COLUMN, "difference");
}

int main(int argc, char **argv) {
  const char *wanted = argc > 1 ? argv[1] : "";
  const int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 51;
  if (rounds < 1 || rounds > BENCH_MAX_ROUNDS) {
    fprintf(stderr, "usage: bench_peers [CASES [ROUNDS]]\n");
    return 2;
  }
  use_one_thread();
  printf("Xent %s, %s\n", xent_version(), xent_isa_name(xent_best_isa()));
  for (int i = 0; i < PEERS; i++)
    if (peers[i].ready) peers[i].print_version();
    else printf("%s: not installed\n", peers[i].name);
  int64_t most = 0;
  for (int s = 0; s < SHAPES; s++)
    if (shapes[s].rows * shapes[s].classes > most) most = shapes[s].rows * shapes[s].classes;
  random_source r = {1};
  const size_t bytes = (size_t)most * sizeof(float);
  const memory m = {make_numbers(most + READ_AFTER_ARRAYS, &r), must_allocate(bytes), must_allocate(bytes)};
  int wrong = 0;
  for (int f = 0; f < FUNCTIONS; f++)
    for (int s = 0, printed = 0; s < SHAPES; s++) {
      char name[96], *shape = name + strlen(functions[f].name) + 1;
      snprintf(name, sizeof name, "%s %lldx%lld", functions[f].name, (long long)shapes[s].rows,
               (long long)shapes[s].classes);
      if (!strstr(name, wanted)) continue;
      if (!printed++) print_head(f);
      printf("%-14s", shape);
      wrong += run_case(f, shapes[s].rows, shapes[s].classes, &m, rounds);
    }
  free_numbers(m.n);
  free(m.outputs), free(m.y);
  return wrong != 0;
}
