"""The issuer: the only one in the cluster that fetches certificates, for all external hosts; it shares them through KV.

    python3 issuer.py

One run: load the configuration; take the lock, or leave when another holds it; find the hosts that Ingresses publish;
bring back what KV lost; fetch what is due with certbot; forget hosts long gone. It runs every few minutes and starts
certbot only when something is due.

The lock is a Consul session that a thread renews. Whatever is written carries `check-session`, so an issuer that lost
the lock can write nothing. All that concerns a CA is kept apart, under the first 12 digits of the SHA-256 of its
directory's URL: a change of CA orders anew, while the certificates there are go on being served.

    traefik-external/tls/certificates/<host>/{certFile,keyFile}   what every replica serves
    homelab/acme/lock                       the session lock; its value says who holds it
    homelab/acme/private/<ca>/account       certbot's account folder, base64 of a tar.gz
    homelab/acme/private/<ca>/<host>/lineage  certbot's files of the newest certificate, likewise
    homelab/acme/<ca>/<host>/state          the fields of `State` as JSON, times as ISO 8601 in UTC; no secret in it

What holds keys is below `private/`, which the console may not read. Account and lineages are mirrored in Secrets
(`acme-account-<ca>`, `certificate-<host>-<ca>` with the newest two), from which a wiped KV is filled again without a
new order.

Environment: CONSUL_HTTP_ADDR, CONSUL_HTTP_TOKEN_FILE, LOADER_TOKEN_FILE, HOMELAB_CONFIG, HOMELAB_PATIENCE,
HOMELAB_NAMESPACE, HOMELAB_MIRRORS, EXTERNAL_DOMAIN, TRAEFIK_SELECTOR, ACME_SERVER; optional ACME_CA_FILE,
ACME_PROFILE, ACME_EMAIL, KEEP_DAYS, and RENEW: hosts to renew now, with spaces between. Exit code 0: done, also when
the CA refused a host, which its state then tells; 1: the run failed or left something undone, and the last line says
why.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import challenge
import lineage
import loader
from decisions import (
    EVERYWHERE,
    Certificate,
    Problem,
    State,
    ca_name,
    certified,
    chosen,
    due,
    failed,
    held,
    mirror_name,
    problem,
    sighted,
)
from dynamic import ROOT, Trouble
from kube import Kubernetes, Refused
from loader import clear, gist, tell, write
from locking import LOST, Lock, holder

ACME = "homelab/acme/"
SERVED = ROOT + "tls/certificates/"
BUSY_SECONDS = 2.0
CERTBOT_SECONDS = 300
TXN_BYTES = 512 * 1024
"""Of a transaction as it is sent. Source: Consul docs, agent configuration, txn_max_req_len."""
VERSIONS = 2
"""Certificates of one host that are mirrored."""
LABEL = "homelab-tui/certificate"


@dataclass(frozen=True)
class Settings:
    """What the environment says."""

    server: str
    domain: str
    namespace: str
    """Of the replicas."""
    mirrors: str
    """Namespace of the Secrets that mirror; apart, so that no other Secret can be read."""
    selector: str
    ca_file: str = ""
    profile: str = ""
    email: str = ""
    keep_days: int = 30
    renew: tuple[str, ...] = ()
    state: Path = Path("/state")
    """Certbot's folders; nothing in it has to outlive the run."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Settings:
        """Raises ValueError for days that are no number."""
        return cls(
            server=environment["ACME_SERVER"],
            domain=environment["EXTERNAL_DOMAIN"],
            namespace=environment["HOMELAB_NAMESPACE"],
            mirrors=environment["HOMELAB_MIRRORS"],
            selector=environment["TRAEFIK_SELECTOR"],
            ca_file=environment.get("ACME_CA_FILE", ""),
            profile=environment.get("ACME_PROFILE", ""),
            email=environment.get("ACME_EMAIL", ""),
            keep_days=int(environment.get("KEEP_DAYS", "30")),
            renew=tuple(environment.get("RENEW", "").split()),
        )

    @property
    def config(self) -> Path:
        """Certbot's folder of accounts and lineages."""
        return self.state / "config"

    @property
    def webroot(self) -> Path:
        """What the challenge server serves."""
        return self.state / "webroot"


