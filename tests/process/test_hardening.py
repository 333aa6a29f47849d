"""What the release build is hardened with, read from the binary itself."""

import re
import subprocess
import unittest

from world import BINARY


def readelf(*options):
    return subprocess.run(["readelf", "--wide", *options, BINARY], capture_output=True, text=True, check=True).stdout


class Hardening(unittest.TestCase):
    def check(self, pattern, *options):
        self.assertTrue(re.search(pattern, readelf(*options)), f"no {pattern} in readelf {' '.join(options)} {BINARY}")

    def test_the_program_is_position_independent(self):
        self.check(r"Type:\s+DYN", "--file-header")
        self.check(r"FLAGS_1.*\bPIE\b", "--dynamic")

    def test_what_the_linker_resolves_is_read_only_before_main(self):
        self.check(r"GNU_RELRO", "--program-headers")
        self.check(r"\(FLAGS\).*\bBIND_NOW\b|FLAGS_1.*\bNOW\b", "--dynamic")

    def test_the_stack_holds_no_code(self):
        self.check(r"GNU_STACK(\s+0x\w+)+\s+RW\s", "--program-headers")

    def test_stack_buffers_are_guarded(self):
        self.check(r"\b__stack_chk_fail@", "--dyn-syms")

    def test_calls_of_the_c_library_know_how_large_their_buffers_are(self):
        self.check(r"\b__(?!stack)\w+_chk@", "--dyn-syms")

    def test_the_standard_library_checks_its_indices(self):
        self.check(r"__glibcxx_assert_fail", "--dyn-syms")


if __name__ == "__main__":
    unittest.main()
