// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.xent.Execution;
import dev.xent.TopK;
import dev.xent.TopKResult;
import dev.xent.runtimes.OnnxRuntimeTensors;
import io.javalin.Javalin;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.Map;

/** Javalin: the likeliest next letters of a text, by a model in ONNX Runtime. */
public final class JavalinService {
  private static final String LETTERS = " abcdefghijklmnopqrstuvwxyz,.-";
  private static final int CONTEXT = 6;

  private final TopK best = TopK.builder(3).execution(Execution.sequential()).build();
  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession model;

  private JavalinService() throws IOException, OrtException {
    try (InputStream file = JavalinService.class.getResourceAsStream("/models/letters.onnx");
        OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1); // each request computes on its own thread
      model = environment.createSession(file.readAllBytes(), options);
    }
  }

  /** The three likeliest letters and their probabilities. */
  private Map<String, Float> next(String text) throws OrtException {
    long[][] context = new long[1][CONTEXT]; // zeros are spaces, before a short text
    for (int i = Math.max(0, CONTEXT - text.length()); i < CONTEXT; i++) {
      context[0][i] = Math.max(0, LETTERS.indexOf(text.charAt(text.length() - CONTEXT + i)));
    }
    try (OnnxTensor input = OnnxTensor.createTensor(environment, context);
        OrtSession.Result output = model.run(Map.of("context", input));
        Arena arena = Arena.ofConfined()) {
      TopKResult top =
          best.probabilities(OnnxRuntimeTensors.copy((OnnxTensor) output.get(0), arena));
      Map<String, Float> letters = new LinkedHashMap<>();
      for (int k = 0; k < 3; k++) {
        int letter = (int) top.classes().getLong(0, k);
        letters.put(LETTERS.substring(letter, letter + 1), top.values().getFloat(0, k));
      }
      return letters;
    }
  }

  /** Starts the service on a port; 0 takes a free one. */
  static Javalin start(int port) throws IOException, OrtException {
    JavalinService service = new JavalinService();
    return Javalin.create(
            config -> {
              config.concurrency.useVirtualThreads = true;
              config.routes.post("/next", call -> call.json(service.next(call.body())));
            })
        .start(port);
  }

  /** Starts the service on port 8080. */
  public static void main(String[] arguments) throws IOException, OrtException {
    start(8080);
  }
}