def command(settings: Settings, host: str) -> list[str]:
    """Certbot's arguments; without RENEW it decides itself, after asking the CA, whether it is time."""
    return [
        *("certbot", "certonly", "--non-interactive", "--agree-tos", "--no-directory-hooks"),
        *("--webroot", "--webroot-path", str(settings.webroot), "--cert-name", host, "-d", host),
        *("--server", settings.server, "--config-dir", str(settings.config)),
        *("--work-dir", str(settings.state / "work"), "--logs-dir", str(settings.state / "logs" / host)),
        *(("--email", settings.email) if settings.email else ("--register-unsafely-without-email",)),
        *(("--preferred-profile", settings.profile) if settings.profile else ()),
        "--force-renewal" if host in settings.renew else "--keep-until-expiring",
    ]


def vault(server: str) -> str:
    """Where the keys of a CA's certificates and of our account there are."""
    return f"{ACME}private/{ca_name(server)}/"


@dataclass
class Run:
    """One run with the lock in hand."""

    settings: Settings
    consul: loader.Consul
    cluster: Kubernetes
    lock: Lock
    kept: dict[str, loader.Pair] = field(default_factory=dict)
    """All that KV had when the run began, of every CA."""
    undone: list[str] = field(default_factory=list)
    """What went wrong and did not end the run."""

    @property
    def home(self) -> str:
        """Where everybody may read of this CA's hosts."""
        return f"{ACME}{ca_name(self.settings.server)}/"

    @property
    def vault(self) -> str:
        """Where this CA's keys are."""
        return vault(self.settings.server)

    @contextmanager
    def apart(self, name: str) -> Iterator[None]:
        """Whatever goes wrong in the block is told and ends no more than the block.

        Raises Trouble that concerns all: Consul's, and that the Kubernetes API does not answer.
        """
        try:
            yield
        except Exception as error:
            if isinstance(error, Trouble) and not isinstance(error, Refused):
                raise
            said = str(error) if isinstance(error, Problem) else gist(error)
            self.undone.append(f"{name}: {said}")
            tell("undone", name=name, error=said)

    def work(self, now: datetime) -> None:
        """All there is to do. Raises Trouble, also at the end for what was left undone."""
        self.kept = self.consul.below(ACME) | self.consul.below(SERVED)
        hosts, passed = chosen(self.cluster.ingresses(), self.settings.domain)
        for name, reason in passed.items():
            tell("passed over", host=name, error=reason)
        for name in sorted({*self.settings.renew} - {*hosts}):
            tell("passed over", host=name, error="it cannot be renewed: no Ingress publishes it")
        self.restore_account()
        states: dict[str, State] = {}
        for host in hosts:
            with self.apart(host):
                states[host] = self.restored(host, now)
        found = [host for host in states if due(states[host], now, host in self.settings.renew)]
        wanted = sorted(found, key=lambda host: states[host].failures)  # whoever fails always keeps nobody waiting
        for host, state in states.items():
            if host not in wanted:
                tell("waits" if state.failures else "not due", **facts(state))
        if wanted:
            self.fetch({host: states[host] for host in wanted})
        if hosts:
            self.forget(hosts, now)
        if self.undone:
            more = f" (and {len(self.undone) - 1} more, see the lines before)" if len(self.undone) > 1 else ""
            raise Trouble(f"{self.undone[0]}{more}; the next run tries again")

    def restored(self, host: str, now: datetime) -> State:
        """What is known of a host. Its certificate is put back where KV lacks it, out of the lineage or its mirror."""
        place = f"{self.home}{host}/"
        state = State.parse(self._kept(place + "state"))
        if state is None or (state.host, state.server) != (host, self.settings.server):
            state = State(host, self.settings.server)
        copies = self.cluster.copies(mirror_name(host, self.settings.server))
        found = self._usable(
            host, [self._text(f"{self.vault}{host}/lineage"), *(copies[n] for n in sorted(copies)[::-1])]
        )
        if not found:
            return replace(state, fingerprint=None, next_check=None)
        text, certificate = found
        other = (state.fingerprint, state.not_before) != (certificate.fingerprint, certificate.not_before)
        if other:
            state = held(state, certificate, now)
        if other or self._lacks(host, certificate, text):
            self.publish(state, certificate, text)
            tell("restored", **facts(state))
        self.mirror(state, text, copies)
        return state

    def _usable(self, host: str, texts: Iterable[str]) -> tuple[str, Certificate] | None:
        """The first of these lineages that can be served; it is then in certbot's folder."""
        for text in filter(None, texts):
            try:
                lineage.unpacked(self.settings.config, text)
                return text, lineage.examined(self.settings.config / "live" / host, host)
            except (OSError, Problem) as error:
                tell("unusable", host=host, error=str(error))
                lineage.discard(self.settings.config, host)
        return None

    def _kept(self, key: str) -> bytes:
        return self.kept[key].value if key in self.kept else b""

    def _text(self, key: str) -> str:
        """Of base64; what is not even a text is unusable like any other."""
        return self._kept(key).decode(errors="replace")

    def _lacks(self, host: str, certificate: Certificate, text: str) -> bool:
        served = self._kept(f"{SERVED}{host}/certFile"), self._kept(f"{SERVED}{host}/keyFile")
        kept = self._kept(f"{self.vault}{host}/lineage")
        return (*served, kept) != (certificate.chain, certificate.key, text.encode())

    def publish(self, state: State, certificate: Certificate, text: str) -> None:
        """All of one host in one transaction: nobody ever meets a certificate with the key of another.

        Raises Problem for what Consul does not take from this host, Away or Outrun for what concerns all.
        """
        operations = (
            write(f"{SERVED}{state.host}/certFile", certificate.chain),
            write(f"{SERVED}{state.host}/keyFile", certificate.key),
            write(f"{self.vault}{state.host}/lineage", text.encode()),
            write(f"{self.home}{state.host}/state", state.dump()),
        )
        if (size := len(json.dumps(operations))) > TXN_BYTES:
            raise Problem("too-large", f"it takes {size} bytes to write, and a transaction of Consul {TXN_BYTES}")
        try:
            self.lock.commit(*operations)
        except (loader.Away, loader.Outrun):
            raise
        except Trouble as error:
            raise Problem("store", str(error)) from None

    def mirror(self, state: State, text: str, copies: Mapping[str, str]) -> None:
        """Keep the newest certificates of a host in its Secret."""
        version = f"{state.not_before:%Y%m%dT%H%M%SZ}.tar.gz"
        if version not in copies:
            newest = dict(sorted({**copies, version: text}.items())[-VERSIONS:])
            self.cluster.mirror(mirror_name(state.host, self.settings.server), newest, self._label, state.host)

    def fetch(self, states: Mapping[str, State]) -> None:
        """Start certbot for each host in turn, while the challenge is answered. Raises Outrun when the lock is lost."""
        replicas = self.cluster.replicas(self.settings.selector)
        everywhere: Problem | None = None
        with challenge.answering(self.settings.webroot, lambda: self.lock.held):
            trouble = challenge.astray(replicas, next(iter(states)), self.settings.webroot)
            for state in states.values():
                if not self.lock.held:
                    raise loader.Outrun(LOST)
                try:
                    if trouble:
                        raise Problem("challenge-route", trouble)
                    if everywhere:
                        raise everywhere
                    self.certify(state)
                except Problem as error:
                    everywhere = error if error.kind in EVERYWHERE else None
                    self.fail(state, error)
                except Trouble:
                    raise
                except Exception as error:
                    self.fail(state, Problem("internal", gist(error)))

    def certify(self, state: State) -> None:
        """One host with certbot. Raises Problem, Away or Outrun."""
        try:
            output, failure = self._certbot(state.host)
            if failure:
                raise problem(self._log(state.host), output, datetime.now(UTC))
            self.deliver(state)
        finally:
            with self.apart("account"):
                self.save_account()

    def deliver(self, state: State) -> None:
        """Keep and publish what certbot has, then read the log for what else the CA has said: an order is dear."""
        config, now = self.settings.config, datetime.now(UTC).replace(microsecond=0)
        certificate = lineage.examined(config / "live" / state.host, state.host)
        text = lineage.packed(config, lineage.files(config, state.host))
        after = certified(state, certificate, now)
        with self.apart(state.host):
            self.mirror(after, text, self.cluster.copies(mirror_name(state.host, self.settings.server)))
        self.publish(after, certificate, text)
        with self.apart(state.host):
            conf = _text(config / "renewal" / f"{state.host}.conf")
            after = certified(state, certificate, now, conf, self._log(state.host))
            self.lock.commit(write(f"{self.home}{state.host}/state", after.dump()))
        same = state.fingerprint == after.fingerprint
        tell("not due" if same else "renewed" if state.fingerprint else "issued", **facts(after))

    def _log(self, host: str) -> str:
        """What certbot and the CA have said to each other."""
        return _text(self.settings.state / "logs" / host / "letsencrypt.log")

    def _certbot(self, host: str) -> tuple[str, int]:
        bundle = {"REQUESTS_CA_BUNDLE": self.settings.ca_file} if self.settings.ca_file else {}
        environment = os.environ | {"TZ": "UTC", "LC_ALL": "C.UTF-8"} | bundle
        joined: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "errors": "replace"}
        try:
            done = subprocess.run(
                command(self.settings, host), env=environment, check=False, timeout=CERTBOT_SECONDS, **joined
            )
        except subprocess.TimeoutExpired:
            raise Problem("certbot", f"certbot did not end within {CERTBOT_SECONDS} s") from None
        return done.stdout, done.returncode

    def fail(self, state: State, error: Problem) -> None:
        """Write down why a host got nothing, and when it is tried again."""
        after = failed(state, error, datetime.now(UTC).replace(microsecond=0))
        self.lock.commit(write(f"{self.home}{state.host}/state", after.dump()))
        tell("failed", **facts(after))
        if error.kind == "account":
            self.lock.commit(clear(self.vault + "account"))
            self._leave_account()
            with self.apart("account"):
                self.cluster.drop(self._account)

    @property
    def _label(self) -> tuple[str, str]:
        return LABEL, ca_name(self.settings.server)

    @property
    def _account(self) -> str:
        return f"acme-account-{ca_name(self.settings.server)}"

    def restore_account(self) -> None:
        """Bring certbot's account back, and copy it to where it is missing: a CA gives only so many."""
        kept, copy = self._text(self.vault + "account"), self.cluster.copies(self._account).get("account", "")
        for text in filter(None, (kept, copy)):
            try:
                lineage.unpacked(self.settings.config, text)
                if not self._has_account():
                    raise Problem("unusable", "what was kept holds no account")
            except Problem as error:
                tell("unusable", name="account", error=str(error))
                self._leave_account()
            else:
                return self._share_account(text, text == kept, text == copy)
        return None

    def save_account(self) -> None:
        """Keep an account that certbot has just made, also when the order failed."""
        if self.vault + "account" not in self.kept and self._has_account():
            accounts = self.settings.config / "accounts"
            self._share_account(lineage.packed(self.settings.config, accounts.rglob("*")), False, False)

    def _has_account(self) -> bool:
        return any((self.settings.config / "accounts").rglob("regr.json"))

    def _leave_account(self) -> None:
        """Certbot makes another one, which is then kept instead."""
        shutil.rmtree(self.settings.config / "accounts", ignore_errors=True)
        self.kept.pop(self.vault + "account", None)

    def _share_account(self, text: str, kept: bool, copied: bool) -> None:
        if not kept:
            self.lock.commit(write(self.vault + "account", text.encode()))
            self.kept[self.vault + "account"] = loader.Pair(text.encode(), 0)
        if not copied:
            with self.apart("account"):
                self.cluster.mirror(self._account, {"account": text}, self._label)

    def forget(self, hosts: list[str], now: datetime) -> None:
        """Remove what has had no Ingress for KEEP_DAYS, with every CA."""
        for key, pair in self.consul.below(ACME).items():
            found = re.fullmatch(rf"{ACME}[0-9a-f]{{12}}/([^/]+)/state", key)
            state = State.parse(pair.value) if found else None
            if not found or not state or state.host != found[1]:
                continue
            after = sighted(state, state.host in hosts, now)
            if after.unseen_since and now - after.unseen_since >= timedelta(days=self.settings.keep_days):
                gone = key.removesuffix("state"), f"{vault(state.server)}{state.host}/", f"{SERVED}{state.host}/"
                with self.apart(state.host):
                    self.cluster.drop(mirror_name(state.host, state.server))
                    self.lock.commit(*map(clear, gone))
                    tell("removed", **facts(after))
            elif after != state:
                self.lock.commit(write(key, after.dump()))
                tell("unseen" if after.unseen_since else "seen again", **facts(after))


