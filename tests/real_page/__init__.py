"""One real HTML page of WhatsApp Web under our own script; `make real-page` runs it."""
