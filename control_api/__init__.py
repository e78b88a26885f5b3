"""The control API: parse a request, ask the stores, answer; long work is done by the workers."""
