"""What the checks say of a plan: one slip each, and what may look like one but is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from homelab.finding import Finding, Severity
from homelab.plan.checks import CHECKS, Check, check, findings_of
from homelab.plan.edit import Value
from homelab.plan.file import Reading, initial, read
from homelab.plan.model import Plan, keys
from homelab.plan.rules_claims import moved
from homelab.plan.rules_names import form_fault, is_registrable

DOCS = Path(__file__).parents[2] / "docs" / "plan.md"
LINES = Path(__file__).parent / "lines"
ROOT = str(Path(__file__).parent / "roots" / "root.pem")
ERROR, WARNING = Severity.ERROR, Severity.WARNING
Changes = dict[str, Value]

OWN = {"ingress.internal.domain": "internal.anna.dev", "ingress.external.domain": "cloud.anna.dev"}
"""The article's plan with somebody's own domains: nothing is wrong with it."""


def home(changes: Changes) -> Reading:
    """Anna's home with some keys changed."""
    reading = read(initial())
    for path, value in {**OWN, **changes}.items():
        reading = read(reading.with_value(path, value))
    return reading


def plan_of(reading: Reading) -> Plan:
    assert reading.plan, reading.findings
    return reading.plan


def fired(reading: Reading) -> set[str]:
    plan = plan_of(reading)
    return {registered.id for registered in CHECKS.values() if list(registered.run(plan))}


def test_nothing_is_wrong_with_the_article_s_plan_under_own_domains() -> None:
    assert findings_of(home({})) == ()


def test_a_fresh_plan_is_only_told_that_its_domains_are_the_example_s() -> None:
    findings = findings_of(read(initial()))

    assert [(finding.at, finding.severity) for finding in findings] == [
        ("ingress.internal.domain", WARNING),
        ("ingress.external.domain", WARNING),
    ]
    assert all("example's domain" in finding.what for finding in findings)


ONE_NODE: Value = {"pi": {"address": "192.168.1.50", "role": "control-plane"}}

