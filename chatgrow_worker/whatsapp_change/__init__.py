"""Stop sending when WhatsApp Web has changed, and find out when it can be used again."""
