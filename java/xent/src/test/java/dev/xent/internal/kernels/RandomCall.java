// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;

import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.ffi.xent_sampling;
import java.lang.foreign.Arena;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * The maker of random calls. Arguments come from the tables: the arrays of {@link Function}, their
 * forms and types from {@link Rule}, options from the layouts of the C structs. So a new array or
 * option is in these calls without a change here. Arguments that do not fit together are repaired
 * by what the library says of them, until it accepts the call.
 *
 * <p>Functions that need what another one wrote follow it in a chain, on the same arrays.
 */
final class RandomCall {
  /** Functions that run one after the other. */
  record Chain(boolean inParts, Function... functions) {
    Function last() {
      return functions[functions.length - 1];
    }

    @Override
    public String toString() {
      return Arrays.toString(functions) + (inParts ? " in parts" : "");
    }
  }

  /** One run of a function: its classes, and 1 for the second round of finish. */
  private record Step(Function function, long begin, long end, int choice) {}

  /** Of a run: a status per step, and bytes by name. */
  record Results(List<Integer> statuses, Map<String, MemorySegment> bytes) {
    int status() {
      return statuses.getLast();
    }

    /** What the last function that writes an array wrote into it; null: none did. */
    MemorySegment last(Array array) {
      return bytes.entrySet().stream()
          .filter(entry -> entry.getKey().endsWith(" " + array))
          .map(Map.Entry::getValue)
          .reduce((earlier, later) -> later)
          .orElse(null);
    }

    /** The statuses, and what the last report says. */
    String statement() {
      MemorySegment report = bytes.get("report");
      return "%s %s row %d label %d integer %d value %s"
          .formatted(
              statuses,
              FIELDS.get(xent_report.field(report)),
              xent_report.row(report),
              xent_report.label(report),
              xent_report.integer(report),
              xent_report.value(report));
    }
  }

  private static final int CHUNK = 8192;
  private static final int MOST_REPAIRS = 80;
  private static final byte UNWRITTEN = 0x55;

  /** Enough after each array for any layout of one row more, and for alignment. */
  private static final int ROOM = 64;

  private static final double[] MILD = {1, 1, 0.5, 0.1, 2, 0.07, 30, 3, 1.5};
  private static final double[] EXTREME = {
    -1.0 / 3, 300, 1e-3, 1e-7, 1e5, 1e10, 1e30, 1e-30, 1e-38, 3e-45, 1e300, 1e-300, 5e-324
  };
  private static final double[] WEIGHTS = {0, 1, 1, 0.5, 3, 1e-3, 1e4};
  private static final double[] EDGES = {
    0,
    -0.0,
    1e-20,
    3e38,
    40,
    -20000,
    20000,
    1e-39,
    Double.POSITIVE_INFINITY,
    Double.NEGATIVE_INFINITY,
    Double.NaN
  };

  /** What may have any bits. */
  private static final Set<String> ANY_BITS = Set.of("seed", "stream", "step", "draw");

  /** They read records of others. */
  private static final Set<Function> NEVER_FIRST =
      EnumSet.of(
          Function.FINISH,
          Function.CROSS_ENTROPY_BACKWARD,
          Function.SELECTED_LOG_PROBABILITIES_BACKWARD,
          Function.LINEAR_CROSS_ENTROPY_BACKWARD);

  /** What parts of a softmax must not have: their statistics would be those of a loss. */
  private static final Set<Array> OF_LOSSES =
      EnumSet.of(
          Array.TARGETS,
          Array.TARGET_WEIGHTS,
          Array.CLASS_WEIGHTS,
          Array.ROW_WEIGHTS,
          Array.LOSSES,
          Array.CORRECT,
          Array.EXACT_SUM);

  private static final Set<String> FIXED = Set.of("size", "isa", "reserved");
  private static final Map<Integer, String> FIELDS = fields();

