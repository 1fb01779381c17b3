"""The kinds that controllers read and write, by name."""

from __future__ import annotations

from homelab.ports import Kind

CLAIM = Kind("v1", "PersistentVolumeClaim")
CRON_JOB = Kind("batch/v1", "CronJob")
DAEMON_SET = Kind("apps/v1", "DaemonSet")
DEPLOYMENT = Kind("apps/v1", "Deployment")
EVENT = Kind("v1", "Event")
JOB = Kind("batch/v1", "Job")
NODE = Kind("v1", "Node")
POD = Kind("v1", "Pod")
REPLICA_SET = Kind("apps/v1", "ReplicaSet")
SERVICE = Kind("v1", "Service")
SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice")
STATEFUL_SET = Kind("apps/v1", "StatefulSet")
VOLUME = Kind("v1", "PersistentVolume")
