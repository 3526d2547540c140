"""The headers that tell a browser what it may do with our answers, and the hosts we answer for.

The one place where origins are added to the content security policy.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import SecurityError
from werkzeug.middleware.proxy_fix import ProxyFix

from portal.settings import Settings

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' blob:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
FEATURES = (
    "accelerometer", "autoplay", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer",
    "microphone", "midi", "payment", "usb", "xr-spatial-tracking",
)  # fmt: skip
"""What a browser could let pages do beyond showing themselves: nothing, but for a page that asks."""
ONE_YEAR = 31_536_000
LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")
MACHINE_PATHS = ("/api/health/", "/metrics")  # what runs beside the portal asks these by its local name


def register(app: Flask, settings: Settings) -> None:
    """Set the headers of every answer, trust the proxies that were named, and answer for our own host only."""
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]  # as Flask tells to
    host = urlsplit(settings.portal_url).hostname or ""
    app.config["TRUSTED_HOSTS"] = [host, *LOCAL_HOSTS]
    if settings.production and host not in LOCAL_HOSTS:
        app.before_request(_refuse_local_names)
    app.after_request(_set_headers)


def allow_frames_of_this_site() -> None:
    """Let this one answer show pages of the portal in a frame, as reviewing does."""
    g.policy_additions = {"frame-src": "'self'"}


def allow_recording() -> None:
    """Let this one page record a voice, if the person says yes to the browser."""
    g.features_allowed = frozenset({"microphone"})


def _refuse_local_names() -> None:
    if request.host.rsplit(":", 1)[0] in LOCAL_HOSTS and not request.path.startswith(MACHINE_PATHS):
        raise SecurityError


def _set_headers(response: Response) -> Response:
    settings: Settings = current_app.config["SETTINGS"]
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy())
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = _referrer_policy()
    headers["Permissions-Policy"] = _permissions_policy()
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("X-Frame-Options", "DENY")
    if settings.secure_cookies:
        headers["Strict-Transport-Security"] = f"max-age={ONE_YEAR}; includeSubDomains"
    if response.mimetype == "text/html":
        response.vary.add("HX-Request")
    if "Cache-Control" not in headers:
        headers["Cache-Control"] = "no-store" if _is_personal() else "no-cache"
    return response


def _policy() -> str:
    policy = POLICY | g.get("policy_additions", {})
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())


def _permissions_policy() -> str:
    allowed = g.get("features_allowed", frozenset())
    return ", ".join(f"{feature}={'(self)' if feature in allowed else '()'}" for feature in FEATURES)


def _referrer_policy() -> str:
    """Keep the address of a page that holds a token from other sites.

    Our own forms still get it: CSRF protection asks for a Referer over TLS.
    """
    return "same-origin" if g.get("token_page") else "strict-origin-when-cross-origin"


def _is_personal() -> bool:
    """Return whether the answer is for one person: a shared computer must not keep it."""
    return g.get("identity") is not None or bool(g.get("token_page")) or request.path.startswith("/api/")
