"""What every engine promises: the names of these tests, printed in order, are the documentation of the engine."""