  /** All chains: each function by itself, or after those whose records or outputs it reads. */
  static List<Chain> chains() {
    List<Chain> all = new ArrayList<>();
    for (Function function : Function.values()) {
      if (!NEVER_FIRST.contains(function)) {
        all.add(new Chain(false, function));
      }
    }
    all.add(new Chain(false, Function.SOFTMAX, Function.SOFTMAX_BACKWARD));
    all.add(new Chain(false, Function.LOG_SOFTMAX, Function.LOG_SOFTMAX_BACKWARD));
    all.add(new Chain(false, Function.CROSS_ENTROPY, Function.CROSS_ENTROPY_BACKWARD));
    all.add(
        new Chain(
            false,
            Function.SELECTED_LOG_PROBABILITIES,
            Function.SELECTED_LOG_PROBABILITIES_BACKWARD));
    all.add(
        new Chain(false, Function.LINEAR_CROSS_ENTROPY, Function.LINEAR_CROSS_ENTROPY_BACKWARD));
    for (Function last :
        List.of(Function.SOFTMAX, Function.LOG_SOFTMAX, Function.CROSS_ENTROPY_BACKWARD)) {
      all.add(new Chain(true, Function.FORWARD_STATES, Function.FINISH, last));
    }
    all.add(
        new Chain(
            true, Function.LINEAR_STATES, Function.FINISH, Function.LINEAR_CROSS_ENTROPY_BACKWARD));
    all.add(
        new Chain(
            true,
            Function.SOFTMAX,
            Function.BACKWARD_STATES,
            Function.FINISH,
            Function.SOFTMAX_BACKWARD));
    return all;
  }

  final Chain chain;
  final CallShape shape = new CallShape();
  final MemorySegment options;
  final RowKind kind;

  private final Arena arena;
  private final SplittableRandom random;
  private boolean wide;
  final boolean samplesPerRow;
  final MemorySegment sampling;
  final Set<Array> given = EnumSet.noneOf(Array.class);
  final Map<Array, Rule> rules = new EnumMap<>(Array.class);
  final Map<Array, MemorySegment> arrays = new EnumMap<>(Array.class);
  final Map<Array, Array> inPlaceOf = new EnumMap<>(Array.class);
  final long cut;
  private long rowBegin;
  private long rowEnd;
  long[] offsets = {};
  private long workspace;

  /** Where a bit of records is changed; 0: nowhere. */
  private long flip;

  RandomCall(Arena arena, Chain chain, int rows, int classes, SplittableRandom random) {
    this.arena = arena;
    this.chain = chain;
    this.random = random;
    this.kind = any(RowKind.values());
    for (Function function : chain.functions) {
      for (Rule rule : function.rules) {
        rules.putIfAbsent(rule.array, rule);
      }
    }
    wide = oneIn(3);
    boolean inner = oneIn(3);
    boolean both = inner && oneIn(3);
    shape.outer = both ? rows : inner ? 1 : rows;
    shape.inner = both ? 2 : inner ? rows : 1;
    shape.classes = classes;
    shape.features = has(Form.PER_FEATURE) ? 1 + random.nextInt(mostFeatures()) : 0;
    shape.topCount = has(Form.PER_TOP) ? random.nextInt(Math.min(classes, 7) + 1) : 0;
    shape.targetCount = has(Form.PER_TARGET) || has(Form.OF_TARGETS) ? few(3, 6) : 0;
    shape.promptCount = has(Form.PER_PROMPT) ? few(3, 20) : 0;
    shape.outputCount = has(Form.PER_OUTPUT) ? few(3, 70) : 0;
    cut = random.nextLong(chunks()) * CHUNK;
    boolean some = !chain.inParts && chain.functions.length == 1 && oneIn(4);
    rowBegin = some ? random.nextLong(rows()) : 0;
    rowEnd = some ? rowBegin + random.nextLong(rows() - rowBegin + 1) : rows();
    options = arena.allocate(xent_options.layout());
    fill(options, xent_options.layout());
    samplesPerRow = oneIn(2);
    sampling =
        rules.containsKey(Array.TOKENS)
            ? arena.allocate(xent_sampling.sizeof() * rows(), Long.BYTES)
            : NULL;
    for (long i = 0; sampling != NULL && i < rows(); i++) {
      fill(xent_sampling.asSlice(sampling, i), xent_sampling.layout());
    }
    for (Rule rule : rules.values()) {
      if (isKnown(rule) || rule.form == Form.RECORDS || oneIn(rule.written ? 2 : 3)) {
        given.add(rule.array);
      }
    }
    if (!Arrays.stream(chain.functions).allMatch(f -> f.rule(Array.ROW_OFFSETS) != null)) {
      given.remove(Array.ROW_OFFSETS);
    }
    if (chain.last().rule(Array.TARGETS) == null) {
      given.removeAll(OF_LOSSES);
    }
    chooseTypes();
    make();
  }

  private void chooseTypes() {
    for (Rule rule : rules.values()) {
      if (rule.form != Form.RECORDS) {
        shape.type(rule.array, type(rule));
      }
    }
    if (!rules.containsKey(Array.LOGITS)) { // some functions have only its type
      shape.type(Array.LOGITS, wide ? ElementType.F64 : ElementType.F32);
    }
  }

