"""The settings for a command, or a calm end that lists what is wrong with them."""

from __future__ import annotations

import click

from portal.settings import Settings, SettingsError


def settings_or_exit() -> Settings:
    """Return the settings of this process; where they are not complete, end with all problems in one message."""
    try:
        return Settings.from_env()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
