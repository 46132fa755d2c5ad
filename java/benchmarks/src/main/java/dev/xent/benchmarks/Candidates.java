// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.ServiceLoader;
import java.util.stream.Stream;

/** All candidates of this build. */
final class Candidates {
  private Candidates() {}

  /**
   * The candidates of this folder and those of the profile {@code peers}, in the order of the
   * table.
   */
  static List<Candidate> all() {
    Stream<Candidate> here =
        Stream.concat(XentCandidate.all().stream(), Stream.of(new PlainJava(), new Memcpy()));
    Stream<Candidate> added =
        ServiceLoader.load(Candidate.class).stream().map(ServiceLoader.Provider::get);
    return Stream.concat(added, here).sorted(Comparator.comparing(Candidate::kind)).toList();
  }

  /** The candidates with these names, in that order. */
  static List<Candidate> named(List<String> names) {
    List<Candidate> all = all();
    List<String> known = all.stream().map(Candidate::name).toList();
    for (String name : names) {
      if (!known.contains(name)) {
        throw new IllegalArgumentException(
            String.format(Locale.ROOT, "no candidate '%s': there are %s", name, known));
      }
    }
    return all.stream().filter(candidate -> names.contains(candidate.name())).toList();
  }
}
