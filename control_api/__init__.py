"""The control API: parse, ask, answer; everything that lasts happens elsewhere."""
