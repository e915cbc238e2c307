"""Names and numbers as `runs.yaml` has them."""

from typing import Annotated

from pydantic import StringConstraints

MAX_NAME = 100

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=MAX_NAME)]
Number = int | float
