// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.sample;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.TextBiases;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.options.RepetitionOptions;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The biases of the next token of a text, by options against repetition. */
final class Repetitions {
  private static final int FIRST_CAPACITY = 64;
  private static final int UNUSED = -1;

  private final Kernels kernels;
  private final TextBiases call;

  /** How many numbers the sequences of the options have, and how many biases they can make. */
  private final long listed;

  private final long banned;

  /** The tokens for which the memory has room. */
  private long room = -1;

  private long roomForClasses;

  private View classes = View.room(ElementType.I32, 0);
  private View values = View.room(ElementType.F32, 0);
  private View workspace = View.room(ElementType.I64, 0);

  /** Whether the workspace may have the first tokens of the text. */
  private boolean continues;

  /** The biases, and unused entries up to a power of two. */
  private int entries;

  /** The biases of the last call: the entries after them are unused. */
  private int found;

  // The entries, in the shape of a row of logits.
  private @Nullable View classRow;
  private @Nullable View valueRow;
  private int rowAxis;

  Repetitions(Kernels kernels, RepetitionOptions options) {
    this.kernels = kernels;
    MemorySegment ofBreakers = numbers(options.dryBreakers());
    MemorySegment ofBanned = numbers(options.bannedSequences());
    this.banned = options.bannedSequences().size();
    this.listed = (ofBreakers.byteSize() + ofBanned.byteSize()) / Integer.BYTES;
    this.call =
        new TextBiases()
            .ngram(options.noRepeatNgram())
            .dry(
                options.dryMultiplier(),
                options.dryBase(),
                options.dryAllowedLength(),
                options.dryRange())
            .sequences(ofBreakers, ofBanned);
  }

  /** Sequences of tokens, each after its length. */
  private static MemorySegment numbers(List<int[]> sequences) {
    long count = sequences.stream().mapToLong(each -> 1L + each.length).sum();
    MemorySegment made = View.room(ElementType.I32, count).segment;
    long at = 0;
    for (int[] sequence : sequences) {
      made.setAtIndex(ValueLayout.JAVA_INT, at++, sequence.length);
      for (int token : sequence) {
        made.setAtIndex(ValueLayout.JAVA_INT, at++, token);
      }
    }
    return made;
  }

  /** Must be called if a token was removed or changed: the next call reads the whole text. */
  void forget() {
    continues = false;
  }

  /** Finds the biases of the next token. All tokens are classes of the logits. */
  void find(TokenHistory text, View logits, int axis) {
    long ofLogits = logits.shape[axis];
    reserve(text.memory().elements, ofLogits);
    call.text(text.memory().segment, text.count(), continues, ofLogits);
    int status = kernels.textBiases(call);
    Reference.reachabilityFence(workspace);
    if (status != Status.OK) {
      throw new AssertionError("status " + status + " of the biases of a text");
    }
    continues = true;
    fill(call.biases());
    if (classRow == null || classRow.rank() != logits.rank() || rowAxis != axis) {
      View made = TokenHistory.along(classes, 0, entries, logits, axis);
      valueRow = TokenHistory.along(values, 0, entries, logits, axis);
      classRow = made;
      rowAxis = axis;
    }
  }

  private void reserve(long tokens, long ofLogits) {
    if (tokens <= room && ofLogits <= roomForClasses) {
      return;
    }
    long biases = Math.max(FIRST_CAPACITY, powerOfTwo(Math.min(ofLogits, tokens + banned)));
    View more = TokenHistory.unused(Math.toIntExact(biases));
    View moreValues = View.room(ElementType.F32, biases);
    long bytes = kernels.textBiasesWorkspace(tokens, listed);
    View moreWorkspace = View.room(ElementType.I64, bytes / Long.BYTES);
    call.results(more.segment, moreValues.segment, moreWorkspace.segment);
    classes = more;
    values = moreValues;
    workspace = moreWorkspace;
    room = tokens;
    roomForClasses = ofLogits;
    continues = false;
    entries = 0;
    found = 0;
    classRow = null;
  }

  /** The least power of two that is not smaller. */
  private static long powerOfTwo(long number) {
    return number <= 1 ? 1 : 2 * Long.highestOneBit(number - 1);
  }

  /** Marks the entries behind the biases as unused. */
  private void fill(int biases) {
    for (int i = biases; i < found; i++) {
      classes.segment.setAtIndex(ValueLayout.JAVA_INT, i, UNUSED);
    }
    found = biases;
    int filled = (int) Math.max(FIRST_CAPACITY, powerOfTwo(biases));
    if (filled != entries) {
      entries = filled;
      classRow = null;
    }
  }

  /** The classes that have a bias. */
  View classRow() {
    return Objects.requireNonNull(classRow);
  }

  /** Their biases. */
  View valueRow() {
    return Objects.requireNonNull(valueRow);
  }
}
