// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.onnxruntime.OnnxRuntimeTensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * A language model of 30 letters, letters.onnx: from six letters to the logits of the next one. Any
 * number of threads may share it.
 */
final class LetterModel implements AutoCloseable {
  static final String LETTERS = " abcdefghijklmnopqrstuvwxyz,.-";
  private static final int CONTEXT = 6;

  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;
  private final ReadWriteLock runs = new ReentrantReadWriteLock();

  LetterModel() throws OrtException {
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1); // requests run beside each other, each on one thread
      session = environment.createSession(Service.resource("/models/letters.onnx"), options);
    }
  }

  /**
   * A text as the model knows it: small letters, and a space for everything that it does not know.
   */
  static long[] letters(String text) {
    return text.toLowerCase(Locale.ROOT)
        .chars()
        .mapToLong(c -> Math.max(LETTERS.indexOf(c), 0))
        .toArray();
  }

  /**
   * Logits of the letters of a text, each from those before it, and of the letter behind the text.
   *
   * @param from the first letter to have logits
   * @param to behind the last one: the length of the text plus 1 at most
   * @return F32 [to - from, 30], which ONNX Runtime has written where it lies
   */
  Tensor logits(long[] text, int from, int to, Arena arena) throws OrtException {
    Tensor contexts = Tensor.allocate(arena, DType.I64, to - from, CONTEXT); // zeros: spaces
    for (int row = from; row < to; row++) {
      int known = Math.min(row, CONTEXT);
      long place = (long) (row - from + 1) * CONTEXT - known;
      MemorySegment.copy(
          text, row - known, contexts.segment(), ValueLayout.JAVA_LONG, place * Long.BYTES, known);
    }
    Tensor logits = Tensor.allocate(arena, DType.F32, to - from, LETTERS.length());
    runs.readLock().lock();
    try (OnnxTensor in = OnnxRuntimeTensors.wrap(environment, contexts);
        OnnxTensor out = OnnxRuntimeTensors.wrap(environment, logits)) {
      session.run(Map.of("context", in), Set.of(), Map.of("logits", out)).close();
    } finally {
      runs.readLock().unlock();
    }
    return logits;
  }

  @Override
  public void close() throws OrtException {
    runs.writeLock().lock(); // ONNX Runtime does not ask whether the session is in use
    try {
      session.close();
    } finally {
      runs.writeLock().unlock();
    }
  }
}
