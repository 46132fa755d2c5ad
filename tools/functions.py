#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the files that repeat facts of xent.h, of the rules of native/src/api/arrays.h, of the options of
native/src/kernels/options.h, and of the places of native/src/api/*.c: tables for Java and Python, names of fields, and
a program that prints the binary interface.

    tools/functions.py            write Array.java, Field.java, Rule.java, Function.java, OptionFields.java,
                                  OptionRange.java, NumberOptions.java, NumberFlags.java, _functions.py, field_list.h,
                                  function_list.h, taken.h and abi_facts.c, and the table of xent_bindings.h
    tools/functions.py --check    exit with 1 if one of them differs from the text to write

Both exit with 1 if the places of a function differ from the arrays of its struct, in the order of the struct, which is
that of the entry points. --check also exits with 1 if no path checks all arrays of a function (XENT_KNOWS_ALL), or if a
comment of xent.h or a table of the pages lacks the range of an option.
"""
import math
import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
HEADER = ROOT / "include/xent.h"
BINDINGS = ROOT / "include/xent_bindings.h"
SHAPES = ROOT / "native/src/kernels/kernels.h"
API = ROOT / "native/src/api"
OPTIONS = ROOT / "native/src/kernels/options.h"
TAKEN = ROOT / "native/src/kernels/taken.h"
KERNELS = ROOT / "java/xent/src/main/java/dev/xent/internal/kernels"
OPTION_RANGE = ROOT / "java/xent/src/main/java/dev/xent/internal/plan/options/OptionRange.java"
SPARK = ROOT / "java/xent-spark/src/main/java/dev/xent/spark/NumberOptions.java"
COMMAND = ROOT / "java/xent-cli/src/main/java/dev/xent/cli/NumberFlags.java"
PYTHON = ROOT / "python/src/pyxent/_functions.py"
NOTES = ["SPDX-License-Identifier: Apache-2.0", "Written by tools/functions.py: edit its sources, not this file."]
HEAD = [f"// {note}" for note in NOTES]
NO_ARRAYS = {"xent_range", "xent_options", "xent_sampling", "xent_report"}  # pointers of a call that are not arrays


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def arguments(text):
    """The arguments between commas outside of brackets and strings."""
    parts, depth, quoted = [""], 0, False
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        quoted ^= character == '"'
        if character == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return [" ".join(part.split()) for part in parts]


def functions_of(header):
    """The names of the functions, in the order of their numbers."""
    found = [(int(number), name) for name, number in re.findall(r"XENT_FUNCTION_(\w+) = (\d+)", header)]
    assert [number for number, _ in found] == list(range(1, len(found) + 1))
    return [name for _, name in found]


def fields_of(header):
    """The names of arguments and options in the order of their numbers."""
    found = [(int(number), name) for name, number in re.findall(r"XENT_FIELD_(\w+) = (\d+)", header)]
    assert [number for number, _ in found] == list(range(len(found)))
    return [name for _, name in found]


def shape_of(kernels):
    """The sizes in xent_shape, and the arrays with a layout there, in its order."""
    shape = re.search(r"typedef struct \{\s*int64_t ([^;]+);\s*xent_layout ([^;]+);\s*\} xent_shape;", kernels)
    return [re.findall(r"\w+", names) for names in shape.groups()]


BYTES = {"int32_t": 4, "int64_t": 8, "uint64_t": 8, "xent_sizes": 24, "xent_input": 40, "xent_output": 40}


def offsets_of(header, struct):
    """The offsets of a struct's members, which AbiFactsTest compares with the compiler's, and its size as "size"."""
    body = re.search(r"typedef struct " + struct + r" \{(.*?)\n\}", header, re.S)[1]
    offsets, at = {}, 0
    for kind, names in re.findall(r"(?:const )?(\w+) ([^;]+);", body):
        for name in names.split(","):
            bytes_of = 8 if "*" in name else BYTES[kind]
            at = -(-at // min(bytes_of, 8)) * min(bytes_of, 8)
            offsets[name.strip(" *\n")] = at
            at += bytes_of
    return {**offsets, "size": -(-at // 8) * 8}


def members_of(header, struct):
    """The names of a struct's members, in order."""
    body = re.search(r"typedef struct " + struct + r" \{(.*?)\n\}", header, re.S)[1]
    return re.findall(r"(\w+)(?:\[\d+\])? *(?=[,;])", body)


def arrays_of(header, struct):
    """The names of a struct's members that are arrays, in order."""
    body = re.search(r"typedef struct " + struct + r" \{(.*?)\n\}", header, re.S)[1]
    found = []
    for kind, names in re.findall(r"(?:const )?(\w+) ([^;]+);", body):
        if kind in ("xent_input", "xent_output") or (kind not in NO_ARRAYS and "*" in names):
            found += re.findall(r"\w+", names)
    return found


def constants_of(header):
    """The macros and the constants of enums that are numbers, in order."""
    return [macro or constant for macro, constant in
            re.findall(r"^#define (XENT_\w+) \d+$|^  (XENT_\w+) = \d+,? *$", header, re.M)]


def most_arrays_of(arrays):
    """The number of arrays that xent_many_at takes."""
    return int(re.search(r"XENT_MOST_ARRAYS = (\d+)", arrays)[1])


class Rule(NamedTuple):
    """A line of xent_rules."""

    layout: str | None  # None: records
    member: str  # of xent_call
    field: str
    form: str
    holds: str | None
    written: bool
    in_place: str
    spread: bool  # one number may apply to several rows or classes


def rules_of(arrays):
    """The rules by their names."""
    table = re.search(r"xent_rules\[\] = \{(.*?)\n\};", arrays, re.S)[1]
    rules = {}
    for name, kind, inside in re.findall(r"\[XENT_(\w+)\] =\s*XENT_(\w+)\((.*?)\)(?=,\s*(?:\[|$))", table, re.S):
        given = arguments(inside)
        if kind == "SIZE":
            rules[name] = Rule(None, given[1], given[0], "OF_SHAPE", None, False, "0", False)
            continue
        if kind == "RECORD":
            rules[name] = Rule(None, given[1], given[0], given[2], None, False, "0", False)
            continue
        form, holds, in_place = {"INPUT": (3, 4, None), "SPREAD_INPUT": (3, 4, None), "OUTPUT": (2, 3, None),
                                 "OUTPUT_IN_PLACE": (3, 4, 5)}[kind]
        member = given[1 if kind == "OUTPUT" else 2]
        rules[name] = Rule(given[1], member, given[0], given[form], given[holds], "INPUT" not in kind,
                           given[in_place] if in_place else "0", kind == "SPREAD_INPUT")
    return rules


def rules_behind_arrays(arrays):
    """The rules after XENT_ARRAYS, which static assertions do not count: those of form NO_ARRAY or OF_SHAPE."""
    order = re.search(r"enum \{\s*(XENT_LOGITS,.*?XENT_RULES)\s*\}", arrays, re.S)[1]
    values = re.findall(r"XENT_(\w+)", order[order.index("XENT_ARRAYS"):])[1:]
    return {name for name in values if name not in ("ARRAYS", "RULES")}


def places_of(sources, shared_lists):
    """The struct and the places of each function: member, rule, whether it is required.

    A list of places may contain another one.
    """
    lists = dict(re.findall(r"#define (\w+)\(_, c\)((?:.*\\\n)*.*\n)", shared_lists))
    found = {}
    for text in sources:
        tables = {}
        for name, struct, table in re.findall(r"XENT_PLACES\((\w+), (\w+), (\w+)\);", text):
            body = re.search(r"#define " + table + r"\(_, c\)((?:.*\\\n)*.*\n)", text)[1]
            for shared, places in lists.items():
                body = body.replace(f"{shared}(_, c)", places)
            places = re.findall(r"_\(c, (\w+), (\w+), (NEEDED|OPTIONAL)\)", body)
            tables[name] = (struct, [(member, rule, need == "NEEDED") for member, rule, need in places])
        made = r"const xent_entry xent_of_(\w+) = \{?\s*XENT_ARGUMENTS\(\s*\w+, \d+, (\w+),"
        for function, table in re.findall(made, text):
            found[function.upper()] = tables[table]
        shared = re.search(r"#define (\w+)\(kind\)\s*\\\n\s*\{XENT_ARGUMENTS\(\w+, \d+, (\w+),", text)
        for function in re.findall(r"xent_of_(\w+) = " + shared[1] + r"\(", text) if shared else []:
            found[function.upper()] = tables[shared[2]]
    return found


class Option(NamedTuple):
    """An entry of options.h, or an integer of a struct that has no range."""

    struct: str
    name: str
    kind: str
    functions: set[str]
    traits: set[str]
    recorded: str  # whether statistics depend on it: RECORDED, RECORDED_IF_SET, UNRECORDED
    default: str  # NONE: the option is off
    unset: float | None  # the meaning of 0; None: 0 itself, or off
    symbol: str
    says: str
    help: str  # of the flag of the command; empty: not a flag
    least: float
    most: float
    not_beside: list[str]
    takes_zero: bool  # from callers of Java and Python

    @property
    def words(self):
        """The expected value, for messages."""
        least, most = spelled(self.least), spelled(self.most)
        if self.most == 2.0**63:
            words = f"{least} or more"
        elif self.most == sys.float_info.max:
            words = "a finite number" + (f" that is {least} or more" if self.least > -self.most else "")
        elif self.least == 0 and not self.takes_zero:
            words = f"a number above 0, at most {most}"
        else:
            words = f"a number from {least} to {most}"
        return self.says.replace("%", words) if self.says else words

    @property
    def in_header(self):
        """The range, as in the comment of the member."""
        least, most = spelled(self.least), spelled(self.most)
        finite = self.most == sys.float_info.max
        if self.most == 2.0**63 or finite:
            return ", ".join(["finite"] * finite + [f">= {least}"] * (self.least > -self.most))
        return f"in {'[' if self.least or self.takes_zero else '('}{least}, {most}]"

    @property
    def on_pages(self):
        """The range, as in the row of a table."""
        words = self._replace(says="").words
        return "finite" if words == "a finite number" else re.sub("^a (finite )?number (from |that is |)", "", words)


FLOAT_MAX = (2 - 2.0**-23) * 2.0**127
NUMBERS = {"DBL_MAX": sys.float_info.max, "FLT_MAX": FLOAT_MAX, "FLT_MIN": 2.0**-126}


def spelled(number):
    """A number as people write it."""
    fraction, power = math.frexp(abs(number))
    if abs(number) == FLOAT_MAX:
        return "-3.4e38"[number > 0:]
    return f"2^{power - 1}" if fraction == 0.5 and not -2 < power < 9 else f"{number:.10g}"


def number_of(text):
    """The value of a constant of C."""
    sign, name = (-1, text[1:]) if text.startswith("-") else (1, text)
    return sign * NUMBERS[name] if name in NUMBERS else float.fromhex(text) if "0x" in text else float(text)


def entries_of(text):
    """The struct and the arguments of each entry of options.h, with its functions and traits as single names."""
    text = without_comments(text)
    factor = re.search(r"#define XENT_FACTOR (.*)", text)[1]
    groups = {name: set(re.findall(r"XENT_FOR_(\w+)", value)) for name, value in
              re.findall(r"XENT_FOR_(\w+) =([^,}]*)", text)}
    for table, body in re.findall(r"#define XENT_(CALL|SAMPLING)_\w+\(_, c\)((?:.*\\\n)*.*\n)", text):
        for entry in re.split(r"_\(c, ", body.replace("\\\n", "").replace("XENT_FACTOR", factor))[1:]:
            name, field, kind, functions, traits, *others = arguments(entry.strip()[:-1])
            named = re.findall(r"XENT_FOR_(\w+)", functions)
            yield ("xent_sampling" if table == "SAMPLING" else "xent_options", name, kind,
                   {each for name in named for each in groups[name] or {name}},
                   set(re.findall(r"XENT_(\w+)", traits)), *others)


def options_with_functions():
    """Options, also choices, and the functions that take each."""
    found = {}
    for _, name, _, functions, *_ in entries_of(OPTIONS.read_text(encoding="utf-8")):
        if not name.startswith("has_"):
            found.setdefault(name, set()).update(functions)
    return found


def options_of(text, header):
    """The numbers of xent_options and xent_sampling: first in the order of options.h, then the other ones."""
    found = []
    for (struct, name, kind, functions, traits, recorded, unset, symbol, says, tells, least, most,
         *rules) in entries_of(text):
        if kind in ("I32", "U64"):  # a choice, or reserved
            continue
        says, tells = says.strip('"'), tells.strip('"')
        signed = number_of(least) < 0 and unset != "0"  # -0 stands for 0, because 0 is the default
        zero = signed or unset == "0" or says.startswith("0, ")
        least = max(number_of(least), 1 if kind == "I64" and not zero else -math.inf)
        others = [re.findall(r"XENT_SETS\((\w+)\)", rule) for rule in rules if ".not_beside" in rule]
        found.append(Option(struct, name, kind, functions, traits, recorded, unset,
                            None if signed or unset == "NONE" else float(unset), symbol.strip('"'), says, tells,
                            least, number_of(most), sum(others, []), zero))
    for struct in ("xent_options", "xent_sampling"):
        body = re.search(r"typedef struct " + struct + r" \{(.*?)\n\}", header, re.S)[1]
        for name in re.findall(r"uint32_t (\w+);", body):
            found.append(Option(struct, name, "U32", set(), set(), "RECORDED", "0", 0, "", "", "", 0, 2.0**32 - 1, [], True))
    return found


def unlike_comments(options, header):
    """Options with another range in their comment of xent.h."""
    wrong = []
    for option in options:
        body = re.search(r"typedef struct " + option.struct + r" \{(.*?)\n\}", header, re.S)[1]
        comment = re.search(r" " + option.name + r"; */\*(.*?)\*/", body, re.S)
        if option.kind != "U32" and (not comment or option.in_header not in " ".join(comment[1].split())):
            wrong.append(f"xent.h: {option.struct}.{option.name} is not said to be {option.in_header}")
    return wrong


