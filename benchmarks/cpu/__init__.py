"""Networks on the CPU beside the runtimes that people use: `python -m benchmarks.cpu`."""
