"""Packages with all that they depend on, downloaded by a private apt and unpacked somewhere, never installed."""

import glob
import os
import shutil
import subprocess

from apt_private import PrivateApt, SetupError, derived_sources

MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")  # as Debian has it since 12: links into usr


class RootApt(PrivateApt):
    """The private apt for one or more suites, the preferred one first; it believes that nothing is installed."""

    def __init__(self, base, suites):
        super().__init__(base, suites[0], "deb")
        self.suite = suites[0]
        for suite in suites[1:]:
            with open(os.path.join(self.sources, suite + ".sources"), "w", encoding="utf-8") as f:
                f.write(derived_sources("deb", suite))
        self.status = os.path.join(self.base, "status")
        with open(self.status, "w", encoding="utf-8"):
            pass
        try:
            self.call(["-o", "APT::Update::Error-Mode=any", "update"])  # without lists nothing later would say why
        except SetupError as e:
            raise SetupError(
                f"no package lists of {', '.join(suites)}: is there a network, and does the mirror in this machine's apt "
                f"sources carry each of these suites?\n{e}"
            ) from e

    def _command(self, tool, args):
        whole = super()._command(tool, args)
        return whole[:1] + ["-o", f"Dir::State::status={self.status}", "-o", "Debug::NoLocking=true"] + whole[1:]

    def download(self, packages):
        """The .deb of each package and of all that they depend on; `packages` of the preferred suite where it has them."""
        self.call(["install", "-y", "--download-only", "--no-install-recommends", "-t", self.suite] + packages)
        return sorted(glob.glob(os.path.join(self.base, "cache/archives/*.deb")))

    def unpack(self, packages, root):
        """Unpacks `packages` and all that they depend on into `root`; returns the names of the files they came in."""
        for name in MERGED:
            os.makedirs(os.path.join(root, "usr", name), exist_ok=True)
            os.symlink("usr/" + name, os.path.join(root, name))
        debs = self.download(packages)
        for deb in debs:
            unpack_deb(deb, root)
            os.remove(deb)
        return [os.path.basename(deb) for deb in debs]


def unpack_deb(deb, root):
    """Like dpkg-deb -x, but links to directories stay links."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as data:
        tar = ["tar", "-xf", "-", "-C", root, "--keep-directory-symlink", "--no-same-owner", "--no-same-permissions"]
        status = subprocess.run(tar, stdin=data.stdout, check=False).returncode
    if status or data.returncode:
        raise SetupError(f"{os.path.basename(deb)} could not be unpacked into {root}; is the disk full?")


def only(root, pattern):
    """The first file below `root` that matches."""
    found = sorted(glob.glob(os.path.join(root, pattern)))
    if not found:
        raise SetupError(f"the unpacked packages hold no {pattern}")
    return found[0]


def make_empty(path):
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path
