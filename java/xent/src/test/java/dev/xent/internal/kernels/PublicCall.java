// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.Argmax;
import dev.xent.BinaryCrossEntropy;
import dev.xent.BoundCall;
import dev.xent.CrossEntropy;
import dev.xent.CrossEntropyHvp;
import dev.xent.CrossEntropyShard;
import dev.xent.DType;
import dev.xent.Divergence;
import dev.xent.Entropy;
import dev.xent.Execution;
import dev.xent.Inputs;
import dev.xent.LinearCrossEntropy;
import dev.xent.LinearGradients;
import dev.xent.LogSigmoid;
import dev.xent.LogSoftmax;
import dev.xent.LogSumExp;
import dev.xent.LossCall;
import dev.xent.LossOutputs;
import dev.xent.LossSum;
import dev.xent.NllLoss;
import dev.xent.OperationBuilder;
import dev.xent.PartialStates;
import dev.xent.ReducedBuilder;
import dev.xent.RowStatistics;
import dev.xent.Sampler;
import dev.xent.SamplerInputs;
import dev.xent.SamplerOutputs;
import dev.xent.SamplerRequests;
import dev.xent.SelectedLogProbabilities;
import dev.xent.Sigmoid;
import dev.xent.Softmax;
import dev.xent.SoftmaxOperation;
import dev.xent.SoftmaxShard;
import dev.xent.Tensor;
import dev.xent.TopK;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_sampling;
import dev.xent.internal.load.Codes;
import dev.xent.options.DivergenceKind;
import dev.xent.options.EmptyMean;
import dev.xent.options.Reduction;
import dev.xent.options.SamplingFilter;
import java.lang.foreign.Arena;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;

/**
 * A {@link RandomCall} by way of the public API. Options and arrays go to the methods that have
 * their names, so a new one comes here without a change. Arrays have shapes and layouts of their
 * own: more dimensions, in any order, with gaps, on or off the heap.
 */
final class PublicCall {
  private static final Set<String> NO_OPTIONS =
      Set.of("size", "isa", "reserved", "has_ignore_index", "ignore_index", "step");

  /** Arrays that calls take as arguments, or that have a method of another name. */
  private static final Set<Array> PASSED =
      EnumSet.of(
          Array.LOGITS,
          Array.OUTPUT,
          Array.GRADIENT,
          Array.UPSTREAM,
          Array.TARGETS,
          Array.TEACHER,
          Array.TOKENS,
          Array.HIDDEN,
          Array.WEIGHTS,
          Array.HIDDEN_GRADIENT,
          Array.WEIGHTS_GRADIENT,
          Array.BIAS_GRADIENT,
          Array.BIAS_TOKENS,
          Array.BIAS_VALUES,
          Array.DRAFT_TOKENS,
          Array.DRAFT_PROBABILITIES,
          Array.STATISTICS,
          Array.EXACT_SUM,
          Array.WORKSPACE,
          Array.STATES);

  private final Arena arena;
  private final RandomCall call;
  private final Execution execution;
  private final Reduction reduction;
  private final SplittableRandom random;
  private final boolean plain;
  private final boolean ragged;

  /** Whether gradients of all rows are summed, which must not lie in pieces. */
  private final boolean isOneSum;

  /** Whether targets have a dimension in place of the classes'. */
  private final boolean keepsAxis;

  private final List<Long> sizes = new ArrayList<>();
  private final int axis;
  private final Map<Array, Placed> placed = new EnumMap<>(Array.class);
  private final Map<String, byte[]> results = new LinkedHashMap<>();
  private Array spoiled;
  private UnaryOperator<Tensor> spoil;

  /** Of the loss that it has computed as a mean; 1: it has not. */
  double denominator = 1;

  /**
   * Makes a call.
   *
   * @param seed of the layouts; 0: row-major, off the heap
   */
  PublicCall(Arena arena, RandomCall call, Execution execution, Reduction reduction, long seed) {
    this.arena = arena;
    this.call = call;
    this.execution = execution;
    this.reduction = reduction;
    this.random = new SplittableRandom(seed);
    this.plain = seed == 0;
    this.isOneSum = has(Array.WEIGHTS_GRADIENT) || has(Array.BIAS_GRADIENT);
    this.keepsAxis = random.nextBoolean();
    this.ragged = call.given.contains(Array.ROW_OFFSETS);
    addFactors(call.shape.outer);
    axis = sizes.size();
    sizes.add(call.shape.classes);
    addFactors(call.shape.inner);
  }

