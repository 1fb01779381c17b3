"""Who may do what: tokens, policies and what is said to those who may not."""

from __future__ import annotations

import re
import uuid
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from homelab.lab.consul import rules
from homelab.lab.consul.fault import denied, failed, missing

Json = dict[str, Any]
MANAGEMENT = "00000000-0000-0000-0000-000000000001"
"""Id of the policy that may do everything."""
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_RESERVED = "00000000-0000-0000-0000-0000000000"
ALL = tuple(rules.Rule(one, "", "write", True) for one in rules.NAMED) + tuple(
    rules.Rule(one, "", "write", False) for one in rules.WHOLE
)


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever asks, with what its policies say."""

    token: Token | None
    rules: tuple[rules.Rule, ...]
    default: str
    """What counts where no rule speaks: a level."""

    def allows(self, resource: str, level: str, name: str = "") -> bool:
        """Whether it may."""
        return rules.allows(rules.level(self.rules, resource, name) or self.default, level)

    def demand(self, resource: str, level: str, name: str | None = None) -> None:
        """Raises Fault when it may not."""
        if not self.allows(resource, level, name or ""):
            raise denied(self.lacks(resource, level, name))

    def lacks(self, resource: str, level: str, name: str | None = None) -> str:
        """What it is told then."""
        who = f"token with AccessorID '{self.token.accessor}'" if self.token else "anonymous token"
        where = "" if name is None else f' on "{name}"'
        hint = (
            "" if self.token else (". The anonymous token is used implicitly when a request does not specify a token.")
        )
        return f"Permission denied: {who} lacks permission '{resource}:{level}'{where}{hint}"

    def demand_tree(self, prefix: str) -> None:
        """Raises Fault when it may not delete all that begins so."""
        under = (rule for rule in self.rules if rule.resource == "key" and rule.name.startswith(prefix))
        if not self.allows("key", "write", prefix) or any(rule.level != "write" for rule in under):
            raise denied(self.lacks("key", "write", prefix))


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules with a name."""

    id: str
    name: str
    text: str
    description: str
    created: int
    modified: int

    def shown(self, *, whole: bool = True) -> Json:
        """As the API tells it; a list of policies leaves out their rules."""
        said: Json = {"ID": self.id, "Name": self.name, "Description": self.description}
        said |= {"Rules": self.text} if whole else {"Datacenters": None}
        return said | {"Hash": _hash(self.name + self.text), "CreateIndex": self.created, "ModifyIndex": self.modified}


@dataclass(frozen=True, slots=True)
class Token:
    """A secret and the policies that it stands for."""

    accessor: str
    secret: str = field(repr=False)
    policies: tuple[str, ...]
    """Their ids."""
    description: str
    at: datetime
    created: int
    modified: int


