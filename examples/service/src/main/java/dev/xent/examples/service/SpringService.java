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

/** Spring Boot: the five best classes of the logits in a request. */
@SpringBootApplication
public class SpringService {
  /** Starts the service on port 8080, or on {@code --server.port}. */
  public static void main(String[] arguments) {
    SpringApplication.run(SpringService.class, arguments);
  }

  @RestController
  static class Scores {
    private final TopK best = TopK.builder(5).execution(Execution.sequential()).build();

    @PostMapping("/best")
    int[] best(@RequestBody float[] logits) {
      return best.probabilities(Tensor.of(logits)).classes().toIntArray(); // -1: a logit is NaN
    }

    @ExceptionHandler
    ResponseEntity<String> tooFew(ShapeException e) {
      return ResponseEntity.badRequest().body(e.getMessage());
    }
  }
}
