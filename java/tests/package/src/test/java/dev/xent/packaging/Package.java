// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import java.nio.file.Path;

/** The paths of what is tested. */
final class Package {
  /** The folder of this module. */
  static final Path MODULE = Path.of(System.getProperty("basedir"));

  /** The root of the repository. */
  static final Path ROOT = MODULE.resolve("../../..").normalize();

  /** The jar of the library. */
  static final Path JAR = Path.of(System.getProperty("xent.jar"));

  /** The jar of the command, with what it needs in the folder lib next to it. */
  static final Path COMMAND = ROOT.resolve("java/xent-cli/target/xent-cli.jar");

  /** The program of the tests. */
  static final Path PROGRAM = MODULE.resolve("target/classes");

  /** The program and the library in one executable jar. */
  static final Path FAT_JAR = MODULE.resolve("target/fat.jar");

  /** The version of Xent. */
  static final String VERSION = System.getProperty("xent.version");

  /** The JDK that runs these tests. */
  static final Path JDK = Path.of(System.getProperty("java.home"));

  /** Whether a test that cannot run here is an error: the machine was set up to run all of them. */
  static final boolean ALL_REQUIRED = System.getenv("XENT_REQUIRE_ALL") != null;

  private Package() {}
}
