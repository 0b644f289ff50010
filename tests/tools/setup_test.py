#!/usr/bin/python3
"""setup.sh must say what is wrong where it cannot install packages, and do nothing when nothing is missing."""

import os
import shutil
import subprocess
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../setup.sh")

NOTHING_INSTALLED = "exit 1"
ALL_INSTALLED = 'for p in "$@"; do echo "$p installed"; done'


def run(arguments, **commands):
    """Runs setup.sh where only the basic tools and these commands (name: shell script) exist."""
    with tempfile.TemporaryDirectory() as directory:
        for tool in ("sh", "dirname", "sed", "env", "awk", "nproc"):
            os.symlink(shutil.which(tool), os.path.join(directory, tool))
        for name, body in commands.items():
            path = os.path.join(directory, name.replace("_", "-"))
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(f"#!{directory}/sh\n{body}\n")
            os.chmod(path, 0o755)
        done = subprocess.run([shutil.which("sh"), SCRIPT, *arguments], capture_output=True, text=True,
                              env={"PATH": directory, "BUILD_DIR": os.path.join(directory, "build")}, check=False)
        return done.returncode, done.stdout + done.stderr


class Setup(unittest.TestCase):
    def test_nothing_missing_calls_no_apt(self):
        code, output = run(["--deps"], dpkg_query=ALL_INSTALLED)
        self.assertEqual(code, 0, output)
        self.assertIn("all packages are installed", output)

    def test_no_dpkg(self):
        code, output = run(["--deps"])
        self.assertEqual(code, 1, output)
        self.assertIn("no dpkg here", output)

    def test_no_apt(self):
        code, output = run(["--deps"], dpkg_query=NOTHING_INSTALLED)
        self.assertEqual(code, 1, output)
        self.assertIn("no apt-get here", output)
        self.assertIn("relacy-dev", output)

    def test_no_root_and_no_sudo(self):
        code, output = run(["--deps"], dpkg_query=NOTHING_INSTALLED, apt_get="exit 0", id="echo 1000")
        self.assertEqual(code, 1, output)
        self.assertIn("not root and no sudo", output)

    def test_uses_sudo(self):
        code, output = run(["--deps"], dpkg_query=NOTHING_INSTALLED, apt_get='echo "apt-get as $AS: $*"',
                           id="echo 1000", sudo='AS=root "$@"')
        self.assertIn("install -y", output)
        self.assertIn("still missing", output)  # the stub installed nothing
        self.assertEqual(code, 1, output)

    def test_update_fails(self):
        code, output = run(["--deps"], dpkg_query=NOTHING_INSTALLED, apt_get="exit 100", id="echo 0")
        self.assertEqual(code, 1, output)
        self.assertIn("apt-get update failed", output)

    def test_meson_fails(self):
        code, output = run([], dpkg_query=ALL_INSTALLED, meson="exit 1")
        self.assertEqual(code, 1, output)
        self.assertIn("meson setup failed", output)

    def test_tests_that_do_not_compile_leave_a_program(self):
        only_program = 'case "$*" in *daxtorture-checker*) echo "ninja $*" ;; *) exit 1 ;; esac'
        code, output = run([], dpkg_query=ALL_INSTALLED, meson="exit 0", ninja=only_program)
        self.assertEqual(code, 1, output)
        self.assertIn(" daxtorture daxtorture-checker\n", output)
        self.assertIn("the build of the tests failed; the program is built and runs", output)
        code, output = run([], dpkg_query=ALL_INSTALLED, meson="exit 0", ninja="exit 1")
        self.assertEqual(code, 1, output)
        self.assertIn("the build failed", output)
        code, output = run([], dpkg_query=ALL_INSTALLED, meson="exit 0", ninja="exit 0")
        self.assertEqual(code, 0, output)

    def test_unknown_argument(self):
        code, output = run(["--fast"])
        self.assertEqual(code, 1, output)
        self.assertIn("unknown argument '--fast'", output)


if __name__ == "__main__":
    unittest.main()