  /** Whether an array is one of records that a function of the chain reads. */
  private static boolean isKnown(Rule rule) {
    return rule == Rule.KNOWN_STATES || rule == Rule.KNOWN_STATISTICS;
  }

  private boolean has(Form form) {
    return rules.values().stream().anyMatch(rule -> rule.form == form);
  }

  /** Few of long rows, as products take nearly all of the time. */
  private int mostFeatures() {
    return shape.classes > 4096 ? 9 : oneIn(3) ? 300 : 40;
  }

  private long few(int often, int most) {
    return oneIn(often) ? 1 + random.nextInt(most) : 0;
  }

  private boolean oneIn(int many) {
    return random.nextInt(many) == 0;
  }

  private <T> T any(T[] all) {
    return all[random.nextInt(all.length)];
  }

  private double any(double[] all) {
    return all[random.nextInt(all.length)];
  }

  long rows() {
    return shape.outer * shape.inner;
  }

  /** The same call of all rows. */
  RandomCall whole() {
    rowBegin = 0;
    rowEnd = rows();
    return this;
  }

  long chunks() {
    return (shape.classes + CHUNK - 1) / CHUNK;
  }

  // ---- options ---------------------------------------------------------------------------------

  /** Gives the members of a struct any values; half of them keep 0, the default. */
  private void fill(MemorySegment struct, GroupLayout layout) {
    struct.set(ValueLayout.JAVA_LONG, 0, layout.byteSize());
    for (MemoryLayout member : layout.memberLayouts()) {
      String name = member.name().orElse("");
      long at = layout.byteOffset(MemoryLayout.PathElement.groupElement(name));
      boolean fixed = FIXED.contains(name);
      if (ANY_BITS.contains(name)) {
        set(struct, member, at, random.nextLong());
      } else if (name.equals("order")) {
        set(struct, member, at, oneIn(4) ? anyOrder() : 0);
      } else if (!fixed && random.nextBoolean()) {
        if (member instanceof ValueLayout.OfDouble) {
          double value = oneIn(4) ? any(EXTREME) : oneIn(4) ? random.nextDouble() : any(MILD);
          struct.set(ValueLayout.JAVA_DOUBLE, at, value);
        } else {
          boolean small = member.byteSize() == Integer.BYTES;
          long number = oneIn(8) ? -100 : random.nextLong(small ? 5 : shape.classes + 3);
          set(struct, member, at, small ? Math.abs(number % 5) : number);
        }
      }
    }
  }

  private static void set(MemorySegment struct, MemoryLayout member, long at, long value) {
    if (member.byteSize() == Integer.BYTES) {
      struct.set(ValueLayout.JAVA_INT, at, (int) value);
    } else {
      struct.set(ValueLayout.JAVA_LONG, at, value);
    }
  }

  /** All filters, the temperature too, which may be anywhere. */
  private long anyOrder() {
    long order = 0;
    int taken = 0;
    while (taken != 0b1111_1110) {
      int filter = random.nextInt(1, 8);
      if ((taken >> filter & 1) == 0) {
        taken |= 1 << filter;
        order = order << 8 | filter;
      }
    }
    return order;
  }

  private static boolean reset(MemorySegment struct, GroupLayout layout, String name) {
    for (MemoryLayout member : layout.memberLayouts()) {
      if (member.name().orElse("").equals(name)) {
        set(struct, member, layout.byteOffset(MemoryLayout.PathElement.groupElement(name)), 0);
        return true;
      }
    }
    return false;
  }

  // ---- arrays ----------------------------------------------------------------------------------

  private ElementType type(Rule rule) {
    int holds = rule.holds;
    boolean numbers = (holds & ElementType.NUMBERS) != 0;
    int others = holds & ~ElementType.NUMBERS;
    if (numbers && (others == 0 || oneIn(2))) {
      if (wide) {
        boolean leading = rule.array == Array.LOGITS || rule.array == Array.OUTPUT;
        return leading || !oneIn(4) ? ElementType.F64 : ElementType.F32;
      }
      return any(
          new ElementType[] {ElementType.F32, ElementType.F32, ElementType.F16, ElementType.BF16});
    }
    ElementType type;
    do {
      type = any(ElementType.values());
    } while (!type.holds(others));
    return type;
  }

  /** The form of an array, as its type and that of the targets make it. */
  Form form(Rule rule) {
    if (rule.isOfBits(typeOf(rule.array))) {
      return Form.PER_WORD;
    }
    if (rule.form != Form.OF_TARGETS) {
      return rule.form;
    }
    return typeOf(Array.TARGETS).isFloat()
        ? Form.PER_CLASS
        : shape.targetCount > 0 ? Form.PER_TARGET : Form.PER_ROW;
  }

