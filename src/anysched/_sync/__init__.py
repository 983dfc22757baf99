"""The scheduler for programs that block."""
