"""Everything that we know about WhatsApp Web; only this folder runs scripts in a page."""
