// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.Tensor;
import dev.xent.TopK;
import dev.xent.TopKResult;
import dev.xent.runtimes.OnnxRuntimeTensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.FloatBuffer;
import java.util.Map;
import java.util.Set;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.core.io.ClassPathResource;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** Spring Boot: the likeliest digits of a drawing, by a model in ONNX Runtime. */
@SpringBootApplication
public class SpringService {
  /** Starts the service on port 8080, or on {@code --server.port}. */
  public static void main(String[] arguments) {
    SpringApplication.run(SpringService.class, arguments);
  }

  @RestController
  static class Digits {
    private final TopK best = TopK.builder(3).execution(Execution.sequential()).build();
    private final OrtEnvironment ort = OrtEnvironment.getEnvironment();
    private final OrtSession model;

    Digits() throws IOException, OrtException {
      try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
        options.setIntraOpNumThreads(1); // each request computes on its own thread
        byte[] file = new ClassPathResource("models/digits.onnx").getContentAsByteArray();
        model = ort.createSession(file, options);
      }
    }

    record Best(int[] classes, float[] probabilities) {}

    @PostMapping("/best")
    Best best(@RequestBody float[] pixels) throws OrtException {
      if (pixels.length != 64) {
        throw new ResponseStatusException(HttpStatus.BAD_REQUEST);
      }
      try (Arena arena = Arena.ofConfined()) {
        Tensor logits = Tensor.allocate(arena, DType.F32, 1, 10);
        FloatBuffer drawing = FloatBuffer.wrap(pixels);
        try (OnnxTensor in = OnnxTensor.createTensor(ort, drawing, new long[] {1, 64});
            OnnxTensor out = OnnxRuntimeTensors.wrap(ort, logits)) {
          model.run(Map.of("pixels", in), Set.of(), Map.of("logits", out)).close();
        }
        TopKResult result = best.probabilities(logits); // NaN or +inf: -1 and NaN
        return new Best(result.classes().toIntArray(), result.values().toFloatArray());
      }
    }
  }
}
