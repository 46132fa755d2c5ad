// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A parameter of a function in SQL. */
record Parameter(String name, boolean optional) {
  /** Parameters in their order. */
  static List<Parameter> list(List<String> required, String... optional) {
    return Stream.concat(
            required.stream().map(name -> new Parameter(name, false)),
            Stream.of(optional).map(name -> new Parameter(name, true)))
        .toList();
  }

  /** As Spark describes them: {@code logits, label[, options]}. */
  static String written(List<Parameter> parameters) {
    return parameters.stream()
        .map(each -> each.optional ? "[, " + each.name + "]" : ", " + each.name)
        .collect(Collectors.joining())
        .substring(2);
  }
}
