"""What a job runs on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ablations.executors import EXECUTORS, WorkerConfig
from ablations.jobs.machine import select_device
from fakeface import environment
from fakeface.environment import usable_cores
from fakeface.errors import UserError


def test_usable_cores_are_those_of_this_process():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(
    ("cgroup", "files", "quota"),
    [
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "400000 100000\n"}, 4),
        ("0::/elsewhere\n", {"cpu.max": "50000 100000\n"}, 0.5),  # a container sees its own group at the top
        ("0::/a\n", {"a/cpu.max": "max 100000\n"}, None),
        ("0::/a\n", {"a/cpu.max": "no number\n"}, None),
        (
            "4:memory:/m\n2:cpu,cpuacct:/a\n0::/\n",
            {"cpu/a/cpu.cfs_quota_us": "300000\n", "cpu/a/cpu.cfs_period_us": "100000\n"},
            3,
        ),
        ("2:cpu:/a\n", {"cpu/a/cpu.cfs_quota_us": "-1\n", "cpu/a/cpu.cfs_period_us": "100000\n"}, None),
        (
            "2:cpu:/a/b\n",
            {
                "cpu/a/b/cpu.cfs_quota_us": "400000\n",
                "cpu/a/b/cpu.cfs_period_us": "100000\n",
                "cpu/a/cpu.cfs_quota_us": "75000\n",
                "cpu/a/cpu.cfs_period_us": "50000\n",
                "cpu/cpu.cfs_quota_us": "-1\n",
                "cpu/cpu.cfs_period_us": "100000\n",
            },
            1.5,
        ),
        ("nonsense", {}, None),
        (None, {}, None),
    ],
)
def test_a_cpu_quota_is_the_least_of_the_groups(tmp_path: Path, cgroup, files, quota):
    if cgroup is not None:
        files = {"../../../proc/self/cgroup": cgroup, **files}
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    for name, content in files.items():
        path = Path(os.path.normpath(tmp_path / "sys/fs/cgroup" / name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert environment.cpu_quota(tmp_path) == quota


@pytest.mark.parametrize(("quota", "cores"), [(None, 8), (0.5, 1), (1.0, 1), (1.5, 1), (2.9, 2), (64.0, 8)])
def test_a_quota_limits_the_cores_and_the_jobs_side_by_side(monkeypatch: pytest.MonkeyPatch, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(environment, "cpu_quota", lambda: quota)
    assert usable_cores() == cores
    assert EXECUTORS["local"](WorkerConfig(Path(), "cpu", 1, {})).slots(None) == cores


@pytest.mark.parametrize("name", ["auto", "cuda", "cuda:0"])
def test_a_gpu_that_does_not_compute_is_an_error_with_the_ways_out(monkeypatch: pytest.MonkeyPatch, name):
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: the driver is too old\nCompile with ...")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch, "ones", refuse)
    with pytest.raises(UserError, match=r"cuda:0.*\(CUDA error: the driver is too old\)") as caught:
        select_device(name)
    assert "--device cpu" in str(caught.value)
    assert select_device("cpu").type == "cpu"


@pytest.mark.parametrize("package", ["ablations.cli.app", "analysis", "fakeface"])
@pytest.mark.parametrize(
    ("users", "expected"),
    [
        ({}, environment.SPINNING),
        ({"GOMP_SPINCOUNT": "7"}, {**environment.SPINNING, "GOMP_SPINCOUNT": "7"}),
        ({"OMP_WAIT_POLICY": "active"}, {}),
    ],
)
def test_every_way_in_shortens_spinning_unless_the_user_has_set_it(package: str, users, expected):
    code = f"import os, sys, {package}; assert 'torch' not in sys.modules"
    code += f"; print({{n: os.environ[n] for n in {list(environment.SPINNING)} if n in os.environ}} == {expected})"
    unset = {name: value for name, value in os.environ.items() if name not in environment.SPINNING}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**unset, **users}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True"
