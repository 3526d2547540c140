"""Read by Python as it starts: the modules that `HIDDEN_MODULES` names cannot be imported, as if not installed."""

import os
import sys

sys.modules.update(dict.fromkeys(os.environ["HIDDEN_MODULES"].split(",")))
