"""Alerts by mail: composing a message, and handing it over to an SMTP server."""
