"""The command line `chatgrow`: link a phone, send, follow and find out what is wrong."""
