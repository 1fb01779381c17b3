"""The lines for dnsmasq, asked of dnsmasq itself: on the loopback, with an upstream server that counts questions."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_router_texts import article, of

from homelab.plan.model import Node, Plan
from homelab.plan.router import texts

DNSMASQ = shutil.which("dnsmasq", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
HERE = "127.0.53.1"
"""Of the loopback, and of nobody else."""
PATIENCE = 10.0
pytestmark = pytest.mark.skipif(DNSMASQ is None, reason="needs dnsmasq: apt-get install dnsmasq-base")


def of_dnsmasq(plan: Plan, macs: dict[str, str]) -> str:
    """The file for a dnsmasq of one's own."""
    parts = texts(plan, macs, "dnsmasq")
    return f"{of(parts, 'wildcard DNS')}\n{of(parts, 'DHCP range and reservations')}\n"


def of_dd_wrt(plan: Plan, macs: dict[str, str]) -> str:
    """What the box of options holds in the end."""
    parts = texts(plan, macs, "dd-wrt")
    return "".join(f"{part.text}\n" for part in parts if "Additional Dnsmasq Options" in part.where)


def of_pi_hole(plan: Plan, macs: dict[str, str]) -> str:
    """The lines that Pi-hole makes of both settings."""
    written = "\n".join(part.text for part in texts(plan, macs, "pi-hole"))
    lines, hosts = (json.loads(found) for found in re.findall(r"'(\[.*\])'", written))
    return "".join(f"{line}\n" for line in (*lines, *(f"dhcp-host={host}" for host in hosts)))


def of_a_container(plan: Plan, macs: dict[str, str]) -> str:
    """The lines that a Pi-hole in a container makes of its environment."""
    (written,) = re.findall(
        r"^FTLCONF_misc_dnsmasq_lines=(.*)$", of(texts(plan, macs, "pi-hole"), "wildcard DNS"), re.M
    )
    return f"{written}\n".replace(";", "\n")


def of_openwrt(plan: Plan, macs: dict[str, str]) -> str:
    """The lines that OpenWrt makes of its settings. Source: openwrt/openwrt, dnsmasq.init."""
    written = "\n".join(part.text for part in texts(plan, macs, "openwrt"))
    names = {"address": "address", "server": "server", "rebind_domain": "rebind-domain-ok"}
    lists = re.findall(r"^uci add_list dhcp\.@dnsmasq\[0\]\.(\w+)='(.*)'$", written, re.M)
    sections: dict[str, dict[str, str]] = {}
    for section, option, value in re.findall(r"^uci set dhcp\.(homelab_\w+)\.(\w+)='(.*)'$", written, re.M):
        sections.setdefault(section, {})[option] = value
    hosts = (",".join(host[key] for key in ("mac", "name", "ip") if key in host) for host in sections.values())
    return "".join((*(f"{names[name]}={value}\n" for name, value in lists), *(f"dhcp-host={host}\n" for host in hosts)))


KINDS = pytest.mark.parametrize("lines", [of_dnsmasq, of_dd_wrt, of_pi_hole, of_a_container, of_openwrt])
Lines = Callable[[Plan, dict[str, str]], str]


@dataclass
class Upstream:
    """A name server that knows no name, and remembers who was asked for."""

    socket: socket.socket
    asked: list[str] = field(default_factory=list)

    def serve(self) -> None:
        """Until the socket is shut."""
        while True:
            data, sender = self.socket.recvfrom(4096)
            if not data:
                return
            question = dns.message.from_wire(data)
            self.asked.append(f"{question.question[0].name}".rstrip("."))
            answer = dns.message.make_response(question, recursion_available=True)
            answer.set_rcode(dns.rcode.NXDOMAIN)
            self.socket.sendto(answer.to_wire(), sender)


