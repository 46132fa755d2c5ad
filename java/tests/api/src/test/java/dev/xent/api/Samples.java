// SPDX-License-Identifier: Apache-2.0
package dev.xent.api;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import dev.xent.Argmax;
import dev.xent.BoundCall;
import dev.xent.CrossEntropy;
import dev.xent.CrossEntropyHvp;
import dev.xent.CrossEntropyShard;
import dev.xent.Divergence;
import dev.xent.Entropy;
import dev.xent.Execution;
import dev.xent.Inputs;
import dev.xent.LinearCrossEntropy;
import dev.xent.LinearGradients;
import dev.xent.LogSigmoid;
import dev.xent.LogSoftmax;
import dev.xent.LogSumExp;
import dev.xent.LogitBuilder;
import dev.xent.LogitLossBuilder;
import dev.xent.LogitOptions;
import dev.xent.Loss;
import dev.xent.LossBuilder;
import dev.xent.LossCall;
import dev.xent.LossOutputs;
import dev.xent.LossSum;
import dev.xent.NllLoss;
import dev.xent.OperationBuilder;
import dev.xent.PartialStates;
import dev.xent.ReducedBuilder;
import dev.xent.RowOperation;
import dev.xent.RowStatistics;
import dev.xent.Sampler;
import dev.xent.SamplerCall;
import dev.xent.SamplerCursor;
import dev.xent.SamplerInputs;
import dev.xent.SamplerOutputs;
import dev.xent.SamplerRequests;
import dev.xent.SelectedLogProbabilities;
import dev.xent.Sigmoid;
import dev.xent.SigmoidBuilder;
import dev.xent.SigmoidOperation;
import dev.xent.Softmax;
import dev.xent.SoftmaxOperation;
import dev.xent.SoftmaxShard;
import dev.xent.Tensor;
import dev.xent.TopK;
import dev.xent.TopKResult;
import dev.xent.calibration.Calibration;
import dev.xent.calibration.CalibrationBin;
import dev.xent.calibration.TemperatureScaling;
import dev.xent.files.Npy;
import dev.xent.files.NpyFile;
import dev.xent.files.Safetensors;
import dev.xent.files.WholeFile;
import dev.xent.layers.BinaryCrossEntropyLayer;
import dev.xent.layers.CrossEntropyLayer;
import dev.xent.layers.Layer;
import dev.xent.layers.LinearCrossEntropyLayer;
import dev.xent.layers.LogLayer;
import dev.xent.layers.LogSoftmaxLayer;
import dev.xent.layers.LossLayer;
import dev.xent.layers.NllLossLayer;
import dev.xent.layers.SigmoidLayer;
import dev.xent.layers.SoftmaxLayer;
import dev.xent.options.DivergenceKind;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Array;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

/** An object of every type that the API takes or calls. */
final class Samples {
  private final Map<Class<?>, Object> all = new HashMap<>();

  Samples(Path folder) throws IOException, OrtException {
    jdk(folder);
    operations();
    layers();
    files(folder);
    put(ByteBuf.class, Unpooled.directBuffer(8).writeLongLE(1));
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    put(OrtEnvironment.class, environment);
    put(OnnxTensor.class, OnnxTensor.createTensor(environment, new float[2]));
  }

  private <T> void put(Class<? super T> type, T sample) {
    all.put(type, sample);
  }

  private void jdk(Path folder) {
    put(Arena.class, Arena.ofAuto());
    put(MemorySegment.class, Arena.ofAuto().allocate(64, 8));
    put(ByteBuffer.class, ByteBuffer.allocate(8).order(ByteOrder.nativeOrder()));
    put(FloatBuffer.class, FloatBuffer.allocate(1));
    put(DoubleBuffer.class, DoubleBuffer.allocate(1));
    put(IntBuffer.class, IntBuffer.allocate(1));
    put(LongBuffer.class, LongBuffer.allocate(1));
    put(ShortBuffer.class, ShortBuffer.allocate(1));
    put(ByteOrder.class, ByteOrder.LITTLE_ENDIAN);
    put(List.class, List.of());
    put(Object.class, new Object());
    put(String.class, "t");
    put(Path.class, folder.resolve("sample.npy"));
    put(IOException.class, new IOException("no"));
  }

