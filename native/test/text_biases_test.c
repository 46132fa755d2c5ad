/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options against repetition against the contract program: random texts that repeat themselves, in calls with a few and
 * with many new tokens, also after tokens were removed or changed, and after a call with other options or classes.
 * Every array is between pages without access. Then long texts of one token, where time would grow with the square of
 * the length; and invalid calls.
 * Usage: text_biases_test [N [SEED]]   N texts
 */
#include "guarded.h"

#include "check.h"
#include "contract/text_biases.h"

enum { MOST_CLASSES = 40, MOST_TEXT = 220, MOST_NUMBERS = 40, LONG = 60000 };

static random_source source = {5};

static int64_t below(int64_t n) { return random_below(&source, n); }
static bool one_in(int64_t n) { return below(n) == 0; }

static guarded of_tokens, of_classes, of_values, of_workspace, of_breakers, of_banned;
static int64_t biased, compared;

/* Sequences, each after its length, before a closed page. */
static int64_t random_sequences(guarded *g, int64_t classes, int32_t **at) {
  int32_t numbers[MOST_NUMBERS];
  int64_t count = 0;
  for (int64_t left = one_in(2) ? 0 : below(5); left > 0; left--) {
    const int64_t length = 1 + below(3);
    numbers[count++] = (int32_t)length;
    for (int64_t i = 0; i < length; i++) numbers[count++] = (int32_t)below(classes);
  }
  *at = memcpy(place(g, (size_t)count * sizeof *numbers, true), numbers, (size_t)count * sizeof *numbers);
  return count;
}

static void random_options(xent_text_biases_call *c) {
  static const double multipliers[] = {0, 0.5, 3, 1e30, 1e-45}, bases[] = {0, 1, 1.2, 3, 1e9};
  static const int64_t ngrams[] = {0, 0, 1, 2, 3, 4, 7, 50, INT64_MAX}, ranges[] = {0, 0, 1, 5, 20, 100, INT64_MAX};
  c->no_repeat_ngram = ngrams[below(9)];
  c->dry_multiplier = multipliers[below(5)];
  c->dry_base = bases[below(5)];
  c->dry_allowed_length = below(4);
  c->dry_range = ranges[below(7)];
}

/* The biases of the first `count` tokens. */
static void compare(xent_text_biases_call *c, const int32_t *text, int64_t count, bool continues) {
  const int64_t all = count + c->banned_count, room = all < c->classes ? all : c->classes;
  int64_t found = -1;
  c->token_count = count;
  c->continues = continues;
  c->tokens = memcpy(place(&of_tokens, (size_t)count * sizeof *text, true), text, (size_t)count * sizeof *text);
  c->bias_tokens = place(&of_classes, (size_t)room * sizeof(int32_t), true);
  c->bias_values = place(&of_values, (size_t)room * sizeof(float), true);
  c->bias_count = &found;
  CHECK(xent_text_biases(c) == XENT_OK);
  check_rest(&of_classes, "classes", room);
  check_rest(&of_values, "values", room);
  float biases[MOST_CLASSES];
  uint8_t has[MOST_CLASSES], seen[MOST_CLASSES] = {0};
  contract_text_biases(c, biases, has);
  int64_t expected = 0, wrong = found < 0 || found > room;
  for (int64_t i = 0; i < c->classes; i++) expected += has[i];
  for (int64_t i = 0; i < found && !wrong; i++) {
    const int32_t class = c->bias_tokens[i];
    wrong = class < 0 || class >= c->classes || seen[class]++ || !has[class] ||
            memcmp(&biases[class], &c->bias_values[i], sizeof(float)) != 0;
  }
  CHECK(!wrong && found == expected);
  biased += expected;
  compared++;
}

static void random_tokens(int32_t *text, int64_t begin, int64_t end, int64_t classes) {
  for (int64_t i = begin; i < end; i++) text[i] = one_in(2) || i < 4 ? (int32_t)below(classes) : text[i - 1 - below(4)];
}

static void test_text(void) {
  static const int64_t new_tokens[] = {1, 1, 1, 2, 5, 16, 17, 30};
  const int64_t classes = 1 + below(one_in(3) ? MOST_CLASSES : 6), most = one_in(2) ? MOST_TEXT : 60;
  int32_t text[MOST_TEXT], *breakers, *banned;
  xent_text_biases_call c = {.size = sizeof c, .classes = classes};
  random_options(&c);
  c.breaker_count = random_sequences(&of_breakers, classes, &breakers);
  c.banned_count = random_sequences(&of_banned, classes, &banned);
  c.dry_breakers = breakers;
  c.banned_sequences = banned;
  c.workspace_size = xent_text_biases_workspace(most, c.breaker_count + c.banned_count);
  c.workspace = place(&of_workspace, (size_t)c.workspace_size, true);
  for (int64_t count = 0, counted = 0; count < most;) {
    const int64_t more = new_tokens[below(8)], left = most - count, end = count + (more < left ? more : left);
    random_tokens(text, count, end, classes);
    compare(&c, text, end, counted > 0);
    count = counted = end;
    if (one_in(8)) { /* the same text once more, or a shorter one */
      count -= one_in(2) ? 0 : below(count + 1);
      counted = count == end ? count : 0;
      compare(&c, text, count, counted > 0);
      counted = count;
    }
    if (one_in(10)) random_options(&c); /* the tokens are right, and the tables are not */
    if (one_in(10)) c.classes = c.classes == classes && classes < MOST_CLASSES ? classes + 1 : classes;
  }
  check_rest(&of_workspace, "workspace", classes);
}

