"""One module for each client that is measured, all with the interface of `base`."""
