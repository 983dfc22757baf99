"""What runs: wake-up, planner, workers, leases, housekeeping. Knows ports and rules, never adapters."""
