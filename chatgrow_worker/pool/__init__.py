"""The connections of this worker: take them, run them, and hand them over."""
