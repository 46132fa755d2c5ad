// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Records;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.View;
import java.lang.foreign.MemorySegment;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;

class CallsTest {
  private static final View X =
      View.of(
          MemorySegment.ofArray(new float[6]),
          ElementType.F32,
          new long[] {2, 3},
          new long[] {3, 1},
          null);

  @Test
  void aThreadUsesOneAgainAndAgain() {
    Call first = Call.current();
    first.lead(Rule.LOGITS, X, 1);
    first.end();
    assertThat(Call.current()).isSameAs(first);
  }

  @Test
  void statisticsOfManyRowsAreFreedWithTheCall() {
    Call call = Call.current();
    call.lead(Rule.LOGITS, X, 1);
    call.records.saveStatistics(20_000);
    MemorySegment statistics = call.records.saved;
    call.end();
    assertThat(statistics.byteSize()).isEqualTo(20_000 * Records.STATISTICS);
    assertThat(statistics.scope().isAlive()).isFalse();
  }

  @Test
  void aSpareCallKeepsNoLargeWorkspace() {
    long large = 2 * CallMemory.KEPT_BYTES;
    Call spare = Call.spare();
    spare.lead(Rule.LOGITS, X, 1);
    spare.workspace(large, true);
    spare.records.keepLogits(2, CallMemory.KEPT_BYTES);
    spare.end();
    assertThat(spare.workspace(16, true).byteSize()).isLessThan(large);
    spare.records.keepLogits(1, 1);
    assertThat(spare.records.logits.byteSize()).isLessThan(large);
    spare.records.release(); // others may take it
  }

  @Test
  void aCallWithinACallIsAnother() {
    Call outer = Call.current();
    outer.lead(Rule.LOGITS, X, 1);
    Call inner = Call.current();
    inner.lead(Rule.LOGITS, X, 1);
    assertThat(inner).isNotSameAs(outer);
    inner.end();
    outer.end();
  }

  @Test
  void thousandsOfVirtualThreadsShareFew() throws InterruptedException {
    Set<Call> seen = ConcurrentHashMap.newKeySet();
    for (int i = 0; i < 5000; i++) {
      Thread.ofVirtual()
          .start(
              () -> {
                Call call = Call.current();
                seen.add(call);
                call.lead(Rule.LOGITS, X, 1);
                call.end();
              })
          .join();
    }
    assertThat(seen).hasSizeLessThan(10);
  }
}