  /** The sizes of some dimensions. */
  private void addFactors(long count) {
    long left = count;
    for (long factor = 2; !plain && !isOneSum && factor <= 5 && factor < left; factor++) {
      if (left % factor == 0 && random.nextBoolean()) {
        sizes.add(factor);
        left /= factor;
      }
    }
    if (left > 1 || random.nextInt(4) == 0) {
      sizes.add(left);
    }
  }

  /** Makes one of the written arrays into another tensor. */
  void spoil(int which, UnaryOperator<Tensor> other) {
    List<Array> written =
        call.given.stream()
            .filter(array -> isWritten(array) && !call.inPlaceOf.containsKey(array))
            .toList();
    if (!written.isEmpty()) {
      spoiled = written.get(Math.floorMod(which, written.size()));
      spoil = other;
    }
  }

  // ---- arrays ----------------------------------------------------------------------------------

  private boolean has(Array array) {
    return call.given.contains(array);
  }

  /** The tensor of an array; null if the call does not have it. */
  private Tensor of(Array array) {
    return has(array) ? make(array) : null;
  }

  /** The tensor of an array that the public call needs. */
  private Tensor make(Array array) {
    Array other = call.inPlaceOf.get(array);
    return other != null ? make(other) : placed.computeIfAbsent(array, this::place).tensor;
  }

  private boolean isWritten(Array array) {
    return Arrays.stream(call.chain.functions())
        .map(f -> f.rule(array))
        .anyMatch(rule -> rule != null && rule.written);
  }

  private Placed place(Array array) {
    Rule rule = call.rules.get(array);
    Form form = call.form(rule);
    DType type = DType.valueOf(call.typeOf(array).name());
    Placed result;
    if (call.isRagged(form)) {
      result = Placed.ragged(arena, type, layout(), call.offsets);
    } else {
      boolean one = rule.spread && call.stride(array, 0) == 0 && call.stride(array, 2) == 0;
      boolean keeps = rule.form == Form.OF_TARGETS ? keepsAxis : random.nextBoolean();
      result = place(type, form, form.entries(call.shape), keeps, one ? random.nextInt(3) : 0);
    }
    if (!isWritten(array)) {
      result.put(call, array);
    }
    if (array == spoiled) {
      result.seenAs(spoil);
    }
    result.keep();
    return result;
  }

  /**
   * Places rows.
   *
   * @param sharing 0: each row is there, 1: their strides are 0, 2: one is there
   */
  private Placed place(DType type, Form form, long entries, boolean keeps, int sharing) {
    switch (form) {
      case OFFSETS:
        return Placed.of(arena, type, Layout.PLAIN, new long[] {call.offsets.length}, 0, false);
      case ONE_ROW:
        return Placed.of(arena, type, layout(), new long[] {entries}, 0, false);
      case OF_CLASSES:
        return Placed.of(arena, type, layout(), new long[] {call.shape.classes, entries}, 1, false);
      default:
        break;
    }
    if (sharing == 2 && !plain) {
      return Placed.of(arena, type, layout(), new long[] {entries}, 0, false);
    }
    boolean spread = sharing == 1 && !plain;
    if (ragged) {
      return form == Form.PER_ROW
          ? Placed.of(arena, type, layout(), new long[] {call.rows()}, -1, spread)
          : Placed.of(arena, type, layout(), new long[] {call.rows(), entries}, 1, spread);
    }
    List<Long> own = new ArrayList<>(sizes);
    if (form == Form.PER_ROW && sizes.size() > 1 && !keeps) {
      own.remove(axis);
      return Placed.of(arena, type, layout(), longs(own), -1, spread);
    }
    own.set(axis, entries);
    return Placed.of(arena, type, layout(), longs(own), axis, spread);
  }

  private static long[] longs(List<Long> values) {
    return values.stream().mapToLong(Long::longValue).toArray();
  }