  ElementType typeOf(Array array) {
    return ElementType.of(shape.type(array));
  }

  /** Makes all arrays anew: layouts, then those that others depend on, then the rest. */
  private void make() {
    arrays.clear();
    inPlaceOf.clear();
    if (given.contains(Array.ROW_OFFSETS) && shape.inner != 1) {
      given.remove(Array.ROW_OFFSETS);
    }
    offsets = given.contains(Array.ROW_OFFSETS) ? someOffsets() : new long[0];
    for (Rule rule : rules.values()) {
      if (rule.form != Form.RECORDS) {
        layOut(rule);
      }
    }
    for (Rule rule : rules.values()) {
      shareMemory(rule);
    }
    for (Array array : List.of(Array.ROW_OFFSETS, Array.CLASS_MASK)) {
      make(array);
    }
    given.forEach(this::make);
  }

  private void make(Array array) {
    if (given.contains(array) && !arrays.containsKey(array) && !inPlaceOf.containsKey(array)) {
      arrays.put(array, make(rules.get(array)));
    }
  }

  private long[] someOffsets() {
    long[] result = new long[(int) rows() + 1];
    result[0] = random.nextInt(3);
    for (int row = 0; row < rows(); row++) {
      long length = oneIn(4) ? random.nextInt(3) : random.nextLong(shape.classes + 1);
      result[row + 1] = result[row] + Math.min(length, shape.classes);
    }
    return result;
  }

  private void layOut(Rule rule) {
    Form form = form(rule);
    long entries = form.entries(shape);
    long inner = shape.inner;
    long outer = shape.outer;
    if (form == Form.OF_CLASSES) {
      inner = 1;
      outer = shape.classes;
    }
    long gap = oneIn(2) ? 1 + random.nextInt(9) : 0;
    long step = oneIn(3) ? 1 + random.nextInt(3) : 1;
    ElementType type = typeOf(rule.array);
    if (form == Form.OFFSETS) {
      shape.set(rule.array, 0, 0, 0, type);
    } else if (form == Form.ONE_ROW) {
      shape.set(rule.array, 99, step, 99, type);
    } else if (isRagged(form)) {
      shape.set(rule.array, 77, step, 1, type);
    } else if (rule.spread && oneIn(3)) {
      shape.set(rule.array, 0, step, 0, type);
    } else {
      switch (random.nextInt(4)) {
        case 0 -> shape.set(rule.array, entries * inner, 1, entries, type);
        case 1 -> shape.set(rule.array, 1, outer, outer * entries, type);
        case 2 -> shape.set(rule.array, entries * inner * step + gap, inner * step, step, type);
        default -> shape.set(rule.array, entries * inner, inner, 1, type);
      }
    }
  }

  boolean isRagged(Form form) {
    return offsets.length > 0 && form == Form.PER_CLASS;
  }

  /** Some outputs of the last function are its inputs. */
  private void shareMemory(Rule rule) {
    Rule last = chain.last().rule(rule.array);
    if (last == null || !last.written || !given.contains(rule.array) || oneIn(2)) {
      return;
    }
    for (int i = 0; i < chain.functions.length - 1; i++) {
      if (chain.functions[i].rule(rule.array) != null) {
        return; // others would find it changed
      }
    }
    for (Array other : Array.values()) {
      if (last.mayBe(other) && given.contains(other)) {
        shape.layout(rule.array).copyFrom(shape.layout(other));
        inPlaceOf.put(rule.array, other);
        return;
      }
    }
  }

  long stride(Array array, int which) {
    return shape.layouts[array.ordinal() * CallShape.LAYOUT + which];
  }

  /** The index of the first number of a row. */
  long at(Array array, Form form, long row) {
    if (form == Form.ONE_ROW || form == Form.OFFSETS) {
      return 0;
    }
    if (isRagged(form)) {
      return offsets[(int) row] * stride(array, 1);
    }
    if (form == Form.OF_CLASSES) {
      return row * stride(array, 0);
    }
    return row / shape.inner * stride(array, 0) + row % shape.inner * stride(array, 2);
  }

  /** From one number of a row to the next. */
  long step(Array array, Form form) {
    return form == Form.OFFSETS ? 1 : stride(array, 1);
  }

  long rowsOf(Form form) {
    return switch (form) {
      case OF_CLASSES -> shape.classes;
      case ONE_ROW, OFFSETS -> 1;
      default -> rows();
    };
  }

