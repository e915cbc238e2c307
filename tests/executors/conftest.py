"""A Ray cluster of two nodes on 127.0.0.1, which the tests of a module share."""

import os
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

# Read when Ray is imported: listen on 127.0.0.1 only, give workers the priority of this process, and use one token for
# all clusters, whatever the home folder holds. Ray ends a driver's actors if its cluster has another token, or none.
os.environ.update(
    {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_worker_niceness": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }
)


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[Any]:
    """A `ray.cluster_utils.Cluster` of two node processes with a core each."""
    from ray.cluster_utils import Cluster

    memory = {"object_store_memory": 80 * 2**20}
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, **memory}
    )
    cluster.add_node(num_cpus=1, **memory)
    yield cluster
    cluster.shutdown()
