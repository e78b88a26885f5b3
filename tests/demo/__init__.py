"""The main job from end to end, shown in a terminal: link a phone, send, restart, send again."""
