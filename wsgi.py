"""The portal for any WSGI server: `app`. It never makes demo data."""

from portal.app import create_app
from portal.settings import Settings

app = create_app(Settings.from_env())
