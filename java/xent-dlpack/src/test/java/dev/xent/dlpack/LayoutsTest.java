// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class LayoutsTest {
  @BeforeAll
  static void compile() {
    Peer.require();
  }

  @Test
  void theStructsAreThoseOfC() {
    List<Long> ours = new ArrayList<>();
    ours.add(Layouts.TENSOR.byteSize());
    for (String field :
        List.of(
            "data",
            "device_type",
            "device_id",
            "ndim",
            "code",
            "bits",
            "lanes",
            "shape",
            "strides",
            "byte_offset")) {
      ours.add(Layouts.offset(Layouts.TENSOR, field));
    }
    ours.add(Layouts.VERSIONED.byteSize());
    for (String field : List.of("major", "minor", "manager_ctx", "deleter", "flags", "dl_tensor")) {
      ours.add(Layouts.offset(Layouts.VERSIONED, field));
    }
    ours.add(Layouts.UNVERSIONED.byteSize());
    for (String field : List.of("dl_tensor", "manager_ctx", "deleter")) {
      ours.add(Layouts.offset(Layouts.UNVERSIONED, field));
    }
    assertThat(ours).containsExactly(box(Peer.facts(ours.size())));
  }

  private static Long[] box(long[] numbers) {
    Long[] boxed = new Long[numbers.length];
    for (int i = 0; i < numbers.length; i++) {
      boxed[i] = numbers[i];
    }
    return boxed;
  }
}
