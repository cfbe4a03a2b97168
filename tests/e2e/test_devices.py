"""A user's own devices: listed, and removed."""


async def test_a_user_sees_its_devices(chat):
    phone = await chat.connect("alice", "phone")
    laptop = await chat.connect("alice", "laptop")
    await chat.connect("bob", "other")
    await laptop.ok("hello", platform="linux")
    await phone.ok("hello", platform="ios")
    await phone.close()
    devices = (await laptop.ask("devices.list", "devices.page"))["devices"]
    assert [(d["deviceId"], d["platform"], d["online"], d.get("current")) for d in devices] == [
        ("laptop", "linux", True, True), ("phone", "ios", False, None)]
    assert all(isinstance(d["lastActive"], int) for d in devices)


async def test_a_device_that_never_said_what_it_is_is_listed_while_connected(chat):
    phone = await chat.connect("alice", "phone")
    assert (await phone.ask("devices.list", "devices.page"))["devices"] == [
        {"deviceId": "phone", "online": True, "current": True}]


async def test_a_removed_device_is_closed_and_forgotten(chat):
    phone, laptop = await chat.connect("alice", "phone"), await chat.connect("alice", "laptop")
    bob = await chat.connect("bob", "phone")
    await phone.ok("hello", platform="ios")
    await laptop.ok("devices.remove", deviceId="phone")
    assert await phone.closed() == (4503, "device_removed")
    devices = (await laptop.ask("devices.list", "devices.page"))["devices"]
    assert [d["deviceId"] for d in devices] == ["laptop"]
    await laptop.ok("devices.remove", deviceId="phone")
    await bob.still_works()


async def test_a_device_may_remove_itself(chat):
    phone = await chat.connect("alice", "phone")
    await phone.send("devices.remove", deviceId="phone")
    assert (await phone.closed())[0] == 4503


async def test_there_is_an_end_to_a_user_s_devices(chat):
    for i in range(32):
        device = await chat.connect("alice", f"d{i}")
        await device.ok("hello", platform="web")
    last = await chat.connect("alice", "last")
    await last.refused("too_large", "hello", platform="web")
    await last.ok("devices.remove", deviceId="d0")
    await last.ok("hello", platform="web")
