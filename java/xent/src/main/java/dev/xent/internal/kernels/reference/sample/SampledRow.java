// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sample;

import static dev.xent.internal.kernels.Array.BIAS;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;
import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.call.Sampling;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.math.Float64;
import dev.xent.internal.kernels.reference.sum.RowScratch;

/** Computes the token of a row from its logits, in the steps of conformance/numerics.md. */
public final class SampledRow {
  private static final long NO_TOKEN = -1;

  /** Changes the seed for the random bits that decide whether XTC removes classes. */
  private static final long XTC_SEED = 0x9e3779b97f4a7c15L;

  /** Changes the seed for the random bits that decide whether a draft is accepted. */
  private static final long ACCEPT_SEED = 0xbf58476d1ce4e5b9L;

  /** Changes it for those that replace a draft. */
  private static final long REPLACE_SEED = 0x94d049bb133111ebL;

  /** The token of the row, or -1. */
  public long token;

  /** The log-probability with which the token was drawn. */
  public double logProbability;

  private final Candidates kept = new Candidates();
  private final Request call;
  private final RowScratch work;
  private final Penalties penalties;
  private final Filters filters = new Filters(kept);
  private final Weights weights = new Weights();
  private final Drafts drafts;
  private final Philox random = new Philox();
  private final Arithmetic logarithm = new Float64();

  public SampledRow(RowScratch work) {
    this.work = work;
    call = work.call;
    penalties = new Penalties(call);
    drafts = new Drafts(call);
  }

  /** Samples the work's current row with {@code options}. */
  public void sample(long row, long stream, Sampling options) {
    penalties.begin(row, options);
    if (!takeCandidates(options, options.greedy != 0)) {
      kept.keep(0, 0);
    }
    drafts.begin(row);
    finish(stream, options);
  }

  /** Filters the candidates and draws the token. */
  private void finish(long stream, Sampling options) {
    token = NO_TOKEN;
    logProbability = Double.NaN;
    if (kept.count == 0) {
      return;
    }
    if (options.greedy != 0) {
      kept.keep(0, 1);
      token = kept.clazz(0);
      logProbability = 0;
      return;
    }
    draw(stream, options, filter(options, stream));
  }

  /** The number of classes that the filters kept. */
  public int kept() {
    return kept.count;
  }

  /** A kept class, by its index in their order. */
  public int clazz(int i) {
    return kept.clazz(i);
  }

  /**
   * Collects the classes that can be drawn, with their values. Returns false if any value is NaN or
   * +infinity.
   */
  private boolean takeCandidates(Sampling options, boolean first) {
    Row row = work.row;
    double[] x = work.chunk.x;
    boolean biased = has(call.given.of(BIAS));
    float scale = (float) options.scale();
    work.chunk.begin(call.options.softcap / options.scale());
    kept.begin(first ? 1 : row.classes);
    for (long begin = 0; begin < row.classes; begin += CHUNK) {
      int count = Row.chunkSize(begin, row.classes);
      work.chunk.load(row, begin, count, 0);
      for (int i = 0; i < count && scale != 1; i++) {
        x[i] = (float) (x[i] * scale);
      }
      if (biased) {
        row.load(call.given.of(BIAS), call.shape.of(BIAS), begin, count, work.terms);
      }
      for (int i = 0; i < count && biased; i++) {
        x[i] = (float) (x[i] + work.terms[i]);
      }
      for (int i = 0; i < count && penalties.any; i++) {
        x[i] = penalties.of((int) begin + i, (float) x[i]);
      }
      work.chunk.fillMasked(x, Double.NEGATIVE_INFINITY);
      float largest = (float) work.chunk.largest();
      if (!(largest < Float.POSITIVE_INFINITY)) {
        return false;
      }
      if (first) {
        takeFirst((int) begin, largest);
      } else {
        kept.raise(largest);
        for (int i = 0; i < count; i++) {
          if (x[i] > Double.NEGATIVE_INFINITY) {
            kept.add((int) begin + i, (float) x[i]);
          }
        }
      }
    }
    return true;
  }

  /** Keeps the first of the largest classes of a chunk, if it is above all previous ones. */
  private void takeFirst(int begin, float largest) {
    if (largest > kept.largest()) {
      int i = 0;
      while (work.chunk.x[i] != largest) {
        i++;
      }
      kept.begin(1);
      kept.add(begin + i, largest);
      kept.raise(largest);
    }
  }

