"""From `homelab-tui` to the running stack on the master, by somebody at the laptop whose SSH session drops."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from evening import Answers, Person
from household import Home, eventually
from outside import https, issue, needs_authority, public, publish, said, trust
from sshd import needs_sshd, serving

pytestmark = [needs_authority, needs_sshd]

PRESSES = 40
"""Keys besides typed text, at most."""
DEPLOY_SECONDS = 600.0
DROPPED_IN = ("load-balancer", "store", "external")
"""Stages in which pods are waited for."""


@pytest.fixture(scope="module")
def anna(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Somebody who has a bare cluster, no plan, and read nothing."""
    home.cluster("reset")
    master = next(node for node in home.plan.nodes if node.role == "control-plane")
    with (
        serving(
            tmp_path_factory.mktemp("anna"),
            {"KUBECONFIG": home.cluster("kubeconfig", "--lan").strip()},
            address=str(master.address),
            place=(home.program, "exec", master.name),
            client=(home.program, "exec", "laptop"),
        ) as server,
        Person(server, f"homelab-tui --mirror {home.mirror}") as person,
    ):
        yield person


def answers(home: Home) -> Answers:
    """What nobody can propose: the names that this home's router answers, and a CA that is none of the world's."""
    ingress, certificates = home.plan.ingress, home.plan.certificates
    domains = {
        "ingress.internal.domain": ingress.internal.domain,
        "ingress.external.domain": ingress.external.domain,
    }
    authority = {"certificates.server": str(certificates.server), "certificates.ca": str(certificates.ca)}
    return {"router": domains, "certificates": authority}


def sees_waiting(person: Person, stage: str) -> None:
    """Wait until the deploy waits in a stage."""
    row = re.compile(f"^[ ▸]*{stage} .* [○▲] waiting ", re.MULTILINE)
    person.terminal.until(lambda: row.search(person.terminal.text), DEPLOY_SECONDS)


def test_a_newcomer_whose_session_drops_has_a_running_stack_after_few_keys(home: Home, anna: Person) -> None:
    def dropped(step: str) -> None:
        if step == "router":
            before = anna.form
            anna.cut_off(at_server=True)
            anna.terminal.until(lambda: (anna.step, anna.form) == (step, before))

    anna.sets_up(answers(home), dropped)
    anna.begins()
    for stage in DROPPED_IN:
        sees_waiting(anna, stage)
        anna.cut_off()
        anna.is_back()
    anna.sees_the_end(DEPLOY_SECONDS)
    anna.press("q")

    assert anna.terminal.ended() == 0
    print(f"{anna.presses} keys, {anna.received} bytes")
    assert anna.presses < PRESSES


def test_the_plan_that_was_made_is_the_one_of_this_home(home: Home, anna: Person) -> None:
    made = as_set_up(home, anna).plan

    assert made.ingress == home.plan.ingress
    assert made.load_balancer == home.plan.load_balancer
    assert {node.name: node.address for node in made.nodes} == {node.name: node.address for node in home.plan.nodes}


def test_what_was_set_up_serves_the_house_and_the_world(home: Home, anna: Person) -> None:
    own = as_set_up(home, anna)
    assert "nothing to change" in own.apply().stdout
    assert own.code("laptop", f"http://{own.sample}/") == "200"

    trust(own)
    publish(own)
    assert said(issue(own, "first-evening"), public(own)) == ["issued"]

    eventually("https answers", lambda: https(own, public(own)) == "200")
    seen = own.status()
    assert {route["state"] for route in seen["routes"]} == {"served"}
    assert [one["state"] for one in seen["certificates"] if one["host"] == public(own)] == ["valid"]


def as_set_up(home: Home, person: Person) -> Home:
    """The home with the plan that the person made."""
    return replace(home, folder=person.server.folder / ".config" / "homelab-tui")
