"""What screens ask of the app; it answers with another scene."""

from __future__ import annotations

from textual.message import Message


class Go(Message):
    """Open the view of a command; screens know one another by the registry alone."""

    def __init__(self, id: str) -> None:
        super().__init__()
        self.id = id


class Answered(Message):
    """Something was typed into a field of a form; `service` has the method `answer` that takes it."""

    def __init__(self, service: str, path: str, text: str) -> None:
        super().__init__()
        self.service, self.path, self.text = service, path, text

    def can_replace(self, message: Message) -> bool:
        """Of answers to one field that wait, the last one counts: keys that are held or pasted are judged once."""
        return isinstance(message, Answered) and (message.service, message.path) == (self.service, self.path)


class Wished(Message):
    """Something is to be done that takes its time; `name` is a method of the service that the screen's part has."""

    def __init__(self, service: str, name: str, *arguments: object) -> None:
        super().__init__()
        self.service, self.name, self.arguments = service, name, arguments


class Opening(Wished):
    """What comes of it is another view or a dialog: keys that are pressed meanwhile wait for that."""
