"""HTTP: sockets, request bodies, responses and errors."""