PAGES = {"LOSSES": "cross-entropy", "SOFTMAX": "softmax", "BINARY": "binary-cross-entropy", "DIVERGENCES": "more-operations",
         "HVP": "more-operations", "SELECTED": "more-operations", "SAMPLE": "sampler"}


def unlike_pages(options):
    """Options that a page lacks, or whose row has another range, symbol or default; a row may link to another page."""
    wrong = []
    for function, page in PAGES.items():
        text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
        for option in options:
            if function in option.functions:
                wrong += [f"docs/{page}.md: {option.name} lacks {part}" for part in lacking(text, option, function == "SAMPLE")]
    return wrong


def lacking(text, option, in_steps):
    """What a page lacks of an option, in a row of a table or in a list of steps."""
    name = java_name(option.name)
    if in_steps:
        return [] if re.search(rf"`{name}\(|{option.name.replace('_', ' ')}", text) else [name]
    row = re.search(rf"^\|[^|]*`{name}(?:\(double\))?`.*$", text, re.M)
    if not row or "as for" in row[0]:
        return [] if row else [name]
    *cells, default, _ = row[0].split("|")
    parts = [option.on_pages] + [option.symbol] * ("| in the formula |" in text)
    return [part for part in parts if part not in "|".join(cells)] + [
        option.default for words in [re.findall(r"\w+", default)] if option.default not in ("NONE", *words)]


