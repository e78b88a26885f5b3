"""Build the container image and try it: `python -m tests.image_check`."""
