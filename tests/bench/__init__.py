"""Measurements of this worker beside whatsapp-web.js, in one run on one machine."""
