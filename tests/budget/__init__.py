"""What an exchange may cost, counted: calls, memory and imports do not depend on the speed of a machine."""
