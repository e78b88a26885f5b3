"""Tests of the command line `chatgrow`, over the API itself."""