def c_facts(header):
    lines = [f"/* {note} */" for note in NOTES] + [
        "/*", " * Prints what this compiler makes of xent.h, for tests that compare it with the bindings:",
        " *   struct NAME SIZE", " *   field STRUCT NAME OFFSET SIZE", " *   constant NAME VALUE", " */",
        "#include <stddef.h>", "#include <stdio.h>", "", '#include "xent_bindings.h"', "",
        '#define STRUCT(s) printf("struct %s %zu\\n", #s, sizeof(s))',
        '#define FIELD(s, f) printf("field %s %s %zu %zu\\n", #s, #f, offsetof(s, f), sizeof(((s *)0)->f))',
        '#define CONSTANT(c) printf("constant %s %lld\\n", #c, (long long)(c))', "", "static void structs(void) {"]
    for struct in re.findall(r"^typedef struct (\w+) \{", header, re.M):
        lines += [f"  STRUCT({struct});"] + [f"  FIELD({struct}, {name});" for name in members_of(header, struct)]
    lines += ["}", "", "static void constants(void) {"]
    lines += [f"  CONSTANT({name});" for name in constants_of(header)]
    return lines + ["}", "", "int main(void) {", "  structs();", "  constants();",
                    "  return ferror(stdout) || fflush(stdout) ? 1 : 0;", "}", ""]


