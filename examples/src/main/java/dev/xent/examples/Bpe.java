// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The byte-level BPE tokenizer of GPT-2 or SmolLM, with the tokens and merges of a GGUF file. */
final class Bpe {
  private static final String WORD =
      "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+|%s| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
  private static final Pattern OF_GPT_2 = Pattern.compile(WORD.formatted(" ?\\p{N}+"));
  private static final Pattern OF_SMOLLM = // each digit alone
      Pattern.compile(WORD.formatted("\\p{N}|\\s+(?=\\p{N})"));

  private final Pattern word;
  private final List<String> tokens;
  private final Map<String, Integer> numbers = new HashMap<>();
  private final Map<String, Integer> ranks = new HashMap<>(); // of the merges: "a b"
  private final String letters = letters();
  private final int begin;
  private final int end;

  Bpe(GgufFile file) throws IOException {
    file.require("tokenizer.ggml.model", "gpt2");
    String kind = file.require("tokenizer.ggml.pre", "gpt-2", "smollm");
    word = kind.equals("smollm") ? OF_SMOLLM : OF_GPT_2;
    tokens = file.strings("tokenizer.ggml.tokens");
    for (int token = 0; token < tokens.size(); token++) {
      numbers.put(tokens.get(token), token);
    }
    for (String merge : file.strings("tokenizer.ggml.merges")) {
      ranks.put(merge, ranks.size());
    }
    begin = file.integer("tokenizer.ggml.bos_token_id");
    end = file.integer("tokenizer.ggml.eos_token_id");
  }

  /** Returns the token that begins a text. */
  int begin() {
    return begin;
  }

  /** Returns the token that ends a text. */
  int end() {
    return end;
  }

  int[] encode(String text) {
    List<String> found = new ArrayList<>();
    Matcher words = word.matcher(text);
    while (words.find()) {
      List<String> parts = new ArrayList<>();
      for (byte b : words.group().getBytes(StandardCharsets.UTF_8)) {
        parts.add(letters.substring(b & 0xff, (b & 0xff) + 1));
      }
      for (int at = firstMerge(parts); at >= 0; at = firstMerge(parts)) {
        parts.set(at, parts.get(at) + parts.remove(at + 1));
      }
      found.addAll(parts);
    }
    return found.stream().mapToInt(numbers::get).toArray();
  }

  /** Returns the bytes of a token. */
  byte[] decode(int token) {
    String name = tokens.get(token);
    byte[] bytes = new byte[name.length()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) letters.indexOf(name.charAt(i));
    }
    return bytes;
  }

  /** Returns the place of the pair that was merged first in training, or -1. */
  private int firstMerge(List<String> parts) {
    int first = -1;
    int lowest = Integer.MAX_VALUE;
    for (int i = 0; i + 1 < parts.size(); i++) {
      int rank = ranks.getOrDefault(parts.get(i) + " " + parts.get(i + 1), Integer.MAX_VALUE);
      if (rank < lowest) {
        lowest = rank;
        first = i;
      }
    }
    return first;
  }

  /** The letter of each byte: itself where it can be seen, or one from 256 on. */
  private static String letters() {
    char[] letters = new char[256];
    char next = 256;
    for (int b = 0; b < 256; b++) {
      boolean visible = b > 32 && b < 127 || b > 160 && b != 173;
      letters[b] = visible ? (char) b : next++;
    }
    return String.valueOf(letters);
  }
}