  private Layout layout() {
    return plain || random.nextInt(4) == 0
        ? Layout.PLAIN
        : new Layout(
            random.nextInt(24),
            random.nextInt(3) / 2,
            random.nextInt(3) * random.nextInt(7),
            random.nextInt(2) * random.nextInt(4),
            random.nextBoolean());
  }

  /** Begins another call on the arrays. */
  private void next() {
    placed.values().forEach(Placed::keep);
  }

  /** Whether the arrays hold what they did before the last call. */
  boolean hasWrittenNothing() {
    return placed.values().stream().allMatch(Placed::isAsBefore);
  }

  // ---- options ---------------------------------------------------------------------------------

  private <B extends OperationBuilder<B>> B with(B builder) {
    builder.execution(execution).axis(ragged ? 0 : plain ? axis : axis - sizes.size());
    if (builder instanceof ReducedBuilder<?> reduced) {
      reduced.reduction(reduction);
      reduced.emptyMean(EmptyMean.ZERO);
    }
    setAll(builder, call.options, xent_options.layout());
    if (xent_options.has_ignore_index(call.options) == 1) {
      set(builder, "ignoreIndex", xent_options.ignore_index(call.options));
    }
    if (has(Array.CLASS_WEIGHTS)) {
      invoke(builder, "classWeights", of(Array.CLASS_WEIGHTS));
    }
    return builder;
  }

  private static void setAll(Object builder, MemorySegment struct, GroupLayout layout) {
    for (MemoryLayout member : layout.memberLayouts()) {
      String name = member.name().orElse("");
      long at = layout.byteOffset(MemoryLayout.PathElement.groupElement(name));
      Number value =
          member instanceof ValueLayout.OfDouble
              ? (Number) struct.get(ValueLayout.JAVA_DOUBLE, at)
              : member.byteSize() == Integer.BYTES
                  ? (Number) Integer.toUnsignedLong(struct.get(ValueLayout.JAVA_INT, at))
                  : (Number) struct.get(ValueLayout.JAVA_LONG, at);
      if (value.doubleValue() != 0 && !NO_OPTIONS.contains(name)) {
        set(builder, camelCase(name), value);
      }
    }
  }

