// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HeaderParserTest {
  @Test
  void readsWhatNumPyWrites() {
    NpyHeader header =
        HeaderParser.parse("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }     \n");
    assertThat(header.type()).isEqualTo(DType.F32);
    assertThat(header.fortranOrder()).isFalse();
    assertThat(header.shape()).containsExactly(3, 4);
  }

  @Test
  void readsAnyOrderOfKeysAndAnySpacing() {
    NpyHeader header =
        HeaderParser.parse("{ \"shape\" :(5,),'fortran_order':True ,\t'descr':'<i8'}");
    assertThat(header.type()).isEqualTo(DType.I64);
    assertThat(header.fortranOrder()).isTrue();
    assertThat(header.shape()).containsExactly(5);
  }

  @Test
  void readsTheLongNumbersOfPython2() {
    assertThat(parseShape("(3L, 4L)").shape()).containsExactly(3, 4);
  }

  @Test
  void readsZeroInAnyNumberOfDigits() {
    assertThat(parseShape("(00, 0)").shape()).containsExactly(0, 0);
  }

  @Test
  void saysHowAShapeOfOneSizeIsWritten() {
    assertThatThrownBy(() -> parseShape("(4)"))
        .hasMessage(
            "has a damaged .npy header: the shape is a number in parentheses, not (4,); save it again with np.save");
  }

  @Test
  void readsASingleNumber() {
    assertThat(parseShape("()").shape()).isEmpty();
    assertThat(parseShape("()").elements()).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource({
    "<f2,F16",
    "<V2,BF16",
    "|V2,BF16",
    "<f4,F32",
    "<f8,F64",
    "|b1,U8",
    "|i1,I8",
    "|u1,U8",
    "<i2,I16",
    "<i4,I32",
    "<i8,I64",
    "<u2,U16",
    "<u4,U32",
    "<u8,U64",
    "u4,U32",
    "f4,F32",
    "=f4,F32",
    "|f4,F32",
    "f8,F64",
    "=f2,F16",
    "V2,BF16",
    "i1,I8",
    ">i1,I8",
    ">u1,U8",
    ">b1,U8",
    "=i8,I64"
  })
  void readsTheTypes(String descr, DType type) {
    assertThat(parseDescr("'" + descr + "'").type()).isEqualTo(type);
  }

  @ParameterizedTest
  @CsvSource({
    ">f4,big-endian,astype('<f4')",
    ">i8,big-endian,astype('<i8')",
    ">u4,big-endian,astype('<u4')",
    "|O,Python objects,astype",
    "<c8,'<c8',floats",
    "<U5,'<U5',floats",
    "nonsense,'nonsense',floats",
    "float32,'float32',floats",
    "@f4,'@f4',floats",
    "F4,'F4',floats",
    "'<f4 ','<f4',floats",
    "f1,'f1',floats",
    ">V2,big-endian,astype('<V2')",
    "O,Python objects,astype"
  })
  void refusesOtherTypesByNameAndWithTheFix(String descr, String name, String fix) {
    assertThatThrownBy(() -> parseDescr("'" + descr + "'"))
        .isInstanceOf(FileException.class)
        .hasMessageContaining(name)
        .hasMessageContaining(fix);
  }

  @Test
  void refusesStructuredTypes() {
    assertThatThrownBy(() -> parseDescr("[('a', '<f4'), ('b', '<i4')]"))
        .isInstanceOf(FileException.class)
        .hasMessageContaining("structured dtype");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "{}",
        "garbage",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), 'more': 1}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)}",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (3, 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, -4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4.5)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, x)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 3}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': ( 3L )}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': [3, 4]}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (03, 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3_0, 4)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (3, 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)} and more",
        "{'descr': '<f4",
        "{'descr' '<f4'}",
        "{'shape': (((((((((((((((((((("
      })
  void refusesGarbage(String text) {
    assertThatThrownBy(() -> HeaderParser.parse(text))
        .isInstanceOf(FileException.class)
        .hasMessageContaining("damaged .npy header")
        .hasMessageContaining("save it again");
  }

  @Test
  void refusesMoreDimensionsThanNumPyHas() {
    assertThat(parseShape("(" + "1,".repeat(64) + ")").shape()).hasSize(64);
    assertThatThrownBy(() -> parseShape("(" + "1,".repeat(65) + ")"))
        .isInstanceOf(FileException.class)
        .hasMessageContaining("64 dimensions");
  }

  @Test
  void refusesAShapeWhoseBytesOverflow() {
    NpyHeader header = parseShape("(4294967296, 4294967296)");
    assertThatThrownBy(header::elements)
        .isInstanceOf(FileException.class)
        .hasMessageContaining("more than any file can hold");
  }

  @Test
  void showsLittleOfALongGarbageAndNoControlCharacters() {
    assertThatThrownBy(() -> HeaderParser.parse("{'descr': '<f4' \u001b[31m" + "x".repeat(5000)))
        .isInstanceOf(FileException.class)
        .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(200).matches("[ -~]*"));
  }

  private static NpyHeader parseShape(String shape) {
    return HeaderParser.parse("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }");
  }

  private static NpyHeader parseDescr(String descr) {
    return HeaderParser.parse("{'descr': " + descr + ", 'fortran_order': False, 'shape': (2,), }");
  }
}