@contextmanager
def upstream() -> Iterator[Upstream]:
    """One on a port of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind((HERE, 0))
        server = Upstream(listening)
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield server
        finally:
            listening.sendto(b"", listening.getsockname())
            thread.join(PATIENCE)


@dataclass(frozen=True)
class Started:
    """A dnsmasq that answers."""

    port: int
    upstream: Upstream

    def ask(self, name: str, kind: str) -> tuple[str, list[str]]:
        """Its code and the addresses."""
        answer = dns.query.udp(dns.message.make_query(name, kind), HERE, timeout=PATIENCE, port=self.port)
        found = [str(item) for records in answer.answer for item in records]
        return dns.rcode.to_text(answer.rcode()), found


@contextmanager
def started(lines: str, folder: Path) -> Iterator[Started]:
    """DNS alone: what concerns DHCP is left to `--test`, since it would listen on every interface."""
    file = folder / "dnsmasq.conf"
    file.write_text("".join(f"{line}\n" for line in lines.splitlines() if not line.startswith("dhcp-")))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((HERE, 0))
        port = free.getsockname()[1]
    with upstream() as above:
        server = f"{HERE}#{above.socket.getsockname()[1]}"
        alone = [
            "--keep-in-foreground",
            "--no-resolv",
            "--no-hosts",
            "--bind-interfaces",
            "--pid-file=",
            "--log-facility=-",
        ]
        arguments = [
            f"--conf-file={file}",
            f"--listen-address={HERE}",
            f"--port={port}",
            f"--server={server}",
            "--user=",
        ]
        process = subprocess.Popen(
            [str(DNSMASQ), *alone, *arguments, "--stop-dns-rebind"], stderr=subprocess.PIPE, text=True
        )
        try:
            assert process.stderr
            assert "started" in process.stderr.readline()
            yield Started(port, above)
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)


def refused(lines: str, folder: Path) -> str:
    """What `dnsmasq --test` has against them; nothing where all is well."""
    file = folder / "tested.conf"
    file.write_text(lines)
    ended = subprocess.run([str(DNSMASQ), "--test", "-C", file], capture_output=True, text=True, check=False)
    assert "syntax check OK" in ended.stderr or ended.returncode
    return ended.stderr if ended.returncode else ""


@KINDS
def test_every_name_below_and_the_domain_itself_lead_to_the_internal_address(lines: Lines, tmp_path: Path) -> None:
    with started(lines(article(), {}), tmp_path) as server:
        for name in ("internal.domain.com", "whoami.internal.domain.com", "a.b.internal.domain.com"):
            assert server.ask(name, "A") == ("NOERROR", ["192.168.1.20"])
            assert server.ask(name, "AAAA") == ("NOERROR", [])
        assert server.upstream.asked == []


def test_names_beside_the_domain_still_go_upstream(tmp_path: Path) -> None:
    with started(of_dnsmasq(article(), {}), tmp_path) as server:
        assert server.ask("notinternal.domain.com", "A") == ("NXDOMAIN", [])
        assert server.upstream.asked == ["notinternal.domain.com"]


def test_without_the_second_line_questions_for_aaaa_would_be_answered_upstream(tmp_path: Path) -> None:
    """Why it is there; should this fail one day, dnsmasq has changed and the line may go."""
    lines = of_dnsmasq(article(), {}).replace("local=", "# local=")

    with started(lines, tmp_path) as server:
        server.ask("whoami.internal.domain.com", "AAAA")
        assert server.upstream.asked == ["whoami.internal.domain.com"]


@KINDS
def test_dnsmasq_takes_every_line(lines: Lines, tmp_path: Path) -> None:
    assert refused(lines(article(), {}), tmp_path) == ""
    assert refused(lines(article(), {"node1": "02:00:00:00:00:01"}), tmp_path) == ""


def test_dnsmasq_would_refuse_a_reservation_that_is_none(tmp_path: Path) -> None:
    assert "bad" in refused("dhcp-host=02:00:00:00:00:zz,192.168.1.60\n", tmp_path)


names = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-_' ", min_size=1, max_size=12) | st.text(max_size=12)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(names, min_size=1, max_size=8, unique=True), st.booleans())
def test_dnsmasq_takes_nodes_of_any_name(tmp_path: Path, named: list[str], known: bool) -> None:
    first = IPv4Address("192.168.1.50")
    nodes = tuple(Node(name, first + number) for number, name in enumerate(named))
    macs = {name: f"02:00:00:00:00:{number:02x}" for number, name in enumerate(named)} if known else {}
    plan = Plan(**{**{f: getattr(article(), f) for f in Plan.__slots__}, "nodes": nodes})

    assert refused(of_dnsmasq(plan, macs), tmp_path) == ""
