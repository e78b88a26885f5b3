"""The metrics of a worker, and the server for them."""
