"""The default database for one machine: PostgreSQL from its wheel, started and stopped as our own child.

`Cluster` runs one kept in a folder, `temporary_cluster` one that lives as long as a block, and
`ClusterAccess` is how any other process reaches either. Nothing here knows the portal's settings.
"""

from portal.embedded.access import ClusterAccess
from portal.embedded.cluster import Cluster, temporary_cluster
from portal.embedded.control import ControlState, control_state
from portal.embedded.errors import EmbeddedError
from portal.embedded.server_user import wheel_programs

__all__ = [
    "Cluster",
    "ClusterAccess",
    "ControlState",
    "EmbeddedError",
    "control_state",
    "temporary_cluster",
    "wheel_programs",
]
