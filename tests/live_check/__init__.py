"""The check for whoever holds a phone: whether all this works on WhatsApp Web as it is today."""
