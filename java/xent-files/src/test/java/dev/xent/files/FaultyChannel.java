// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;

/** A channel of a file whose writes or whose close fail, as often as a test says. */
final class FaultyChannel extends FileChannel {
  /** What happens instead of a write or a close. */
  enum Fault {
    DISK_FULL,
    INTERRUPT
  }

  /** What a test says of all channels that it opens, one after the other. */
  static final class Plan {
    private final Fault fault;
    private long bytesBefore;
    private boolean armed;
    private boolean failsAtClose;

    private Plan(Fault fault, long bytesBefore, boolean failsAtClose) {
      this.fault = fault;
      this.bytesBefore = bytesBefore;
      this.failsAtClose = failsAtClose;
    }

    /** A write fails after so many bytes, those before it being written. */
    static Plan write(Fault fault, long bytesBefore) {
      return new Plan(fault, bytesBefore, false);
    }

    static Plan close() {
      return new Plan(Fault.DISK_FULL, Long.MAX_VALUE, true);
    }

    /** From now on bytes count. */
    void arm() {
      armed = true;
    }

    /** From now on nothing fails. */
    void mend() {
      armed = false;
    }

    HiddenFile.Opener opener() {
      return (path, options, attributes) ->
          new FaultyChannel(FileChannel.open(path, options, attributes), this);
    }
  }

  private final FileChannel file;
  private final Plan plan;

  private FaultyChannel(FileChannel file, Plan plan) {
    this.file = file;
    this.plan = plan;
  }

  @Override
  public int write(ByteBuffer source, long position) throws IOException {
    if (!plan.armed) {
      return file.write(source, position);
    }
    int allowed = (int) Math.min(plan.bytesBefore, source.remaining());
    if (allowed == 0 && source.hasRemaining()) {
      return fail(source, position);
    }
    int end = source.limit();
    source.limit(source.position() + allowed);
    int written = file.write(source, position);
    source.limit(end);
    plan.bytesBefore -= written;
    return written;
  }

  @Override
  public int write(ByteBuffer source) throws IOException {
    int written = write(source, position());
    position(position() + written);
    return written;
  }

  private int fail(ByteBuffer source, long position) throws IOException {
    if (plan.fault == Fault.DISK_FULL) {
      throw new IOException("No space left on device");
    }
    Thread.currentThread().interrupt();
    try {
      return file.write(source, position);
    } catch (ClosedByInterruptException e) {
      close();
      throw e;
    }
  }

  @Override
  protected void implCloseChannel() throws IOException {
    file.close();
    if (plan.armed && plan.failsAtClose) {
      throw new IOException("No space left on device");
    }
  }

  // ---- what works ------------------------------------------------------------------------------

  @Override
  public long position() throws IOException {
    return file.position();
  }

  @Override
  public FileChannel position(long position) throws IOException {
    file.position(position);
    return this;
  }

  @Override
  public long size() throws IOException {
    return file.size();
  }

  @Override
  public FileChannel truncate(long size) throws IOException {
    file.truncate(size);
    return this;
  }

  @Override
  public void force(boolean metaData) throws IOException {
    file.force(metaData);
  }

  @Override
  public MappedByteBuffer map(MapMode mode, long position, long size) throws IOException {
    return file.map(mode, position, size);
  }

  @Override
  public MemorySegment map(MapMode mode, long offset, long size, Arena arena) throws IOException {
    return file.map(mode, offset, size, arena);
  }

  @Override
  public FileLock lock(long position, long size, boolean shared) throws IOException {
    return file.lock(position, size, shared);
  }

  @Override
  public FileLock tryLock(long position, long size, boolean shared) throws IOException {
    return file.tryLock(position, size, shared);
  }

  // ---- what is not used ------------------------------------------------------------------------

  @Override
  public int read(ByteBuffer target) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long read(ByteBuffer[] targets, int offset, int length) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int read(ByteBuffer target, long position) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long write(ByteBuffer[] sources, int offset, int length) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long transferTo(long position, long count, WritableByteChannel target) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long transferFrom(ReadableByteChannel source, long position, long count) {
    throw new UnsupportedOperationException();
  }
}
