"""Programs of newer Debian releases, unpacked below build/venus-programs and run with their own loader and libraries.

    gtk = programs("gtk")                 # Skipped, with the reason, where it cannot be had
    native(gtk.words("usr/bin/gtk4-rendernode-tool", ...), added=gtk.environment)
    ours(..., client=gtk.client)          # Mesa's Venus client of the same release
"""

import fcntl
import os
import shutil
import sys

from vitrine_test.suite import TOP, Skipped
from vitrine_test.vulkan_setup import vulkan_paths

sys.path.insert(0, os.path.join(TOP, "tools", "setup"))
from apt_private import SetupError  # noqa: E402
from private_root import RootApt, make_empty, only  # noqa: E402

from .running import BUILD, roots  # noqa: E402

# name -> (release, packages, directories of libraries besides the usual, what is not needed of them)
SETS = {
    "gl": ("trixie", ["piglit", "libegl1", "libgl1", "libegl-mesa0", "libgl1-mesa-dri"], ["piglit/lib"], ["piglit/generated_tests"]),
    "gtk": ("trixie", ["libgtk-4-bin", "fonts-dejavu-core"], [], []),
    "vkd3d": ("trixie", ["vkd3d-demos"], [], []),
    "ffmpeg": ("sid", ["ffmpeg", "mesa-vulkan-drivers"], ["blas", "lapack", "pulseaudio"], []),
    "ggml": ("sid", ["libggml0-backend-vulkan", "llama.cpp-tests", "mesa-vulkan-drivers"], ["blas", "lapack"], []),
}  # fmt: skip


class Programs:
    """One set: how its programs are started, and which Venus client they have."""

    def __init__(self, where, release, libraries):
        self.root = os.path.join(where, "root")
        self.libraries = os.path.dirname(only(self.root, "usr/lib/*/libc.so.6"))
        self._path = ":".join([self.libraries, *(os.path.join(self.libraries, n) for n in libraries)])
        self._loader = only(self.root, "usr/lib*/ld-linux-*.so.*")
        self.client = vulkan_paths("mesa")["client_icd"] if release == "trixie" else self._own_client(where)

    def _own_client(self, where):
        manifests = os.path.join(where, "icd.d")
        if not os.path.exists(manifests):
            roots.place_manifests(self.root, where, os.path.relpath(self.libraries, self.root))
        return os.path.join(manifests, "virtio_icd.json")

    def words(self, program, *arguments):
        """The command line of a program, by its path below the root."""
        return [self._loader, "--library-path", self._path, os.path.join(self.root, program), *arguments]


def bring(name, where):
    release, packages, _, unneeded = SETS[name]
    fresh = make_empty(where + ".new")
    names = RootApt(os.path.join(BUILD, "apt-programs", name), [release]).unpack(packages, os.path.join(fresh, "root"))
    libraries = os.path.dirname(only(fresh, "root/usr/lib/*/libc.so.6"))
    for path in unneeded:
        shutil.rmtree(os.path.join(libraries, path))
    with open(os.path.join(fresh, "version"), "w", encoding="utf-8") as f:
        f.write("\n".join(names) + "\n")
    shutil.rmtree(where, ignore_errors=True)
    os.rename(fresh, where)


def programs(name):
    """The set, fetched now if need be; Skipped where its packages cannot be had."""
    release, packages, libraries, _ = SETS[name]
    where = os.path.join(BUILD, "venus-programs", name)
    os.makedirs(os.path.dirname(where), exist_ok=True)
    lock = os.open(where + ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(where, "version")):
            bring(name, where)
    except SetupError as e:
        raise Skipped(f"{packages[0]} of Debian {release} cannot be had: {str(e).splitlines()[0]}") from e
    finally:
        os.close(lock)
    return Programs(where, release, libraries)
