"""One connection under its lease: its page is opened, followed, and opened again."""
