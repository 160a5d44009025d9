"""The tools' own tests: deriving package sources, fonts, pictures, the include and citation checks."""

import importlib.util
import os
import sys
import tempfile
import unittest

from vitrine_run.picture import Picture, read_ppm, write_png
from vitrine_test.suite import TOP, Failed, Suite


def load(path):
    """A tool as a module, by its path."""
    where = os.path.join(TOP, path)
    sys.path.insert(0, os.path.dirname(where))
    spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-3], where)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(path, text, mode="w"):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, mode) as f:
        f.write(text)


class DerivedSources(unittest.TestCase):
    """Package sources are derived from whatever form the machine's own have, and from Debian's own entries only."""

    def setUp(self):
        self.apt = load("tools/setup/apt_private.py")
        self.root = tempfile.TemporaryDirectory()
        self.addCleanup(self.root.cleanup)
        write(os.path.join(self.root.name, "etc/os-release"), 'ID=debian\nVERSION_CODENAME="bookworm"\n')

    def derive(self, suite, **files):
        for name, text in files.items():
            write(os.path.join(self.root.name, "etc/apt", name.replace("__", "/").replace("_", ".")), text)
        return self.apt.derived_sources("deb-src", suite, self.root.name)

    def test_one_line(self):
        text = self.derive("trixie", sources_list="# deb http://no.example bookworm main\ndeb [arch=amd64 signed-by=/k.gpg] "
                           "http://a.example/debian bookworm main contrib # mine\n")
        self.assertEqual(text, "Types: deb-src\nURIs: http://a.example/debian\nSuites: trixie\nComponents: main\n"
                         "Signed-By: /k.gpg\n")

    def test_deb822(self):
        stanza = "Types: deb\n# old\nURIs: http://b.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n"
        text = self.derive("bookworm-backports", **{"sources.list.d__x_sources": stanza + "Signed-By:\n key\n .\n more\n\n"
                                                    + stanza.replace("b.example", "off.example") + "Enabled: no\n"})
        self.assertIn("URIs: http://b.example/debian\nSuites: bookworm-backports\n", text)
        self.assertIn("Signed-By: \n key\n .\n more\n", text)
        self.assertNotIn("off.example", text)

    def test_strangers_are_left_out(self):
        with self.assertRaisesRegex(self.apt.SetupError, "bookworm"):
            self.derive("trixie", sources_list="deb http://c.example bookworm stable\ndeb http://d.example bookworm-pgdg main\n")


class Fonts(unittest.TestCase):
    """PSF fonts of both versions end in the same Latin-1 table."""

    def setUp(self):
        self.psf2c = load("tools/gen/psf2c.py")

    @staticmethod
    def glyph(index):
        return bytes([index]) * 16

    def test_psf1(self):
        table = b"".join(code.to_bytes(2, "little") + b"\xff\xff" for code in [0x41, 0xE9] + [0x4000] * 254)
        glyphs = self.psf2c.latin1_glyphs(b"\x36\x04\x02\x10" + b"".join(self.glyph(i) for i in range(256)) + table)
        self.assertEqual((glyphs[0x41], glyphs[0xE9]), (self.glyph(0), self.glyph(1)))
        self.assertEqual((glyphs[0x42], glyphs[256], len(glyphs)), (self.psf2c.HOLLOW_BOX,) * 2 + (257,))

    def test_psf2(self):
        header = b"".join(v.to_bytes(4, "little") for v in (0x864AB572, 0, 32, 1, 2, 16, 16, 8))
        glyphs = self.psf2c.latin1_glyphs(header + self.glyph(7) + self.glyph(9) + "A\xff".encode("latin-1") + b"\xc3\xa9\xff")
        self.assertEqual((glyphs[0x41], glyphs[0xE9]), (self.glyph(7), self.glyph(9)))


class Pictures(unittest.TestCase):
    """A screendump is read pixel by pixel, and its PNG is the same every time."""

    def test_ppm(self):
        with tempfile.TemporaryDirectory() as where:
            path = os.path.join(where, "x.ppm")
            write(path, b"P6\n2 1\n255\n\x01\x02\x03\xff\x00\x10", "wb")
            picture = read_ppm(path)
            self.assertEqual((picture.pixel(0, 0), picture.pixel(1, 0)), ((1, 2, 3), (255, 0, 16)))
            write(path, b"P6\n2 2\n255\n\x01", "wb")
            with self.assertRaises(ValueError):
                read_ppm(path)

    def test_png(self):
        with tempfile.TemporaryDirectory() as where:
            texts = []
            for name in ("a.png", "b.png"):
                write_png(Picture(1, 2, bytes(6)), os.path.join(where, name))
                with open(os.path.join(where, name), "rb") as f:
                    texts.append(f.read())
        self.assertEqual(texts[0], texts[1])
        self.assertTrue(texts[0].startswith(b"\x89PNG\r\n\x1a\n"))


class Checks(unittest.TestCase):
    """The house's own checks see what they are for."""

    def test_citations(self):
        found = load("tools/check/spec.py").CITATION.findall(
            "VirtIO 1.3 §2.7.13, §2.8 and more\n * VirtIO 1.3\n * §5.7.6; VirtIO 1.2 §9")
        self.assertEqual(found, ["§2.7.13, §2.8", "§5.7.6"])

    def test_include_law(self):
        includes = load("tools/check/includes.py")
        law = dict(includes.LAW)
        self.assertIn("may not", includes.check_quoted("virtio/core/x.c", "kernel/core/log.h", law["virtio/"]))
        self.assertIn("may not", includes.check_quoted("kernel/core/x.c", "virtio/core/check.h", law["kernel/"]))
        self.assertIsNone(includes.check_quoted("kernel/core/x.c", "virtio/device.h", law["kernel/"]))


CASES = (
    ("sources", DerivedSources), ("fonts", Fonts), ("pictures", Pictures), ("checks", Checks),
)


def run_case(case):
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    problems = result.failures + result.errors
    if problems or not result.testsRun:
        raise Failed("\n".join(f"{test}: {text}" for test, text in problems) or "no test ran")


def suites():
    return [Suite(f"tools.{name}", case.__doc__, lambda c=case: run_case(c)) for name, case in CASES]
