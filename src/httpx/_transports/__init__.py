"""The transports: how a client's requests are answered."""
