"""The contract between compiler, hardware, simulator and driver: numpy only."""
