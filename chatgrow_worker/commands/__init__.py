"""What others ask of this worker, by arq."""