def c_list(guard, says, macro, names):
    """A header with a macro that applies another macro to each name, in upper and in lower case."""
    return [f"/* {note} */" for note in NOTES] + [f"#ifndef {guard}", f"#define {guard}", "", f"/* {says} */",
            f"#define {macro}(_) \\"] + [f"  _({name}, {name.lower()}) \\" for name in names[:-1]] + [
        f"  _({names[-1]}, {names[-1].lower()})", "", "#endif", ""]


NUMBERED = " * ARRAYS\n"


def c_numbered_arrays(text, functions):
    """xent_bindings.h with the numbers of the arrays of each function."""
    before, table = text.split(NUMBERED)
    lines = []
    for name, arrays in functions:
        numbered = [f"{number} {array}" for number, array in enumerate(arrays)]
        lines += wrapped(f" *   {name.lower()}: ", numbered, "", most=110, indent=0)
    lines = [line if line.startswith(" *") else f" *       {line}" for line in lines]
    return (before + NUMBERED).splitlines() + lines + table[table.index(" */"):].split("\n")


def c_sets(functions, rules):
    """A header with the arrays that each function takes, as sets of members of xent_call."""
    lines = [f"/* {note} */" for note in NOTES] + [
        "/* The arrays that each function takes, as present.h writes sets. */",
        "#ifndef XENT_TAKEN_H", "#define XENT_TAKEN_H", ""]
    for name, places in functions:
        members = [f"XENT_HAS({rules[rule].member})" for _, rule, _ in places]
        lines.append(f"#define XENT_TAKEN_BY_{name} \\")
        parts = wrapped("  (", members, ")", 109, 3, " | ")
        lines += [f"{line} \\" for line in parts[:-1]] + parts[-1:]
    return lines + ["", "#endif", ""]


def known_by_no_path(names):
    """Functions whose arrays no XENT_KNOWS_ALL compares with those that a path uses."""
    sources = "".join(path.read_text() for path in (ROOT / "native/src").rglob("*.[ch]") if path != TAKEN)
    checks = " ".join(re.findall(r"XENT_KNOWS_ALL\((.*?)\);", sources, flags=re.S))
    known = set(re.findall(r"XENT_TAKEN_BY_(\w+)", checks))
    return [name for name in names if name not in known]


def java_field(fields):
    lines = HEAD + ["package dev.xent.internal.kernels;", "",
                    "/** The argument that a status concerns: the numbers of XENT_FIELD_..., which never change. */",
                    "public final class Field {"]
    lines += [f"  public static final int {name} = {number};" for number, name in enumerate(fields)]
    return lines + ["", "  private Field() {}", "}", ""]


def java_name(name):
    return re.sub(r"_(\w)", lambda letter: letter[1].upper(), name)


def java_array(layouts, records):
    says = "The arrays of calls: those with a layout in {@link CallShape}, in its order, then records."
    lines = HEAD + ["package dev.xent.internal.kernels;", "", f"/** {says} */",
                    "public enum Array {"]
    lines += [f'  {name.upper()}("{java_name(name)}"),' for name in layouts + records]
    lines[-1] = lines[-1][:-1] + ";"
    return lines + ["", "  /** The number of arrays with a layout. */",
                    f"  public static final int LAYOUTS = {len(layouts)};", "",
                    f"  public static final int COUNT = {len(layouts + records)};", "",
                    "  /** Its name in messages. */", "  public final String text;", "",
                    "  Array(String text) {", "    this.text = text;", "  }", "}", ""]


def java_rule(rules, functions):
    lines = HEAD + ["package dev.xent.internal.kernels;", "",
                    "import static dev.xent.internal.kernels.ElementType.*;",
                    "import static dev.xent.internal.kernels.Form.*;", "",
                    "/** The requirements on an array, shared by the functions that accept it in the same way. */",
                    "public enum Rule {"]
    arrays = {rule: member for _, places in functions for member, rule, _ in places}
    for name, rule in rules.items():
        if name in arrays:
            lines += wrapped(f"  {name}(", [f"Array.{arrays[name].upper()}", rule.form if rule.layout else "RECORDS",
                                            java_holds(rule.holds), str(rule.written).lower(),
                                            str(rule.spread).lower()] + java_in_place(rule.in_place), "),")
    lines[-1] = lines[-1][:-1] + ";"
    return lines + ["", "  public final Array array;", "", "  /** The items that it has numbers for. */",
                    "  public final Form form;", "",
                    "  /** The uses of arrays in {@link ElementType}, as a set; its type must have one of them. */",
                    "  public final int holds;", "", "  public final boolean written;", "",
                    "  /** Whether several rows or classes may share one number. */",
                    "  public final boolean spread;", "",
                    "  private final long inPlace;", "",
                    "  Rule(Array array, Form form, int holds, boolean written, boolean spread, Array... inPlace) {",
                    "    this.array = array;", "    this.form = form;", "    this.holds = holds;",
                    "    this.written = written;", "    this.spread = spread;", "    long bits = 0;",
                    "    for (Array other : inPlace) {", "      bits |= 1L << other.ordinal();", "    }",
                    "    this.inPlace = bits;", "  }", "",
                    "  /** Whether it may be the same memory as another array, to be written in place. */",
                    "  public boolean mayBe(Array other) {",
                    "    return (inPlace >> other.ordinal() & 1) != 0;", "  }", "",
                    "  /** Whether an array of this type has one bit per class. */",
                    "  public boolean isOfBits(ElementType type) {",
                    "    return (holds & ElementType.WORDS) != 0 && type.holds(ElementType.WORDS);", "  }",
                    "}", ""]


