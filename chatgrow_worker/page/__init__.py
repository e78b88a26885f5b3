"""All that we know of WhatsApp Web's insides; nothing outside this folder evaluates a script."""
