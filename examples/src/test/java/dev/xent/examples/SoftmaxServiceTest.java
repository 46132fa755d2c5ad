// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.Softmax;
import dev.xent.Tensor;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.ResourceLeakDetector;
import io.netty.util.ResourceLeakDetector.Level;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever comes over the wire is answered or closes the channel, and every buffer is released. */
class SoftmaxServiceTest {
  private static Level before;

  /** Counts what is not released. */
  private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(true);

  private final EmbeddedChannel channel = channel();

  @BeforeAll
  static void beParanoid() {
    before = ResourceLeakDetector.getLevel();
    ResourceLeakDetector.setLevel(Level.PARANOID);
  }

  @AfterAll
  static void beAsBefore() {
    ResourceLeakDetector.setLevel(before);
  }

  private EmbeddedChannel channel() {
    EmbeddedChannel made =
        new EmbeddedChannel(SoftmaxService.decoder(), new SoftmaxService.Handler());
    made.config().setAllocator(allocator);
    return made;
  }

  @AfterEach
  void everythingIsReleased() {
    channel.finishAndReleaseAll();
    assertThat(allocator.metric().usedDirectMemory()).isZero();
    assertThat(allocator.metric().usedHeapMemory()).isZero();
  }

  private ByteBuf message(int classes, float... logits) {
    ByteBuf message = allocator.directBuffer(8 + 4 * logits.length);
    message.writeIntLE(4 + 4 * logits.length).writeIntLE(classes);
    for (float logit : logits) {
      message.writeFloatLE(logit);
    }
    return message;
  }

  private void answered(EmbeddedChannel by, int classes, float... logits) {
    float[] expected = logits.clone();
    if (logits.length > 0) {
      Tensor rows = Tensor.of(expected, logits.length / classes, classes);
      Softmax.along(-1).forward(rows, rows);
    }
    ByteBuf answer = by.readOutbound();
    assertThat(answer).isNotNull();
    assertThat(answer.readIntLE()).isEqualTo(4 + 4 * logits.length);
    assertThat(answer.readIntLE()).isEqualTo(classes);
    for (float value : expected) {
      assertThat(answer.readFloatLE()).isEqualTo(value);
    }
    assertThat(answer.isReadable()).isFalse();
    answer.release();
  }

  @Test
  void aMessageIsAnsweredInItsMemory() {
    ByteBuf request = message(2, 1, 2, 3, 4);
    long address = request.memoryAddress();
    channel.writeInbound(request);
    ByteBuf answer = (ByteBuf) channel.outboundMessages().peek();
    assertThat(answer.memoryAddress()).isEqualTo(address);
    answered(channel, 2, 1, 2, 3, 4);
    assertThat(channel.isOpen()).isTrue();
  }

  @Test
  void noRowsAreAnsweredWithNone() {
    channel.writeInbound(message(3), message(Integer.MAX_VALUE));
    answered(channel, 3);
    answered(channel, Integer.MAX_VALUE);
    assertThat(channel.isOpen()).isTrue();
  }

  @Test
  void messagesThatComeTogetherAreAnsweredInOrder() {
    ByteBuf stream = allocator.directBuffer();
    for (int i = 1; i <= 10; i++) {
      ByteBuf message = message(i, new float[3 * i]);
      stream.writeBytes(message);
      message.release();
    }
    channel.writeInbound(stream);
    for (int i = 1; i <= 10; i++) {
      answered(channel, i, new float[3 * i]);
    }
  }

  @Test
  void aMessageThatComesByteByByteIsAnswered() {
    ByteBuf message = message(2, 5, 3, 2, 7);
    while (message.isReadable()) {
      assertThat(channel.<ByteBuf>readOutbound()).isNull();
      channel.writeInbound(allocator.directBuffer(1).writeByte(message.readByte()));
    }
    message.release();
    answered(channel, 2, 5, 3, 2, 7);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void numbersThatCannotBeViewedAreAnsweredToo(int offset) {
    for (boolean direct : new boolean[] {true, false}) {
      ByteBuf message = message(2, 5, 3, 2, 7);
      ByteBuf moved = direct ? allocator.directBuffer() : allocator.heapBuffer();
      moved.writeZero(offset).skipBytes(offset).writeBytes(message);
      message.release();
      channel.writeInbound(moved);
      answered(channel, 2, 5, 3, 2, 7);
    }
  }

  /** Closes the channel, whose next messages, in the same read or later, are not answered. */
  private void refused(int length, Integer... words) {
    EmbeddedChannel refusing = channel();
    ByteBuf request = allocator.directBuffer().writeIntLE(length);
    for (int word : words) {
      request.writeIntLE(word);
    }
    refusing.writeInbound(request);
    assertThat(refusing.isOpen()).as("length %d", length).isFalse();
    assertThat(refusing.<ByteBuf>readOutbound()).isNull();
    refusing.finishAndReleaseAll();
  }

  @Test
  void lengthsThatCannotBeAreRefused() {
    refused(0);
    refused(1, 3);
    refused(3, 3);
    refused(-1, 3);
    refused(Integer.MIN_VALUE, 3);
    refused(Integer.MAX_VALUE, 3);
    refused(SoftmaxService.LONGEST - 3, 3);
  }

  @Test
  void classesThatDoNotFitAreRefused() {
    refused(12, 0, 1, 2);
    refused(12, -1, 1, 2);
    refused(12, Integer.MIN_VALUE, 1, 2);
    refused(12, 3, 1, 2);
    refused(12, Integer.MAX_VALUE, 1, 2);
    refused(12, 1 << 30, 1, 2); // a row of 2^32 bytes
    refused(4, 0);
    refused(6, 1, 0);
  }

  @Test
  void aMessageWithoutItsEndIsReleased() {
    ByteBuf message = message(2, 5, 3, 2, 7);
    message.writerIndex(message.writerIndex() - 1);
    channel.writeInbound(message);
    assertThat(channel.<ByteBuf>readOutbound()).isNull();
    assertThat(channel.isOpen()).isTrue();
  }

  @Test
  void nothingIsAnsweredBehindWhatIsRefused() {
    ByteBuf stream = allocator.directBuffer().writeIntLE(1).writeByte(0);
    ByteBuf message = message(2, 5, 3);
    stream.writeBytes(message);
    message.release();
    channel.writeInbound(stream);
    assertThat(channel.isOpen()).isFalse();
    assertThat(channel.<ByteBuf>readOutbound()).isNull();
  }

  /** Streams of messages, some of them wrong, cut anywhere. */
  @Test
  void anyStreamIsAnsweredUpToItsFirstMistake() {
    SplittableRandom random = new SplittableRandom(1);
    for (int round = 0; round < 300; round++) {
      EmbeddedChannel one = channel();
      ByteBuf stream = allocator.directBuffer();
      int right = random.nextInt(5);
      for (int i = 0; i < right; i++) {
        ByteBuf message = message(i + 1, new float[2 * (i + 1)]);
        stream.writeBytes(message);
        message.release();
      }
      for (int i = random.nextInt(40); i > 0; i--) {
        stream.writeByte(random.nextInt(4) == 0 ? random.nextInt(256) : 0);
      }
      while (stream.isReadable() && one.isOpen()) {
        int part = random.nextInt(1, stream.readableBytes() + 1);
        one.writeInbound(allocator.directBuffer(part).writeBytes(stream, part));
      }
      stream.release();
      for (int i = 0; i < right; i++) {
        answered(one, i + 1, new float[2 * (i + 1)]);
      }
      one.finishAndReleaseAll();
    }
  }
}
