// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import java.lang.foreign.Arena;
import java.net.URISyntaxException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files of NumPy, ml_dtypes and safetensors themselves: see samples.py. */
class SamplesTest {
  private final Arena arena = Arena.ofShared();

  @AfterEach
  void close() {
    arena.close();
  }

  static Path sample(String name) {
    try {
      return Path.of(SamplesTest.class.getResource(name).toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  @ParameterizedTest
  @CsvSource({"bfloat16.npy, BF16, 0.5", "float16.npy, F16, 0.5", "fortran.npy, F64, 0.25"})
  void floatsOfNumPy(String name, DType type, double step) {
    Tensor tensor = Npy.map(sample(name), arena);
    assertThat(tensor.type()).isEqualTo(type);
    assertThat(tensor.shape()).containsExactly(2, 3);
    assertThat(tensor.toDoubleArray())
        .containsExactly(-3 * step, -2 * step, -step, 0, step, 2 * step);
  }

  @Test
  void fortranOrderIsStrides() {
    assertThat(Npy.map(sample("fortran.npy"), arena).strides()).containsExactly(1, 2);
  }

  @Test
  void booleansAndASingleNumberOfNumPy() {
    Tensor flags = Npy.map(sample("bool.npy"), arena);
    assertThat(flags.type()).isEqualTo(DType.U8);
    assertThat(flags.toLongArray()).containsExactly(0, 0, 0, 0, 1, 1);
    Tensor single = Npy.map(sample("scalar.npy"), arena);
    assertThat(single.shape()).containsExactly(1);
    assertThat(single.getFloat(0)).isEqualTo(7);
  }

  @Test
  void bigEndianNumbersAreRefusedByName() {
    Path path = sample("big-endian.npy");
    assertThatThrownBy(() -> Npy.map(path, arena))
        .isInstanceOf(FileException.class)
        .hasMessage(
            path
                + " is big-endian ('>f4'), which is not read; save it little-endian: x.astype('<f4')");
  }

  @Test
  void whatSafetensorsSaysOfItself() {
    Safetensors file = Safetensors.open(sample("all.safetensors"), arena);
    assertThat(file.names())
        .containsExactly(
            "i64",
            "f64",
            "empty",
            "f32",
            "größe/重み",
            "scalar",
            "u32",
            "i32",
            "bf16",
            "f16",
            "i16",
            "i8",
            "u8",
            "bool");
    assertThat(file.metadata())
        .containsOnly(entry("format", "np"), entry("note", "line one\nline two"));
    assertThat(file.dtype("bf16")).isEqualTo("BF16");
    assertThat(file.shape("scalar")).isEmpty();
    assertThat(file.shape("empty")).containsExactly(0, 3);
  }

  @ParameterizedTest
  @CsvSource({"f64, F64", "f32, F32", "f16, F16", "bf16, BF16"})
  void floatsOfSafetensors(String name, DType type) {
    Tensor tensor = Safetensors.open(sample("all.safetensors"), arena).tensor(name);
    assertThat(tensor.type()).isEqualTo(type);
    assertThat(tensor.isReadOnly()).isTrue();
    assertThat(tensor.shape()).containsExactly(2, 3);
    assertThat(tensor.toDoubleArray()).containsExactly(-0.75, -0.5, -0.25, 0, 0.25, 0.5);
  }

  @ParameterizedTest
  @CsvSource({
    "i64, I64, -3",
    "i32, I32, -3",
    "i16, I16, -3",
    "i8, I8, -3",
    "u8, U8, 0",
    "u32, U32, 0"
  })
  void integersOfSafetensors(String name, DType type, long first) {
    Tensor tensor = Safetensors.open(sample("all.safetensors"), arena).tensor(name);
    assertThat(tensor.type()).isEqualTo(type);
    assertThat(tensor.toLongArray())
        .containsExactly(first, first + 1, first + 2, first + 3, first + 4, first + 5);
  }

  @Test
  void theOtherTensorsOfSafetensors() {
    Safetensors file = Safetensors.open(sample("all.safetensors"), arena);
    assertThat(file.tensor("bool").type()).isEqualTo(DType.U8);
    assertThat(file.tensor("bool").toLongArray()).containsExactly(0, 0, 0, 0, 1, 1);
    assertThat(file.tensor("scalar").toFloatArray()).containsExactly(7);
    assertThat(file.tensor("empty").shape()).containsExactly(0, 3);
    assertThat(file.tensor("größe/重み").toFloatArray()).containsExactly(1);
  }

  @ParameterizedTest
  @CsvSource({
    "float8.safetensors, f8, F8_E4M3, 'save it as F16, BF16 or F32, with its scales applied'"
  })
  void typesThatXentHasNotAreRefusedByNameAndTheOthersOfTheFileAreRead(
      String sample, String name, String dtype, String fix) {
    Path path = sample(sample);
    Safetensors file = Safetensors.open(path, arena);
    String message =
        "tensor '%s' of %s has dtype %s, which is not read: %s".formatted(name, path, dtype, fix);
    assertThatThrownBy(() -> file.tensor(name))
        .isInstanceOf(DTypeException.class)
        .hasMessage(message);
    assertThatThrownBy(() -> file.copy(name, arena))
        .isInstanceOf(DTypeException.class)
        .hasMessage(message);
    assertThat(file.tensor("f32").elements()).isEqualTo(6);
  }
}
