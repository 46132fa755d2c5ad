// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Memory that can be closed is never taken for memory that cannot. */
class MemoryScopesTest {
  @TempDir private Path folder;

  /** The memory, and views of it. */
  private static List<MemorySegment> viewsOf(MemorySegment segment) {
    return List.of(
        segment,
        segment.asSlice(4),
        segment.asReadOnly(),
        MemorySegment.ofBuffer(segment.asByteBuffer()),
        MemorySegment.ofBuffer(segment.asByteBuffer().position(2).slice().asReadOnlyBuffer()));
  }

  private MemorySegment mapped(Arena arena) throws Exception {
    Path file = Files.write(folder.resolve("mapped"), new byte[16]);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return channel.map(MapMode.READ_ONLY, 0, 16, arena);
    }
  }

  @Test
  void memoryThatOnlyTheCollectorFrees() throws Exception {
    List<MemorySegment> all = new ArrayList<>();
    all.addAll(viewsOf(Arena.global().allocate(16)));
    all.addAll(viewsOf(Arena.ofAuto().allocate(16)));
    all.addAll(viewsOf(MemorySegment.ofBuffer(ByteBuffer.allocateDirect(16))));
    all.addAll(viewsOf(mapped(Arena.ofAuto())));
    all.add(MemorySegment.NULL);
    assertThat(all).allMatch(MemoryScopes::isNeverClosed);
    assertThat(all).allMatch(MemoryScopes::isHeld);
    assertThat(all).noneMatch(MemoryScopes::isConfined);
  }

  @Test
  void memoryThatAnyThreadMayClose() throws Exception {
    List<MemorySegment> all = new ArrayList<>();
    try (Arena arena = Arena.ofShared()) {
      all.addAll(viewsOf(arena.allocate(16)));
      all.addAll(viewsOf(mapped(arena)));
      assertThat(all).noneMatch(MemoryScopes::isNeverClosed);
      assertThat(all).noneMatch(MemoryScopes::isHeld);
      assertThat(all).noneMatch(MemoryScopes::isConfined);
    }
    assertThat(all).noneMatch(MemoryScopes::isHeld);
  }

  @Test
  void memoryOfOneThread() throws Exception {
    List<MemorySegment> all = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      all.addAll(viewsOf(arena.allocate(16)));
      all.addAll(viewsOf(mapped(arena)));
      assertThat(all).noneMatch(MemoryScopes::isNeverClosed);
      assertThat(all).allMatch(MemoryScopes::isHeld);
      assertThat(all).allMatch(MemoryScopes::isConfined);
      List<Boolean> elsewhere = new ArrayList<>();
      Thread other =
          new Thread(() -> all.forEach(each -> elsewhere.add(MemoryScopes.isHeld(each))));
      other.start();
      other.join();
      assertThat(elsewhere).hasSize(all.size()).containsOnly(false);
    }
    assertThat(all).noneMatch(MemoryScopes::isHeld);
  }
}
