// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.MemoryException;

/** The device of a tensor, by DLPack's numbers. */
final class Device {
  static final int CPU = 1;

  private static final int CUDA_HOST = 3;
  private static final int ROCM_HOST = 11;

  private Device() {}

  /**
   * Rejects all memory except that of the CPU.
   *
   * <p>Pinned and managed memory is rejected too, though a CPU can read it: a device may still be
   * writing it, and the struct has no stream or event to wait for. Its own library can wait and
   * export CPU memory.
   */
  static void requireCpu(int type, int id) {
    if (type == CPU) {
      return;
    }
    boolean pinned = type == CUDA_HOST || type == ROCM_HOST;
    throw new MemoryException(
        message(
            "the tensor lies on %s device %d%s: ask its library for a CPU tensor, __dlpack__(dl_device=(1, 0)) in Python",
            name(type), id, pinned ? " (pinned memory, that a device may be writing)" : ""));
  }

  private static String name(int type) {
    return switch (type) {
      case 2 -> "CUDA";
      case CUDA_HOST -> "CUDA host";
      case 4 -> "OpenCL";
      case 7 -> "Vulkan";
      case 8 -> "Metal";
      case 9 -> "VPI";
      case 10 -> "ROCm";
      case ROCM_HOST -> "ROCm host";
      case 12 -> "extension";
      case 13 -> "CUDA managed";
      case 14 -> "oneAPI";
      case 15 -> "WebGPU";
      case 16 -> "Hexagon";
      case 17 -> "MAIA";
      case 18 -> "Trainium";
      default -> "unknown (" + type + ")";
    };
  }
}
