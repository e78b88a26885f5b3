"""Find out what is wrong: checks, each with what it found and what to do about it."""
