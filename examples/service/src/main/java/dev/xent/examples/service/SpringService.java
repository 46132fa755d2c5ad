// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import dev.xent.Execution;
import dev.xent.Tensor;
import dev.xent.TopK;
import dev.xent.errors.ShapeException;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;

/** Spring Boot: the five best classes of the logits in a request, and their probabilities. */
@SpringBootApplication
public class SpringService {
  /** Starts the service on port 8080, or on {@code --server.port}. */
  public static void main(String[] arguments) {
    SpringApplication.run(SpringService.class, arguments);
  }

  @RestController
  static class Scores {
    private final TopK best = TopK.builder(5).execution(Execution.sequential()).build();

    record Best(int[] classes, float[] probabilities) {}

    @PostMapping("/best")
    Best best(@RequestBody float[] logits) {
      TopK.Result result = best.probabilities(Tensor.of(logits)); // NaN or +inf: -1 and NaN
      return new Best(result.classes().toIntArray(), result.values().toFloatArray());
    }

    @ExceptionHandler
    ResponseEntity<String> tooFew(ShapeException e) {
      return ResponseEntity.badRequest().body(e.getMessage());
    }
  }
}
