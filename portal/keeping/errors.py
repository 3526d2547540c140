"""What goes wrong while the portal is kept, as words that say what to do."""


class KeepingError(Exception):
    """A backup, restore or upgrade cannot go on; the text is for the person at the terminal."""
