// SPDX-License-Identifier: Apache-2.0
/**
 * DLPack 1, the C struct through which libraries share tensors, for memory of the CPU: {@link
 * dev.xent.dlpack.DlpackTensors} imports tensors of other libraries and exports your tensors;
 * {@link dev.xent.dlpack.ManagedTensor} is an imported tensor, to be closed.
 *
 * <p>The package calls restricted methods of the JDK, because it trusts the addresses and sizes in
 * C structs. Enable native access: {@code --enable-native-access=dev.xent.dlpack} on the module
 * path, {@code ALL-UNNAMED} on the class path.
 *
 * <p>Nothing is null unless it is marked {@code @Nullable}.
 */
@NullMarked
package dev.xent.dlpack;

import org.jspecify.annotations.NullMarked;
