from pathlib import Path

import pytest

from tests.claim_journals import Trainings


@pytest.fixture
def lab(tmp_path: Path) -> Trainings:
    return Trainings(tmp_path)
