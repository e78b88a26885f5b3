"""What every other folder uses: ids, the clock, errors, callers, and threads."""
