"""The promises of the README, checked on the whole running system."""
