"""Where the project's own files are: migrations, gunicorn's settings."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
