"""Recipients: how their numbers are written, and which are on WhatsApp."""
