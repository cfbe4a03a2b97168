"""converse.py PROGRAM FOLDER: starts the embedding host on FOLDER and chats through it."""

import asyncio
import json
import signal
import subprocess
import sys

import websockets

SECONDS = 10


async def receive(socket, kind):
    while True:
        frame = json.loads(await asyncio.wait_for(socket.recv(), SECONDS))
        if frame["type"] == kind:
            return frame


async def send(socket, content):
    await socket.send(json.dumps({"type": "message.send", "id": content, "to": "bob", "clientMsgId": content,
                                  "content": content}))


async def converse(url):
    async with websockets.connect(f"{url}?user=alice&device=a") as alice, \
            websockets.connect(f"{url}?user=bob&device=b") as bob:
        await receive(alice, "welcome")
        await receive(bob, "welcome")
        await send(alice, "hello")
        assert (await receive(alice, "message.sent"))["seq"] == 1
        assert (await receive(bob, "message.new"))["data"]["content"] == "hello"
        await send(alice, "HELLO")
        refusal = await receive(alice, "error")
        assert refusal["id"] == "HELLO" and refusal["code"] == "forbidden", refusal
        assert "do not shout" in refusal["message"], refusal
        await send(alice, "sorry")
        after = (await receive(bob, "message.new"))["data"]
        assert (after["seq"], after["content"]) == (2, "sorry"), after


def main():
    program, folder = sys.argv[1:]
    process = subprocess.Popen([program, folder], stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        assert line.startswith("listening on ws://"), f"{line!r}, exit {process.poll()}"
        asyncio.run(converse(line.split()[-1]))
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0, f"exit {process.returncode}"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


main()
