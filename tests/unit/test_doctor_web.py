"""What the doctor says of ports, by who answers; and how all checks run together."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from surroundings import LABEL, Answering, Around, Told, said, world

from homelab.doctor.examine import CHECKS, ROUTER, examine
from homelab.doctor.result import State
from homelab.lab.around import LabNames, LabNeighbourhood, LabWeb
from homelab.ports import Reply
from tui.headless.doctor import lines

INSIDE, NAME = f"http://{LABEL}.internal.domain.com/", f"{LABEL}.cloud.domain.com"
HTTP, HTTPS, PUBLIC = f"http://{NAME}/", f"https://{NAME}/", "203.0.113.10"
DOCS = Path(__file__).parents[2] / "docs" / "doctor.md"
MOVED = Reply(301, {"location": HTTPS})
NOBODYS = Reply(404, {}, b"404 page not found\n")
"""What Traefik says of a name that nobody has."""
STRAY = Reply(200, {}, b"<!DOCTYPE HTML>")
ROUTER_PAGE = Reply(401, {}, b"<html><title>401 Unauthorized</title>")
LEADS = Told({(NAME, "A", None): (PUBLIC,)})


async def test_traefik_is_known_by_its_answer_but_on_a_node_it_says_nothing_of_the_lan() -> None:
    web = Answering({(INSIDE, "192.168.1.20"): NOBODYS})

    laptop = await said("http-internal", web=web)
    node = await said("http-internal", web=web, around=Around({}, own="192.168.1.50"))

    assert (laptop.state, node.state) == (State.OK, State.OK)
    assert "nothing of the LAN" not in laptop.what
    assert node.what.endswith("asked on a node, so this says nothing of the LAN")


async def test_an_ingress_that_refuses_this_machine_says_so() -> None:
    found = await said("http-internal", web=Answering({(INSIDE, "192.168.1.20"): Reply(403, {}, b"Forbidden")}))

    assert found.state is State.WARNING
    assert "network.trusted" in found.fix


@pytest.mark.parametrize("id", ["http-internal", "http-external", "https-external"])
async def test_nobody_there_is_an_error_on_the_lan_and_cannot_be_told_elsewhere(id: str) -> None:
    assert (await said(id)).state is State.ERROR
    assert (await said(id, around=Around({}, own="10.8.0.2"))).state is State.UNKNOWN


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (MOVED, State.OK),
        (Reply(308, {"location": HTTPS}), State.OK),
        (Reply(200, {}), State.ERROR),
        (Reply(301, {"location": "https://elsewhere.test/"}), State.ERROR),
    ],
)
async def test_the_external_ingress_leads_to_https_of_the_same_name(reply: Reply, state: State) -> None:
    assert (await said("http-external", web=Answering({(HTTP, "192.168.1.21"): reply}))).state is state


@pytest.mark.parametrize("reply", [NOBODYS, Reply(401, {}, b"401 Unauthorized\n"), Reply(403, {}, b"Forbidden")])
async def test_the_external_ingress_answers_https(reply: Reply) -> None:
    assert (await said("https-external", web=Answering({(HTTPS, "192.168.1.21"): reply}))).state is State.OK


@pytest.mark.parametrize(("id", "url", "last"), [("http-internal", INSIDE, 20), ("https-external", HTTPS, 21)])
@pytest.mark.parametrize("reply", [STRAY, ROUTER_PAGE, Reply(403, {}, b"<html>"), Reply(404, {}, b"<html>"), MOVED])
async def test_a_program_that_is_not_traefik_is_not_taken_for_it(id: str, url: str, last: int, reply: Reply) -> None:
    found = await said(id, web=Answering({(url, f"192.168.1.{last}"): reply}))

    assert found.state is State.WARNING
    assert f"with {reply.status} that is not Traefik's answer" in found.what
    assert ("layer2-internal" if id == "http-internal" else "layer2-external") in found.fix


@pytest.mark.parametrize("id", ["http-internal", "http-external", "https-external"])
async def test_a_machine_that_has_the_address_itself_cannot_tell_who_answers_there(id: str) -> None:
    web = Answering({(INSIDE, "192.168.1.20"): NOBODYS})
    mine = "192.168.1.20" if id == "http-internal" else "192.168.1.21"

    found = await said(id, web=web, around=Around({}, own=mine))

    assert found.state is State.UNKNOWN
    assert f"has {mine} itself" in found.what
    assert found.fix == f"mend layer2-{'internal' if id == 'http-internal' else 'external'} first"


@pytest.mark.parametrize("web", [Answering(), Answering({(HTTP, PUBLIC): MOVED, (HTTPS, PUBLIC): NOBODYS})])
async def test_the_way_from_outside_is_never_proved_from_inside(web: Answering) -> None:
    found = await said("outside", names=LEADS, web=web)

    assert found.state is State.UNKNOWN
    assert found.paste == HTTP
    assert "hairpin" in found.what
    assert "no error" in found.what or web.known


async def test_the_public_address_is_ours_where_the_router_leads_back_and_unknown_elsewhere() -> None:
    back = Answering({(HTTP, PUBLIC): MOVED, (HTTPS, PUBLIC): NOBODYS})

    well, silent = [await said("public-address", names=LEADS, web=web) for web in (back, Answering())]

    assert (well.state, silent.state) == (State.OK, State.UNKNOWN)
    assert "CGNAT" in silent.fix


AS_OURS = "answers as the external ingress does"
NOT_OURS = "but not as the external ingress does"


@pytest.mark.parametrize(
    ("answers", "http", "https"),
    [
        ({HTTP: NOBODYS}, f"port 80 answers (404), {NOT_OURS}", "port 443 does not answer"),
        ({HTTP: STRAY, HTTPS: STRAY}, f"port 80 answers (200), {NOT_OURS}", f"port 443 answers (200), {NOT_OURS}"),
        ({HTTP: MOVED}, f"port 80 {AS_OURS}", "port 443 does not answer"),
        ({HTTPS: NOBODYS}, "port 80 does not answer", f"port 443 {AS_OURS}"),
    ],
)
async def test_a_forward_that_leads_elsewhere_is_told_by_its_port(
    answers: dict[str, Reply], http: str, https: str
) -> None:
    web = Answering({(url, PUBLIC): reply for url, reply in answers.items()})

    found, outside = [await said(id, names=LEADS, web=web) for id in ("public-address", "outside")]

    assert found.state is State.WARNING
    assert found.what == f"{PUBLIC} {http}; {https}: is the forward to 192.168.1.21?"
    assert outside.state is State.UNKNOWN
    assert f"{http}; {https}" in outside.what


async def test_names_that_lead_nowhere_leave_the_public_checks_without_an_answer() -> None:
    assert {(await said(id)).state for id in ("public-address", "outside")} == {State.UNKNOWN}


async def test_in_the_lab_nobody_can_tell_and_nothing_is_an_error() -> None:
    here = world(names=LabNames(), web=LabWeb(Answering()), around=LabNeighbourhood())

    found = [result async for result in examine(here)]

    assert {result.state for result in found} == {State.UNKNOWN}
    assert {result.id for result in found} == set(CHECKS)


async def test_the_labs_neighbours_are_the_homes_machines() -> None:
    around = LabNeighbourhood()
    asked = [IPv4Address(f"192.168.1.{last}") for last in (1, 3, 20, 50, 55)]

    found = await around.macs(asked)

    assert [str(one) for one in found] == ["192.168.1.1", "192.168.1.3", "192.168.1.55"]
    assert around.machine().name == "master1"


async def test_web_servers_are_asked_only_after_the_neighbours_have_answered() -> None:
    order: list[str] = []

    class Slow(Around):
        async def macs(self, addresses: object) -> dict[IPv4Address, str]:
            for _ in range(5):
                await asyncio.sleep(0)
            order.append("neighbours")
            return {}

    class Noting(Answering):
        async def get(self, url: str, address: IPv4Address, credentials: tuple[str, str] | None = None) -> Reply:
            order.append("web")
            return MOVED

    here = world(around=Slow({}), web=Noting())
    _ = [result async for result in examine(here, ["http-internal", "layer2-internal"])]

    assert order == ["neighbours", "web"]


async def test_a_check_that_meets_a_failure_cannot_tell() -> None:
    class Broken(Around):
        async def macs(self, addresses: object) -> dict[IPv4Address, str]:
            raise OSError(105, "No buffer space available")

    found = await said("layer2-internal", around=Broken({}))

    assert found.state is State.UNKNOWN
    assert "No buffer space" in found.what


def test_every_check_has_its_row_in_the_docs() -> None:
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith("| `")]

    assert [id for id in CHECKS if not any(f"`{id}`" in row.split("|")[1] for row in rows)] == []


def test_the_routers_checks_need_no_more_than_names() -> None:
    assert ROUTER == ("dns-internal", "dns-system", "dns-aaaa", "dns-external", "dns-external-v6")


async def test_a_result_is_a_line_with_why_and_fix_below_and_the_line_to_paste_whole() -> None:
    bad = await said("outside", names=LEADS)
    well = await said("dns-internal", names=LabNames())

    shown = list(lines(bad, 40))

    assert shown[0].startswith("○ outside: ")
    assert shown[-1] == f"    {HTTP}"
    assert max(map(len, shown[:-1])) <= 40
    assert list(lines(well, 200)) == [f"○ dns-internal: {well.what}"]
