from pathlib import Path

import pytest

from ablations.spec import StudySpec
from tests.studies.specs import study_of


@pytest.fixture
def study(tmp_path: Path) -> StudySpec:
    return study_of(tmp_path, "one")
