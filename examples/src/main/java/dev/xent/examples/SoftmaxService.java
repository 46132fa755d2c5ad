// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import dev.xent.DType;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.netty.NettyTensors;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;

/**
 * A service that answers logits with probabilities, in the buffer that they came in: a message is
 * an int, how many classes a row has, and float32 rows, all little-endian; the answer is the same
 * message with the softmax of each row.
 */
public final class SoftmaxService {
  private static final int HEADER = Integer.BYTES;

  private SoftmaxService() {}

  /** One instance serves all channels: operations may be used by any number of threads. */
  @Sharable
  static final class Handler extends ChannelInboundHandlerAdapter {
    private final Softmax softmax = Softmax.along(-1);

    @Override
    public void channelRead(ChannelHandlerContext context, Object received) {
      ByteBuf message = (ByteBuf) received; // its count goes to the answer
      int classes = message.getIntLE(message.readerIndex());
      ByteBuf rows =
          message.slice(message.readerIndex() + HEADER, message.readableBytes() - HEADER);
      long count = rows.readableBytes() / ((long) classes * Float.BYTES);

      Tensor logits = NettyTensors.view(rows, DType.F32, count, classes);
      softmax.forward(logits, logits);
      context.writeAndFlush(message);
    }
  }

  public static void main(String[] arguments) {
    EmbeddedChannel channel = new EmbeddedChannel(new Handler());
    ByteBuf request = channel.alloc().directBuffer();
    request.writeIntLE(3);
    for (float logit : new float[] {2, 1, 0, 0, 3, 1}) {
      request.writeFloatLE(logit);
    }
    channel.writeInbound(request);

    ByteBuf answer = channel.readOutbound();
    System.out.println("the same buffer: " + (answer == request));
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
