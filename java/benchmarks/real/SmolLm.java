// SPDX-License-Identifier: Apache-2.0
// In the package of the engine, whose classes are visible only there.
package com.llama4j;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A model of the Llama architecture with a vocabulary of GPT-2's kind, such as SmolLM2, in Llama3.java. */
record SmolLm(Llama model, Map<String, Integer> controls) {
  // Digits one by one, and a space before a digit is a piece of its own.
  private static final String PIECES =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+|\\s+(?=\\p{N})|\\s+(?!\\S)|\\s+";
  private static final int CONTROL = 3;

  static SmolLm load(Path path, int contextLength) throws IOException {
    try (FileChannel channel = FileChannel.open(path)) {
      GGUF gguf = GGUF.loadModel(channel, path.toString());
      Map<String, Object> about = gguf.getMetadata();
      Vocabulary words = new Vocabulary((String[]) about.get("tokenizer.ggml.tokens"), null);
      Map<String, Integer> controls = controls(about, words);
      List<Pair<Integer, Integer>> merges = new ArrayList<>();
      for (String line : (String[]) about.get("tokenizer.ggml.merges")) {
        String[] parts = line.split(" ");
        merges.add(new Pair<>(words.getIndex(parts[0]).orElseThrow(), words.getIndex(parts[1]).orElseThrow()));
      }
      int heads = (int) about.get("llama.attention.head_count");
      var sizes = new Llama.Configuration(
          (int) about.get("llama.embedding_length"), (int) about.get("llama.feed_forward_length"),
          (int) about.get("llama.block_count"), heads,
          (int) about.getOrDefault("llama.attention.head_count_kv", heads), words.size(), contextLength,
          (float) about.getOrDefault("llama.attention.layer_norm_rms_epsilon", 1e-5f),
          (float) about.getOrDefault("llama.rope.freq_base", 10000f));
      var tensors = GGUF.loadTensors(channel, gguf.getTensorDataOffset(), gguf.getTensorInfos());
      return new SmolLm(new Llama(sizes, new Tokenizer(words, merges, PIECES, controls),
          ModelLoader.loadWeights(tensors, sizes)), controls);
    }
  }

  private static Map<String, Integer> controls(Map<String, Object> about, Vocabulary words) {
    Map<String, Integer> controls = new HashMap<>();
    int[] kinds = (int[]) about.get("tokenizer.ggml.token_type");
    for (int i = 0; kinds != null && i < kinds.length; i++) {
      if (kinds[i] == CONTROL) {
        controls.put(words.tokens()[i], i);
      }
    }
    // The name by which the engine looks for the first token of a text.
    controls.put("<|begin_of_text|>", (int) about.getOrDefault("tokenizer.ggml.bos_token_id", 0));
    return controls;
  }

  int vocabulary() {
    return model.configuration().vocabularySize;
  }

  /** The tokens of a question to a chat model, or of a text if the model knows no roles. */
  List<Integer> prompt(String text) {
    List<Integer> tokens = new ArrayList<>();
    if (!controls.containsKey("<|im_start|>")) {
      tokens.add(controls.get("<|begin_of_text|>"));
      tokens.addAll(encode(text));
      return tokens;
    }
    addTurn(tokens, "system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face");
    addTurn(tokens, "user\n" + text);
    tokens.add(controls.get("<|im_start|>"));
    tokens.addAll(encode("assistant\n"));
    return tokens;
  }

  private void addTurn(List<Integer> tokens, String text) {
    tokens.add(controls.get("<|im_start|>"));
    tokens.addAll(encode(text));
    tokens.add(controls.get("<|im_end|>"));
    tokens.addAll(encode("\n"));
  }

  List<Integer> encode(String text) {
    return model.tokenizer().encodeAsList(text);
  }

  boolean ends(int token) {
    return controls.containsValue(token);
  }

  /** The state after these tokens; its logits are those of the next one. */
  Llama.State read(List<Integer> tokens) {
    Llama.State state = model.createNewState(16);
    for (int at = 0; at < tokens.size(); at += 16) {
      int[] part = ints(tokens.subList(at, Math.min(at + 16, tokens.size())));
      Llama.forward(model, state, part, at, at + 16 >= tokens.size());
    }
    return state;
  }

  /** Writes the logits after each of these tokens, which follow those that the state has. */
  void rows(Llama.State state, int[] tokens, int position, float[] into, int at) {
    Llama.forward(model, state, tokens, position, true);
    int classes = vocabulary();
    float[] row = new float[classes];
    for (int i = 0; i < tokens.length; i++) {
      model.weights().wcls.matmul(state.x[i], new ArrayFloatTensor(row), classes, model.configuration().dim);
      System.arraycopy(row, 0, into, (at + i) * classes, classes);
    }
  }

  static float[] logits(Llama.State state) {
    return ((ArrayFloatTensor) state.logits).values;
  }

  static int[] ints(List<Integer> tokens) {
    return tokens.stream().mapToInt(Integer::intValue).toArray();
  }

  static String words(List<Integer> tokens, SmolLm of) {
    return of.model.tokenizer().decode(tokens.stream().filter(token -> !of.ends(token)).toList());
  }

  static double percentile(double[] values, double share) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[(int) (share * (sorted.length - 1))];
  }
}