/* The workspaces of two texts of one length, each given to the other text. */
static void test_workspace_of_another_text(void) {
  enum { COUNT = 20, CLASSES = 9 };
  int32_t text[2][COUNT + 1];
  const uint64_t size = xent_text_biases_workspace(COUNT + 1, 0);
  for (int i = 0; i <= COUNT; i++) text[0][i] = i % 3, text[1][i] = 3 + i % 5;
  xent_text_biases_call c = {.size = sizeof c, .classes = CLASSES, .no_repeat_ngram = 2, .dry_multiplier = 1,
                             .workspace = place(&of_workspace, (size_t)size, true), .workspace_size = size};
  for (int of = 0; of < 2; of++) {
    compare(&c, text[of], COUNT, false);
    compare(&c, text[1 - of], COUNT + 1, true);
  }
}

/* Each takes milliseconds; with the square of the length it would be minutes. */
static void test_long_texts(void) {
  static int32_t text[LONG], classes[LONG];
  static float values[LONG];
  const uint64_t size = xent_text_biases_workspace(LONG, 0);
  void *workspace = malloc((size_t)size);
  for (int period = 1; period <= 7; period += 3) {
    for (int i = 0; i < LONG; i++) text[i] = i % period;
    int64_t found = -1;
    xent_text_biases_call c = {.size = sizeof c,
                               .classes = LONG,
                               .tokens = text,
                               .token_count = LONG - 20,
                               .no_repeat_ngram = LONG / 2,
                               .dry_multiplier = 1,
                               .dry_base = 1,
                               .bias_tokens = classes,
                               .bias_values = values,
                               .bias_count = &found,
                               .workspace = workspace,
                               .workspace_size = size};
    CHECK(xent_text_biases(&c) == XENT_OK && found == 1);
    for (c.continues = 1; c.token_count < LONG;) {
      c.token_count++;
      CHECK(xent_text_biases(&c) == XENT_OK && found == 1 && classes[0] == c.token_count % period &&
            values[0] == -INFINITY);
    }
  }
  free(workspace);
}

/* ---- invalid calls ---- */

static int32_t four_tokens[] = {0, 1, 2, 1}, one_sequence[] = {2, 1, 3}, no_length[] = {0, 1}, too_long[] = {2, 1};
static int32_t no_class[] = {1, 4}, negative[] = {0, -1};
static int32_t found_classes[8];
static float found_values[8];
static int64_t found_count, memory[200];
static xent_report report;

static xent_text_biases_call valid(void) {
  report = (xent_report){.size = sizeof report};
  return (xent_text_biases_call){.size = sizeof(xent_text_biases_call),
                                 .classes = 4,
                                 .tokens = four_tokens,
                                 .token_count = 4,
                                 .no_repeat_ngram = 2,
                                 .dry_breakers = one_sequence,
                                 .breaker_count = 3,
                                 .banned_sequences = one_sequence,
                                 .banned_count = 3,
                                 .bias_tokens = found_classes,
                                 .bias_values = found_values,
                                 .bias_count = &found_count,
                                 .workspace = memory,
                                 .workspace_size = sizeof memory,
                                 .report = &report};
}

static void refused(xent_text_biases_call c, xent_status status, int32_t field) {
  found_count = -7;
  CHECK(xent_text_biases(&c) == status && found_count == -7);
  CHECK(report.field == field);
  c.report = NULL;
  CHECK(xent_text_biases(&c) == status);
}

