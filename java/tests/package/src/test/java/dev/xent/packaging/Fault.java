// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import java.nio.file.Path;

/**
 * Something that goes wrong while the command runs.
 *
 * @param kind what it is about
 * @param name what goes wrong
 * @param course makes it happen
 */
record Fault(String kind, String name, Course course) {
  /** Makes a fault happen. */
  interface Course {
    /**
     * Fails where the command does not answer as it must.
     *
     * @param folder an empty one
     * @return what happened, in few words
     */
    String in(Path folder) throws Exception;
  }
}
