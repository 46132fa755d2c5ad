// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import picocli.CommandLine.ITypeConverter;

/** How a word of {@code --shapes} becomes a shape. */
final class ShapeConverter implements ITypeConverter<Shape> {
  @Override
  public Shape convert(String word) {
    return Shape.of(word);
  }
}
