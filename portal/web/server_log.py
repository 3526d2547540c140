"""gunicorn's own words, as lines among the portal's: the same form, and the same secrets taken out."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger


class ServerLog(Logger):
    """Hands everything on to the root logger, which `logs.configure` has set up."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
