// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import javax.management.JMException;
import javax.management.MBeanOperationInfo;
import javax.management.ObjectName;
import org.junit.jupiter.api.Test;

class JitTest {
  @Test
  void asksHotSpotByTheNameThatTheQuestionHas() throws JMException {
    assumeThat(System.getProperty("java.vm.name")).containsAnyOf("HotSpot", "OpenJDK");
    MBeanOperationInfo[] questions =
        ManagementFactory.getPlatformMBeanServer()
            .getMBeanInfo(new ObjectName(Jit.COMMANDS))
            .getOperations();
    assertThat(Arrays.stream(questions).map(MBeanOperationInfo::getName)).contains(Jit.QUEUE);
  }

  @Test
  void readsTheQueue() {
    String idle = "Current compiles: \nC1 compile queue:\nEmpty\n\nC2 compile queue:\nEmpty\n";
    assertThat(Jit.isBusy(idle)).isFalse();
    String compiling =
        "C2 CompilerThread0  2320       4       dev.xent.Softmax::forward (12 bytes)\n";
    assertThat(Jit.isBusy(idle.replace("C1 compile", compiling + "C1 compile"))).isTrue();
    assertThat(Jit.isBusy(idle.replaceFirst("Empty", compiling))).isTrue();
  }

  @Test
  void repeatsEveryWorkUntilItHasHadEnough() {
    AtomicLong first = new AtomicLong();
    AtomicLong second = new AtomicLong();
    Jit.warmUp(List.of(first::addAndGet, second::addAndGet), 1);
    assertThat(first.get()).isPositive().isEqualTo(second.get());
  }
}
