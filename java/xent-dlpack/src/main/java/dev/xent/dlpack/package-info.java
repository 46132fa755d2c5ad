// SPDX-License-Identifier: Apache-2.0
/**
 * DLPack 1, the C struct by which libraries lend each other tensors, for memory of the CPU: {@link
 * dev.xent.dlpack.DlpackTensors} imports what others lend and exports tensors of one's own; {@link
 * dev.xent.dlpack.ManagedTensor} is an imported one, to be closed.
 *
 * <p>The package calls restricted methods of the JDK: it takes the word of C structs for addresses
 * and sizes. Give it native access: {@code --enable-native-access=dev.xent.dlpack} on the module
 * path, {@code ALL-UNNAMED} on the class path.
 *
 * <p>Nothing is null unless it is marked {@code @Nullable}.
 */
@NullMarked
package dev.xent.dlpack;

import org.jspecify.annotations.NullMarked;
