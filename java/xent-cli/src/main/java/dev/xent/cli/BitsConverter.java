// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import picocli.CommandLine.ITypeConverter;

/** 64 bits as a whole number with a sign or without one: -1 is 18446744073709551615. */
final class BitsConverter implements ITypeConverter<Long> {
  @Override
  public Long convert(String word) {
    return Converters.bits(word);
  }
}
