"""Tests of the command line `chatgrow`, over an API that is made up."""
