"""Redis as a doorbell: it wakes workers, and takes messages from Python backends."""