  private static String camelCase(String name) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < name.length(); i++) {
      boolean begins = i > 0 && name.charAt(i - 1) == '_';
      char c = name.charAt(i);
      text.append(c == '_' ? "" : begins ? Character.toUpperCase(c) : c);
    }
    return text.toString();
  }

  private static void set(Object builder, String option, Number value) {
    Method method = method(builder.getClass(), option);
    if (method == null) {
      return; // the function has no such option
    }
    Class<?> type = method.getParameterTypes()[0];
    Object argument =
        type == double.class
            ? value.doubleValue()
            : type == long.class ? value.longValue() : constant(type, value.intValue());
    call(method, builder, argument);
  }

  /** The constant of an option that has a number in C. */
  private static Object constant(Class<?> type, int number) {
    for (Object constant : type.getEnumConstants()) {
      if (call(method(Codes.class, "of", type), null, constant).equals(number)) {
        return constant;
      }
    }
    throw new AssertionError(type + " has no " + number);
  }

  private static Method method(Class<?> type, String name, Class<?>... parameter) {
    for (Method method : type.getMethods()) {
      if (method.getName().equals(name)
          && method.getParameterCount() == 1
          && (parameter.length == 0 || method.getParameterTypes()[0] == parameter[0])
          && !method.isBridge()) {
        return method;
      }
    }
    return null;
  }

  private static Object invoke(Object target, String name, Object argument) {
    return call(method(target.getClass(), name), target, argument);
  }

  private static Object call(Method method, Object target, Object argument) {
    try {
      return method.invoke(target, argument);
    } catch (InvocationTargetException e) {
      throw (RuntimeException) e.getCause();
    } catch (IllegalAccessException e) {
      throw new AssertionError(method.toString(), e);
    }
  }

  /** Arrays and options that no method is named after, though some could be. */
  static List<String> namesWithoutMethod() {
    List<Class<?>> builders =
        List.of(
            CrossEntropy.Builder.class, BinaryCrossEntropy.Builder.class, Sampler.Builder.class);
    List<Class<?>> takers =
        List.of(
            Inputs.class,
            LossOutputs.class,
            SamplerInputs.class,
            SamplerOutputs.class,
            CrossEntropy.Builder.class);
    List<String> names = new ArrayList<>();
    for (GroupLayout layout : List.of(xent_options.layout(), xent_sampling.layout())) {
      for (MemoryLayout member : layout.memberLayouts()) {
        String name = member.name().orElse("");
        boolean found = builders.stream().anyMatch(b -> method(b, camelCase(name)) != null);
        if (!found && !NO_OPTIONS.contains(name) && !name.equals("greedy")) {
          names.add(name);
        }
      }
    }
    for (Array array : Array.values()) {
      boolean found =
          takers.stream()
              .anyMatch(t -> method(t, array.text) != null || method(t, input(array)) != null);
      if (!found && !PASSED.contains(array)) {
        names.add(array.text);
      }
    }
    return names;
  }

  // ---- inputs and outputs ----------------------------------------------------------------------

  /** The inputs of a function. */
  private Inputs inputs(Function function) {
    return (Inputs) inputs(Inputs.none(), Inputs.class, function);
  }

  private Object inputs(Object none, Class<?> type, Function function) {
    Object inputs = none;
    for (Array array : call.given) {
      Rule rule = function.rule(array);
      Method method = rule == null || rule.written ? null : method(type, input(array));
      if (method != null) {
        inputs = call(method, inputs, partOf(array));
      }
    }
    return inputs;
  }

  /** The name of the method that takes an input. */
  private static String input(Array array) {
    return "with" + Character.toUpperCase(array.text.charAt(0)) + array.text.substring(1);
  }

  /** Asks for the outputs of a function that the call has. */
  private <T> T outputs(T outputs, Class<T> type, Function function) {
    for (Array array : call.given) {
      Rule rule = function.rule(array);
      Method method = rule == null || !rule.written ? null : method(type, array.text);
      if (method != null) {
        call(method, outputs, of(array));
      }
    }
    return outputs;
  }

  private LossOutputs outputs(Function function) {
    LossOutputs outputs = outputs(LossOutputs.create(), LossOutputs.class, function);
    return has(Array.STATISTICS) ? outputs.saveStatistics(arena) : outputs;
  }

  // ---- operations ------------------------------------------------------------------------------

  /** Runs it; returns what it wrote by array, and numbers by name. */
  Map<String, byte[]> run() {
    Function last = call.chain.last();
    compute(last);
    take("");
    if (last == Function.LOG_SUM_EXP) {
      predict();
    } else if (last == Function.CROSS_ENTROPY) {
      NllLoss nll = with(NllLoss.builder()).build();
      Tensor logits = make(Array.LOGITS);
      Tensor targets = make(Array.TARGETS);
      LossCall bound =
          has(Array.GRADIENT)
              ? nll.on(logits, targets, make(Array.GRADIENT))
              : nll.on(logits, targets);
      LossOutputs outputs =
          LossOutputs.create().losses(of(Array.LOSSES)).correct(of(Array.CORRECT));
      lose("nll", bound.inputs(inputs(Function.CHECK_TARGETS)), outputs);
      take("nll ");
    }
    return results;
  }

  /** Takes what a call has written, and forgets its arrays. */
  private void take(String of) {
    placed.forEach(
        (array, it) -> {
          boolean overwritten = call.inPlaceOf.containsValue(array);
          if (isWritten(array) || overwritten) {
            results.put(of + (overwritten ? writer(array) : array), it.take());
          }
        });
    placed.clear();
  }

  private Array writer(Array other) {
    for (Map.Entry<Array, Array> entry : call.inPlaceOf.entrySet()) {
      if (entry.getValue() == other) {
        return entry.getKey();
      }
    }
    throw new AssertionError(other);
  }

  private void number(String name, double... values) {
    results.put(name, bytes(values));
  }

  static byte[] bytes(double... values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Double.BYTES);
    Arrays.stream(values).forEach(bytes::putDouble);
    return bytes.array();
  }

  private void compute(Function last) {
    if (call.chain.inParts()) {
      computeParts(last);
      return;
    }
    switch (last) {
      case SOFTMAX, SOFTMAX_BACKWARD -> soft(with(Softmax.builder()).build(), last);
      case LOG_SOFTMAX, LOG_SOFTMAX_BACKWARD -> soft(with(LogSoftmax.builder()).build(), last);
      case LOG_SUM_EXP ->
          run(with(LogSumExp.builder()).build().on(make(Array.LOGITS), make(Array.LOG_SUM_EXP)));
      case CROSS_ENTROPY, CROSS_ENTROPY_BACKWARD -> crossEntropy(last);
      case SELECTED_LOG_PROBABILITIES, SELECTED_LOG_PROBABILITIES_BACKWARD -> select(last);
      case KL_DIVERGENCE -> diverge(DivergenceKind.KULLBACK_LEIBLER, last);
      case JENSEN_SHANNON_DIVERGENCE -> diverge(DivergenceKind.JENSEN_SHANNON, last);
      case TOTAL_VARIATION -> diverge(DivergenceKind.TOTAL_VARIATION, last);
      case CROSS_ENTROPY_HVP ->
          run(
              with(CrossEntropyHvp.builder())
                  .build()
                  .on(make(Array.LOGITS), make(Array.UPSTREAM), make(Array.OUTPUT)));
      case SAMPLE -> sample();
      case BINARY_CROSS_ENTROPY -> {
        BinaryCrossEntropy binary = with(BinaryCrossEntropy.builder()).build();
        Tensor logits = make(Array.LOGITS);
        Tensor targets = make(Array.TARGETS);
        LossCall bound =
            has(Array.GRADIENT)
                ? binary.on(logits, targets, make(Array.GRADIENT))
                : binary.on(logits, targets);
        lose("", bound.inputs(inputs(last)), outputs(last));
      }
      case LINEAR_CROSS_ENTROPY, LINEAR_CROSS_ENTROPY_BACKWARD -> linear(last);
      case SIGMOID ->
          with(Sigmoid.builder()).build().on(make(Array.LOGITS), make(Array.OUTPUT)).run();
      case LOG_SIGMOID ->
          with(LogSigmoid.builder()).build().on(make(Array.LOGITS), make(Array.OUTPUT)).run();
      case SIGMOID_BACKWARD ->
          with(Sigmoid.builder())
              .build()
              .onBackward(make(Array.LOGITS), make(Array.UPSTREAM), make(Array.GRADIENT))
              .run();
      case LOG_SIGMOID_BACKWARD ->
          with(LogSigmoid.builder())
              .build()
              .onBackward(make(Array.LOGITS), make(Array.UPSTREAM), make(Array.GRADIENT))
              .run();
      default -> throw new AssertionError(last);
    }
  }

  /** Whether a function is only a step of public calls. */
  static boolean isPublic(RandomCall.Chain chain) {
    List<Function> functions = List.of(chain.functions());
    return !(functions.contains(Function.LINEAR_STATES)
        || functions.contains(Function.BACKWARD_STATES)
        || chain.last() == Function.CHECK_TARGETS
        || chain.last() == Function.FORWARD_STATES);
  }

  private void run(BoundCall bound) {
    bound.inputs(inputs(call.chain.last())).run();
  }

  private void soft(SoftmaxOperation operation, Function last) {
    boolean backward = last.rule(Array.GRADIENT) != null;
    if (!backward || call.chain.functions().length > 1) {
      operation
          .on(make(Array.LOGITS), make(Array.OUTPUT))
          .inputs(inputs(call.chain.functions()[0]))
          .run();
    }
    if (backward) {
      next();
      run(operation.onBackward(make(Array.OUTPUT), make(Array.UPSTREAM), make(Array.GRADIENT)));
    }
  }

  /** Runs a loss, and keeps its numbers. */
  private void lose(String name, LossCall bound, LossOutputs outputs) {
    LossSum sum = LossSum.create();
    boolean counts = has(Array.CORRECT);
    double loss = bound.outputs(outputs.lossSum(sum)).run();
    denominator = reduction == Reduction.MEAN ? outputs.denominator() : 1;
    number(
        name + "numbers",
        loss,
        outputs.sum(),
        outputs.denominator(),
        outputs.rows(),
        outputs.validRows(),
        counts ? outputs.correctRows() : -1);
    assertThat(List.of(sum.sum(), sum.denominator(), sum.rows(), sum.validRows()))
        .isEqualTo(
            List.of(outputs.sum(), outputs.denominator(), outputs.rows(), outputs.validRows()));
    number(name + Array.EXACT_SUM, sum.sum());
    results.put(name + "loss sum", sum.toBytes());
  }

  private void crossEntropy(Function last) {
    CrossEntropy operation = with(CrossEntropy.builder()).build();
    Tensor logits = make(Array.LOGITS);
    Tensor targets = make(Array.TARGETS);
    boolean backward = last == Function.CROSS_ENTROPY_BACKWARD;
    LossOutputs outputs = outputs(Function.CROSS_ENTROPY);
    Inputs inputs = inputs(Function.CROSS_ENTROPY);
    LossCall bound =
        has(Array.GRADIENT) && !backward
            ? operation.on(logits, targets, make(Array.GRADIENT))
            : operation.on(logits, targets);
    lose("", bound.inputs(inputs), outputs);
    if (backward) {
      next();
      operation
          .onBackward(logits, targets, outputs, of(Array.UPSTREAM), make(Array.GRADIENT))
          .inputs(inputs)
          .run();
    }
  }

  private void select(Function last) {
    SelectedLogProbabilities operation = with(SelectedLogProbabilities.builder()).build();
    Tensor logits = make(Array.LOGITS);
    Tensor targets = make(Array.TARGETS);
    Tensor values = make(Array.LOG_PROBABILITIES);
    Inputs inputs = inputs(Function.SELECTED_LOG_PROBABILITIES);
    if (last == Function.SELECTED_LOG_PROBABILITIES) {
      BoundCall bound =
          has(Array.GRADIENT)
              ? operation.on(logits, targets, values, of(Array.UPSTREAM), make(Array.GRADIENT))
              : operation.on(logits, targets, values);
      bound.inputs(inputs).run();
      return;
    }
    LossOutputs saved = LossOutputs.create().saveStatistics(arena);
    operation.on(logits, targets, values, saved).inputs(inputs).run();
    next();
    operation
        .onBackward(logits, targets, saved, of(Array.UPSTREAM), make(Array.GRADIENT))
        .inputs(inputs)
        .run();
  }

  private void diverge(DivergenceKind kind, Function last) {
    Divergence operation = with(Divergence.builder(kind)).build();
    Tensor logits = make(Array.LOGITS);
    Tensor teacher = make(Array.TEACHER);
    LossCall bound =
        has(Array.GRADIENT)
            ? operation.on(logits, teacher, make(Array.GRADIENT))
            : operation.on(logits, teacher);
    lose("", bound.inputs(inputs(last)), outputs(last));
  }

  private void linear(Function last) {
    LinearCrossEntropy operation = with(LinearCrossEntropy.builder()).build();
    Tensor hidden = make(Array.HIDDEN);
    Tensor weights = make(Array.WEIGHTS);
    Tensor targets = make(Array.TARGETS);
    LinearGradients gradients =
        LinearGradients.create()
            .hidden(of(Array.HIDDEN_GRADIENT))
            .weights(of(Array.WEIGHTS_GRADIENT))
            .bias(of(Array.BIAS_GRADIENT));
    boolean backward = last == Function.LINEAR_CROSS_ENTROPY_BACKWARD;
    LossOutputs outputs = outputs(Function.LINEAR_CROSS_ENTROPY);
    Inputs inputs = inputs(Function.LINEAR_CROSS_ENTROPY);
    LossCall bound =
        backward
            ? operation.on(hidden, weights, targets)
            : operation.on(hidden, weights, targets, gradients);
    lose("", bound.inputs(inputs), outputs);
    if (backward) {
      next();
      operation
          .onBackward(hidden, weights, targets, outputs, of(Array.UPSTREAM), gradients)
          .inputs(inputs)
          .run();
    }
  }

  private void sample() {
    SamplerRequests requests = SamplerRequests.create();
    SamplerInputs inputs =
        (SamplerInputs) inputs(SamplerInputs.none(), SamplerInputs.class, Function.SAMPLE);
    if (has(Array.BIAS_TOKENS) && has(Array.BIAS_VALUES)) {
      inputs = inputs.withBias(make(Array.BIAS_TOKENS), make(Array.BIAS_VALUES));
    }
    if (has(Array.DRAFT_TOKENS) && has(Array.DRAFT_PROBABILITIES)) {
      inputs = inputs.withDrafts(make(Array.DRAFT_TOKENS), make(Array.DRAFT_PROBABILITIES));
    }
    Sampler first = null;
    for (long row = 0; row < (call.samplesPerRow ? call.rows() : 1); row++) {
      MemorySegment sampling = sampling(row);
      Sampler sampler = sampler(sampling);
      first = first == null ? sampler : first;
      requests.add(sampler, xent_sampling.stream(sampling), step(sampling));
    }
    SamplerOutputs outputs =
        outputs(SamplerOutputs.create(), SamplerOutputs.class, Function.SAMPLE);
    var bound = first.on(make(Array.LOGITS), make(Array.TOKENS)).inputs(inputs).outputs(outputs);
    if (call.samplesPerRow) {
      bound.run(requests);
    } else {
      bound.run(step(call.sampling));
    }
    number("sampled", outputs.rows(), outputs.sampled());
  }

  private MemorySegment sampling(long row) {
    return call.sampling.asSlice(row * xent_sampling.sizeof(), xent_sampling.layout());
  }

  private static long step(MemorySegment sampling) {
    return Integer.toUnsignedLong(xent_sampling.step(sampling));
  }

  private Sampler sampler(MemorySegment sampling) {
    Sampler.Builder builder = with(Sampler.builder());
    MemorySegment rest = arena.allocate(xent_sampling.layout()).copyFrom(sampling);
    List<SamplingFilter> order = new ArrayList<>();
    for (long left = xent_sampling.order(rest); left != 0; left >>>= Byte.SIZE) {
      order.add((SamplingFilter) constant(SamplingFilter.class, (int) (left & 0xff)));
    }
    builder.order(order.toArray(SamplingFilter[]::new));
    xent_sampling.order(rest, 0);
    boolean greedy = xent_sampling.greedy(rest) != 0;
    xent_sampling.greedy(rest, 0);
    xent_sampling.temperature(rest, greedy ? 0 : xent_sampling.temperature(rest));
    builder.seed(xent_sampling.seed(rest));
    setAll(builder, rest, xent_sampling.layout());
    return (greedy ? builder.temperature(0) : builder).build();
  }

  /** The operations on logits that have no function of their own. */
  private void predict() {
    boolean wide = call.typeOf(Array.LOGITS) == ElementType.F64;
    DType type = wide ? DType.F64 : DType.F32;
    Inputs inputs = inputs(Function.LOG_SUM_EXP);
    Placed entropies = place(type, Form.PER_ROW, 1, false, 0);
    with(Entropy.builder()).build().on(make(Array.LOGITS), entropies.tensor).inputs(inputs).run();
    results.put("entropies", entropies.take());
    Placed argmax = place(DType.I64, Form.PER_ROW, 1, false, 0);
    Inputs ofArgmax = inputs(Function.SOFTMAX_BACKWARD);
    Argmax.builder()
        .execution(execution)
        .axis(ragged ? 0 : axis)
        .build()
        .on(make(Array.LOGITS), argmax.tensor)
        .inputs(ofArgmax)
        .run();
    results.put("argmax", argmax.take());
    for (int k = 1; k <= longest(); k += 4) {
      TopK top = with(TopK.builder(k)).build();
      Placed classes = place(DType.I32, Form.PER_TOP, k, true, 0);
      Placed values = place(type, Form.PER_TOP, k, true, 0);
      if (k > 1) {
        top.onProbabilities(make(Array.LOGITS), classes.tensor, values.tensor).inputs(inputs).run();
      } else {
        top.onLogProbabilities(make(Array.LOGITS), classes.tensor, values.tensor)
            .inputs(inputs)
            .run();
      }
      results.put("top classes " + k, classes.take());
      results.put("top values " + k, values.take());
      if (k > 1) {
        break;
      }
    }
    placed.clear();
  }

  private long longest() {
    long longest = ragged ? 0 : call.shape.classes;
    for (int row = 0; ragged && row < call.rows(); row++) {
      longest = Math.max(longest, call.offsets[row + 1] - call.offsets[row]);
    }
    return longest;
  }

  // ---- parts -----------------------------------------------------------------------------------

  /** The classes of a part; null: all. */
  private long[] part;

  private Tensor partOf(Array array) {
    Tensor whole = make(array);
    if (part == null || call.form(call.rules.get(array)) != Form.PER_CLASS) {
      return whole;
    }
    boolean vector = whole.rank() == 1 && sizes.size() > 1;
    return whole.slice(vector ? 0 : axis, part[0], part[1]);
  }

  private List<long[]> parts() {
    long classes = call.shape.classes;
    return call.cut == 0
        ? List.of(new long[] {0, classes})
        : List.of(new long[] {call.cut, classes}, new long[] {0, call.cut});
  }

  /** By states that are exchanged as bytes. */
  private void computeParts(Function last) {
    boolean loss = last == Function.CROSS_ENTROPY_BACKWARD;
    CrossEntropy ofLoss = loss ? with(CrossEntropy.builder()).build() : null;
    SoftmaxOperation soft =
        loss
            ? null
            : last == Function.SOFTMAX
                ? with(Softmax.builder()).build()
                : with(LogSoftmax.builder()).build();
    long classes = call.shape.classes;
    LossOutputs outputs = outputs(LossOutputs.create(), LossOutputs.class, Function.FINISH);
    boolean labels = loss && call.form(call.rules.get(Array.TARGETS)) == Form.PER_ROW;
    RowStatistics rows = null;
    do {
      List<PartialStates> states = new ArrayList<>();
      for (long[] each : parts()) {
        part = each;
        Inputs inputs = inputs(Function.FORWARD_STATES);
        Tensor logits = partOf(Array.LOGITS);
        PartialStates mine;
        if (loss) {
          CrossEntropyShard shard = ofLoss.shard(part[0], classes);
          Tensor targets = partOf(Array.TARGETS);
          mine =
              rows == null
                  ? shard.partialStates(logits, targets, inputs)
                  : shard.partialStates(logits, targets, inputs, rows);
        } else {
          SoftmaxShard shard = soft.shard(part[0], classes);
          mine =
              rows == null
                  ? shard.partialStates(logits, inputs)
                  : shard.partialStates(logits, inputs, rows);
        }
        states.add(PartialStates.ofBytes(mine.toBytes()));
      }
      part = null;
      PartialStates whole = PartialStates.merge(states);
      Inputs inputs = inputs(Function.FINISH);
      if (loss) {
        CrossEntropyShard shard = ofLoss.shard(0, classes);
        Tensor own = labels ? make(Array.TARGETS) : null;
        rows =
            rows == null
                ? shard.finish(whole, own, inputs, outputs)
                : shard.finish(whole, own, inputs, rows, outputs);
      } else {
        SoftmaxShard shard = soft.shard(0, classes);
        Tensor logSumExp = of(Array.LOG_SUM_EXP);
        rows =
            rows == null
                ? shard.finish(whole, inputs, logSumExp)
                : shard.finish(whole, inputs, rows, logSumExp);
      }
    } while (rows.needsSecondRound());
    for (long[] each : parts()) {
      next();
      part = each;
      Inputs inputs = inputs(last);
      if (loss) {
        ofLoss
            .shard(part[0], classes)
            .backward(
                partOf(Array.LOGITS),
                partOf(Array.TARGETS),
                inputs,
                rows,
                of(Array.UPSTREAM),
                partOf(Array.GRADIENT));
      } else {
        soft.shard(part[0], classes)
            .forward(partOf(Array.LOGITS), inputs, rows, partOf(Array.OUTPUT));
      }
    }
    part = null;
    if (loss) {
      denominator = reduction == Reduction.MEAN ? outputs.denominator() : 1;
      number("numbers", outputs.loss(), outputs.sum(), outputs.denominator());
    }
  }
}
