// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sample;

import static dev.xent.internal.kernels.Array.GATHERED;
import static dev.xent.internal.kernels.Array.STATES;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.call.Sampling;
import dev.xent.internal.kernels.reference.sum.Digest;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A row whose classes are divided among shards. From the answers of all shards to a question, each
 * shard computes the token or the next question, and answers that question
 * (conformance/numerics.md, section 11).
 */
public final class ShardedRow {
  private static final long NO_TOKEN = -1;
  private static final int BITS = 9;
  private static final int HIGHEST = 0x7f800000;

  private final Request call;
  private final SampledRow row;
  private final Candidates set;
  private final Weights weights = new Weights();
  private final ShardState state = new ShardState();
  private final ShardState part = new ShardState();
  private final long[] byClass = new long[ShardState.TOLD];
  private final Sampling options;
  private long index;
  private long stream;
  private int digest;

  public ShardedRow(Request call, SampledRow row) {
    this.call = call;
    this.row = row;
    set = row.kept;
    options = call.sampling;
  }

  /**
   * Computes and stores the state of this shard; returns null if the gathered states do not match.
   */
  public @Nullable ShardState sample(long ofRow, long ofStream) {
    index = ofRow;
    stream = ofStream;
    digest = Digest.ofSampling(call, options, stream, classes());
    state.begin();
    if (has(call.given.of(GATHERED)) && !(gather() && next())) {
      return null;
    }
    state.digest = digest;
    state.first = call.shape.firstClass;
    state.classes = call.shape.classes;
    if (state.kind != ShardState.DONE) {
      state.clearAnswer();
      if (!answer()) {
        return null;
      }
    }
    state.store(call.given.of(STATES), index);
    return state;
  }

  /** The number of classes of the whole row. */
  private long classes() {
    return call.shape.allClasses;
  }

  // ---- answers of this shard -------------------------------------------------------------------

  /**
   * Returns false if a class is above the largest of all, which means that the logits changed after
   * the list.
   */
  private boolean answer() {
    state.bad = row.order(index, options) ? 0 : 1;
    if (set.count == 0) {
      return true;
    }
    if (state.most > Float.NEGATIVE_INFINITY && set.value(0) > state.most) {
      return false;
    }
    if (state.low > Float.NEGATIVE_INFINITY) {
      long last = state.last - state.first;
      long place = Candidates.placeOf(state.low, (int) Math.max(last, -1));
      int end = 0;
      while (end < set.count
          && (set.value(end) > state.low || (last >= 0 && set.isUpTo(end, place)))) {
        end++;
      }
      set.keep(0, end);
    }
    state.count = set.count;
    if (state.most > Float.NEGATIVE_INFINITY) {
      boolean drawn = state.kind == ShardState.CLASS;
      weights.of(
          set,
          drawn ? options.temperature : SampledRow.temperatureOfFilters(options),
          classes(),
          state.most);
      state.sum = weights.sum;
    }
    if (state.kind == ShardState.LIST) {
      list();
    } else {
      weighBins();
    }
    return true;
  }

  private void list() {
    int count = Math.min(set.count, ShardState.TOLD);
    for (int i = 0; i < count; i++) {
      byClass[i] = ((long) set.clazz(i) << Integer.SIZE) | i;
    }
    Arrays.sort(byClass, 0, count);
    for (int j = 0; j < count; j++) {
      int i = (int) byClass[j];
      state.tell((int) (state.first + set.clazz(i)), set.value(i));
    }
  }

  private void weighBins() {
    for (int i = 0; i < set.count; i++) {
      long clazz = state.first + set.clazz(i);
      long key = state.kind == ShardState.CLASS ? clazz : key(set.value(i), clazz);
      if (Long.compareUnsigned(key, state.from) >= 0 && Long.compareUnsigned(key, state.to) <= 0) {
        state.told[(int) (key - state.from >>> shift())] += weights.get(i);
      }
    }
  }

  /** A key that rises along the order of the row. */
  private long key(float value, long clazz) {
    return (HIGHEST - ordinal(value)) * classes() + clazz;
  }

  /** An integer that rises with the value; -0 is +0. */
  private static long ordinal(float value) {
    int bits = Float.floatToRawIntBits(value);
    return bits < 0 ? Integer.MIN_VALUE - bits : bits;
  }

  private float value(long key) {
    int ordinal = (int) (HIGHEST - key / classes());
    return Float.intBitsToFloat(ordinal < 0 ? Integer.MIN_VALUE - ordinal : ordinal);
  }

