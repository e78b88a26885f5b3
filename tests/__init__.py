"""The tests, and what they stand on: the simulated WhatsApp Web and the whole stack."""
