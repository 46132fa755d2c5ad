// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import dev.xent.DType;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.netty.NettyTensors;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.CorruptedFrameException;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import java.lang.foreign.Arena;
import java.nio.ByteOrder;

/**
 * A service that answers logits with probabilities, in the buffer that they came in. A message is
 * an int, how many bytes follow, an int, how many classes a row has, and float32 rows, all
 * little-endian; the answer is the same message with the softmax of each row. What is no message
 * closes the channel.
 */
public final class SoftmaxService {
  /** Of all bytes of a message: a length on the wire must not decide how much memory is taken. */
  static final int LONGEST = 1 << 24;

  /** Length and classes. */
  private static final int HEADER = 2 * Integer.BYTES;

  private SoftmaxService() {}

  /** Cuts a stream into messages, length included. */
  static LengthFieldBasedFrameDecoder decoder() {
    return new LengthFieldBasedFrameDecoder(
        ByteOrder.LITTLE_ENDIAN, LONGEST, 0, Integer.BYTES, 0, 0, true);
  }

  /** One instance serves all channels: operations may be used by any number of threads. */
  @Sharable
  static final class Handler extends SimpleChannelInboundHandler<ByteBuf> {
    private final Softmax softmax = Softmax.along(-1);

    @Override
    protected void channelRead0(ChannelHandlerContext context, ByteBuf message) {
      int bytes = message.readableBytes() - HEADER;
      int classes = bytes < 0 ? 0 : message.getIntLE(message.readerIndex() + Integer.BYTES);
      long row = (long) classes * Float.BYTES;
      if (classes < 1 || bytes % row != 0) {
        throw new CorruptedFrameException(bytes + " bytes are no rows of " + classes + " classes");
      }
      replace(message.slice(message.readerIndex() + HEADER, bytes), bytes / row, classes);
      context.writeAndFlush(message.retain()); // it is released once when this returns
    }

    private void replace(ByteBuf rows, long count, long classes) {
      if (canBeViewed(rows)) {
        Tensor logits = NettyTensors.view(rows, DType.F32, count, classes);
        softmax.forward(logits, logits);
        return;
      }
      try (Arena arena = Arena.ofConfined()) {
        Tensor logits = NettyTensors.copy(rows, arena, DType.F32, count, classes);
        softmax.forward(logits, logits);
        rows.setBytes(0, NettyTensors.wrap(logits));
      }
    }

    /** Nearly always; but a peer may send an odd number of bytes in front, say. */
    private static boolean canBeViewed(ByteBuf rows) {
      return rows.hasMemoryAddress() && rows.memoryAddress() % Float.BYTES == 0;
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      context.close();
    }
  }

  public static void main(String[] arguments) {
    EmbeddedChannel channel = new EmbeddedChannel(decoder(), new Handler());
    ByteBuf request = channel.alloc().directBuffer();
    request.writeIntLE(28).writeIntLE(3);
    for (float logit : new float[] {2, 1, 0, 0, 3, 1}) {
      request.writeFloatLE(logit);
    }
    channel.writeInbound(request);

    ByteBuf answer = channel.readOutbound();
    System.out.println("the same memory: " + (answer.memoryAddress() == request.memoryAddress()));
    answer.skipBytes(Integer.BYTES);
    for (int classes = answer.readIntLE(); answer.isReadable(); ) {
      StringBuilder row = new StringBuilder();
      for (int k = 0; k < classes; k++) {
        row.append(answer.readFloatLE()).append("  ");
      }
      System.out.println(row.toString().stripTrailing());
    }
    System.out.println("released: " + answer.release());
    channel.finishAndReleaseAll();
  }
}