  /** The base-2 logarithm of the number of keys in a bin. */
  private int shift() {
    return Math.max(0, Long.SIZE - Long.numberOfLeadingZeros(state.to - state.from) - BITS);
  }

  // ---- answers of all --------------------------------------------------------------------------

  /** Adds up the answers of all shards; their lists become the set. */
  private boolean gather() {
    MemorySegment gathered = call.given.of(GATHERED);
    long rows = call.shape.outer * call.shape.inner;
    state.load(gathered, index);
    int kind = state.kind & Kind.MASK;
    boolean done = kind == ShardState.DONE;
    if (state.digest != digest || !isAsked(kind)) {
      return false;
    }
    state.kind = kind;
    if (!done) {
      state.clearAnswer();
    }
    set.begin(Math.max(call.shape.classes, call.shards * ShardState.TOLD));
    long end = 0;
    long next = 0;
    for (long shard = 0; shard < call.shards; shard++) {
      for (long i = 0; i < call.shards && first(next, rows) != end; i++) {
        next = (next + 1) % call.shards;
      }
      part.load(gathered, next * rows + index);
      if (part.first != end || !fits(kind)) {
        return false;
      }
      if (!ShardState.areAlike(gathered, next * rows + index, index, done)) {
        return false;
      }
      end += part.classes;
      next = (next + 1) % call.shards;
      if (!done && !add()) {
        return false;
      }
    }
    return end == classes();
  }

  /** Whether the question is one that a shard can ask. */
  private boolean isAsked(int kind) {
    if (kind < ShardState.LIST
        || kind > ShardState.DONE
        || Long.compareUnsigned(state.from, state.to) > 0
        || state.last < NO_TOKEN
        || state.last >= classes()) {
      return false;
    }
    if (kind != ShardState.CLASS && kind != ShardState.ORDER) {
      return true;
    }
    long end = kind == ShardState.CLASS ? classes() - 1 : key(-Float.MAX_VALUE, classes() - 1);
    return Long.compareUnsigned(state.to, end) <= 0 && isCandidate(state.most);
  }

  private static boolean isCandidate(float value) {
    return Math.abs(value) < Float.POSITIVE_INFINITY;
  }

  private long first(long shard, long rows) {
    return ShardState.first(call.given.of(GATHERED), shard * rows + index);
  }

  private boolean fits(int kind) {
    if (part.kind != (kind | Kind.VERSION)
        || part.digest != digest
        || part.classes < 1
        || part.classes > classes() - part.first) {
      return false;
    }
    if (kind == ShardState.DONE) {
      return isResult();
    }
    long listed = kind == ShardState.LIST ? Math.min(part.count, ShardState.TOLD) : 0;
    return part.count >= 0
        && part.count <= part.classes
        && part.sum >= 0
        && (part.count > 0 || part.sum == 0)
        && part.listed == listed
        && (kind == ShardState.LIST || binsAddUp());
  }

  /** Whether the state is a valid result of a row. */
  private boolean isResult() {
    if (!part.isDone()) {
      return false;
    }
    double p = part.logProbability;
    return part.last == NO_TOKEN
        ? part.count == 0 && p == 0
        : part.count >= 1 && part.count <= classes() && p <= 0 && p >= -Double.MAX_VALUE;
  }

  /** Whether the bins are parts of the weight of the set. */
  private boolean binsAddUp() {
    long left = part.sum;
    for (long bin : part.told) {
      if (Long.compareUnsigned(bin, left) > 0) {
        return false;
      }
      left -= bin;
    }
    return true;
  }

  private boolean add() {
    state.count += part.count;
    state.sum += part.sum;
    state.bad |= part.bad;
    if (state.sum < 0) {
      return false;
    }
    if (state.kind != ShardState.LIST) {
      for (int i = 0; i < ShardState.TOLD; i++) {
        state.told[i] += part.told[i];
      }
      return true;
    }
    long before = part.first - 1;
    for (int i = 0; i < part.listed; i++) {
      float value = part.value(i);
      int clazz = part.clazz(i);
      if (!isCandidate(value) || clazz <= before || clazz >= part.first + part.classes) {
        return false;
      }
      before = clazz;
      set.add(clazz, value);
    }
    return true;
  }

  // ---- the next question -----------------------------------------------------------------------

  /** Computes the next question; returns false if the answers are not possible. */
  private boolean next() {
    return switch (state.kind) {
      case ShardState.DONE -> true;
      case ShardState.LIST -> afterList();
      default -> afterBins();
    };
  }

