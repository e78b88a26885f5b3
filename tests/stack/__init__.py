"""The whole system on one machine against the simulated WhatsApp Web, for tests and demos."""
