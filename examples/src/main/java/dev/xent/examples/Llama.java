// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import dev.xent.Softmax;
import dev.xent.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A model of the Llama architecture that reads one token at a time. Its sums are in order and its
 * functions those of StrictMath, so that the logits have the same bits on every machine.
 */
final class Llama {
  private record Layer(
      float[] attentionNorm,
      float[] query,
      float[] key,
      float[] value,
      float[] attentionOutput,
      float[] feedForwardNorm,
      float[] gate,
      float[] up,
      float[] down) {}

  private final int width;
  private final int hidden;
  private final int heads;
  private final int keyHeads;
  private final int head; // elements of a head
  private final int context;
  private final float epsilon;
  private final float base;
  private final float[] embedding;
  private final float[] outputNorm;
  private final float[] output;
  private final List<Layer> layers = new ArrayList<>();
  private final float[][] keys; // of each layer, [places, keyHeads * head]
  private final float[][] values;
  private final Softmax softmax;
  private int place; // of the next token

  Llama(GgufFile file) throws IOException {
    file.require("general.architecture", "llama");
    width = file.integer("llama.embedding_length");
    hidden = file.integer("llama.feed_forward_length");
    heads = file.integer("llama.attention.head_count");
    keyHeads = file.integer("llama.attention.head_count_kv");
    head = width / heads;
    context = file.integer("llama.context_length");
    epsilon = file.number("llama.attention.layer_norm_rms_epsilon");
    base = file.number("llama.rope.freq_base");
    embedding = file.floats("token_embd.weight");
    outputNorm = file.floats("output_norm.weight");
    output = file.has("output.weight") ? file.floats("output.weight") : embedding;
    int count = file.integer("llama.block_count");
    for (int i = 0; i < count; i++) {
      String at = "blk." + i + ".";
      layers.add(
          new Layer(
              file.floats(at + "attn_norm.weight"),
              file.floats(at + "attn_q.weight"),
              file.floats(at + "attn_k.weight"),
              file.floats(at + "attn_v.weight"),
              file.floats(at + "attn_output.weight"),
              file.floats(at + "ffn_norm.weight"),
              file.floats(at + "ffn_gate.weight"),
              file.floats(at + "ffn_up.weight"),
              file.floats(at + "ffn_down.weight")));
    }
    keys = new float[count][0];
    values = new float[count][0];
    softmax = Softmax.builder().temperature(Math.sqrt(head)).build();
  }

  /** Reads a token and returns the logits of the one after it. */
  float[] next(int token) {
    if (place == context) {
      throw new IllegalStateException("the context of " + context + " tokens is full");
    }
    float[] x = new float[width];
    System.arraycopy(embedding, token * width, x, 0, width);
    for (int i = 0; i < keys.length; i++) {
      Layer layer = layers.get(i);
      keys[i] = withRoom(keys[i]);
      values[i] = withRoom(values[i]);
      add(x, attention(layer, normalized(x, layer.attentionNorm), keys[i], values[i]));
      add(x, feedForward(layer, normalized(x, layer.feedForwardNorm)));
    }
    place++;
    return product(output, normalized(x, outputNorm));
  }

  /** The contexts of models are far longer than most texts. */
  private float[] withRoom(float[] places) {
    int needed = (place + 1) * keyHeads * head;
    return needed <= places.length ? places : Arrays.copyOf(places, 2 * needed);
  }

  private float[] attention(Layer layer, float[] x, float[] keys, float[] values) {
    int stride = keyHeads * head;
    float[] query = rotated(product(layer.query, x));
    System.arraycopy(rotated(product(layer.key, x)), 0, keys, place * stride, stride);
    System.arraycopy(product(layer.value, x), 0, values, place * stride, stride);

    int places = place + 1;
    float[] weights = new float[heads * places];
    for (int h = 0; h < heads; h++) {
      int from = h * keyHeads / heads * head;
      for (int p = 0; p < places; p++) {
        weights[h * places + p] = dot(query, h * head, keys, p * stride + from, head);
      }
    }
    Tensor rows = Tensor.of(weights, heads, places);
    softmax.forward(rows, rows);

    float[] mixed = new float[width];
    for (int h = 0; h < heads; h++) {
      int from = h * keyHeads / heads * head;
      for (int p = 0; p < places; p++) {
        for (int i = 0; i < head; i++) {
          mixed[h * head + i] += weights[h * places + p] * values[p * stride + from + i];
        }
      }
    }
    return product(layer.attentionOutput, mixed);
  }

  private float[] feedForward(Layer layer, float[] x) {
    float[] gate = product(layer.gate, x);
    float[] up = product(layer.up, x);
    for (int i = 0; i < hidden; i++) {
      gate[i] = (float) (gate[i] / (1 + StrictMath.exp(-gate[i])) * up[i]);
    }
    return product(layer.down, gate);
  }

  /** Turns each pair of elements by an angle that grows with the place. */
  private float[] rotated(float[] x) {
    for (int i = 0; i < x.length; i += 2) {
      double angle = place * StrictMath.pow(base, -(i % head) / (double) head);
      double cos = StrictMath.cos(angle);
      double sin = StrictMath.sin(angle);
      double even = x[i];
      double odd = x[i + 1];
      x[i] = (float) (even * cos - odd * sin);
      x[i + 1] = (float) (even * sin + odd * cos);
    }
    return x;
  }

  private float[] normalized(float[] x, float[] weights) {
    float scale = (float) (1 / Math.sqrt(dot(x, 0, x, 0, width) / width + epsilon));
    float[] y = new float[width];
    for (int i = 0; i < width; i++) {
      y[i] = x[i] * scale * weights[i];
    }
    return y;
  }

  private static float[] product(float[] matrix, float[] x) {
    float[] y = new float[matrix.length / x.length];
    for (int row = 0; row < y.length; row++) {
      y[row] = dot(matrix, row * x.length, x, 0, x.length);
    }
    return y;
  }

  private static float dot(float[] a, int aFrom, float[] b, int bFrom, int length) {
    float sum = 0;
    for (int i = 0; i < length; i++) {
      sum += a[aFrom + i] * b[bFrom + i];
    }
    return sum;
  }

  private static void add(float[] x, float[] y) {
    for (int i = 0; i < x.length; i++) {
      x[i] += y[i];
    }
  }
}
