"""What checks the scripts of our pages, which have no build step."""