def java_function(functions, ranged, most, structs, sizes):
    lines = HEAD + ["package dev.xent.internal.kernels;", "", "import org.jspecify.annotations.Nullable;", "",
                    "/** The functions of the core, and the arrays of each in the order of the entry points. */",
                    "public enum Function {"]
    for number, (name, places) in enumerate(functions, 1):
        members = ["new int[] {" + str(structs[number - 1][0]), *map(str, structs[number - 1][1:])]
        members[-1] += "}"
        lines += wrapped(f"  {name}(", [str(number), str(name in ranged).lower(), *members]
                         + [f"Rule.{rule}" for _, rule, _ in places], "),")
    lines[-1] = lines[-1][:-1] + ";"
    return lines + ["", "  /** The number of functions. */", f"  public static final int COUNT = {len(functions)};", "",
                    "  /** The number of arrays of the entry point for many arrays. */",
                    f"  static final int MOST_ARRAYS = {most};", "", "  public final int number;", "",
                    "  /** Whether it has a range of classes in addition to that of rows. */",
                    "  public final boolean hasClasses;", "",
                    "  /** The size of its struct, and offsets in it, or 0: {@link FunctionCall#struct()}. */",
                    "  final int[] struct;", "",
                    "  /** The rules of its arrays, in the order of the entry points. */", "  public final Rule[] rules;", "",
                    "  private final byte[] places = new byte[Array.COUNT];", "",
                    "  Function(int number, boolean hasClasses, int[] struct, Rule... rules) {", "    this.number = number;",
                    "    this.hasClasses = hasClasses;", "    this.struct = struct;",
                    "    this.rules = rules;", "    java.util.Arrays.fill(places, (byte) -1);",
                    "    for (int i = 0; i < rules.length; i++) {", "      places[rules[i].array.ordinal()] = (byte) i;",
                    "    }", "  }", "",
                    "  /** The number of its arrays. */", "  public int count() {",
                    "    return rules.length;", "  }", "",
                    "  /** The array at a place. */", "  public Array array(int place) {",
                    "    return rules[place].array;", "  }", "",
                    "  /** The rule of an array; null if the function does not have it. */",
                    "  public @Nullable Rule rule(Array array) {", "    int place = place(array);",
                    "    return place < 0 ? null : rules[place];", "  }", "",
                    "  /** The place of an array; -1 if the function does not have it. */",
                    "  public int place(Array array) {", "    return places[array.ordinal()];", "  }", "}", ""]


def java_number(number):
    names = {sys.float_info.max: "Double.MAX_VALUE", FLOAT_MAX: "Float.MAX_VALUE", 2.0**-126: "Float.MIN_NORMAL"}
    if abs(number) in names:
        return "-"[number > 0:] + names[abs(number)]
    shown = spelled(number)
    return "0x1p" + shown[2:] if shown.startswith("2^") else shown + ("L" if number > 2.0**31 else "")


def java_option_range(options):
    lines = HEAD + ["package dev.xent.internal.plan.options;", "",
                    "import dev.xent.errors.OptionException;", "",
                    "/** The ranges of numeric options. */", "public enum OptionRange {"]
    names = [option.name for option in options]
    for option in options:
        prefix = "SAMPLING_" if option.struct == "xent_sampling" and names.count(option.name) > 1 else ""
        unset = "Double.NaN" if option.unset is None else java_number(option.unset)
        lines += wrapped(f"  {prefix}{option.name.upper()}(",
                         [f'"{java_name(option.name)}"', java_number(option.least), java_number(option.most),
                          str(option.takes_zero).lower(), unset, f'"{option.words}"', str(option.recorded != "UNRECORDED").lower(),
                          str("WITH_LABELS" in option.traits).lower()]
                         + [other.upper() for other in option.not_beside], "),")
    lines[-1] = lines[-1][:-1] + ";"
    of_calls = sum(option.struct == "xent_options" for option in options)
    return lines + ["", "  /** The number of options of xent_options; they come first. */",
                    f"  static final int OF_CALLS = {of_calls};", "",
                    "  /** Its name in messages. */", "  public final String text;", "",
                    "  /** The expected value, for messages. */", "  public final String expected;", "",
                    "  /** Whether saved statistics depend on it. */", "  final boolean recorded;", "",
                    "  /** Whether a loss accepts it with class indices alone. */", "  final boolean ofLabels;", "",
                    "  /** The options that it excludes. */", "  final OptionRange[] notBeside;", "",
                    "  private final double least;", "  private final double most;",
                    "  private final boolean takesZero;", "  private final double unset;", "",
                    "  OptionRange(",
                    "      String text,", "      double least,", "      double most,", "      boolean takesZero,",
                    "      double unset,", "      String expected,", "      boolean recorded,", "      boolean ofLabels,",
                    "      OptionRange... notBeside) {",
                    "    this.text = text;", "    this.least = least;", "    this.most = most;",
                    "    this.takesZero = takesZero;", "    this.unset = unset;", "    this.expected = expected;",
                    "    this.recorded = recorded;", "    this.ofLabels = ofLabels;", "    this.notBeside = notBeside;", "  }", "",
                    "  /**", "   * Returns the value for the struct: 0 for the default.", "   *",
                    "   * @throws OptionException unless it is in the range", "   */",
                    "  public double require(double value) {", "    if (!has(value)) {",
                    "      throw refused(Double.toString(value));", "    }",
                    "    return value == unset ? 0 : value;", "  }", "",
                    "  /**", "   * Returns the value.", "   *",
                    "   * @throws OptionException unless it is in the range", "   */",
                    "  public long require(long value) {",
                    "    if (!has(value)) {", "      throw refused(Long.toString(value));", "    }",
                    "    return value;", "  }", "",
                    "  /** The largest value of a whole number. */",
                    "  public long most() {", "    return (long) most;", "  }", "",
                    "  private boolean has(double value) {",
                    "    return value == 0 ? takesZero : value >= least && value <= most;", "  }", "",
                    "  private OptionException refused(String value) {",
                    '    return new OptionException(text, value, expected);', "  }", "}", ""]