def facts(state: State) -> dict[str, object]:
    """What is told of a host in one line."""
    return {name: value for name, value in json.loads(state.dump()).items() if value}


def _text(file: Path) -> str:
    return file.read_text("utf-8", "replace") if file.exists() else ""


def run(settings: Settings, consul: loader.Consul, cluster: Kubernetes) -> None:
    """One run of the only issuer; while another is at work nothing is done, and only who was asked to renew waits.

    Raises Trouble.
    """
    lock = Lock(consul)
    threading.Thread(target=lock.keep, daemon=True).start()
    try:
        while not lock.take(os.environ.get("HOSTNAME", "")):
            tell("busy", holder=holder(consul))
            if not settings.renew:
                return
            time.sleep(BUSY_SECONDS)
        Run(settings, consul, cluster, lock).work(datetime.now(UTC).replace(microsecond=0))
    finally:
        lock.leave()


def api_address(environment: Mapping[str, str]) -> str:
    """Where the Kubernetes API is, seen from a pod."""
    host, port = environment["KUBERNETES_SERVICE_HOST"], environment["KUBERNETES_SERVICE_PORT"]
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _ended(*_: object) -> NoReturn:
    sys.exit(143)


def work(environment: Mapping[str, str]) -> None:
    """One run with what the environment names; without its configuration it still does all the rest. Raises Trouble."""
    given = loader.Environment(environment)
    settings, patience = Settings.of(given), float(given["HOMELAB_PATIENCE"])
    loading = loader.Consul.of(given["CONSUL_HTTP_ADDR"], given["LOADER_TOKEN_FILE"])
    consul = loader.Consul.of(given["CONSUL_HTTP_ADDR"], given["CONSUL_HTTP_TOKEN_FILE"])
    cluster, file = Kubernetes(api_address(given), settings.namespace, settings.mirrors), Path(given["HOMELAB_CONFIG"])
    unloaded = None
    try:
        wrote, name = loader.patiently(patience, lambda: loader.load(loading, file))
        if wrote:
            tell("loaded", hash=name)
    except Exception as error:
        unloaded = f"configuration: {gist(error)}"
    run(settings, consul, cluster)
    if unloaded:
        raise Trouble(unloaded)


def main(environment: Mapping[str, str] = os.environ) -> int:
    """One run; its last line is JSON whatever happens, since the console shows it."""
    signal.signal(signal.SIGTERM, _ended)
    os.umask(0o077)
    try:
        work(environment)
    except Exception as error:
        tell("failed", error=gist(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
