"""The business side: customers, appointments, events, subscribers, and the messages they get."""
