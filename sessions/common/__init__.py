"""What every other folder uses: ids, the clock, errors, and who asks."""