  private void operations() {
    Tensor tensor = Tensor.of(new float[] {1, 2}, 1, 2);
    put(Tensor.class, tensor);
    put(Inputs.class, Inputs.none());
    Function<Object, List<Object>> gather = own -> List.of(Objects.requireNonNull(own, "own"));
    put(Function.class, gather);
    put(Execution.class, Execution.defaults());
    put(OperationBuilder.class, Softmax.builder());
    put(LogitBuilder.class, Softmax.builder());
    put(ReducedBuilder.class, NllLoss.builder());
    put(LossBuilder.class, NllLoss.builder());
    put(LogitLossBuilder.class, CrossEntropy.builder());
    put(LogitOptions.class, CrossEntropy.builder());
    put(Argmax.class, Argmax.along(1));
    put(Argmax.Builder.class, Argmax.builder());
    put(Entropy.class, Entropy.along(1));
    put(Entropy.Builder.class, Entropy.builder());
    put(TopK.class, TopK.of(1));
    put(TopK.Builder.class, TopK.builder(1));
    put(TopKResult.class, TopK.of(1).probabilities(tensor));
    put(CrossEntropy.class, CrossEntropy.mean());
    put(CrossEntropy.Builder.class, CrossEntropy.builder());
    put(LossOutputs.class, LossOutputs.create());
    put(Loss.class, CrossEntropy.mean());
    Tensor one = Tensor.of(new float[2], 1, 2);
    put(LossCall.class, CrossEntropy.mean().on(one, Tensor.of(new int[1])));
    put(BoundCall.class, Softmax.along(1).on(one, one));
    put(SamplerCall.class, Sampler.greedy().on(one, Tensor.of(new int[1])));
    put(dev.xent.BinaryCrossEntropy.class, dev.xent.BinaryCrossEntropy.mean());
    put(dev.xent.BinaryCrossEntropy.Builder.class, dev.xent.BinaryCrossEntropy.builder());
    put(Divergence.class, Divergence.mean(DivergenceKind.KULLBACK_LEIBLER));
    put(CrossEntropyHvp.class, CrossEntropyHvp.along(-1));
    put(CrossEntropyHvp.Builder.class, CrossEntropyHvp.builder());
    put(SelectedLogProbabilities.class, SelectedLogProbabilities.along(-1));
    put(SelectedLogProbabilities.Builder.class, SelectedLogProbabilities.builder());
    put(Divergence.Builder.class, Divergence.builder(DivergenceKind.KULLBACK_LEIBLER));
    put(LogSoftmax.class, LogSoftmax.along(1));
    put(LogSoftmax.Builder.class, LogSoftmax.builder());
    put(LogSumExp.class, LogSumExp.along(1));
    put(LogSumExp.Builder.class, LogSumExp.builder());
    put(RowOperation.class, LogSumExp.along(1));
    put(LossSum.class, LossSum.create());
    put(LinearCrossEntropy.class, LinearCrossEntropy.mean());
    put(LinearCrossEntropy.Builder.class, LinearCrossEntropy.builder());
    put(LinearGradients.class, LinearGradients.create());
    put(NllLoss.class, NllLoss.mean());
    put(NllLoss.Builder.class, NllLoss.builder());
    put(Sampler.class, Sampler.greedy());
    put(Sampler.Builder.class, Sampler.builder());
    put(SamplerCursor.class, Sampler.greedy().start());
    put(SamplerOutputs.class, SamplerOutputs.create());
    put(SamplerRequests.class, SamplerRequests.create().add(Sampler.greedy(), 0, 0));
    put(SamplerInputs.class, SamplerInputs.none());
    put(Sigmoid.class, Sigmoid.create());
    put(Sigmoid.Builder.class, Sigmoid.builder());
    put(SigmoidBuilder.class, Sigmoid.builder());
    put(SigmoidOperation.class, Sigmoid.create());
    put(LogSigmoid.class, LogSigmoid.create());
    put(LogSigmoid.Builder.class, LogSigmoid.builder());
    put(Calibration.class, Calibration.ofClasses());
    put(CalibrationBin.class, new CalibrationBin(0, 1, 0, 0, 0));
    put(TemperatureScaling.class, TemperatureScaling.ofClasses());
    put(Softmax.class, Softmax.along(1));
    put(SoftmaxOperation.class, Softmax.along(1));
    put(Softmax.Builder.class, Softmax.builder());
    SoftmaxShard shard = Softmax.along(1).shard(0, 2);
    PartialStates states = shard.partialStates(tensor, Inputs.none());
    put(SoftmaxShard.class, shard);
    CrossEntropyShard lossShard = CrossEntropy.mean().shard(0, 2);
    put(CrossEntropyShard.class, lossShard);
    put(PartialStates.class, states);
    put(RowStatistics.class, shard.finish(states, Inputs.none(), null));
  }

  private void layers() {
    put(BinaryCrossEntropyLayer.class, new BinaryCrossEntropyLayer(1, 2));
    put(CrossEntropyLayer.class, new CrossEntropyLayer(1, 2));
    put(Layer.class, new LogLayer(1, 2));
    put(LogLayer.class, new LogLayer(1, 2));
    put(LogSoftmaxLayer.class, new LogSoftmaxLayer(1, 2));
    put(LossLayer.class, new NllLossLayer(1, 2));
    Tensor weights = Tensor.of(new float[] {1, 2}, 1, 2);
    put(LinearCrossEntropyLayer.class, new LinearCrossEntropyLayer(weights, 1, 2));
    put(NllLossLayer.class, new NllLossLayer(1, 2));
    put(SigmoidLayer.class, new SigmoidLayer(1, 2));
    put(SoftmaxLayer.class, new SoftmaxLayer(1, 2));
  }

  private void files(Path folder) throws IOException {
    Path array = folder.resolve("sample.npy");
    Npy.write(array, Tensor.of(new float[] {1, 2}));
    put(NpyFile.class, Npy.open(array, Arena.ofAuto()));
    byte[] header =
        "{\"t\":{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[0,0]}}"
            .getBytes(StandardCharsets.UTF_8);
    Path tensors = folder.resolve("sample.safetensors");
    Files.write(
        tensors,
        ByteBuffer.allocate(8 + header.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(header.length)
            .put(header)
            .array());
    put(Safetensors.class, Safetensors.open(tensors, Arena.ofAuto()));
    put(WholeFile.class, WholeFile.create(folder.resolve("text"), "text"));
  }

  /** The sample of a type: those of interfaces that have none here do nothing. */
  Object of(Class<?> type) {
    if (all.containsKey(type)) {
      return all.get(type);
    }
    if (type.isPrimitive()) {
      return Array.get(Array.newInstance(type, 1), 0);
    }
    if (type.isArray()) {
      return Array.newInstance(type.getComponentType(), 1);
    }
    if (type.isEnum()) {
      return type.getEnumConstants()[0];
    }
    if (type.isInterface()) {
      return Proxy.newProxyInstance(
          type.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> null);
    }
    throw new AssertionError("no sample of " + type.getName());
  }
}
