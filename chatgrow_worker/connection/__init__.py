"""Run one connection under its lease: open its page, follow it, and reopen it when it breaks."""
