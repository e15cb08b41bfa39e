"""`make bench`: what the gate costs, measured side by side in one run with what else could stand in its place."""
