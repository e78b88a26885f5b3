"""What webhooks are told: entries that wait inside the changed documents."""