SLIPS: list[tuple[str, Severity, Changes, str, str]] = [
    # id, severity, what is changed, the key that the finding names, words that it must say
    ("pool-over-dhcp", ERROR,
     {"network.dhcp": "192.168.1.28-192.168.1.40"},
     "load_balancer.pool", "end the pool at 192.168.1.27"),
    ("pool-over-dhcp", ERROR,
     {"network.dhcp": "192.168.1.16-192.168.1.17"},
     "load_balancer.pool", "192.168.1.17 is also in"),
    ("pool-over-reserved", ERROR,
     {"network.reserved": ["192.168.1.2-192.168.1.18"]},
     "load_balancer.pool", "begin the pool at 192.168.1.19"),
    ("pool-over-node", ERROR,
     {"nodes.node1.address": "192.168.1.30"},
     "load_balancer.pool", "192.168.1.30 of node node1"),
    ("pool-over-host", ERROR, {"network.hosts.tv": "192.168.1.17"}, "load_balancer.pool", "192.168.1.17 of host tv"),
    ("pool-over-gateway", ERROR, {"network.gateway": "192.168.1.22"}, "load_balancer.pool", "of the gateway"),
    ("pool-over-dns", WARNING, {"network.dns": "192.168.1.22"}, "network.dns", "MetalLB may give"),
    ("dhcp-over-reserved", ERROR,
     {"network.reserved": ["192.168.1.2", "192.168.1.90-192.168.1.110"]},
     "network.reserved[1]", "end the reserved range at 192.168.1.100"),
    ("dhcp-over-node", WARNING, {"nodes.node1.address": "192.168.1.150"}, "nodes.node1.address", "reservation"),
    ("dhcp-over-host", WARNING, {"network.hosts.switch": "192.168.1.101"}, "network.hosts.switch", "reservation"),
    ("dhcp-over-host", WARNING, {"network.dns": "192.168.1.200"}, "network.dns", "reservation"),
    ("dhcp-over-gateway", ERROR,
     {"network.gateway": "192.168.1.200"},
     "network.dhcp", "end the DHCP range at 192.168.1.199"),
    ("address-twice", ERROR, {"nodes.node1.address": "192.168.1.56"}, "nodes.node2.address", "of node node1"),
    ("address-twice", ERROR, {"network.hosts.switch": "192.168.1.4"}, "network.hosts.media-server", "of host switch"),
    ("address-twice", ERROR, {"network.hosts.switch": "192.168.1.55"}, "nodes.node1.address", "of host switch"),
    ("address-twice", ERROR,
     {"network.hosts.router": "192.168.1.1"},
     "network.hosts.router", "delete network.hosts.router"),
    ("dns-on-node", WARNING, {"network.dns": "192.168.1.55"}, "network.dns", "node node1"),
    ("reserved-twice", WARNING,
     {"network.reserved": ["192.168.1.2-192.168.1.9", "192.168.1.9-192.168.1.15"]},
     "network.reserved[1]", "192.168.1.9 is reserved twice"),
    ("dhcp-unknown", WARNING, {"network.dhcp": None}, "network.dhcp", "look the range up"),
    ("lan-not-private", WARNING, {"network.lan": "192.0.0.0/8"}, "network.lan", "192.0.0.0/8 is no private network"),
    ("pool-outside-lan", ERROR,
     {"load_balancer.pool": "192.168.1.17-192.168.2.30", "network.dhcp": "192.168.1.5-192.168.1.9",
      "network.reserved": [], "nodes.node1.address": "192.168.1.12", "nodes.node2.address": "192.168.1.11",
      "nodes.master1.address": "192.168.1.10"},
     "load_balancer.pool", "keep to 192.168.1.17-192.168.1.255"),
    ("dhcp-outside-lan", ERROR,
     {"network.dhcp": "192.168.0.100-192.168.0.200"},
     "network.dhcp", "choose addresses of 192.168.1.0/24"),
    ("reserved-outside-lan", ERROR,
     {"network.reserved": ["192.168.1.2", "192.168.0.2"]},
     "network.reserved[1]", "not in the LAN"),
    ("gateway-outside-lan", ERROR, {"network.gateway": "192.168.0.1"}, "network.gateway", "not in the LAN"),
    ("node-outside-lan", ERROR, {"nodes.node2.address": "10.0.0.9"}, "nodes.node2.address", "of node node2"),
    ("host-outside-lan", ERROR, {"network.hosts.switch": "10.0.0.9"}, "network.hosts.switch", "of host switch"),
    ("ingress-outside-lan", ERROR,
     {"ingress.external.address": "10.0.0.9"},
     "ingress.external.address", "of the external ingress"),
    ("ingress-outside-pool", ERROR,
     {"ingress.internal.address": "192.168.1.40"},
     "ingress.internal.address", "choose an address of 192.168.1.17-192.168.1.30"),
    ("ingress-addresses-equal", ERROR,
     {"ingress.external.address": "192.168.1.20"},
     "ingress.external.address", "internal apps would be public"),
    ("edge-address", ERROR,
     {"nodes.node2.address": "192.168.1.255"},
     "nodes.node2.address", "broadcast address of 192.168.1.0/24"),
    ("edge-address", ERROR,
     {"network.hosts.tv": "192.168.1.0"},
     "network.hosts.tv", "from 192.168.1.1 to 192.168.1.254"),
    ("edge-in-range", ERROR, {"network.dhcp": "192.168.1.101-192.168.1.255"}, "network.dhcp", "the broadcast address"),
    ("pool-cidr-edges", WARNING,
     {"load_balancer.pool": "192.168.1.16/28"},
     "load_balancer.pool", "write 192.168.1.17-192.168.1.30"),
    ("cluster-networks-overlap", ERROR,
     {"cluster.pods": "192.168.0.0/16"},
     "cluster.pods", "overlaps 192.168.1.0/24 of network.lan"),
    ("cluster-networks-overlap", ERROR, {"cluster.services": "192.168.1.0/25"}, "cluster.services", "overlaps"),
    ("cluster-networks-overlap", ERROR,
     {"cluster.pods": "10.42.0.0/15", "cluster.services": "10.43.0.0/16"},
     "cluster.services", "of cluster.pods"),
    ("trusted-over-lan", WARNING,
     {"network.trusted": ["10.8.0.0/24", "192.168.0.0/16"]},
     "network.trusted[1]", "overlaps the LAN"),
    ("trusted-public", WARNING, {"network.trusted": ["0.0.0.0/0"]}, "network.trusted[0]", "publish every internal app"),
    ("trusted-public", WARNING, {"network.trusted": ["8.8.8.0/24"]}, "network.trusted[0]", "public addresses"),
    ("dns-public", WARNING, {"network.dns": "8.8.8.8"}, "network.dns", "does not know *.internal.anna.dev"),
    ("domain-form", ERROR,
     {"ingress.internal.domain": "*.internal.anna.dev"},
     "ingress.internal.domain", "write internal.anna.dev"),
    ("domains-equal", ERROR,
     {"ingress.external.domain": "internal.anna.dev"},
     "ingress.external.domain", "cloud.anna.dev"),
    ("domains-nested", ERROR,
     {"ingress.external.domain": "x.internal.anna.dev"},
     "ingress.internal.domain", "*.internal.anna.dev answers"),
    ("domains-nested", ERROR,
     {"ingress.internal.domain": "x.cloud.anna.dev"},
     "ingress.external.domain", "*.cloud.anna.dev answers"),
    ("wildcard-top-level", ERROR,
     {"ingress.internal.domain": "com"},
     "ingress.internal.domain", "*.com takes every name"),
    ("wildcard-top-level", ERROR,
     {"ingress.internal.domain": "de"},
     "ingress.internal.domain", "*.de takes every name"),
    ("wildcard-top-level", WARNING, {"ingress.internal.domain": "annas"}, "ingress.internal.domain", "home.annas"),
    ("wildcard-public-names", WARNING,
     {"ingress.internal.domain": "berta.dev"},
     "ingress.internal.domain", "mail.berta.dev"),
    ("domain-mdns", WARNING, {"ingress.internal.domain": "anna.local"}, "ingress.internal.domain", "multicast"),
    ("domain-example", WARNING,
     {"ingress.internal.domain": "home.example.org"},
     "ingress.internal.domain", "your own domain"),
    ("external-domain-private", WARNING,
     {"ingress.external.domain": "cloud.home.arpa"},
     "ingress.external.domain", "certificates.server"),
    ("no-nodes", ERROR, {"nodes": {}}, "nodes", "list each node"),
    ("no-control-plane", WARNING, {"nodes.master1.role": "worker"}, "nodes", "such as master1"),
    ("too-few", ERROR, {"ingress.external.replicas": 0}, "ingress.external.replicas", "write 1 or more"),
    ("too-few", ERROR, {"store.servers": -1}, "store.servers", "write 1 or more"),
    ("apps-empty", ERROR, {"apps": []}, "apps", "write whoami"),
    ("replicas-over-nodes", WARNING,
     {"ingress.external.replicas": 4},
     "ingress.external.replicas", "4 replicas on 3 nodes"),
    ("store-servers-even", ERROR, {"store.servers": 2}, "store.servers", "write 1 or 3"),
    ("store-servers-over-nodes", WARNING, {"store.servers": 5}, "store.servers", "the other 3 still elect a leader"),
    ("store-servers-over-nodes", WARNING,
     {"nodes.node2": None, "store.servers": 3},
     "store.servers", "the 1 left are no majority"),
    ("storage-form", ERROR, {"store.storage": "1GB"}, "store.storage", "such as 1Gi"),
    ("ca-server-form", ERROR,
     {"certificates.server": "http://ca.home.test/directory"},
     "certificates.server", "HTTPS only"),
    ("ca-without-server", ERROR, {"certificates.ca": ROOT}, "certificates.ca", "add `server:`"),
    ("email-form", ERROR, {"certificates.email": "anna at anna.dev"}, "certificates.email", "or null"),
    ("profile-unknown", WARNING,
     {"certificates.profile": "tlsclient"},
     "certificates.profile", "classic, tlsserver, shortlived"),
    ("ca-file", ERROR,
     {"certificates.server": "https://ca.home.test/acme/directory", "certificates.ca": f"{LINES}/fine.conf"},
     "certificates.ca", "lines/fine.conf holds no certificate"),
    ("config-file", ERROR,
     {"ingress.external.config": f"{LINES}/nowhere.conf"},
     "ingress.external.config", "nowhere.conf cannot be read: there is no file of that name"),
    ("config-line", ERROR,
     {"ingress.external.config": f"{LINES}/unknown.conf"},
     "ingress.external.config", "lines/unknown.conf:2: http/middlewares/hsts/headers/stsSecond: Traefik knows no"),
    ("config-size", ERROR,
     {"ingress.external.config": f"{LINES}/many.conf"},
     "ingress.external.config", "lines/many.conf has 7 keys too many"),
]  # fmt: skip

