"""What goes wrong with the embedded database, as one line that says what to do."""


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot do what was asked; the text is for the person at the terminal."""
