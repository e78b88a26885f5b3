"""HTTP: the sockets, bodies, answers and errors of every request."""
