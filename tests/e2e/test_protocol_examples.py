"""What src/protocol/README.md shows is what the server does, and it shows everything that the server knows."""

import pytest

import protocol_document as document
from device import Chat
from test_tokens import SECRET, token

SECTIONS = document.sections(document.DOCUMENT.read_text())
# Nothing that a client sends makes the example server say these.
NOT_PLAYED = {"event.void", "sync.required", "system.alert", "account.changed"}


class Play:
    """Acts one section of the document on a server of its own."""

    def __init__(self, server, steps, **known):
        self.chat = Chat(server)
        self.steps = steps
        self.devices = {}
        self.known = known
        self.patience = 8

    async def run(self):
        try:
            # Who is mentioned is there from the beginning, unless it is shown how they connect.
            for step in self.steps:
                first = next(s for s in self.steps if s.who == step.who)
                if step.who not in self.devices and not first.what.startswith("GET "):
                    await self.connect(step.who, f"user={step.user}&device={step.device}")
                    await self.devices[step.who].expect("welcome")
            for step in self.steps:
                await self.act(step)
        except Exception as failure:
            raise AssertionError(f"{document.DOCUMENT.name}:{step.number}: {step.what}\n{failure}\n"
                                 f"{self.chat.transcript()}") from failure
        finally:
            await self.chat.close()

    async def connect(self, who, query):
        self.devices[who] = await self.chat.open(query, label="/".join(who))

    async def act(self, step):
        if step.sends and step.what.startswith("GET /v1/ws"):
            query = step.what.partition("?")[2].replace("<token>", self.known.get("token", ""))
            return await self.connect(step.who, query)
        device = self.devices[step.who]
        if step.sends and step.is_frame:
            return await device.send_raw(document.filled(step.what, self.known))
        if step.sends:
            assert step.what == "close"
            return await device.close()
        if step.is_frame:
            return await self.expect(device, document.pattern(step.what))
        word, code, reason = step.what.split(" ")
        assert word == "close"
        assert await device.closed(self.patience) == (int(code), reason)

    async def expect(self, device, wanted):
        def matching(frame):
            # What a frame that does not match would have taught is forgotten again.
            learned = dict(self.known)
            if not document.matches(wanted, frame, learned):
                return False
            self.known = learned
            return True
        await device._wait_for(matching, self.patience, "such frame")


@pytest.mark.parametrize("section", [s for s in SECTIONS if s.steps], ids=lambda s: s.title)
async def test_the_examples_happen(section, start_server, tmp_path):
    if section.title != "Tokens":
        return await Play(start_server("--presence-debounce-ms", "300"), section.steps).run()
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    secret.chmod(0o600)
    server = start_server("--jwt-secret-file", str(secret), auth=None)
    await Play(server, section.steps, token=token(sub="alice")).run()


def test_every_type_that_a_client_may_send_has_an_example():
    shown = {step.type for section in SECTIONS for step in section.steps if step.sends}
    assert document.known_commands() <= shown


def test_every_type_that_the_server_sends_has_an_example():
    played = {step.type for section in SECTIONS for step in section.steps if not step.sends}
    shown = {step.type for section in SECTIONS for step in section.shown}
    assert len(document.known_answers()) > 20
    assert document.known_answers() - NOT_PLAYED <= played
    assert NOT_PLAYED <= shown
    assert not NOT_PLAYED & played, "it can be played after all"


def test_every_code_is_explained():
    text = document.DOCUMENT.read_text()
    missing = [code for code in document.error_codes() if f"| `{code}` |" not in text]
    # Below 4000 a close has no word.
    missing += [code for word, code in document.close_codes()
                if (f"| {code} |" if int(code) < 4000 else f"| {code} `{word}` |") not in text]
    assert len(document.error_codes()) > 10 and len(document.close_codes()) > 10
    assert not missing


@pytest.mark.parametrize("wanted, frame, fits", [
    ('{"a":1}', {"a": 1}, True),
    ('{"a":1}', {"a": 2}, False),
    ('{"a":1}', {"a": True}, False),
    ('{"a":1}', {"a": 1, "b": 2}, False),
    ('{"a":1}', {}, False),
    ('{"a":1,…}', {"a": 1, "b": 2}, True),
    ('{"a":1,…}', {"b": 2}, False),
    ('{"a":"…"}', {"a": "x"}, True),
    ('{"a":"…"}', {"a": 1}, False),
    ('{"a":…}', {"a": [1]}, True),
    ('{"a":[1,…]}', {"a": [1, 2, 3]}, True),
    ('{"a":[1,2]}', {"a": [1]}, False),
    ('{"a":[1]}', {"a": [1, 2]}, False),
    ('{"a":"<m>","b":"<m>"}', {"a": "x", "b": "x"}, True),
    ('{"a":"<m>","b":"<m>"}', {"a": "x", "b": "y"}, False),
    ('{"a":"<m>"}', {"a": 1}, False),
    ('{"a":<n>}', {"a": 1}, True),
    ('{"a":<n>}', {"a": "x"}, False),
    ('{"a":"1 < 2…"}', {"a": "1 < 2…"}, True),
])
def test_a_pattern_fits_what_it_says_and_nothing_else(wanted, frame, fits):
    assert document.matches(document.pattern(wanted), frame, {}) == fits


@pytest.mark.parametrize("wrong", ['bob ← {"type":"presence.pong","id":2}', "bob ← close 1000 normal"])
async def test_an_example_that_does_not_happen_is_found_out(wrong, start_server):
    lines = ['bob → {"type":"presence.ping","id":1}', wrong]
    play = Play(start_server(), [document.Step(n, line) for n, line in enumerate(lines, 1)])
    play.patience = 0.5
    with pytest.raises(AssertionError):
        await play.run()
