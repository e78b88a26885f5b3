"""Stop sending when WhatsApp Web has changed, and test when it can be used again."""
