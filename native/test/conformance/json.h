/* SPDX-License-Identifier: Apache-2.0 */
/* As much of JSON as the index of conformance/ needs: strings have no escapes, and what is wrong ends the program. */
#ifndef CONFORMANCE_JSON_H
#define CONFORMANCE_JSON_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A value, and its neighbours: the members of an object have keys. */
typedef struct json {
  char kind; /* '{' '[' '"' '0' */
  const char *key, *text;
  double number;
  struct json *first, *next;
} json;

static void json_fail(const char *at) {
  fprintf(stderr, "the index is not JSON as json.h knows it: %.40s\n", at);
  exit(2);
}

static void json_blank(char **at) { *at += strspn(*at, " \n\r\t"); }

/* Replaces the last quote of a string by a zero. */
static const char *json_string(char **at) {
  char *begin = *at + 1, *end = strchr(begin, '"');
  if (**at != '"' || !end || memchr(begin, '\\', (size_t)(end - begin))) json_fail(*at);
  *end = 0;
  *at = end + 1;
  return begin;
}

static json *json_value(char **at);

static json *json_members(char **at, char kind, char close) {
  json *first = NULL, **last = &first;
  ++*at;
  for (json_blank(at); **at != close; json_blank(at)) {
    const char *key = NULL;
    if (kind == '{') {
      key = json_string(at);
      json_blank(at);
      if (**at != ':') json_fail(*at);
      ++*at;
    }
    *last = json_value(at);
    (*last)->key = key;
    last = &(*last)->next;
    json_blank(at);
    if (**at == ',')
      ++*at;
    else if (**at != close)
      json_fail(*at);
  }
  ++*at;
  return first;
}

static json *json_value(char **at) {
  json *value = calloc(1, sizeof *value);
  if (!value) json_fail("no memory");
  json_blank(at);
  value->kind = **at;
  if (**at == '{' || **at == '[') {
    value->first = json_members(at, **at, **at == '{' ? '}' : ']');
  } else if (**at == '"') {
    value->text = json_string(at);
  } else {
    char *end;
    value->kind = '0';
    value->number = strtod(*at, &end);
    if (end == *at) json_fail(*at);
    *at = end;
  }
  return value;
}

static const json *json_find(const json *object, const char *key) {
  for (const json *m = object ? object->first : NULL; m; m = m->next)
    if (!strcmp(m->key, key)) return m;
  return NULL;
}

static const json *json_get(const json *object, const char *key) {
  const json *member = json_find(object, key);
  if (!member) json_fail(key);
  return member;
}

static double json_number(const json *object, const char *key) { return json_get(object, key)->number; }
static const char *json_text(const json *object, const char *key) {
  const char *text = json_get(object, key)->text;
  if (!text) json_fail(key);
  return text;
}

#endif