FOLLOWS = {"pool-outside-lan": {"edge-in-range"}}
"""Other checks that the same slip sets off, rightly."""


def slip(changes: Changes) -> Reading:
    """Like `home`; None for a node takes it out."""
    gone = [path for path in changes if path.startswith("nodes.") and changes[path] is None]
    reading = home({path: value for path, value in changes.items() if path not in gone})
    for path in gone:
        reading = read(reading.without(path))
    return reading


@pytest.mark.parametrize(("id", "severity", "changes", "at", "words"), SLIPS)
def test_a_slip_is_told_where_it_stands_with_its_reason_and_fix(
    id: str, severity: Severity, changes: Changes, at: str, words: str
) -> None:
    reading = slip(changes)

    (finding,) = CHECKS[id].run(plan_of(reading))

    assert (finding.at, finding.severity) == (at, severity)
    assert words in f"{finding.what} | {finding.why} | {finding.fix}"
    assert reading.line(at), "a finding points into the file"


@pytest.mark.parametrize(("id", "severity", "changes", "at", "words"), SLIPS)
def test_one_slip_is_told_once(id: str, severity: Severity, changes: Changes, at: str, words: str) -> None:
    assert fired(slip(changes)) == {id} | FOLLOWS.get(id, set())


def test_every_check_has_its_slip() -> None:
    assert {id for id, *_ in SLIPS} == set(CHECKS)


