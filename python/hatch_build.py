# SPDX-License-Identifier: Apache-2.0
"""Puts a native library into the wheel and says on which platforms it runs. `python/wheels` names both; without it, as
in `pip install ./python`, CMake compiles the library for this machine."""
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The library for Linux needs no C library at all, so that one wheel serves glibc and musl.
TAGS = {
    "linux-x86_64": "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64",
    "linux-aarch64": "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
    "macos-aarch64": "macosx_11_0_arm64",
    "macos-x86_64": "macosx_11_0_x86_64",
    "windows-x86_64": "win_amd64",
    "windows-aarch64": "win_arm64",
}


class NativeLibrary(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return  # XENT_LIBRARY names a library
        if self.target_name == "sdist":
            sys.exit("there is no source distribution: it would lack the C library, which a checkout builds; build "
                     "wheels with python/wheels")
        given, platform = os.environ.get("XENT_WHEEL_LIBRARY"), os.environ.get("XENT_WHEEL_PLATFORM")
        if given and platform not in TAGS:
            sys.exit(f"XENT_WHEEL_PLATFORM is {platform}; expected one of {', '.join(TAGS)}")
        tag = TAGS[platform] if given and platform else sysconfig.get_platform().replace("-", "_").replace(".", "_")
        library = Path(given) if given else self.compiled()
        for name in ("LICENSE", "NOTICE"):
            if (Path(self.root) / name).read_bytes() != (Path(self.root).parent / name).read_bytes():
                sys.exit(f"python/{name} is not the text but names its file, as Git writes symbolic links on Windows: "
                         f"git config core.symlinks true, and check it out again")
        # The file behind the link of CMake, under the name of the link: pyxent loads that name.
        build_data["force_include"][str(library.resolve())] = f"pyxent/{library.name}"
        build_data["tag"] = f"py3-none-{tag}"
        build_data["pure_python"] = False

    def compiled(self) -> Path:
        """Compiles the library for this machine and returns its file, or a link to it."""
        build = Path(self.directory) / "native"
        try:
            subprocess.run(["cmake", "-S", Path(self.root).parent / "native", "-B", build, "-DCMAKE_BUILD_TYPE=Release"],
                           check=True)
            subprocess.run(["cmake", "--build", build, "--target", "xent", "--parallel"], check=True)
        except (FileNotFoundError, subprocess.CalledProcessError) as e:
            sys.exit(f"the C library was not compiled: {e}. A checkout of Xent, CMake 3.20 and a C compiler are needed")
        names = ("libxent.so", "libxent.dylib", "xent.dll")
        return next(found for name in names for found in build.rglob(name))
