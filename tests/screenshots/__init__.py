"""The pictures of the documents, taken from the real pages: `python -m tests.screenshots`."""