def java_option_fields(header, options):
    """The members of xent_options that plain Java reads: all but its size and the instruction set."""
    later = [java_name(option.name) for option in options
             if option.struct == "xent_options" and option.recorded == "RECORDED_IF_SET"]
    body = re.search(r"typedef struct xent_options \{(.*?)\n\}", header, re.S)[1]
    types = {"int32_t": "int", "int64_t": "long", "double": "double"}
    members = [(types[kind], name) for kind, name in re.findall(r"(\w+) (\w+);", body)
               if name not in ("size", "isa", "reserved")]
    return HEAD + ["package dev.xent.internal.kernels.reference.call;", "",
                   "import dev.xent.internal.ffi.xent_options;", "import java.lang.foreign.MemorySegment;", "",
                   "/** The members of {@code xent_options}. */", "public class OptionFields {"] + [
        f"  public {kind} {java_name(name)};" for kind, name in members] + [
        "", "  /** The numbers that a digest of statistics has only if they are not 0. */",
        f"  public final double[] digestedIfUsed = new double[{len(later)}];",
        "", "  OptionFields() {}", "", "  /** Reads a struct. */", "  public final void read(MemorySegment struct) {"] + [
        f"    {java_name(name)} = xent_options.{name}(struct);" for _, name in members] + [
        f"    digestedIfUsed[{i}] = {name};" for i, name in enumerate(later)] + [
        "  }", "}", ""]


def spark_numbers(options):
    """The numbers of losses, except those of their reduction: those of all functions of logits, and the others."""
    losses = [option for option in options if option.struct == "xent_options" and "LOSSES" in option.functions
              and option.name != "gradient_scale"]
    return [[option for option in losses if ("SOFTMAX" in option.functions) == own] for own in (True, False)]


def spark_sampling(options):
    """The numbers of the sampler, except those that need the tokens before."""
    return [option for option in options
            if option.help and "SAMPLE" in option.functions and "penalty" not in option.name]


def java_spark_options(options):
    """The numbers of losses and of the sampler, and the setter of each in its builder."""
    of_logits, of_losses = spark_numbers(options)
    of_sampling = spark_sampling(options)
    lines = HEAD + ["package dev.xent.spark;", "", "import dev.xent.LogitLossBuilder;", "import dev.xent.LogitOptions;",
                    "import dev.xent.Sampler;", "import java.util.AbstractMap;", "import java.util.List;",
                    "import java.util.function.ObjDoubleConsumer;", "",
                    "/** The numbers among the options of functions of logits, of losses and of the sampler. */",
                    "abstract class NumberOptions extends AbstractMap<String, String> {",
                    "  /** The name of a number, and its setter in a builder. */",
                    "  record Number<B>(String name, boolean isWhole, ObjDoubleConsumer<B> setter) {}", ""]
    for constant, builder, numbers in (("OF_LOGITS", "LogitOptions<?>", of_logits),
                                       ("OF_LOSSES", "LogitLossBuilder<?>", of_losses),
                                       ("OF_SAMPLING", "Sampler.Builder", of_sampling)):
        lines += [f"  static final List<Number<{builder}>> {constant} =", "      List.of("]
        for option in numbers:
            name, whole = java_name(option.name), option.kind == "I64"
            setter = f"(builder, value) -> builder.{name}((long) value)" if whole else f"{builder.removesuffix('<?>')}::{name}"
            lines.append(f'          new Number<>("{name}", {str(whole).lower()}, {setter}),')
        lines[-1] = lines[-1][:-1] + ");"
        lines.append("")
    lines += ["  /** Returns these options and another one. */",
              "  abstract XentOptions with(String name, Object value);"]
    # Losses have an option topK as well, and logits a temperature.
    named = {option.name: option for option in of_sampling if option.name != "top_k"}
    named.update((option.name, option) for option in of_logits + of_losses)
    for option in [option for option in options if option in named.values()]:
        name, kind = java_name(option.name), "long" if option.kind == "I64" else "double"
        builder = ("LogitBuilder" if option in of_logits else
                   "CrossEntropy.Builder" if option in of_losses else "Sampler.Builder")
        lines += ["", f"  /** Sets {{@link dev.xent.{builder}#{name}}}. */",
                  f"  public XentOptions {name}({kind} value) {{", f'    return with("{name}", value);', "  }"]
    return lines + ["}", ""]