FINE: list[tuple[str, Changes]] = [
    ("the DNS server may be a host that is listed", {"network.dns": "192.168.1.4"}),
    ("hosts, nodes and the gateway may stand in a reserved range",
     {"network.reserved": ["192.168.1.0/28", "192.168.1.50-192.168.1.60"]}),
    ("ranges may touch", {"network.dhcp": "192.168.1.31-192.168.1.49"}),
    ("Tailscale's network may be trusted", {"network.trusted": ["100.64.0.0/10", "10.8.0.0/24", "192.168.2.0/24"]}),
    ("k3s's own networks are no one else's", {"cluster.pods": "10.42.0.0/16", "cluster.services": "10.43.0.0/16"}),
    ("a pool may be half of a larger LAN", {"network.lan": "192.168.0.0/16"}),
    ("two replicas of one server each on three nodes", {"store.servers": 1, "ingress.internal.replicas": 1}),
    ("another CA has its own profiles and signs for private names", {
        "certificates.server": "https://ca.home.test/acme/directory", "certificates.ca": ROOT,
        "certificates.profile": "mine", "ingress.external.domain": "cloud.home.test"}),
    ("names of the home alone take nobody's", {"ingress.internal.domain": "home.arpa"}),
    ("so does a single label that is kept for homes", {"ingress.internal.domain": "lan"}),
    ("and a part of a domain in a country", {"ingress.internal.domain": "internal.anna.co.uk"}),
    ("an external domain may be a whole one", {"ingress.external.domain": "berta.dev"}),
    ("neighbouring names are not nested", {"ingress.external.domain": "myinternal.anna.dev"}),
    ("an address with a plus", {"certificates.email": "anna+acme@mail.anna.dev"}),
    ("lines of one's own", {"ingress.external.config": f"{LINES}/fine.conf"}),
    ("a disk in bytes", {"store.storage": "1073741824"}),
]  # fmt: skip


@pytest.mark.parametrize("changes", [changes for _, changes in FINE], ids=[why for why, _ in FINE])
def test_what_is_right_is_left_alone(changes: Changes) -> None:
    assert fired(home(changes)) == set()


def test_a_whole_home_in_public_addresses_is_warned_of_once() -> None:
    text = initial().replace("192.168.1.", "203.0.113.")

    warned = [finding for finding in findings_of(read(text)) if finding.at == "network.lan"]

    assert [(finding.severity, finding.what) for finding in warned] == [
        (WARNING, "203.0.113.0/24 is no private network")
    ]


