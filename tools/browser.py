"""Whether Chromium is here for the browser's tests; one line that installs it where it is not."""

import shutil
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")

if not any(shutil.which(name) for name in NAMES):
    print("Chromium is missing, the tests need it. Type: sudo apt-get install chromium", file=sys.stderr)
    sys.exit(1)
