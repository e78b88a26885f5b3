"""Files that are sent or were received: encrypted in GridFS, recognised by their content."""
