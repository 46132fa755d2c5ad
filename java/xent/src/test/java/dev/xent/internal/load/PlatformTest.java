// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlatformTest {
  @ParameterizedTest
  @CsvSource({
    "Linux, amd64, /META-INF/native/linux-x86_64/libxent.so",
    "Linux, aarch64, /META-INF/native/linux-aarch64/libxent.so",
    "Mac OS X, aarch64, /META-INF/native/macos-aarch64/libxent.dylib",
    "Mac OS X, x86_64, /META-INF/native/macos-x86_64/libxent.dylib",
    "Linux, x86_64, /META-INF/native/linux-x86_64/libxent.so",
    "Linux, arm64, /META-INF/native/linux-aarch64/libxent.so",
    "Windows 10, AMD64, /META-INF/native/windows-x86_64/xent.dll",
    "Windows 11, amd64, /META-INF/native/windows-x86_64/xent.dll",
    "Windows Server 2022, aarch64, /META-INF/native/windows-aarch64/xent.dll",
    "FreeBSD, amd64, /META-INF/native/freebsd-x86_64/libxent.so",
    "z/OS, s390x, /META-INF/native/z_os-s390x/libxent.so",
  })
  void everyPlatformHasItsFolder(String osName, String osArch, String resource) {
    assertThat(Platform.of(osName, osArch).resource()).isEqualTo(resource);
  }
}
