"""The Kubernetes API as the issuer uses it, with the rights of its service account."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dynamic import Trouble
from loader import said_in

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Refused(Trouble):
    """The Kubernetes API answers, and does not do what it was asked; other things it may do."""


@dataclass(frozen=True)
class Kubernetes:
    """The Kubernetes API with the rights of the issuer's service account."""

    address: str
    namespace: str
    """Of the replicas."""
    mirrors: str
    """Of the Secrets."""
    account: Path = ACCOUNT
    """Folder with the token, which is renewed there, and the CA's certificate."""

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The JSON of an answer, None for a 404. Raises Refused, or Trouble when there is no answer."""
        kind = "application/apply-patch+yaml" if method == "PATCH" else "application/json"
        data = None if body is None else json.dumps(body).encode()
        try:
            token = (self.account / "token").read_text().strip()
            headers = {"Authorization": f"Bearer {token}", "Content-Type": kind, "Accept": "application/json"}
            request = urllib.request.Request(self.address + path, data, headers, method=method)
            context = ssl.create_default_context(cafile=str(self.account / "ca.crt"))
            # Python 3.13 and later ask for extensions that the certificates of many clusters lack.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
            with urllib.request.build_opener(*handlers).open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:  # noqa: PLR2004 - the object is not there
                return None
            said = said_in(error)[:300]
            mend = "; `homelab-tui apply` gives the issuer its rights again" if error.code in (401, 403) else ""
            raise Refused(f"the Kubernetes API answers {error.code} to {method} {path}: {said}{mend}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
            raise Trouble(f"the Kubernetes API at {self.address} cannot be asked: {why}") from None

    def ingresses(self) -> list[dict[str, Any]]:
        """Those that are public."""
        path = "/apis/networking.k8s.io/v1/ingresses?labelSelector=traffic-type%3Dexternal"
        return list((self.ask("GET", path) or {}).get("items", []))

    def replicas(self, selector: str) -> dict[str, str]:
        """The ready pods of the external Traefik, name -> address: the others get no requests either."""
        found = self.ask("GET", f"/api/v1/namespaces/{self.namespace}/pods?labelSelector={quote(selector)}")
        ready = {"type": "Ready", "status": "True"}
        return {
            pod["metadata"]["name"]: pod["status"]["podIP"]
            for pod in (found or {}).get("items", [])
            if any(ready.items() <= c.items() for c in pod["status"].get("conditions", ()))
        }

    def copies(self, name: str) -> dict[str, str]:
        """The data of a mirror, base64; empty when there is none."""
        return dict((self.ask("GET", self._secret(name)) or {}).get("data") or {})

    def mirror(self, name: str, data: Mapping[str, str], label: tuple[str, str], host: str = "") -> None:
        """Keep a copy of what KV holds: the data, base64, are then all that the Secret has."""
        metadata = {
            "name": name,
            "labels": dict([("app.kubernetes.io/managed-by", "homelab-tui"), label]),
            "annotations": {"homelab-tui/host": host} if host else {},
        }
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": dict(data)}
        self.ask("PATCH", self._secret(name) + "?fieldManager=homelab-issuer&force=true", body)

    def drop(self, name: str) -> None:
        """Delete a mirror."""
        self.ask("DELETE", self._secret(name))

    def _secret(self, name: str) -> str:
        return f"/api/v1/namespaces/{self.mirrors}/secrets/{name}"
