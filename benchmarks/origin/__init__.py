"""The servers that the clients are measured against, each in a process of its own."""
