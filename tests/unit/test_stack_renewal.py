"""A run of the issuer outside its schedule."""

from __future__ import annotations

from objects import article_plan

from homelab.lab.upstream import StandIns
from homelab.stack.render import Facts, render
from homelab.stack.renewal import ISSUER, job


def test_a_run_at_once_is_the_scheduled_one_with_the_hosts_to_renew() -> None:
    (issuer,) = [
        item.obj for item in render(article_plan(), Facts(), StandIns(), ["certificates"]) if item.ref == ISSUER
    ]
    issuer["metadata"]["uid"] = "u-1"

    made = job(issuer, ["a.cloud.domain.com", "b.cloud.domain.com"])

    scheduled = issuer["spec"]["jobTemplate"]["spec"]
    (container,) = made["spec"]["template"]["spec"]["containers"]
    (usual,) = scheduled["template"]["spec"]["containers"]
    assert container["env"] == [*usual["env"], {"name": "RENEW", "value": "a.cloud.domain.com b.cloud.domain.com"}]
    assert {**container, "env": usual["env"]} == usual
    assert made["spec"]["activeDeadlineSeconds"] == scheduled["activeDeadlineSeconds"]
    assert "ownerReferences" not in made["metadata"]
