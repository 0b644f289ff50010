"""Waiting for events instead of for seconds: no test knows how fast a machine is, or how busy."""

import os
import pty
import re
import signal
import threading
import time

# Who runs the tests under nohup makes every child ignore SIGHUP; programs that are tested for it start as a terminal starts them.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Ends a test that would never end, and nothing else: many times what a busy machine needs for any of them.
HANG_GUARD = 3600


def wait_for(event, description):
    """The first true value of event()."""
    began = time.monotonic()
    while not (seen := event()):
        if time.monotonic() - began > HANG_GUARD:
            raise AssertionError(f"it never came: {description}")
        # Between two looks the processor is left to what is waited for; nothing depends on how long that is.
        time.sleep(0.01)
    return seen


def longer_until(attempt, good):
    """attempt(SECONDS) with ever more seconds until its result is good(): for what a busy machine does not get to in one."""
    seconds = 1
    while not good(result := attempt(seconds)) and seconds < HANG_GUARD:
        seconds *= 2
    return result


class Terminal:
    """A terminal as a program's standard error. It is read all the time, so that the program never waits for its reader."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        self.text = ""
        self.reader = threading.Thread(target=self.read)

    def begin(self):
        """Call this when the program has the terminal."""
        os.close(self.slave)
        self.reader.start()

    def read(self):
        try:
            while data := os.read(self.master, 65536):
                self.text += data.decode(errors="replace")
        except OSError:
            pass  # the program has ended

    def wait_for(self, pattern):
        def event():
            ended = not self.reader.is_alive()  # before the look at the text, which is whole then
            if re.search(pattern, self.text):
                return True
            if ended:
                raise AssertionError(f"the program ended before it told {pattern!r}: {self.text!r}")
            return False

        wait_for(event, pattern)

    def end(self):
        """All that was written, when the program has ended."""
        self.reader.join()
        os.close(self.master)
        return self.text
