// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import picocli.CommandLine.ITypeConverter;

/** How a word of {@code --ops} becomes an operation. */
final class OperationConverter implements ITypeConverter<Operation> {
  @Override
  public Operation convert(String word) {
    return Operation.of(word);
  }
}
