"""One colour a run, the same in the report and on MLflow's page."""

RUN_COLORS = ("#0072B2", "#E69F00", "#CC79A7", "#56B4E9", "#8C564B", "#7F7F7F")
"""In the order of a specification's runs. From Okabe and Ito (2008), without green and red, which mark outcomes."""


def run_color(index: int) -> str:
    """The hex colour of the run at `index`; repeats after the last."""
    return RUN_COLORS[index % len(RUN_COLORS)]