def test_another_home_is_as_good_as_the_article_s() -> None:
    text = home({}).document.text.replace("192.168.1.", "10.77.3.").replace("anna.dev", "home.test")

    findings = findings_of(read(text))

    assert {finding.at for finding in findings} == {"ingress.external.domain"}
    assert not any(finding.is_error for finding in findings)


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        ("192.168.1.20", "is an address"),
        ("https://in.anna.dev", "without https://"),
        ("in.anna.dev:80", "port"),
        ("*.in.anna.dev", "write in.anna.dev"),
        ("in.anna.dev.", "write in.anna.dev"),
        ("In.Anna.dev", "write in.anna.dev"),
        ("in_side.anna.dev", "write in-side.anna.dev"),
        ("in..anna.dev", "empty part"),
        (".anna.dev", "empty part"),
        ("-in.anna.dev", "hyphen"),
        ("in side.dev", "the part `in side`"),
        ("küche.dev", "the part `küche`"),
        ("a" * 64 + ".dev", "longer than 63"),
        (".".join(["a" * 60] * 5), "longer than 253"),
        ("*", "the domain"),
    ],
)
def test_what_is_no_domain_is_named_with_the_fix(domain: str, words: str) -> None:
    fault = form_fault(domain)

    assert fault and words in " ".join(fault)


@pytest.mark.parametrize(
    "domain", ["internal.anna.dev", "lan", "a-b.c1.dev", "xn--kche-0ra.dev", "a" * 63 + ".dev", "1.dev"]
)
def test_a_domain_is_a_domain(domain: str) -> None:
    assert form_fault(domain) is None


@pytest.mark.parametrize(
    ("domain", "whole"),
    [
        ("anna.dev", True),
        ("anna.co.uk", True),
        ("co.uk", True),
        ("in.anna.dev", False),
        ("in.anna.co.uk", False),
        ("dev", False),
    ],
)
def test_a_whole_domain_is_told_from_a_part_of_one(domain: str, whole: bool) -> None:
    assert is_registrable(domain) is whole


def test_a_range_inside_another_is_moved_out_of_it() -> None:
    plan = plan_of(home({}))
    inner, before = plan.load_balancer.pool, plan.network.reserved[0]

    assert moved(inner, inner, "the pool") == f"move the pool out of {inner}"
    assert moved(before, inner, "it") == "end it at 192.168.1.16"


def test_findings_come_in_the_order_of_the_file_with_their_lines() -> None:
    reading = home({"store.servers": 2, "network.gateway": "192.168.0.1", "ingress.internal.address": "192.168.1.40"})

    findings = findings_of(reading)

    lines = reading.document.text.splitlines()
    assert [finding.at for finding in findings] == ["network.gateway", "ingress.internal.address", "store.servers"]
    assert all(finding.line and finding.at.rpartition(".")[2] in lines[finding.line - 1] for finding in findings)


def test_a_file_without_a_plan_still_tells_its_faults_of_form() -> None:
    reading = read("version: 1\nversion: 1\n")

    assert findings_of(reading) == reading.findings != ()


def test_two_checks_cannot_share_an_id() -> None:
    with pytest.raises(ValueError, match="two checks are called pool-over-dhcp"):
        check("pool-over-dhcp", "again")(lambda _: iter(()))

    assert isinstance(CHECKS["pool-over-dhcp"], Check)


def severities(id: str) -> set[str]:
    return {str(severity) for known, severity, *_ in SLIPS if known == id}


def documented(id: str) -> str:
    """The check's row in docs/plan.md."""
    (row,) = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{id}` |")]
    return row


@pytest.mark.parametrize("id", CHECKS)
def test_the_docs_describe_every_check_with_its_severity(id: str) -> None:
    cells = [cell.strip() for cell in documented(id).strip("|").split("|")]

    assert all(severity in cells[1] for severity in severities(id))
    assert len(cells) == 5 and all(cells)


@pytest.mark.parametrize("key", keys())
def test_the_docs_describe_every_key(key: str) -> None:
    rows = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{key}` |")]

    assert len(rows) == 1


def test_the_docs_know_no_check_that_is_not() -> None:
    text = DOCS.read_text(encoding="utf-8")
    table = text[text.index("## Checks") :]
    named = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}

    assert named == set(CHECKS)


def test_a_finding_reads_like_a_sentence_for_the_person_at_night() -> None:
    (finding,) = findings_of(home({"network.dhcp": "192.168.1.28-192.168.1.40"}))

    assert isinstance(finding, Finding)
    assert finding.text("homelab.yaml").splitlines() == [
        f"error: homelab.yaml:{finding.line}: load_balancer.pool: 192.168.1.28-192.168.1.30 is also in the router's "
        "DHCP range 192.168.1.28-192.168.1.40",
        "  why: two owners for one address: sooner or later a phone gets the ingress's",
        "  fix: end the pool at 192.168.1.27, or move the DHCP range in the router and in the plan",
    ]
