"""What is measured: every row of the table, with the sides that are compared under it."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Figure:
    """One number of a run. `key` is what the program prints."""
    label: str
    key: str
    scale: float = 1
    unit: str = ""
    digits: int = 2


@dataclasses.dataclass(frozen=True)
class Side:
    """Somebody who does the row's work. With `load` a server that loadgen drives, without it a program that prints
    its figures itself. {data} becomes an empty folder, {port} a free port; a word that names a built program
    becomes its path."""
    name: str
    command: str
    load: str = ""
    needs: str = ""  # a program that must be installed
    before: str = ""  # a load for an earlier run of the server, which leaves what it has stored


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    sides: tuple
    figures: tuple
    share: float = 1  # of the runs that --runs asks for: long ones get fewer, at least one
    own_seconds: bool = False  # the load says how long it takes
    quiet: bool = False  # nothing about frames and latency to be shown

    def runs(self, asked):
        return max(1, round(asked * self.share))


DELIVERY_CPU = Figure("", "serverCpuNsPerDelivery", 1000, "µs CPU a delivery", 3)
OURS = "chat_server --listen 127.0.0.1:0 --data {data}/store --dev-auth --rate-limit off"
PEERS = (
    ("redis", "redis", "redis", "redis-server"),
    ("nats", "nats", "nats", "nats-server"),
    ("mosquitto", "mosquitto", "mqtt", "mosquitto"),
    ("node ws", "ws", "broadcast", "node"),
)


def ours(load, durability="os", shards=1, name="chatcore", flags="", before=""):
    return Side(name, f"{OURS} --durability {durability} --shards {shards} {flags}", load, before=before)


def limit(program, load):
    return Side(f"limit: {program.split()[0]}", program, load)


def fan_out(name, flags, peers=False, shards=1):
    sides = [ours(f"group {flags}", shards=shards), limit("bare_send", f"group {flags}")]
    if peers:
        sides += [Side(shown, f"start.sh {peer} {{port}}", f"peer --wire {wire} {flags}", program)
                  for shown, peer, wire, program in PEERS]
    return Row(name, tuple(sides), (DELIVERY_CPU,))


def pairs(name, flags, shards, figure=DELIVERY_CPU, limit_flags=""):
    load = f"pairs {flags}"
    return Row(name, (ours(load, "sync", shards), limit(f"receive_once_send_twice{limit_flags}", load)), (figure,))


def alone(name, load, figures, durability="os", share=0.2, shards=1, **more):
    return Row(name, (ours(load, durability, shards),), tuple(figures), share, quiet=True, **more)


def idle(name):
    """Devices that an earlier run of the server has registered, on one that has just started and caches no rows,
    and devices that it has to register: then what it stores of them is in the growth of its memory too."""
    known = "idle --connections 15000 --users known --seconds {} --groups {}"
    return Row(name,
               (ours(known.format(20, 0), flags="--cache-megabytes 1", before=known.format(8, 3)),
                ours("idle --connections 15000 --groups 3 --seconds 20", name="the same, devices never seen before"),
                limit("receive_once_send_twice", known.format(20, 0))),
               (Figure("memory of a connection", "bytesPerConnection", 1, "bytes", 0),
                Figure("CPU of a connect", "connectCpuNs", 1000, "µs", 1),
                Figure("heartbeats of all", "idleCpuShare", 0.01, "% of a core")), 0.2, True, True)


def slow_reader(name, receivers):
    load = f"group --receivers {receivers} --payload 16000 --megabytes 50"
    return Row(name, (ours(load + " --stalled 1"), ours(load, name="the same, nobody stalled")),
               (Figure("p99 of the others", "deliveryP99Us", 1000, "ms"),
                Figure("resident memory grown", "residentGrowthBytes", 1e6, "MB", 1),
                Figure("it stood still", "stalledSeconds", 1, "s", 1),
                Figure("messages it found", "stalledGot", 1, "", 0),
                Figure("then sync.required", "stalledSyncRequired", 1, "", 0),
                Figure("then a close", "stalledCloseCode", 1, "", 0)), 0.2, True, True)


STORE = "store_bench --benchmark_format=json --benchmark_min_time=0.3 --benchmark_filter=^"

ROWS = (
    fan_out("group 1,000, 1 in flight", "--receivers 1000", peers=True),
    fan_out("group 10,000, 1 in flight", "--receivers 10000", peers=True),
    fan_out("group 1,000, 16 in flight", "--receivers 1000 --in-flight 16", peers=True),
    fan_out("group 1,000, 16 in flight, 2 shards", "--receivers 1000 --in-flight 16", shards=2),
    fan_out("two groups of the same 1,000, 1 in flight", "--receivers 1000 --groups 2"),
    pairs("pairs 1,000, 256 in flight, sync, 1 shard", "--pairs 1000 --in-flight 256", 1),
    pairs("pairs 1,000, 256 in flight, sync, 2 shards", "--pairs 1000 --in-flight 256", 2),
    pairs("the same with receipts, 1 shard", "--pairs 1000 --in-flight 256 --ack", 1),
    pairs("one lone pair, sync: median send to delivered", "--pairs 1 --in-flight 1", 1,
          Figure("", "deliveryP50Us", 1, "µs"), " --sync {data}/log"),
    Row("store append, batch 64, sync",
        (Side("chatcore store", STORE + "append/sync_with_cursor/64$"),
         Side("limit: raw_rocksdb_writer", "raw_rocksdb_writer --data {data}/raw --batch 64")),
        (Figure("", "cpuNsPerMessage", 1000, "µs CPU a message", 3),), quiet=True),
    Row("page of 50 from a log of 1,000,000",
        (Side("chatcore store", STORE + "page_of_50/1/"),
         Side("limit: reverse iterator", STORE + "raw_page_of_50/")),
        (Figure("", "cpuNsPerPage", 1000, "µs CPU a page"),), 0.2, quiet=True),
    alone("catch-up of 10,000 missed events", "catchup --events 10000",
          (Figure("events per second of CPU", "eventsPerCpuSecond", 1000, "thousand", 0),
           Figure("resident memory grown", "residentGrowthBytes", 1e6, "MB")), share=1),
    slow_reader("group 100, 50 MB past one stalled reader", 100),
    slow_reader("group 1,000, 50 MB past one stalled reader", 1000),
    idle("15,000 idle connections in 3 groups each"),
    alone("joining and leaving a group of 10,000, sync", "joins --receivers 10000",
          (Figure("join", "serverCpuNsPerJoin", 1000, "µs CPU", 1),
           Figure("leave", "serverCpuNsPerLeave", 1000, "µs CPU", 1)), "sync", 1),
    alone("member list of 100,000: another client's longest ping", "members --receivers 100000",
          (Figure("while it is listed", "stallWhileListingMaxMs", 1, "ms"),
           Figure("while it grows to that", "stallWhileAddingMaxMs", 1, "ms"),
           Figure("while nothing happens", "stallWhileQuietMaxMs", 1, "ms"))),
)
