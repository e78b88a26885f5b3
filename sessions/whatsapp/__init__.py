"""What all workers share about WhatsApp Web: whether it can be used, and saved HTML."""
