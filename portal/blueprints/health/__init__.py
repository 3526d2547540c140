"""Whether the portal is alive and well, told truthfully; figures for Prometheus."""

from flask import Blueprint

blueprint = Blueprint("health", __name__, url_prefix="")

from portal.blueprints.health import checks, metrics
