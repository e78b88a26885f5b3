"""Tell webhooks: take the events out of their documents, and deliver them."""