  long length(Form form, long row) {
    return form == Form.OFFSETS
        ? offsets.length
        : isRagged(form) ? offsets[(int) row + 1] - offsets[(int) row] : form.entries(shape);
  }

  private MemorySegment make(Rule rule) {
    if (rule.form == Form.RECORDS) {
      return records(rule.array);
    }
    Array array = rule.array;
    Form form = form(rule);
    ElementType type = typeOf(array);
    long step = step(array, form);
    long end = 1;
    for (long row = 0; row < rowsOf(form); row++) {
      long first = at(array, form, row);
      end = Math.max(end, first + length(form, row) * step + 1);
    }
    MemorySegment memory = arena.allocate(end * type.byteSize() + ROOM, ROOM);
    memory.fill(UNWRITTEN);
    boolean isWritten =
        Arrays.stream(chain.functions)
            .map(f -> f.rule(array))
            .anyMatch(of -> of != null && of.written);
    if (!isWritten) {
      for (long row = 0; row < rowsOf(form); row++) {
        long first = at(array, form, row);
        content(rule, form, memory, row, first, step);
      }
    }
    return memory;
  }

  private MemorySegment records(Array array) {
    return switch (array) {
      case EXACT_SUM -> {
        MemorySegment sum = arena.allocate(xent_exact_sum.layout());
        xent_exact_sum.size(sum, xent_exact_sum.sizeof());
        yield sum;
      }
      case STATES -> arena.allocate(rows() * chunks() * Records.STATE, ROOM);
      case WORKSPACE -> arena.allocate(Math.max(workspace, 1), ROOM);
      default -> arena.allocate(rows() * Records.STATISTICS, ROOM);
    };
  }

  // ---- contents --------------------------------------------------------------------------------

  private void content(
      Rule rule, Form form, MemorySegment memory, long row, long first, long step) {
    Array array = rule.array;
    ElementType type = typeOf(array);
    int length = (int) length(form, row);
    if (length == 0) {
      return;
    }
    if (array == Array.ROW_OFFSETS) {
      for (int i = 0; i < length; i++) {
        type.setInteger(memory, i, offsets[i]);
      }
      return;
    }
    if (type.isInteger()) {
      boolean all = array == Array.CLASS_MASK && mayMaskAll() && oneIn(8);
      int density = all ? 1 : 2 + random.nextInt(8);
      for (int k = 0; k < length; k++) {
        type.setInteger(memory, first + k * step, integer(rule, row, density));
      }
      return;
    }
    double[] values = numbers(array, form, length);
    for (int k = 0; k < length; k++) {
      type.set(memory, first + k * step, values[k]);
    }
  }

  /** Whether rows may be without classes, as they need no label. */
  private boolean mayMaskAll() {
    return !given.contains(Array.TARGETS) || !typeOf(Array.TARGETS).isInteger();
  }

  private long integer(Rule rule, long row, int density) {
    ElementType type = typeOf(rule.array);
    if (rule.isOfBits(type)) {
      return random.nextInt() | (oneIn(2) ? random.nextInt() : 0);
    }
    if ((rule.holds & ElementType.LABELS) == 0) { // flags
      return oneIn(density) ? 0 : 1 + random.nextInt(255);
    }
    long most = Math.min(shape.classes - 1, most(type));
    if (rule.form == Form.PER_CLASS) { // binary targets
      return random.nextInt(2);
    }
    long ignored = xent_options.ignore_index(options);
    boolean fits = ignored >= (type.isUnsigned() ? 0 : -most(type)) && ignored <= most(type);
    boolean ignores = xent_options.has_ignore_index(options) == 1 && fits;
    boolean tokens = rules.containsKey(Array.TOKENS);
    if (oneIn(8) && (ignores || tokens && !type.isUnsigned())) {
      return tokens ? -1 : ignored;
    }
    for (int attempt = 0; attempt < 50; attempt++) {
      long last = offsets.length > 0 ? length(Form.PER_CLASS, row) - 1 : most;
      long label = last < 0 ? -1 : random.nextLong(Math.min(last, most) + 1);
      if (label >= 0 && !isMasked(row, label)) {
        return tokens ? most - random.nextLong(Math.min(most + 1, 30)) : label;
      }
    }
    return ignores ? ignored : 0;
  }

  private static long most(ElementType type) {
    int bits = Math.min(type.byteSize() * Byte.SIZE - (type.isUnsigned() ? 0 : 1), 62);
    return (1L << bits) - 1;
  }

