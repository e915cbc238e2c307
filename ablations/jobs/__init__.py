"""One job: its plan and identity, from start to outcome, resume, scoring and audit."""
