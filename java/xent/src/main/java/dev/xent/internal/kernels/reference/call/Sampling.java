// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_sampling;
import java.lang.foreign.MemorySegment;

/** How a token is drawn: {@code xent_sampling}. A number that is 0 is not used. */
public final class Sampling {
  public int rules;
  public int ties;
  public int greedy;
  public int reserved;
  public long minKeep;
  public long topK;
  public double topP;
  public double minP;
  public double typicalP;
  public double temperature;
  public double repetitionPenalty;
  public double frequencyPenalty;
  public double presencePenalty;
  public long seed;
  public long stream;
  public int step;
  public int draw;

  public final SizedStruct copy = new SizedStruct(xent_sampling.sizeof(), xent_sampling.sizeof());

  /** Takes the one at an index of an array whose structs have been checked. */
  public void load(MemorySegment array, long index) {
    copy.load(array, index * SizedStruct.size(array));
    read();
  }

  /** Nothing is used. */
  public void clear() {
    copy.struct.fill((byte) 0);
    read();
  }

  /** Reads the fields from the copy. */
  public void read() {
    rules = xent_sampling.rules(copy.struct);
    ties = xent_sampling.ties(copy.struct);
    greedy = xent_sampling.greedy(copy.struct);
    reserved = xent_sampling.reserved(copy.struct);
    minKeep = xent_sampling.min_keep(copy.struct);
    topK = xent_sampling.top_k(copy.struct);
    topP = xent_sampling.top_p(copy.struct);
    minP = xent_sampling.min_p(copy.struct);
    typicalP = xent_sampling.typical_p(copy.struct);
    temperature = xent_sampling.temperature(copy.struct);
    repetitionPenalty = xent_sampling.repetition_penalty(copy.struct);
    frequencyPenalty = xent_sampling.frequency_penalty(copy.struct);
    presencePenalty = xent_sampling.presence_penalty(copy.struct);
    seed = xent_sampling.seed(copy.struct);
    stream = xent_sampling.stream(copy.struct);
    step = xent_sampling.step(copy.struct);
    draw = xent_sampling.draw(copy.struct);
  }

  /** Whether top-k keeps every class that equals the k-th. */
  public boolean keepsAllTies() {
    boolean byRules = rules == XentH.XENT_RULES_TRANSFORMERS() || rules == XentH.XENT_RULES_VLLM();
    return ties == XentH.XENT_TIES_ALL() || (ties == XentH.XENT_TIES_OF_RULES() && byRules);
  }
}
