"""The program's flags, exit codes and explanations."""

import os
import signal
import subprocess

import pytest

SERVER = os.environ.get("CHAT_SERVER", "")


def run(*arguments, timeout=5):
    return subprocess.run([SERVER, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)


def usual(tmp_path, *more):
    return ["--listen", "127.0.0.1:0", "--data", str(tmp_path / "data"), "--dev-auth", *more]


@pytest.mark.parametrize("flags", [
    ["--no-such-flag"], ["surplus"], ["--shards", "0"], ["--shards", "many"], ["--shards"], ["--shards", "-1"],
    ["--durability", "maybe"], ["--presence-ttl-ms", "x"], ["--presence-debounce-ms", "-5"], ["--rate-limit", "slow"],
    ["--content-bytes", "0"], ["--content-bytes", "65000"], ["--content-bytes", "picture=9"], ["--content-bytes", "image="],
], ids=" ".join)
def test_a_wrong_flag_is_explained_and_exits_2(tmp_path, flags):
    ended = run(*usual(tmp_path, *flags))
    assert ended.returncode == 2, ended
    assert flags[0].encode() in ended.stderr, "the explanation names the flag"
    assert b"listening" not in ended.stdout


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:99999", "127.0.0.1:x", ":", ""])
def test_a_wrong_address_is_explained_and_exits_2(tmp_path, address):
    ended = run("--listen", address, "--data", str(tmp_path / "data"), "--dev-auth")
    assert ended.returncode == 2 and b"--listen" in ended.stderr, ended


def test_a_missing_data_folder_flag_is_explained_and_exits_2():
    ended = run("--listen", "127.0.0.1:0", "--dev-auth")
    assert ended.returncode == 2 and b"--data" in ended.stderr, ended


def test_development_authentication_refuses_an_address_that_is_not_loopback(tmp_path):
    ended = run("--listen", "0.0.0.0:0", "--data", str(tmp_path / "data"), "--dev-auth")
    assert ended.returncode in (1, 2) and b"dev-auth" in ended.stderr.replace(b"development auth", b"dev-auth")
    assert b"listening" not in ended.stdout


def test_a_missing_secret_file_is_explained(tmp_path):
    ended = run("--listen", "127.0.0.1:0", "--data", str(tmp_path / "data"), "--jwt-secret-file",
                str(tmp_path / "absent"))
    assert ended.returncode in (1, 2) and b"absent" in ended.stderr


def test_a_data_folder_in_use_is_explained_and_exits_1(start_server):
    first = start_server()
    ended = run("--listen", "127.0.0.1:0", "--data", first.data, "--dev-auth")
    assert ended.returncode == 1 and first.data.encode() in ended.stderr, ended


def test_a_data_folder_that_is_a_file_is_explained_and_exits_1(tmp_path):
    (tmp_path / "data").write_text("not a folder")
    ended = run(*usual(tmp_path))
    assert ended.returncode == 1 and str(tmp_path / "data").encode() in ended.stderr, ended


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_data_folder_is_explained_and_exits_1(tmp_path):
    (tmp_path / "data").mkdir(mode=0)
    ended = run(*usual(tmp_path))
    assert ended.returncode == 1 and str(tmp_path / "data").encode() in ended.stderr, ended


def test_an_address_in_use_is_explained(start_server, tmp_path):
    first = start_server()
    ended = run("--listen", f"127.0.0.1:{first.port}", "--data", str(tmp_path / "other"), "--dev-auth")
    assert ended.returncode == 1 and str(first.port).encode() in ended.stderr, ended


def test_a_data_folder_that_does_not_exist_is_made(start_server, tmp_path):
    server = start_server(data=str(tmp_path / "fresh"))
    assert os.path.isdir(server.data)


def test_sigterm_right_after_the_start_ends_the_process_with_0(start_server):
    server = start_server()
    server.terminate()
    assert server.wait(10) == 0


def test_sigint_ends_it_as_well(start_server):
    server = start_server()
    server.process.send_signal(signal.SIGINT)
    assert server.wait(10) in (0, -signal.SIGINT)


@pytest.mark.parametrize("durability", ["sync", "os", "memory"])
def test_each_durability_starts(start_server, durability):
    start_server(durability=durability)
