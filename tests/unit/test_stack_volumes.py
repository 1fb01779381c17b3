"""The disks of the store: they keep the size that they were made with, and who asks for another is told before."""

from __future__ import annotations

import pytest
from objects import by_helm, ours, thing

from homelab.ports import Raw
from homelab.stack.volumes import resized


def store(size: str) -> Raw:
    """Consul with disks of this size."""
    claim = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": size}}}}
    return thing("apps/v1", "StatefulSet", "consul", "homelab", spec={"volumeClaimTemplates": [claim]})


@pytest.mark.parametrize("wished", ["2Gi", "512Mi", "1G", "1.5Gi"])
def test_another_size_is_told_with_both_sizes_and_both_ways_out(wished: str) -> None:
    why = resized(store(wished), ours(store("1Gi")))

    assert why and f"its volumes were made with 1Gi, and store.storage says {wished}" in why
    assert "write 1Gi there" in why and "homelab-tui delete --include volumes" in why


@pytest.mark.parametrize(
    ("wished", "live"), [("1Gi", "1Gi"), ("1024Mi", "1Gi"), ("1073741824", "1Gi"), ("1.5Gi", "1536Mi"), ("1000M", "1G")]
)
def test_the_same_size_may_be_written_otherwise(wished: str, live: str) -> None:
    assert resized(store(wished), ours(store(live))) is None


def test_what_is_not_ours_or_has_no_disks_is_left_to_others() -> None:
    bare = thing("apps/v1", "StatefulSet", "consul", "homelab", spec={})

    assert resized(store("2Gi"), by_helm(store("1Gi"), "consul")) is None
    assert resized(store("2Gi"), ours(bare)) is None
    assert resized(store("2Gi"), ours(store("1500m"))) is None
