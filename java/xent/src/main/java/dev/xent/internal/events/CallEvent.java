// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.events;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.Threshold;
import org.jspecify.annotations.Nullable;

/**
 * A call of an operation. Use this class only if {@link Recorder#isOn()}, because a Java runtime
 * may lack the flight recorder.
 */
@Name("dev.xent.Call")
@Label("Xent Call")
@Category("Xent")
@Description("One call of an operation, from its checks to its return")
@Threshold("10 ms")
public final class CallEvent extends Event {
  @Label("Operation")
  public String operation;

  @Label("Rows")
  public long rows;

  @Label("Classes")
  public long classes;

  @Label("Elements")
  @Description("Of the logits, or of the hidden states of a linear layer")
  public long elements;

  @Label("Backend")
  public String backend;

  @Label("Instruction Set")
  public String isa;

  @Label("Path")
  @Description("How the native code computed the rows, the last ones where that differs")
  public @Nullable String path;

  @Label("Threads")
  @Description("Threads that worked on the call, the calling one among them")
  public int threads;

  /** An event with no fields set. */
  public CallEvent() {}
}