  private boolean isMasked(long row, long k) {
    Rule rule = rules.get(Array.CLASS_MASK);
    MemorySegment mask = arrays.get(Array.CLASS_MASK);
    if (rule == null || mask == null || rule.isOfBits(typeOf(Array.CLASS_MASK))) {
      return false;
    }
    long at = at(Array.CLASS_MASK, Form.PER_CLASS, row) + k * stride(Array.CLASS_MASK, 1);
    return mask.get(ValueLayout.JAVA_BYTE, at) == 0;
  }

  private double[] numbers(Array array, Form form, int length) {
    double[] values = new double[length];
    boolean ofKind =
        switch (array) {
          case LOGITS, TEACHER, OUTPUT -> true;
          case UPSTREAM, BIAS -> form == Form.PER_CLASS && oneIn(4);
          default -> false;
        };
    if (ofKind) {
      float[] row = new float[length];
      (array == Array.LOGITS ? kind : any(RowKind.values())).fill(row, random);
      for (int k = 0; k < length; k++) {
        boolean fine = wide && array == Array.LOGITS;
        boolean tie = sampling != NULL && oneIn(7);
        double value = row[tie ? random.nextInt(length) : k];
        values[k] = fine ? value * (1 + 1e-9 * random.nextGaussian()) : value;
      }
      return values;
    }
    int sort = random.nextInt(8);
    for (int k = 0; k < length; k++) {
      values[k] = number(array, form, sort, k, length);
    }
    return values;
  }

  private double number(Array array, Form form, int sort, int k, int length) {
    return switch (array) {
      case TARGETS ->
          switch (rules.get(array) == Rule.ELEMENT_TARGETS ? 7 : sort) {
            case 0 -> oneIn(length) ? 1 : 0;
            case 1 -> random.nextGaussian();
            case 2 -> k % 2 == 1 ? 1e-39 : k % 4 == 0 ? 1e10 : -1e10;
            case 3 -> oneIn(20) ? Double.NaN : 1.0 / length;
            case 7 -> random.nextDouble();
            default -> random.nextDouble() / length;
          };
      case TARGET_WEIGHTS -> oneIn(6) ? 0 : random.nextDouble();
      case CLASS_WEIGHTS, ROW_WEIGHTS, ELEMENT_WEIGHTS, POSITIVE_WEIGHTS ->
          oneIn(2) ? random.nextDouble() : any(WEIGHTS);
      case DRAFT_PROBABILITIES -> Math.max(2 * random.nextDouble() / length, 1e-6);
      case HIDDEN, WEIGHTS -> sort == 0 && oneIn(50) ? any(EDGES) : random.nextGaussian();
      default -> oneIn(form == Form.PER_CLASS ? 40 : 3) ? any(EDGES) : random.nextGaussian();
    };
  }

  // ---- repairs ---------------------------------------------------------------------------------

  /** Changes what the library refuses until it accepts the call; returns whether it did. */
  boolean repair(Kernels library) {
    for (int repairs = 0; repairs < MOST_REPAIRS; repairs++) {
      Results results = run(library, 0);
      if (results.status() == Status.OK) {
        return true;
      }
      MemorySegment report = results.bytes.get("report");
      if (!repair(results.status(), report)) {
        return false;
      }
      make();
    }
    return false;
  }

  private boolean repair(int status, MemorySegment report) {
    String field = FIELDS.get(xent_report.field(report));
    String option = field.toLowerCase(Locale.ROOT);
    if (status == Status.INVALID_LABEL) {
      given.remove(oneIn(2) ? Array.CLASS_MASK : Array.ROW_OFFSETS);
      return true; // other labels
    }
    boolean found = reset(options, xent_options.layout(), option);
    if (option.equals("ignore_index")) {
      xent_options.has_ignore_index(options, 0);
    }
    for (long i = 0; sampling != NULL && i < rows(); i++) {
      found |= reset(xent_sampling.asSlice(sampling, i), xent_sampling.layout(), option);
    }
    if (found) {
      return true;
    }
    switch (field) {
      case "TARGET_COUNT", "BIAS_COUNT" -> shape.targetCount = shape.targetCount == 0 ? 1 : 0;
      case "TOP_COUNT" -> shape.topCount = shape.topCount == 0 ? 1 : 0;
      case "PROMPT_COUNT" -> shape.promptCount = 0;
      case "OUTPUT_COUNT" -> shape.outputCount = 0;
      case "WORKSPACE" -> {
        workspace = Math.max(workspace, xent_report.integer(report));
        given.add(Array.WORKSPACE);
      }
      default -> {
        return repairArray(status, field);
      }
    }
    return true;
  }

