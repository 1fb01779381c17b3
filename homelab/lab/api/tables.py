"""Answers as a client wants them: whole objects, or a table of the columns that kubectl prints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from homelab.lab.api.asked import Asked
from homelab.lab.api.columns import AGE, Column, built_in
from homelab.lab.api.columns import age as since
from homelab.lab.resources import Resource
from homelab.observe.raw import dig, number, text
from homelab.ports import Raw


class Form(Protocol):
    """How objects are written into an answer."""

    def one(self, obj: Raw) -> Raw:
        """A single object."""

    def many(self, objects: Sequence[Raw], meta: Raw) -> Raw:
        """A list."""


@dataclass(frozen=True, slots=True)
class _Plain:
    resource: Resource

    def one(self, obj: Raw) -> Raw:
        return obj

    def many(self, objects: Sequence[Raw], meta: Raw) -> Raw:
        kind = {"kind": f"{self.resource.kind}List", "apiVersion": self.resource.api_version}
        return kind | {"metadata": meta, "items": objects}


@dataclass(frozen=True, slots=True)
class _Table:
    columns: tuple[Column, ...]
    include: str
    """`None`, `Metadata` or `Object`."""

    def one(self, obj: Raw) -> Raw:
        bookmark = "uid" not in obj["metadata"]
        return self._table(() if bookmark else (obj,), {"resourceVersion": obj["metadata"]["resourceVersion"]})

    def many(self, objects: Sequence[Raw], meta: Raw) -> Raw:
        return self._table(objects, meta)

    def _table(self, objects: Iterable[Raw], meta: Raw) -> Raw:
        definitions = [
            {
                "name": column.name,
                "type": "string",
                "format": "name" if column.name == "Name" else "",
                "description": "",
                "priority": column.priority,
            }
            for column in self.columns
        ]
        rows = [
            {"cells": [_cell(column, obj) for column in self.columns], "object": self._part(obj)} for obj in objects
        ]
        head = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
        return head | {"columnDefinitions": definitions, "rows": rows}

    def _part(self, obj: Raw) -> Raw | None:
        if self.include == "None":
            return None
        if self.include == "Object":
            return obj
        return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def form(asked: Asked) -> Form:
    """A table for whoever accepts it first, else whole objects."""
    resource = asked.place.resource
    if "as=Table" not in asked.request.headers.get("Accept", "").split(",")[0]:
        return _Plain(resource)
    return _Table(_columns(resource), asked.option("includeObject") or "Metadata")


def _cell(column: Column, obj: Raw) -> Any:
    found = column.read(obj)
    return "<none>" if found in (None, "") else str(found)


def _columns(resource: Resource) -> tuple[Column, ...]:
    name = Column("Name", lambda obj: obj["metadata"]["name"])
    if resource.built_in:
        return built_in(resource.kind, name)
    return (name, *(map(_printer_column, resource.columns) if resource.columns else (AGE,)))


def _printer_column(column: Raw) -> Column:
    """An additionalPrinterColumn; filters other than `[?(@.type=="X")]` print nothing."""
    path, date = text(column, "jsonPath") or "", column.get("type") == "date"
    steps = re.findall(r'\[\?\(@\.(\w+)==["\'](\w+)["\']\)\]|\[(\d+)\]|\.((?:\\.|[^.\[\\])+)', path)

    def read(obj: Raw) -> Any:
        found: Any = obj
        for key, wanted, index, name in steps:
            if key:
                found = next((item for item in found or () if dig(item, key) == wanted), None)
            elif index:
                found = found[int(index)] if isinstance(found, list) and int(index) < len(found) else None
            else:
                found = dig(found, name.replace("\\", ""))
        return since(found) if date and found else found

    return Column(str(column.get("name", "")), read, number(column, "priority") or 0)
