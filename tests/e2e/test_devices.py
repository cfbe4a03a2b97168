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


async def test_a_device_that_never_said_what_it_is_is_listed_too(chat):
    phone = await chat.connect("alice", "phone")
    listed = (await phone.ask("devices.list", "devices.page"))["devices"]
    assert listed == [{"deviceId": "phone", "lastActive": listed[0]["lastActive"], "online": True, "current": True}]


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


async def test_an_eleventh_device_takes_the_place_of_one_that_is_not_connected(chat):
    devices = [await chat.connect("alice", f"d{i:02}") for i in range(10)]
    await devices[4].close()
    newcomer = await chat.connect("alice", "newcomer")
    removed = await devices[0].expect("device.removed")
    assert removed["deviceId"] == "d04" and isinstance(removed["timestamp"], int)
    names = [d["deviceId"] for d in (await newcomer.ask("devices.list", "devices.page"))["devices"]]
    assert names == [f"d{i:02}" for i in range(10) if i != 4] + ["newcomer"]


async def test_a_new_login_is_told_to_the_other_devices_and_a_known_one_is_not(chat):
    phone = await chat.connect("alice", "phone")
    bob = await chat.connect("bob", "phone")
    laptop = await chat.connect("alice", "laptop")
    added = await phone.expect("device.added")
    assert added["deviceId"] == "laptop" and isinstance(added["timestamp"], int)
    await laptop.close()
    laptop = await chat.connect("alice", "laptop")
    await phone.ok("devices.remove", deviceId="laptop")
    assert (await laptop.closed())[0] == 4503
    await phone.expect("device.removed", deviceId="laptop")
    await phone.expect_nothing("device.added", within=0.2)
    bob.never_saw("device.added")
    bob.never_saw("device.removed")
