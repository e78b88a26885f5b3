"""The commands, each in a file of its own; `add_to` adds them to the command line."""