class Access:
    """All tokens and policies."""

    def __init__(self, management: str, *, enabled: bool, default: str) -> None:
        """`management`: the token that may do everything; `default`: `allow` or `deny`."""
        self.enabled = enabled
        self._default = "write" if default == "allow" or not enabled else "deny"
        self.policies = {MANAGEMENT: Policy(MANAGEMENT, "global-management", "", "May do everything", 1, 1)}
        self.tokens: dict[str, Token] = {}
        self.begin(management, 1)

    def begin(self, management: str, index: int) -> None:
        """A server starts: the token that its settings name is made if there is none like it. Any word will do here."""
        if management and not self._has(management):
            what = "Initial Management Token"
            self._keep(Token(str(uuid.uuid4()), management, (MANAGEMENT,), what, _now(), index, index))

    def holder(self, secret: str) -> Holder:
        """Who has this token; without one, whoever has none. Raises Fault."""
        if not self.enabled or not secret:
            return Holder(None, (), self._default)
        token = next((one for one in self.tokens.values() if one.secret == secret), None)
        if not token:
            raise denied("ACL not found")
        said = [ALL if one == MANAGEMENT else rules.parsed(self.policies[one].text) for one in token.policies]
        return Holder(token, tuple(rule for policy in said for rule in policy), self._default)

    def write_policy(self, given: Mapping[str, Any], index: int, policy_id: str = "") -> Policy:
        """Create one, or give it other rules. Raises Fault."""
        old = self.policy(policy_id) if policy_id else None
        name, text = str(given.get("name") or (old.name if old else "")), str(given.get("rules") or "")
        if not name:
            raise failed("Invalid Policy: no Name is set")
        if any(one.name == name and one.id != policy_id for one in self.policies.values()):
            raise failed(f'Invalid Policy: A Policy with Name "{name}" already exists')
        rules.parsed(text)
        made = old.created if old else index
        found = Policy(policy_id or str(uuid.uuid4()), name, text, str(given.get("description") or ""), made, index)
        self.policies[found.id] = found
        return found

    def policy(self, policy_id: str) -> Policy:
        """Raises Fault when there is none."""
        if not (found := self.policies.get(policy_id)):
            raise missing("Requested policy does not exist: ACL not found")
        return found

    def named(self, name: str) -> Policy:
        """Raises Fault when there is none."""
        if not (found := next((one for one in self.policies.values() if one.name == name), None)):
            raise missing("Requested policy does not exist: ACL not found")
        return found

    def drop_policy(self, policy_id: str) -> None:
        """Tokens lose what it allowed."""
        self.policies.pop(policy_id, None)
        for token in list(self.tokens.values()):
            self._keep(replace(token, policies=tuple(one for one in token.policies if one != policy_id)))

    def write_token(self, given: Mapping[str, Any], index: int, accessor: str = "") -> Token:
        """Create one, or give it other policies. Raises Fault."""
        old = self.token(accessor) if accessor else None
        known = accessor or str(given.get("accessorid") or uuid.uuid4())
        secret = str(given.get("secretid") or (old.secret if old else uuid.uuid4()))
        if old and secret != old.secret:
            raise failed("Changing a token's SecretID is not allowed")
        if not old:
            _demand_id("AccessorID", known)
            _demand_id("SecretID", secret)
            if self._has(secret):
                raise failed("Invalid Token: SecretID is already in use")
        policies = tuple(self._linked(link) for link in given.get("policies") or ())
        when, made = (old.at, old.created) if old else (_now(), index)
        return self._keep(Token(known, secret, policies, str(given.get("description") or ""), when, made, index))

    def token(self, accessor: str) -> Token:
        """Raises Fault when there is none."""
        if not (found := self.tokens.get(accessor)):
            raise denied("token does not exist: ACL not found")
        return found

    def shown(self, token: Token) -> Json:
        """As the API tells it."""
        links = [{"ID": one, "Name": self.policies[one].name} for one in token.policies]
        said: Json = {"AccessorID": token.accessor, "SecretID": token.secret, "Description": token.description}
        said |= {"Policies": links} if links else {}
        indexes = {"CreateIndex": token.created, "ModifyIndex": token.modified}
        return said | {"Local": False, "CreateTime": token.at.isoformat(), "Hash": _hash(str(links))} | indexes

    def _has(self, secret: str) -> bool:
        return any(one.secret == secret for one in self.tokens.values())

    def _linked(self, link: Mapping[str, Any]) -> str:
        if policy_id := link.get("id"):
            return self.policy(str(policy_id)).id
        found = next((one.id for one in self.policies.values() if one.name == link.get("name")), None)
        if not found:
            raise failed(f'No such ACL policy with name "{link.get("name")}"')
        return found

    def _keep(self, token: Token) -> Token:
        self.tokens[token.accessor] = token
        return token


def _demand_id(field: str, value: str) -> None:
    """Raises Fault."""
    if not _UUID.fullmatch(value):
        raise failed(f"Invalid Token: {field} - not a valid UUID")
    if value.startswith(_RESERVED):
        raise failed(f'Invalid Token: {field} - UUIDs with the prefix "{_RESERVED}" are reserved')


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def _now() -> datetime:
    return datetime.now(UTC)
