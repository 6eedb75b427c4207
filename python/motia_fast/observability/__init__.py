"""What the running process shows of itself: log lines and metrics."""
