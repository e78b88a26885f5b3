"""What the fleet knows of WhatsApp Web: whether it can be used, and saved HTML."""