def java_number_flags(options):
    """The flags of the command: of the options of operations, and of the sampler, which has the softcap too."""
    lines = HEAD + ["package dev.xent.cli;", "", "import java.util.List;", "",
                    "/** The numbers among the options of builders, as flags. */", "final class NumberFlags {",
                    "  /** The name in a builder, the label of the value, and the help. */",
                    "  record Flag(String name, String label, String help) {}", ""]
    of_operations = [option for option in options if option.help and option.struct == "xent_options"]
    of_sampling = [option for option in options if option.help and "SAMPLE" in option.functions]
    for constant, numbers in (("OF_OPERATIONS", of_operations), ("OF_SAMPLING", of_sampling)):
        lines += [f"  static final List<Flag> {constant} =", "      List.of("]
        for option in numbers:
            label = option.name.split("_")[-1][0].upper()
            unset = "none" if option.default == "NONE" else option.default
            lines += [f'          new Flag("{java_name(option.name)}", "{label}",',
                      f'              "{option.help.replace("%", label)};"',
                      f'                  + " {option.words}. Default: {unset}."),']
        lines[-1] = lines[-1][:-1] + ");"
        lines.append("")
    return lines + ["  private NumberFlags() {}", "}", ""]


def wrapped(start, parts, end, most=100, indent=6, between=", "):
    """Joins parts with commas or another separator, in lines of at most `most` characters."""
    lines, line = [], start
    for i, part in enumerate(parts):
        piece = part + (between if i + 1 < len(parts) else end)
        if len((line + piece).rstrip()) > most:
            lines.append(line.rstrip())
            line = " " * indent
        line += piece
    return lines + [line]


def java_holds(holds):
    return " | ".join(re.findall(r"XENT_(\w+)", holds or "")) or "0"


def java_in_place(in_place):
    return [f"Array.{name}" for name in re.findall(r"XENT_FIELD_BIT\((\w+)\)", in_place)]


def python_fields(header, struct):
    """The members of a struct, for ctypes."""
    body = re.search(r"typedef struct " + struct + r" \{(.*?)\n\}", header, re.S)[1]
    members = [f'("{name}", c_{kind.removesuffix("_t")})' for kind, name in re.findall(r"(\w+) (\w+);", body)]
    return wrapped(f"{struct.upper()}: Fields = [", members, "]", 120, 4)


def python_ranges(name, options):
    lines = [f"{name} = {{"]
    for option in options:
        numbers = [repr(each) for each in (option.least, option.most, option.takes_zero, option.unset)]
        lines.append(f'    "{option.name}": Range({", ".join(numbers)},')
        lines.append(f'        "expected {option.words}"),')
    return lines + ["}"]


def python_functions(header, layouts, functions, rules, ranged, options, structs, sizes):
    def texts(names):
        return [f'"{name}"' for name in names]

    lines = [f"# {note}" for note in NOTES]
    lines += ['"""The sizes and the layouts of xent_shape in their order, the rules of arrays, the functions of the core, options and '
              'their ranges."""',
              "from __future__ import annotations", "",
              "from ctypes import c_double, c_int32, c_int64, c_uint32, c_uint64", "from typing import Any, NamedTuple, TypedDict", "",
              "Fields = list[tuple[str, Any]]", "", "",
              "class Rule(NamedTuple):", "    array: str", "    form: str  # what each number belongs to",
              "    holds: str  # the types it may have",
              "    spread: bool  # one number may apply to several rows or classes", "    written: bool = False",
              "    in_place: tuple[str, ...] = ()  # the inputs in whose memory it may be", "", "",
              "class Function(NamedTuple):", "    number: int", "    has_classes: bool  # takes a range of classes",
              "    arrays: list[str]  # in the order of its struct", "    rules: list[str]  # of the arrays with a layout",
              "    struct: list[int]  # its size, and offsets of members, or 0: _native.py", "", "",
              "class Range(NamedTuple):", "    least: float", "    most: float", "    takes_zero: bool",
              "    unset: float | None  # the meaning of 0 in the struct", "    fix: str  # in messages", "", ""]
    of_logits, of_losses = spark_numbers(options)
    rare = [option for option in of_losses if option.name != "label_smoothing"]  # which is a parameter
    for name, base, numbers in (("LogitNumbers", "TypedDict", of_logits), ("RareLossNumbers", "TypedDict", rare),
                                ("LossNumbers", "RareLossNumbers", [each for each in of_losses if each not in rare]),
                                ("SamplingNumbers", "TypedDict", spark_sampling(options))):
        lines += [f"class {name}({base}, total=False):"]
        lines += [f"    {option.name}: {'int' if option.kind == 'I64' else 'float'} | None" for option in numbers] + ["", ""]
    lines += wrapped("SIZES = [", texts(sizes), "]", 120, 9) + [""]
    lines += wrapped("LAYOUTS = [", texts(layouts), "]", 120, 11) + ["", "RULES = {"]
    taken = {rule for _, places in functions for _, rule, _ in places}
    for name, rule in rules.items():
        if rule.layout and name in taken:
            text = f'    "{name}": Rule("{rule.layout}", "{rule.form}", "{java_holds(rule.holds)}", {rule.spread}'
            places = "".join(f'"{each.lower()}", ' for each in re.findall(r"XENT_FIELD_BIT\((\w+)\)", rule.in_place))
            lines.append(f"{text}{', True' if rule.written else ''}{f', ({places.rstrip()})' if places else ''}),")
    lines += ["}", "", "FUNCTIONS = {"]
    for number, (name, places) in enumerate(functions, 1):
        lines += wrapped(f'    "{name.lower()}": Function({number}, {name in ranged}, [',
                         texts(member for member, _, _ in places), "],", 120, 8)
        lines += wrapped("        [", texts(rule for _, rule, _ in places if rules[rule].layout), "],", 120, 9)
        lines += wrapped("        [", list(map(str, structs[number - 1])), "]),", 120, 9)
    lines += ["}", ""]
    for struct in ("xent_options", "xent_sampling"):
        lines += python_fields(header, struct) + [""]
    lines += python_ranges("OPTIONS", [option for option in options if option.struct == "xent_options"]) + [""]
    lines += python_ranges("SAMPLING", [option for option in options if option.struct == "xent_sampling"])
    lines += ["", "NOT_BESIDE = {  # the numbers that an option excludes"]
    lines += [f'    "{option.name}": [{", ".join(texts(option.not_beside))}],'
              for option in options if option.not_beside]
    of_labels = texts(option.name for option in options if "WITH_LABELS" in option.traits)
    return lines + ["}", "", f"OF_LABELS = [{', '.join(of_labels)}]  # numbers of losses with class indices alone", ""]


