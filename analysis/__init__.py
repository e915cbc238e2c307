"""From journals to frames, plots and the report. Trains nothing."""
