"""`/v1/status`, `/v1/agent` and `/v1/operator`: who the servers are, and which of them leads."""

from __future__ import annotations

from typing import Any

from homelab.lab.consul.asked import Asked, Reply
from homelab.lab.consul.cluster import Member

VERSION = "1.22.3"
TERM = 2
LAN_PORT = 8301
_PROTOCOL = {"ProtocolMin": 1, "ProtocolMax": 5, "ProtocolCur": 2, "DelegateMin": 2, "DelegateMax": 5, "DelegateCur": 4}


async def leader(asked: Asked) -> Reply:
    """Where the leader is; empty without one."""
    return Reply(asked.cluster.leader.raft if asked.cluster.leader else "")


async def peers(asked: Asked) -> Reply:
    """Where all servers are."""
    return Reply([one.raft for one in asked.cluster.members])


async def members(asked: Asked) -> Reply:
    """All servers that the caller may see."""
    return Reply([_member(one) for one in asked.cluster.members if asked.holder.allows("node", "read", one.name)])


async def this(asked: Asked) -> Reply:
    """The server that is asked. Raises Fault."""
    asked.holder.demand("agent", "read", asked.server.name)
    config = {
        "Datacenter": "dc1",
        "PrimaryDatacenter": "dc1",
        "NodeName": asked.server.name,
        "NodeID": asked.server.id,
        "Revision": "",
        "Server": True,
        "Version": VERSION,
        "BindAddr": asked.server.address,
    }
    return Reply({"Config": config, "Stats": _stats(asked), "Member": _member(asked.server), "Meta": {}})


async def raft(asked: Asked) -> Reply:
    """Who votes. Raises Fault."""
    asked.holder.demand("operator", "read")
    return Reply({"Servers": [_voter(asked, one) for one in asked.cluster.members], "Index": 0})


async def health(asked: Asked) -> Reply:
    """How the servers are, and how many may be lost. Raises Fault."""
    asked.holder.demand("operator", "read")
    every = asked.cluster.members
    shown = [_healthy(asked, one) for one in every]
    return Reply({"Healthy": True, "FailureTolerance": (len(every) - 1) // 2, "Servers": shown})


def _member(one: Member) -> dict[str, Any]:
    tags = {"role": "consul", "dc": "dc1", "id": one.id, "port": one.raft.rpartition(":")[2], "acls": "1"}
    named = {"Name": one.name, "Addr": one.address, "Port": LAN_PORT, "Tags": tags | {"build": f"{VERSION}:"}}
    return named | {"Status": 1} | _PROTOCOL


def _voter(asked: Asked, one: Member) -> dict[str, Any]:
    known = {"ID": one.id, "Node": one.name, "Address": one.raft, "Leader": one == asked.cluster.leader}
    return known | {"ProtocolVersion": "3", "Voter": True, "LastIndex": asked.cluster.index}


def _healthy(asked: Asked, one: Member) -> dict[str, Any]:
    return {
        "ID": one.id,
        "Name": one.name,
        "Address": one.raft,
        "SerfStatus": "alive",
        "Version": VERSION,
        "Leader": one == asked.cluster.leader,
        "LastContact": "0s",
        "LastTerm": TERM,
        "LastIndex": asked.cluster.index,
        "Healthy": True,
        "Voter": True,
        "StableSince": one.since,
    }


def _stats(asked: Asked) -> dict[str, dict[str, str]]:
    """Numbers are texts here, as the real one gives them."""
    index, leads, every = str(asked.cluster.index), asked.server == asked.cluster.leader, asked.cluster.members
    at = asked.cluster.leader.raft if asked.cluster.leader else ""
    return {
        "build": {"version": VERSION},
        "consul": {"acl": "enabled", "leader": str(leads).lower(), "leader_addr": at, "server": "true"},
        "raft": {
            "applied_index": index,
            "commit_index": index,
            "fsm_pending": "0",
            "last_contact": "0",
            "last_log_index": index,
            "last_log_term": str(TERM),
            "num_peers": str(len(every) - 1),
            "state": "Leader" if leads else "Follower",
            "term": str(TERM),
        },
        "serf_lan": {"members": str(len(every)), "failed": "0", "left": "0"},
    }
