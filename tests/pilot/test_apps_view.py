"""Apps put on show, changed and withdrawn by keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rooms import LARGE, NAMESPACE, SMALL, Household, Person, deployed, household, ingress, thing, watching
from wizards import on_paper

from homelab.ports import Kind, Raw

INGRESS = Kind("networking.k8s.io/v1", "Ingress")
MIDDLEWARE = Kind("traefik.io/v1alpha1", "Middleware")
SERVICE = Kind("v1", "Service")
SIZES = pytest.mark.parametrize("size", [SMALL, LARGE])
HOST = "web.internal.domain.com"
PUBLIC = "web.cloud.domain.com"
ASKED = "apps/web: what would change"


@pytest.fixture(autouse=True)
def _paper(tmp_path: Path) -> Iterator[None]:
    with on_paper(tmp_path):
        yield


@asynccontextmanager
async def home_of(folder: Path) -> AsyncIterator[Household]:
    """A deployed stack with an app that nobody shows yet, a list of users, and what the journal is named after."""
    async with household(folder) as home:
        deployed(home)
        home.take(ingress("web", "web.home.test"))
        guard = {"basicAuth": {"secret": "ingress-auth"}}
        users = thing(Kind("v1", "Secret"), "ingress-auth", "homelab")
        home.put(
            thing(NAMESPACE, "kube-system"),
            thing(MIDDLEWARE, "auth", "homelab", spec=guard, labels={"traffic-type": "external"}),
            {**users, "data": {"users": "YW5uYTp7U0hBfUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQT0K"}},
        )
        yield home


def shown(home: Household) -> dict[str, Raw]:
    """Every Ingress by name."""
    return {one["metadata"]["name"]: one for one in home.store.all(INGRESS)}


def host_of(obj: Raw) -> str:
    """The name that it is for."""
    found: str = obj["spec"]["rules"][0]["host"]
    return found


async def form_of_web(person: Person) -> None:
    """The form of a new app."""
    await person.press("8")
    await person.sees("▸8 apps", "a expose")
    await person.press("a")
    await person.sees("Show an app", "Services", "apps/web")
    await person.press(*"APPS we", "enter")
    await person.sees("▸ Port", f"Internal host  {HOST}")


async def choose(person: Person, field: str) -> None:
    """Go to a field."""
    while f"▸ {field}" not in person.text:
        await person.press("tab")


async def put(person: Person, field: str, text: str) -> None:
    """Type a text in the place of the one that is there."""
    await choose(person, field)
    await person.press("ctrl+u", "ctrl+k")
    person.app.focused.insert_text_at_cursor(text)  # type: ignore[union-attr]
    await person.pilot.pause()


async def applied(person: Person, word: str = "") -> None:
    """From the form over the changes and the question to the steps."""
    await person.press("enter")
    await person.sees(ASKED)
    await person.press("enter")
    await person.sees("▸ Cancel     Apply")
    await person.press(*(word or ["right"]), "enter")
    await person.sees("▸Follow ─ apps/web")


@SIZES
async def test_an_app_is_shown_at_home_edited_and_withdrawn(tmp_path: Path, size: tuple[int, int]) -> None:
    async with home_of(tmp_path) as home, watching(home, size) as person:
        await person.press("8")
        await person.sees("Nothing is on show yet: press a to choose a Service")
        await form_of_web(person)
        assert all(len(line) == size[0] for line in person.lines)

        await person.press("enter")
        await person.sees(ASKED, f"host: {HOST}", "enter apply")
        assert not shown(home), "what is looked at is not written"
        await person.press("enter")
        await person.sees("Show apps/web?", f"It answers as {HOST} (internal).", "▸ Cancel")
        await person.press("right", "enter")
        await person.sees("▸Follow ─ apps/web", "✓ apps/web is written", "Ingress apps/web-internal is there")
        assert {name: host_of(one) for name, one in shown(home).items()} == {"web-internal": HOST}

        await person.press("escape")
        await person.sees("▸8 apps", HOST, "1 on show", "enter edit", "Made by    homelab-tui")
        await person.press("enter")
        await person.sees("Edit an app")
        await put(person, "Internal host", "seen.internal.domain.com")
        await applied(person)
        assert [host_of(one) for one in shown(home).values()] == ["seen.internal.domain.com"]

        await person.press("escape")
        await person.sees("seen.internal.domain.com", "del withdraw")
        await person.press("delete")
        await person.sees("Withdraw apps/web?", "seen.internal.domain.com no longer leads", "▸ Cancel")
        await person.press(*"withdraw", "enter")
        await person.sees("✓ apps/web is withdrawn", "Nothing is on show yet")
        assert not shown(home)


async def test_both_zones_say_where_the_password_travels_unencrypted(tmp_path: Path) -> None:
    async with home_of(tmp_path) as home, watching(home) as person:
        await form_of_web(person)
        await choose(person, "Zone")
        await person.press("left")
        await person.sees("◂ both ▸", f"External host  {PUBLIC}", "Password       homelab/auth", "password unencrypted")
        await person.press("enter")
        await person.sees(ASKED)
        await person.press("enter")
        await person.sees("the password travels unencrypted", f"{HOST} (internal) and {PUBLIC}")
        await person.press("right", "enter")
        await person.sees("▸Follow ─ apps/web", "external")

        found = shown(home)
        assert {name: host_of(one) for name, one in found.items()} == {"web-internal": HOST, "web-external": PUBLIC}
        assert found["web-external"]["metadata"]["labels"]["traffic-type"] == "external"


async def test_what_the_world_may_see_asks_for_a_word(tmp_path: Path) -> None:
    async with home_of(tmp_path) as home, watching(home) as person:
        await form_of_web(person)
        await choose(person, "Zone")
        await person.press("right")
        await choose(person, "Password")
        await person.press("right")
        await person.sees("◂ none ▸", "worldwide, for everybody")
        await person.press("enter")
        await person.sees(ASKED)
        await person.press("enter")
        await person.sees("without a password", "type yes:")
        await person.press("right", "enter")
        await person.misses("type yes:")
        assert not shown(home)

        await applied(person, "yes")
        assert list(shown(home)) == ["web-external"]


async def test_a_host_that_cannot_be_says_why_beside_its_field(tmp_path: Path) -> None:
    async with home_of(tmp_path) as home:
        home.put(ingress("other", "taken.internal.domain.com"))
        async with watching(home) as person:
            await form_of_web(person)
            for text in (
                "taken.internal.domain.com",
                "web.cloud.domain.com",
                "*.internal.domain.com",
                "192.168.1.20",
                "web.elsewhere.test",
                "a_b.internal.domain.com",
                "",
            ):
                await put(person, "Internal host", text)
                await person.sees("▸ Internal host", "✗ ")
                await person.press("enter")
                await person.sees("▸ Internal host", "✗ ")
                assert ASKED not in person.text
            await person.press("f2")
            await person.until(lambda: "✗" not in person.text and HOST in person.text)
            assert list(shown(home)) == ["other"]


async def test_capitals_and_a_trailing_dot_are_written_as_names_are(tmp_path: Path) -> None:
    async with home_of(tmp_path) as home, watching(home) as person:
        await form_of_web(person)
        await put(person, "Internal host", "Web.Internal.domain.com.")
        await applied(person)
        assert [host_of(one) for one in shown(home).values()] == [HOST]


async def test_services_that_cannot_be_shown_say_why(tmp_path: Path) -> None:
    async with home_of(tmp_path) as home:
        home.put(thing(SERVICE, "away", "apps", spec={"type": "ExternalName", "externalName": "away.test"}))
        async with watching(home) as person:
            await person.press("8", "a")
            await person.sees("Show an app", "apps/away")
            await person.press(*"away")
            await person.sees("1 Service\n", "▸ apps/away", "ExternalName")
            await person.press("enter")
            await person.press("backspace")
            await person.sees("Show an app", "Service awa")
            await person.press(*"zzz")
            await person.sees("No Service has that in its name")
            await person.press("escape")
            await person.sees("▸8 apps")


async def test_an_app_without_pods_is_a_warning(tmp_path: Path) -> None:
    async with home_of(tmp_path) as home:
        home.take(*[one for one in home.store.all(Kind("discovery.k8s.io/v1", "EndpointSlice"))])
        async with watching(home) as person:
            await form_of_web(person)
            assert "▲" in person.lines[0]
            await applied(person)


async def test_a_change_by_somebody_else_is_told_and_read_again(tmp_path: Path) -> None:
    async with home_of(tmp_path) as home, watching(home) as person:
        await form_of_web(person)
        await applied(person)
        await person.press("escape")
        await person.sees("1 on show")
        await person.press("enter")
        await person.sees("Edit an app")
        await put(person, "Path", "/mine")

        theirs = shown(home)["web-internal"]
        theirs["spec"]["rules"][0]["host"] = "theirs.internal.domain.com"
        home.store.update(theirs)
        await person.press("enter")
        await person.sees("It was read again", "/mine")
        assert host_of(shown(home)["web-internal"]) == "theirs.internal.domain.com"
        await applied(person)
        assert host_of(shown(home)["web-internal"]) == HOST


async def test_a_missing_right_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    async with home_of(tmp_path) as home, watching(home) as person:
        await form_of_web(person)
        home.forbidden.add("ingresses")
        await put(person, "Path", "/mine")
        await person.press("enter")
        await person.sees("anna", "forbidden", "/mine")
        home.forbidden.clear()
        await applied(person)


async def test_what_others_made_is_shown_and_says_whose_it_is(tmp_path: Path) -> None:
    async with home_of(tmp_path) as home:
        home.put(ingress("theirs", "theirs.test", labels={"app.kubernetes.io/managed-by": "Helm"}))
        async with watching(home) as person:
            await person.press("8")
            await person.sees("theirs.test", "Made by    Helm")
            assert "enter edit" not in person.lines[-1]
            await person.press("enter")
            await person.sees("✗ Ingress apps/theirs is kept by Helm")
            await person.press("f")
            await person.sees("key 3 shows how its routes fare")
            await person.press("delete")
            await person.sees("▲ Ingress apps/theirs is kept by Helm")


async def test_read_only_shows_everything_and_changes_nothing(tmp_path: Path) -> None:
    async with home_of(tmp_path) as home:
        home.put(ingress("theirs", "theirs.test"))
        async with watching(home, read_only=True) as person:
            await person.press("8")
            await person.sees("theirs.test")
            assert "expose" not in person.lines[-1]
            for key in ("a", "enter", "delete"):
                await person.press(key)
                await person.sees("read-only")
                await person.press("down")
