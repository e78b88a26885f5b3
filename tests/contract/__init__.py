"""What schemathesis is told to test the HTTP contract with: its settings and our formats."""