  /** Runs the filters in their order. Returns the temperature of the draw. */
  private double filter(Sampling options, long stream) {
    long order = options.order();
    boolean atOne = contains(order, XentH.XENT_FILTER_TEMPERATURE());
    double temperature = options.temperature;
    filters.begin(call.shape.classes, 0, options.minKeep);
    if (!atOne) {
      temperature = adapt(options);
    }
    for (long left = order; left != 0; left >>>= Byte.SIZE) {
      int filter = (int) left & 255;
      if (filter == XentH.XENT_FILTER_TOP_K()) {
        topK(options);
      } else if (filter == XentH.XENT_FILTER_TOP_P()) {
        topP(options);
      } else if (filter == XentH.XENT_FILTER_MIN_P()) {
        minP(options);
      } else if (filter == XentH.XENT_FILTER_TYPICAL_P()) {
        typicalP(options);
      } else if (filter == XentH.XENT_FILTER_TOP_N_SIGMA()) {
        topNSigma(options);
      } else if (filter == XentH.XENT_FILTER_XTC()) {
        xtc(options, stream);
      } else {
        temperature = adapt(options);
      }
    }
    return temperature;
  }

  /** Sets the temperature of the following filters, which is that of the draw. */
  private double adapt(Sampling options) {
    double temperature =
        filters.dynamicTemperature(
            options.temperature, options.dynatempRange, options.dynatempExponent());
    filters.begin(call.shape.classes, temperature, options.minKeep);
    return temperature;
  }

  private static boolean contains(long order, int filter) {
    for (long left = order; left != 0; left >>>= Byte.SIZE) {
      if (((int) left & 255) == filter) {
        return true;
      }
    }
    return false;
  }

  private void topK(Sampling options) {
    if (options.topK > 0) {
      filters.topK(options.topK, options.keepsAllTies());
    }
  }

  private void topP(Sampling options) {
    if (options.topP > 0 && options.topP < 1) {
      filters.topP(options.topP);
    }
  }

  private void minP(Sampling options) {
    if (options.minP > 0) {
      filters.minP(options.minP);
    }
  }

  private void typicalP(Sampling options) {
    if (options.typicalP > 0 && options.typicalP < 1) {
      filters.typicalP(options.typicalP);
    }
  }

  private void topNSigma(Sampling options) {
    if (options.topNSigma > 0) {
      filters.topNSigma(options.topNSigma);
    }
  }

  private void xtc(Sampling options, long stream) {
    if (options.xtcProbability > 0) {
      random.block(options.seed ^ XTC_SEED, options.step, options.draw, stream);
      if ((random.high >>> 11) < options.xtcProbability * 0x1p53) {
        filters.xtc(options.xtcThreshold == 0 ? 0.1 : options.xtcThreshold);
      }
    }
  }

  /**
   * Draws the class at the random position in the sum of the weights, in the order of the classes.
   */
  private void draw(long stream, Sampling options, double temperature) {
    kept.sortByClass();
    weights.of(kept, temperature, call.shape.classes);
    int i = drafts.any() ? indexFromDraft(stream, options) : -1;
    if (i < 0) {
      long target = pointedAt(options.seed, stream, options, weights.sum);
      for (long upTo = 0; upTo <= target; upTo += weights.get(i)) {
        i++;
      }
    }
    token = kept.clazz(i);
    logProbability = logOfShare(weights.get(i), weights.sum);
  }

  /**
   * The index of the draft or of the class that replaces it; -1 if a class is drawn as without a
   * draft.
   */
  private int indexFromDraft(long stream, Sampling options) {
    long sum = drafts.compare(kept, weights);
    long coin = pointedAt(options.seed ^ ACCEPT_SEED, stream, options, Math.max(drafts.weight, 1));
    int own = drafts.index;
    if (sum == 0 || (own >= 0 && coin < weights.get(own))) {
      return own;
    }
    long target = pointedAt(options.seed ^ REPLACE_SEED, stream, options, sum);
    int i = -1;
    for (long upTo = 0; upTo <= target; upTo += drafts.beyond(i)) {
      i++;
    }
    return i;
  }

  /** The random position in a sum. */
  private long pointedAt(long seed, long stream, Sampling options, long sum) {
    random.block(seed, options.step, options.draw, stream);
    return Mass.pointedAt(random.high, random.low, sum);
  }

  /** The logarithm of a share of a sum. */
  private double logOfShare(long weight, long sum) {
    long others = sum - weight;
    return 0
        - (others <= weight
            ? logarithm.logOnePlus((double) others / weight)
            : logarithm.log((double) sum / weight));
  }
}
