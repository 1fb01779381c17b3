"""What is asked before a certificate is ordered outside the issuer's schedule."""

from __future__ import annotations

from urllib.parse import urlsplit

from homelab.observe.certificates import Certificate
from homelab.observe.fate import CertificateState
from homelab.observe.issuer import Issuer
from homelab.stack.renewal import at_work
from screens.dialogs.confirm import Question
from screens.scene import Scene

LIMITS = "A CA counts orders: it signs only so many for the same name in a week."
KEPT = "The certificate of today is served until the new one is there."


def renewing(host: str, scene: Scene) -> Question | str:
    """The question, or why there is nothing to ask."""
    found = scene.snapshot
    one = next((one for one in found.certificates if one.host == host), None) if found else None
    if found is None or one is None or found.issuer is None:
        return f"{host} is no longer public: nothing to renew"
    if one.state is CertificateState.PASSED:
        return f"{host} can have no certificate: {one.error}"
    return at_work(found.issuer.running) if found.issuer.running else question(one, found.issuer)


def question(one: Certificate, issuer: Issuer) -> Question:
    """What will happen."""
    authority = urlsplit(issuer.server or "").netloc or "the CA of the issuer"
    return Question(
        title=f"Renew the certificate of {one.host}?",
        sentences=(f"It is ordered anew, due or not, from {authority}.", LIMITS, *((KEPT,) if one.served_by else ())),
        verb="Renew",
        doing=f"asking for a new certificate for {one.host} …",
    )
