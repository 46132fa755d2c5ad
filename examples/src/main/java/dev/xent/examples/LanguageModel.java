// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import dev.xent.Sampler;
import dev.xent.SamplerCursor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Writes a text with a language model of the Llama architecture in GGUF, as an engine does: the
 * model runs in Java, token by token, and Xent draws each token from its logits.
 */
public final class LanguageModel {
  private LanguageModel() {}

  public static void main(String[] arguments) throws IOException {
    Path path = Path.of(arguments.length > 0 ? arguments[0] : "examples/models/llama.gguf");
    String prompt = arguments.length > 1 ? arguments[1] : "You may";
    GgufFile file = new GgufFile(path);
    Bpe words = new Bpe(file);
    Llama model = new Llama(file);

    Sampler sampler = Sampler.builder().temperature(0.3).topP(0.95).seed(42).build();
    SamplerCursor tokens = sampler.start();
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    text.writeBytes(prompt.getBytes(StandardCharsets.UTF_8));
    float[] logits = model.next(words.begin());
    for (int token : words.encode(prompt)) {
      logits = model.next(token);
    }
    for (int i = 0; i < 100; i++) {
      int token = tokens.next(logits);
      if (token == words.end()) {
        break;
      }
      text.writeBytes(words.decode(token));
      logits = model.next(token);
    }
    System.out.println(text.toString(StandardCharsets.UTF_8));
  }
}
