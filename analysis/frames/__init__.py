"""What journals, MLflow and studies hold, as tidy pandas frames."""
