"""The connections of this worker: taken, kept, and handed over."""