#define REFUSED(status, FIELD, ...) \
  do { \
    xent_text_biases_call c = valid(); \
    __VA_ARGS__; \
    refused(c, XENT_##status, XENT_FIELD_##FIELD); \
  } while (0)

static void test_invalid(void) {
  xent_text_biases_call right = valid();
  CHECK(xent_text_biases(&right) == XENT_OK && found_count == 2); /* 1 2 again, and 1 3 is banned */
  CHECK(report.field == 0 && report.row == -1);
  REFUSED(INVALID_SHAPE, CLASSES, c.classes = 0);
  REFUSED(INVALID_SHAPE, CLASSES, c.classes = INT64_C(1) << 31);
  REFUSED(INVALID_SHAPE, TOKEN_COUNT, c.token_count = -1);
  REFUSED(INVALID_SHAPE, TOKEN_COUNT, c.token_count = INT32_MAX);
  REFUSED(INVALID_ARGUMENT, TOKENS, c.tokens = NULL);
  REFUSED(INVALID_ARGUMENT, TOKENS, c.tokens = (const void *)((const char *)four_tokens + 1));
  REFUSED(INVALID_ARGUMENT, CONTINUES, c.continues = -1);
  REFUSED(INVALID_ARGUMENT, CONTINUES, c.continues = 2);
  REFUSED(UNSUPPORTED, CONTINUES, c.reserved = 1);
  REFUSED(INVALID_OPTION, NO_REPEAT_NGRAM, c.no_repeat_ngram = -1);
  REFUSED(INVALID_OPTION, DRY_MULTIPLIER, c.dry_multiplier = -1);
  REFUSED(INVALID_OPTION, DRY_MULTIPLIER, c.dry_multiplier = (double)INFINITY);
  REFUSED(INVALID_OPTION, DRY_BASE, c.dry_base = 0.5);
  REFUSED(INVALID_OPTION, DRY_BASE, c.dry_base = (double)NAN);
  REFUSED(INVALID_OPTION, DRY_ALLOWED_LENGTH, c.dry_allowed_length = -1);
  REFUSED(INVALID_OPTION, DRY_RANGE, c.dry_range = -1);
  REFUSED(INVALID_SHAPE, DRY_BREAKERS, c.breaker_count = -1);
  REFUSED(INVALID_SHAPE, DRY_BREAKERS, c.breaker_count = 2);
  REFUSED(INVALID_ARGUMENT, DRY_BREAKERS, c.dry_breakers = NULL);
  REFUSED(INVALID_SHAPE, DRY_BREAKERS, (c.dry_breakers = no_length, c.breaker_count = 2));
  REFUSED(INVALID_SHAPE, BANNED_SEQUENCES, c.banned_count = INT32_MAX);
  REFUSED(INVALID_SHAPE, BANNED_SEQUENCES, (c.banned_sequences = too_long, c.banned_count = 2));
  REFUSED(INVALID_LABEL, BANNED_SEQUENCES, (c.banned_sequences = no_class, c.banned_count = 2));
  CHECK(report.label == 4);
  REFUSED(INVALID_LABEL, TOKENS, (c.tokens = negative, c.token_count = 2));
  CHECK(report.label == -1 && report.row == 1);
  REFUSED(INVALID_LABEL, TOKENS, c.classes = 2; c.banned_count = 0);
  CHECK(report.label == 2 && report.row == 2);
  REFUSED(INVALID_ARGUMENT, BIAS_TOKENS, c.bias_tokens = NULL);
  REFUSED(INVALID_ARGUMENT, BIAS_VALUES, c.bias_values = NULL);
  REFUSED(INVALID_ARGUMENT, BIAS_COUNT, c.bias_count = NULL);
  REFUSED(INVALID_ARGUMENT, WORKSPACE, c.workspace = NULL);
  REFUSED(INVALID_ARGUMENT, WORKSPACE, c.workspace = (char *)memory + 4);
  REFUSED(INVALID_ARGUMENT, WORKSPACE, c.workspace_size = xent_text_biases_workspace(4, 6) - 8);
  CHECK(report.integer == (int64_t)xent_text_biases_workspace(4, 6));
  right.banned_count = 0;
  CHECK(xent_text_biases(&right) == XENT_OK);
  right.continues = 1;
  right.classes = 2; /* the tokens were those of four */
  CHECK(xent_text_biases(&right) == XENT_INVALID_LABEL && report.label == 2);
  right.size = 0;
  CHECK(xent_text_biases(&right) == XENT_INVALID_SIZE && xent_text_biases(NULL) == XENT_INVALID_ARGUMENT);
  right = valid();
  report.size = 0;
  CHECK(xent_text_biases(&right) == XENT_INVALID_SIZE);
  CHECK(xent_text_biases_workspace(-1, 0) == 0 && xent_text_biases_workspace(0, -1) == 0 &&
        xent_text_biases_workspace(INT32_MAX, 0) == 0);
}

int main(int count, char **arguments) {
  const long texts = count > 1 ? strtol(arguments[1], NULL, 10) : 1000;
  if (count > 2) source.state = strtoull(arguments[2], NULL, 10);
  of_tokens = guard(), of_classes = guard(), of_values = guard();
  of_workspace = guard(), of_breakers = guard(), of_banned = guard();
  for (long i = 0; i < texts; i++) test_text();
  CHECK(biased > compared / 2);
  test_workspace_of_another_text();
  test_long_texts();
  test_invalid();
  printf("%lld calls, %lld biases\n", (long long)compared, (long long)biased);
  return all_checks();
}