  private boolean afterList() {
    if (state.bad != 0 || state.count == 0) {
      state.done(NO_TOKEN, 0, 0);
      return true;
    }
    set.sort();
    set.keep(0, Math.min(set.count, ShardState.TOLD));
    if (set.count == 0 || (state.most > Float.NEGATIVE_INFINITY && state.most != set.value(0))) {
      return false;
    }
    row.filters.begin(classes(), SampledRow.temperatureOfFilters(options), options.minKeep);
    float end = set.value(set.count - 1);
    float least = row.filters.least(options.minP, set.value(0));
    float low = lowOfTies(end);
    if ((isMinFirst() || !hasTopP()) && least > low) {
      low = least;
    }
    boolean first = options.topK > 0 && !options.keepsAllTies();
    if (options.greedy != 0 || set.count == state.count || first || end < low) {
      row.finish(stream, options);
      drawn();
      return true;
    }
    if (!hasTopP()) {
      state.most = set.value(0);
      askClass(low, classes() - 1);
      return true;
    }
    if (!(state.most > Float.NEGATIVE_INFINITY)) {
      state.most = set.value(0);
      state.low = low;
      state.last = classes() - 1;
      return true;
    }
    return state.sum > 0 && afterSum(end, least);
  }

  /** The value down to which top-k keeps classes; +infinity if the list has all of them. */
  private float lowOfTies(float end) {
    long most = Math.max(options.topK, Math.max(options.minKeep, 1));
    if (options.topK == 0 || most >= state.count) {
      return Float.NEGATIVE_INFINITY;
    }
    boolean reachesEnd = most > set.count || set.value((int) most - 1) == end;
    return reachesEnd ? end : Float.POSITIVE_INFINITY;
  }

  private boolean afterSum(float end, float least) {
    long wanted = Mass.atLeast(options.topP, state.sum);
    long mass = row.filters.mass();
    if (mass >= wanted || end < least) {
      if (mass >= wanted) {
        row.filters.keepMass(wanted);
      }
      row.minP(options);
      row.draw(stream, options, options.temperature);
      drawn();
      return true;
    }
    float low = state.low > Float.NEGATIVE_INFINITY ? state.low : -Float.MAX_VALUE;
    state.kind = ShardState.ORDER;
    state.from = key(end, set.clazz(set.count - 1)) + 1;
    state.to = key(low, classes() - 1);
    state.before = mass;
    return Long.compareUnsigned(state.from, state.to) <= 0;
  }

  /** Selects the bin in which the wanted weight is reached. */
  private boolean afterBins() {
    if (state.sum <= 0) {
      return false;
    }
    boolean drawn = state.kind == ShardState.CLASS;
    long wanted =
        drawn
            ? row.pointedAt(stream, options, state.sum) + 1
            : Mass.atLeast(options.topP, state.sum);
    int shift = shift();
    long lastBin = state.to - state.from >>> shift;
    int bin = 0;
    long before = state.before;
    while (bin < lastBin && before + state.told[bin] < wanted) {
      before += state.told[bin];
      bin++;
    }
    long weight = state.told[bin];
    if (weight <= 0 || before + weight < wanted) {
      return false;
    }
    long key = state.from + ((long) bin << shift);
    if (shift > 0) {
      long end = key + (1L << shift) - 1;
      state.from = key;
      state.to = Long.compareUnsigned(end, state.to) < 0 ? end : state.to;
      state.before = before;
    } else if (drawn) {
      state.done(key, state.count, row.logOfShare(weight, state.sum));
    } else {
      row.filters.begin(classes(), SampledRow.temperatureOfFilters(options), options.minKeep);
      float low = value(key);
      float least = row.filters.least(options.minP, state.most);
      boolean raised = !isMinFirst() && least > low;
      askClass(raised ? least : low, raised ? classes() - 1 : key % classes());
    }
    return true;
  }

  private void askClass(float low, long last) {
    state.kind = ShardState.CLASS;
    state.low = low;
    state.last = last;
    state.from = 0;
    state.to = classes() - 1;
    state.before = 0;
  }

  private void drawn() {
    state.done(row.token, row.kept(), row.logProbability);
  }

  private boolean isMinFirst() {
    return options.rules == XentH.XENT_RULES_VLLM();
  }

  private boolean hasTopP() {
    return options.topP > 0 && options.topP < 1;
  }
}