def main(given):
    if given not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    commented = HEADER.read_text()
    header = without_comments(commented)
    arrays = without_comments((API / "arrays.h").read_text())
    sizes, layouts = shape_of(without_comments(SHAPES.read_text()))
    rules, most = rules_of(arrays), most_arrays_of(arrays)
    values = {name for name, rule in rules.items() if rule.form in ("NO_ARRAY", "OF_SHAPE")}
    if values != rules_behind_arrays(arrays):
        print(f"NO_ARRAY or OF_SHAPE, or behind XENT_ARRAYS, alone: {values ^ rules_behind_arrays(arrays)}", file=sys.stderr)
        return 1
    places = places_of((without_comments(path.read_text()) for path in sorted(API.glob("*.c"))), arrays)
    names = functions_of(header)
    if set(names) != set(places):
        print(f"numbered in xent.h, or made in native/src/api, alone: {set(names) ^ set(places)}", file=sys.stderr)
        return 1
    functions, checked, records, ranged, structs = [], [], [], set(), []
    for name in names:
        struct, own = places[name]
        values = {rules[rule].member: member for member, rule, _ in own if rules[rule].form == "OF_SHAPE"}
        own = [place for place in own if rules[place[1]].form not in ("NO_ARRAY", "OF_SHAPE")]
        members = members_of(header, struct)
        offsets = offsets_of(header, struct)
        others = [offsets.get(each, 0) for each in ("report", "sampling", "workspace_size", "logits_type", "continues")]
        choice = offsets.get("per_row", offsets.get("second_round", 0))
        structs.append([offsets["size"], choice, *others, *(offsets.get(values.get(each), 0) for each in sizes[3:]),
                        *(offsets[member] for member, _, _ in own)])
        order = arrays_of(header, struct)
        if order != [place[0] for place in own]:
            print(f"{struct} has {order}, its places are {[place[0] for place in own]}", file=sys.stderr)
            return 1
        records += [member for member in order if member not in layouts + records]
        functions.append((name, order))
        checked.append((name, own))
        if "classes" in members:  # a range of classes, in addition to the range of rows
            ranged.add(name)
    fields = fields_of(header)
    options = options_of(OPTIONS.read_text(encoding="utf-8"), header)
    written = {ROOT / "native/test/abi_facts.c": c_facts(header + without_comments(BINDINGS.read_text())),
               API / "field_list.h": c_list("XENT_FIELD_LIST_H", "Each field with its number in xent.h and its name.",
                                            "XENT_FIELDS", fields),
               API / "function_list.h": c_list("XENT_FUNCTION_LIST_H", "Each function with its number in xent.h and its name.",
                                               "XENT_FUNCTIONS", names),
               TAKEN: c_sets(checked, rules),
               BINDINGS: c_numbered_arrays(BINDINGS.read_text(), functions),
               KERNELS / "Field.java": java_field(fields),
               KERNELS / "Array.java": java_array(layouts, records),
               KERNELS / "Rule.java": java_rule(rules, checked),
               KERNELS / "Function.java": java_function(checked, ranged, most, structs, sizes[3:]),
               KERNELS / "reference/call/OptionFields.java": java_option_fields(header, options),
               SPARK: java_spark_options(options),
               COMMAND: java_number_flags(options),
               OPTION_RANGE: java_option_range(options),
               PYTHON: python_functions(header, layouts, checked, rules, ranged, options, structs, sizes)}
    stale = [path for path, lines in written.items() if not path.exists() or path.read_text() != "\n".join(lines)]
    for path in stale:
        if given:
            print(f"{path.relative_to(ROOT)} is not what tools/functions.py writes", file=sys.stderr)
        else:
            path.write_text("\n".join(written[path]))
    unknown = known_by_no_path(names) if given else []
    for name in unknown:
        print(f"XENT_TAKEN_BY_{name} is in no XENT_KNOWS_ALL: name the path that computes it", file=sys.stderr)
    unlike = unlike_comments(options, commented) + unlike_pages(options) if given else []
    for line in unlike:
        print(line, file=sys.stderr)
    return 1 if unknown or unlike or (given and stale) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