  private boolean repairArray(int status, String field) {
    Array array;
    try {
      array = Array.valueOf(field);
    } catch (IllegalArgumentException e) {
      return false;
    }
    Rule rule = rules.get(array);
    if (rule == null) {
      return false;
    }
    if (!given.contains(array)) {
      given.add(array);
    } else if (status == Status.UNSUPPORTED && wide && oneIn(2)) {
      wide = false; // which some functions do not have
      chooseTypes();
    } else if (status == Status.UNSUPPORTED && random.nextInt(4) > 0) {
      shape.type(array, type(rule));
    } else {
      given.remove(array);
    }
    return true;
  }

  private static Map<Integer, String> fields() {
    Map<Integer, String> names = new LinkedHashMap<>();
    for (java.lang.reflect.Field field : Field.class.getFields()) {
      try {
        names.put(field.getInt(null), field.getName());
      } catch (IllegalAccessException e) {
        throw new AssertionError(e);
      }
    }
    return names;
  }

  /** Puts up to three wrong numbers into arrays of integers, weights, offsets or records. */
  void spoil() {
    flip = oneIn(2) ? random.nextLong() : 0;
    spoilNumbers();
  }

  /** Puts up to three wrong numbers into arrays of integers, weights or offsets. */
  void spoilNumbers() {
    List<Array> all =
        arrays.keySet().stream()
            .filter(array -> !rules.get(array).written)
            // The library also checks offsets of rows that the call does not compute.
            .filter(array -> array != Array.ROW_OFFSETS || rowEnd - rowBegin == rows())
            .filter(
                array ->
                    rules.get(array).form != Form.RECORDS
                        && (typeOf(array).isInteger()
                            || array.name().endsWith("WEIGHTS")
                            || array == Array.DRAFT_PROBABILITIES))
            .toList();
    for (int n = 1 + random.nextInt(3); n > 0 && !all.isEmpty(); n--) {
      Array array = all.get(random.nextInt(all.size()));
      ElementType type = typeOf(array);
      MemorySegment memory = arrays.get(array);
      long numbers = (memory.byteSize() - ROOM) / type.byteSize();
      long at = random.nextLong(Math.max(numbers, 1));
      if (type.isInteger()) {
        long[] wrong = {-1, -2, Long.MIN_VALUE, Long.MAX_VALUE, shape.classes, shape.classes + 1};
        // Other offsets may be right, and lead beyond the arrays.
        int count = array == Array.ROW_OFFSETS ? 3 : wrong.length;
        type.setInteger(memory, at, wrong[random.nextInt(count)]);
      } else {
        double[] wrong = {-1, Double.NaN, Double.POSITIVE_INFINITY, 2, 0};
        type.set(memory, at, any(wrong));
      }
    }
  }

  /** Changes the kind or digest of a record that a function wrote, which the next one refuses. */
  private void flipBit(Function function, Map<Array, MemorySegment> copies) {
    for (Array array : List.of(Array.STATES, Array.STATISTICS)) {
      MemorySegment records = copies.get(array);
      if (flip != 0 && records != null && function.rule(array) != null) {
        long record = Math.floorMod(flip, records.byteSize() / Records.STATE) * Records.STATE;
        long at = record + (flip >>> 32 & 7);
        byte old = records.get(ValueLayout.JAVA_BYTE, at);
        records.set(ValueLayout.JAVA_BYTE, at, (byte) (old ^ 1 << (flip >>> 40 & 7)));
      }
    }
  }

  // ---- runs ------------------------------------------------------------------------------------

  /** Runs the chain on copies of the arrays, to the end or until a function refuses. */
  Results run(Kernels kernels, int isa) {
    xent_options.isa(options, isa);
    Results results = new Results(new ArrayList<>(), new LinkedHashMap<>());
    Map<Array, MemorySegment> copies = new EnumMap<>(Array.class);
    arrays.forEach(
        (array, memory) ->
            copies.put(array, arena.allocate(memory.byteSize(), ROOM).copyFrom(memory)));
    inPlaceOf.forEach((array, other) -> copies.put(array, copies.get(other)));
    List<Function> done = new ArrayList<>();
    for (Function function : chain.functions) {
      int status = run(kernels, function, done, copies, results, 0);
      long unfinished = xent_report.unfinished(results.bytes.get("report"));
      if (status == Status.OK && function == Function.FINISH && unfinished > 0) {
        Function before = done.getLast();
        status = run(kernels, before, done, copies, results, 1);
        status = status == Status.OK ? run(kernels, function, done, copies, results, 1) : status;
      }
      if (status != Status.OK) {
        break;
      }
      done.add(function);
      flipBit(function, copies);
    }
    return results;
  }

