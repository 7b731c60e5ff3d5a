"""What other machines' programs may ask the daemon: is it well, and what are its numbers."""

from fairlead.web.app import WebServer, build_app, serve_web
from fairlead.web.health import Health, PollSign, Signs

__all__ = ["Health", "PollSign", "Signs", "WebServer", "build_app", "serve_web"]
