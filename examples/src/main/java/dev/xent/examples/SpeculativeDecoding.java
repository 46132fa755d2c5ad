// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import dev.xent.Sampler;
import dev.xent.SamplerCall;
import dev.xent.SamplerCursor;
import dev.xent.SamplerRequests;
import dev.xent.Tensor;
import java.util.Arrays;

/**
 * A small model drafts four tokens, and a large model checks them in one batch. Both sample with
 * the same seed, stream and steps, so the text is the one that the large model writes alone.
 */
public final class SpeculativeDecoding {
  private static final int CLASSES = TwoModels.CLASSES;
  private static final int DRAFTS = 4;

  private SpeculativeDecoding() {}

  public static void main(String[] arguments) {
    Sampler sampler = Sampler.builder().temperature(0.8).topP(0.95).seed(42).build();
    int[] text = new int[61]; // token i is drawn at step i
    SamplerCursor tokens = sampler.start().step(1);
    for (int i = 1; i < text.length; i++) {
      text[i] = tokens.next(TwoModels.large(text[i - 1]));
    }

    int[] drafted = new int[text.length + DRAFTS];
    int calls = decode(sampler, drafted, text.length);
    System.out.println("the large model alone: " + (text.length - 1) + " calls");
    System.out.println("with drafts: " + calls + " calls");
    System.out.println(
        "the same text: " + Arrays.equals(text, Arrays.copyOf(drafted, text.length)));
  }

  /** Returns how often the large model was called. */
  private static int decode(Sampler sampler, int[] text, int length) {
    float[] logits = new float[(DRAFTS + 1) * CLASSES];
    int[] tokens = new int[DRAFTS + 1];
    SamplerCall call =
        sampler.on(Tensor.of(logits, DRAFTS + 1, CLASSES), Tensor.of(tokens, DRAFTS + 1));
    SamplerRequests requests = SamplerRequests.create();
    for (int row = 0; row <= DRAFTS; row++) {
      requests.add(sampler, 0, 0); // one text, so one stream
    }
    int calls = 0;
    int next = 1;
    while (next < length) {
      for (int i = next; i < Math.min(next + DRAFTS, text.length); i++) {
        text[i] = (int) sampler.token(Tensor.of(TwoModels.small(text[i - 1])), i);
      }
      for (int row = 0; row <= DRAFTS; row++) {
        System.arraycopy(TwoModels.large(text[next + row - 1]), 0, logits, row * CLASSES, CLASSES);
        requests.step(row, next + row);
      }
      call.run(requests);
      calls++;
      int row = 0;
      while (row < DRAFTS && tokens[row] == text[next]) {
        row++;
        next++;
      }
      text[next] = tokens[row]; // the first other token is the right one
      next++;
    }
    return calls;
  }
}