  private int run(
      Kernels kernels,
      Function function,
      List<Function> done,
      Map<Array, MemorySegment> copies,
      Results results,
      int round) {
    boolean parts =
        chain.inParts
            && function.hasClasses
            && cut > 0
            && (!done.isEmpty() || isOfStates(function));
    List<Step> steps =
        parts
            ? List.of(
                new Step(function, cut, shape.classes, round), new Step(function, 0, cut, round))
            : List.of(new Step(function, 0, shape.classes, round));
    int status = Status.OK;
    for (Step step : steps) {
      status = status == Status.OK ? run(kernels, step, done, copies, results) : status;
    }
    return status;
  }

  private static boolean isOfStates(Function function) {
    return function.rule(Array.STATES) == Rule.STATES;
  }

  private int run(
      Kernels kernels,
      Step step,
      List<Function> done,
      Map<Array, MemorySegment> copies,
      Results results) {
    Function function = step.function;
    MemorySegment report = report(arena);
    FunctionCall call =
        new FunctionCall()
            .begin(function, shape, options, report)
            .rows(rowBegin, rowEnd)
            .classes(step.begin, step.end)
            .choice(step.choice);
    if (sampling != NULL) {
      call.sampling(sampling, samplesPerRow);
    }
    if (copies.containsKey(Array.WORKSPACE) && function.rule(Array.WORKSPACE) != null) {
      call.workspace(copies.get(Array.WORKSPACE), Math.max(workspace, 1));
    }
    boolean secondRound = step.choice == 1;
    copies.forEach(
        (array, memory) -> {
          Rule rule = function.rule(array);
          boolean known = rule == Rule.KNOWN_STATISTICS;
          boolean wrote = wroteStatistics(done) || secondRound;
          if (rule != null && array != Array.WORKSPACE && (!known || wrote)) {
            call.set(array, memory);
          }
        });
    int status = kernels.run(call);
    results.statuses.add(status);
    results.bytes.put("report", report);
    String name = results.statuses.size() + " " + function;
    // The path depends on the instruction set.
    results.bytes.put(name + " field", report.asSlice(0, xent_report.path$offset()));
    results.bytes.put(name + " report", report.asSlice(xent_report.row$offset()));
    copies.forEach(
        (array, memory) -> {
          if (function.rule(array) != null
              && array != Array.WORKSPACE
              && isOutput(function, array)) {
            results.bytes.put(
                name + " " + array, arena.allocate(memory.byteSize()).copyFrom(memory));
          }
        });
    return status;
  }

  /** An empty report with its size set. */
  static MemorySegment report(Arena arena) {
    MemorySegment report = arena.allocate(xent_report.layout());
    xent_report.size(report, xent_report.sizeof());
    return report;
  }

  private static boolean wroteStatistics(List<Function> done) {
    return done.stream().anyMatch(f -> f.rule(Array.STATISTICS) == Rule.STATISTICS);
  }

  private static boolean isOutput(Function function, Array array) {
    Rule rule = function.rule(array);
    return rule.written || rule == Rule.STATISTICS || rule == Rule.STATES || rule == Rule.EXACT_SUM;
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    text.append(chain).append(' ').append(shape.outer).append(" x ").append(shape.classes);
    text.append(" x ").append(shape.inner).append(' ').append(kind).append(wide ? " wide" : "");
    text.append(" rows ").append(rowBegin).append(" to ").append(rowEnd);
    for (MemoryLayout member : xent_options.layout().memberLayouts()) {
      String name = member.name().orElse("");
      long at = xent_options.layout().byteOffset(MemoryLayout.PathElement.groupElement(name));
      if (member instanceof ValueLayout.OfDouble && options.get(ValueLayout.JAVA_DOUBLE, at) != 0) {
        text.append(", ").append(name).append(' ');
        text.append(options.get(ValueLayout.JAVA_DOUBLE, at));
      }
    }
    for (Array array : given) {
      text.append(", ").append(array.text);
      if (rules.get(array).form != Form.RECORDS) {
        text.append(' ').append(typeOf(array));
        text.append(
            Arrays.toString(
                Arrays.copyOfRange(
                    shape.layouts,
                    array.ordinal() * CallShape.LAYOUT,
                    array.ordinal() * CallShape.LAYOUT + 3)));
      }
    }
    return text.toString();
  }
}
