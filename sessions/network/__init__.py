"""Names and addresses of hosts: which are ours, and which are on the internet."""
