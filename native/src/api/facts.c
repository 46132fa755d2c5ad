/* SPDX-License-Identifier: Apache-2.0 */
#include "api/field_list.h"
#include "kernels/path_names.h"
#include "numerics/float_flags.h"
#include "xent.h"

uint32_t xent_abi_version(void) { return XENT_ABI_VERSION; }
uint32_t xent_numerics_version(void) { return XENT_NUMERICS_VERSION; }
const char *xent_version(void) { return XENT_VERSION; }

const char *xent_status_message(xent_status status) {
  switch (status) {
    case XENT_OK: return "done";
    case XENT_INVALID_ARGUMENT: return "an argument is NULL or misaligned, has no type, or an invalid size or range";
    case XENT_INVALID_SHAPE: return "an invalid shape or stride";
    case XENT_INVALID_OPTION: return "an option is out of range, or not allowed with another one that is set";
    case XENT_INVALID_LABEL: return "a label or token is not a class that takes part, nor the ignore index";
    case XENT_OVERLAP: return "an output overlaps another array, or itself, and is not in place";
    case XENT_UNSUPPORTED: return "a type, instruction set, option or member that this function or build does not have";
    case XENT_INVALID_SIZE: return "size of a struct is 0 or not of this version: set .size = sizeof the struct";
    case XENT_OUT_OF_STACK: return "the thread has less stack left than a call takes";
    default: return "unknown status";
  }
}

#define FIELD_NAME(number, name) [XENT_FIELD_##number] = #name,
const char *xent_field_name(int32_t field) {
  static const char *const names[] = {XENT_FIELDS(FIELD_NAME)};
  return (uint32_t)field < sizeof names / sizeof *names ? names[field] : "unknown";
}

const char *xent_path_name(int32_t path) {
  const uint32_t known = sizeof xent_path_names / sizeof *xent_path_names;
  return (uint32_t)path < known ? xent_path_names[path] : "unknown";
}
