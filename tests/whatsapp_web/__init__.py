"""A simulated WhatsApp Web: the server, and the page that real client libraries drive."""

from tests.whatsapp_web.server import WhatsAppWeb, whatsapp_web

__all__ = ["WhatsAppWeb", "whatsapp_web"]
