"""Pages for everyone: home, catalogue, courses."""

from flask import Blueprint

blueprint = Blueprint("public", __name__, url_prefix="")

from portal.blueprints.public import catalogue, home, receipts
