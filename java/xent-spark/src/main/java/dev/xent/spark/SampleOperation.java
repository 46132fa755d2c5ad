// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.DType;
import dev.xent.Sampler;
import dev.xent.SamplerRequests;
import dev.xent.Tensor;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/** A class of a row, drawn with the random bits of a stream and a step. */
record SampleOperation(String name, Logits logits, FunctionOptions given) implements Operation {
  private static final int STREAM = 1;
  private static final int STEP = 2;

  @Override
  public DataType type() {
    return DataTypes.IntegerType;
  }

  @Override
  public Rows start() {
    Sampler sampler = given.sampler();
    SamplerRequests request = SamplerRequests.create().add(sampler, 0, 0);
    Room room = new Room(logits.type());
    Tensor token = Tensor.allocate(DType.I32, 1);
    return arguments -> {
      if (RowWeight.anyNull(arguments)) {
        return null;
      }
      long stream = ((Number) arguments[STREAM]).longValue();
      long step = arguments.length > STEP ? ((Number) arguments[STEP]).longValue() : 0;
      request.set(0, sampler, stream, step);
      sampler.on(logits.read(arguments[0], room), token).run(request);
      return (int) token.getLong(0);
    };
  }
}
