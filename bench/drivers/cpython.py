"""CPython's multiprocessing and concurrent.futures: one function per topology, the same loops as in ../harness.

Started by ../harness/measure.js in a fresh process: cpython.py <function> <params as JSON>; writes one JSON line to file
descriptor 3. Its spawn children import this file again: it acts under the main guard only, and imports at its top only
what they need, because `process_start` measures it.
"""
import multiprocessing as mp
import os
import sys
import time


class NotMeasured(Exception):
    pass


def increment(x):
    return x + 1


def echo(x):
    return x



# Executors: 2 workers, x -> x + 1

def executor_pipelined(params):
    return measured_executor(params, bounded if "inFlight" in params else all_at_once)


def executor_one_at_a_time(params):
    return measured_executor(params, one_at_a_time)


def executor_in_batches(params):
    return measured_executor(params, in_batches)


def map_executor(params):
    return measured_executor(params, map_all)


def map_pool(params):
    with mp.get_context(params.get("method", "spawn")).Pool(params["workers"]) as pool:
        return us_per_task(params, lambda tasks: sum(pool.map(increment, range(tasks), params.get("chunkSize"))))


def executor_payload(params):
    from concurrent.futures import ProcessPoolExecutor

    records = [
        {"id": i, "name": f"user {i}", "email": f"user{i}@example.com", "active": i % 2 == 0, "score": i * 1.5}
        for i in range(10)
    ]
    values = {"1 KiB of records": records, "number": 12345}
    kib = {"1 KiB Buffer": 1, "64 KiB Buffer": 64, "256 KiB Buffer": 256, "1 MiB Buffer": 1024}
    name = params["payload"]
    value = values[name] if name in values else b"\7" * 1024 * kib[name]
    size_of = int if name == "number" else len
    in_flight = params["inFlight"]
    with ProcessPoolExecutor(params["workers"], mp_context=mp.get_context("spawn")) as executor:

        def run(count):
            window = [None] * in_flight
            for i in range(count + in_flight):
                if i >= in_flight:
                    assert size_of(window[i % in_flight].result()) == size_of(value)
                if i < count:
                    window[i % in_flight] = executor.submit(echo, value)

        run(params["warmup"])
        start = time.perf_counter()
        run(params["tasks"])
        return (time.perf_counter() - start) * 1e6 / params["tasks"]


def executor_all_pending(params):
    from concurrent.futures import ProcessPoolExecutor

    pending, what = params["pending"], params["what"]
    executor = ProcessPoolExecutor(params["workers"], mp_context=mp.get_context("spawn"))
    sum(future.result() for future in [executor.submit(increment, x) for x in range(params["warmup"])])
    before, start = resident_bytes(), time.perf_counter()
    futures = [executor.submit(increment, x) for x in range(pending)]
    if what == "memory":
        figure = (resident_bytes() - before) / pending
        executor.shutdown(cancel_futures=True)
        return figure
    if what == "cancel":
        start = time.perf_counter()
        executor.shutdown(cancel_futures=True)
        assert all(future.done() for future in futures)
        return (time.perf_counter() - start) * 1e3
    assert sum(future.result() for future in futures) == pending * (pending + 1) // 2
    elapsed = time.perf_counter() - start
    executor.shutdown()
    return elapsed * 1e6 / pending


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measured_executor(params, run):
    from concurrent.futures import ProcessPoolExecutor

    context = mp.get_context(params.get("method", "spawn"))
    with ProcessPoolExecutor(params["workers"], mp_context=context) as executor:
        assert executor.submit(increment, 1).result() == 2
        return us_per_task(params, lambda tasks: run(executor, tasks, params))


def us_per_task(params, run):
    tasks, warmup = params["tasks"], params["warmup"]
    run(warmup)
    start = time.perf_counter()
    run(warmup)
    expected = (time.perf_counter() - start) / warmup * tasks
    budget = params.get("budgetMs", float("inf")) / 1e3
    if expected > budget:
        raise NotMeasured(f"over the budget of {budget:g} s: about {expected:.0f} s")
    start = time.perf_counter()
    total = run(tasks)
    elapsed = time.perf_counter() - start
    assert total == tasks * (tasks + 1) // 2, total
    return elapsed * 1e6 / tasks


def all_at_once(executor, tasks, params):
    return sum(future.result() for future in [executor.submit(increment, x) for x in range(tasks)])


def bounded(executor, tasks, params):
    in_flight = params["inFlight"]
    window = [None] * in_flight
    total = 0
    for x in range(tasks + in_flight):
        if x >= in_flight:
            total += window[x % in_flight].result()
        if x < tasks:
            window[x % in_flight] = executor.submit(increment, x)
    return total


def one_at_a_time(executor, tasks, params):
    return sum(executor.submit(increment, x).result() for x in range(tasks))


def in_batches(executor, tasks, params):
    total = 0
    for done in range(0, tasks, params["pending"]):
        batch = range(done, min(done + params["pending"], tasks))
        total += sum(future.result() for future in [executor.submit(increment, x) for x in batch])
    return total


def map_all(executor, tasks, params):
    chunk = {"chunksize": params["chunkSize"]} if params.get("chunkSize") else {}
    return sum(executor.map(increment, range(tasks), **chunk))


# Starting

def process_start(params):
    return process_exit(params) if params["until"] == "exit" else process_first_user_code(params)


def context_of(params):
    if "preloadMb" in params:
        os.environ["PYTHONPATH"] = os.path.dirname(os.path.abspath(__file__))
        os.environ["BENCH_PRELOAD_MB"] = str(params["preloadMb"])
        mp.set_forkserver_preload(["__main__", "preload"])
    return mp.get_context(params["method"])


def process_first_user_code(params):
    context = context_of(params)

    def once():
        reader, writer = context.Pipe(False)
        start = time.monotonic_ns()
        process = context.Process(target=send_time, args=(writer,))
        process.start()
        first = reader.recv()
        process.join()
        return (first - start) / 1e6

    return median_of(params, once)


def process_exit(params):
    context = context_of(params)

    def once():
        start = time.monotonic_ns()
        process = context.Process(target=do_nothing)
        process.start()
        process.join()
        assert process.exitcode == 0, process.exitcode
        return (time.monotonic_ns() - start) / 1e6

    return median_of(params, once)


def median_of(params, once):
    from statistics import median

    return median([once() for _ in range(params["warmup"] + params["starts"])][params["warmup"]:])


def send_time(writer):
    now = time.monotonic_ns()
    writer.send(now)


def do_nothing():
    pass


# Locks

def lock_multiprocessing(params):
    return lock_ns(mp.get_context("spawn").Lock(), params)


def lock_threading(params):
    import threading

    return lock_ns(threading.Lock(), params)


def lock_ns(lock, params):
    acquire_and_release(lock, params["warmup"] // 10)
    iterations = params["iterations"] // 10  # a tenth: Python's loop is slower, the figure is per operation
    start = time.perf_counter()
    acquire_and_release(lock, iterations)
    return (time.perf_counter() - start) * 1e9 / iterations


def acquire_and_release(lock, times):
    acquire, release = lock.acquire, lock.release
    for _ in range(times):
        acquire()
        release()


# Values, arrays and lists in shared memory, one process alone with them

def value_under_lock(params):
    value = mp.get_context("spawn").Value("i", 0)
    lock = value.get_lock()

    def act(times):
        for _ in range(times):
            with lock:
                value.value += 1

    return ns_per_act(act, params)


def raw_array(params):
    return ns_per_act(over_all(mp.get_context("spawn").RawArray("d", params["length"])), params)


def locked_array(params):
    return ns_per_act(over_all(mp.get_context("spawn").Array("d", params["length"])), params)


def shareable_list(params):
    from multiprocessing.shared_memory import ShareableList

    items = ShareableList([0] * params["length"])
    try:
        return ns_per_act(over_all(items), params)
    finally:
        items.shm.close()
        items.shm.unlink()


def over_all(array):
    length = len(array)

    def act(times):
        at = 0
        for _ in range(times):
            array[at] = array[at] + 1
            at = 0 if at + 1 == length else at + 1

    return act


def ns_per_act(act, params):
    act(params["warmup"] // 10)
    iterations = params["iterations"] // 10  # a tenth: Python's loop is slower, the figure is per operation
    start = time.perf_counter()
    act(iterations)
    return (time.perf_counter() - start) * 1e9 / iterations


# Synchronisation between processes

def lock_contended(params):
    context = mp.get_context("spawn")
    lock, stop, counts = context.Lock(), context.RawValue("i", 0), context.SimpleQueue()
    begin = context.Barrier(params["processes"] + 1)
    partners = start_all(context, params["processes"], contend, (lock, begin, stop, counts))
    begin.wait()
    start = time.perf_counter()
    time.sleep(params["milliseconds"] / 1e3)
    stop.value = 1
    total = sum(counts.get() for _ in partners)
    seconds = time.perf_counter() - start
    join_all(partners)
    return total / seconds


def contend(lock, begin, stop, counts):
    begin.wait()
    count = 0
    while stop.value == 0:
        acquire_and_release(lock, 100)
        count += 100
    counts.put(count)


def hand_off(params):
    context = mp.get_context("spawn")
    there, back = context.Semaphore(0), context.Semaphore(0)
    partners = start_all(context, 1, return_all, (there, back, params["roundTrips"] + params["warmup"]))

    def bounce(count):
        for _ in range(count):
            there.release()
            back.acquire()

    us = us_per_round_trip(params, bounce)
    join_all(partners)
    return us / 2


def return_all(there, back, times):
    for _ in range(times):
        there.acquire()
        back.release()


def condition_ping_pong(params):
    context = mp.get_context("spawn")
    condition, turn = context.Condition(context.Lock()), context.RawValue("i", 0)
    partners = start_all(context, 1, take_turns, (condition, turn, 1, params["roundTrips"] + params["warmup"]))
    us = us_per_round_trip(params, lambda count: take_turns(condition, turn, 0, count))
    join_all(partners)
    return us


def take_turns(condition, turn, mine, times):
    with condition:
        for _ in range(times):
            while turn.value != mine:
                condition.wait()
            turn.value = 1 - mine
            condition.notify()


def barrier_pass(params):
    context = mp.get_context("spawn")
    barrier = context.Barrier(params["parties"])
    partners = start_all(context, params["parties"] - 1, pass_all, (barrier, params["roundTrips"] + params["warmup"]))
    us = us_per_round_trip(params, lambda count: pass_all(barrier, count))
    join_all(partners)
    return us


def pass_all(barrier, times):
    for _ in range(times):
        barrier.wait()


def event_broadcast(params):
    context = mp.get_context("spawn")
    events, done = [context.Event(), context.Event()], context.Semaphore(0)
    waiters, times = params["waiters"], params["roundTrips"] + params["warmup"]
    partners = start_all(context, waiters, await_all, (*events, done, times))
    turn = 0

    def broadcast(count):
        nonlocal turn
        for turn in range(turn, turn + count):
            events[(turn + 1) % 2].clear()
            events[turn % 2].set()
            for _ in range(waiters):
                done.acquire()
        turn += 1

    us = us_per_round_trip(params, broadcast)
    join_all(partners)
    return us


def await_all(first, second, done, times):
    for i in range(times):
        (second if i % 2 else first).wait()
        done.release()


def start_all(context, count, target, args):
    partners = [context.Process(target=target, args=args) for _ in range(count)]
    for partner in partners:
        partner.start()
    return partners


def join_all(partners):
    for partner in partners:
        partner.join()


# Channels: one sender here, one receiver in a spawned process

def queue_one_to_one(params):
    context = mp.get_context("spawn")
    queue = {"Queue": context.Queue, "SimpleQueue": context.SimpleQueue}[params["kind"]]()
    return one_to_one(context, queue.put, queue, params)


def pipe_one_to_one(params):
    context = mp.get_context("spawn")
    reader, writer = context.Pipe(False)
    return one_to_one(context, writer.send, reader, params)


def one_to_one(context, send, receiver, params):
    answers, answer = context.Pipe(False)
    process = context.Process(target=count_messages, args=(receiver, answer))
    process.start()
    payload, messages = params["payload"], params["messages"]
    stream(send, answers, payload, params["warmup"])
    start = time.perf_counter()
    stream(send, answers, payload, messages)
    seconds = time.perf_counter() - start
    send(None)
    process.join()
    return rate_of(payload, messages, seconds)


def rate_of(payload, messages, seconds):
    return messages * MEBIBYTES.get(payload, 1e-3) / seconds


def stream(send, answers, payload, count):
    total = 0
    send(count)
    for i in range(count):
        message = make_payload(payload, i)
        total += weight_of(message)
        send(message)
    assert answers.recv() == total


def count_messages(receiver, answer):
    receive = receiver.get if hasattr(receiver, "get") else receiver.recv
    while (count := receive()) is not None:
        answer.send(sum(weight_of(receive()) for _ in range(count)))


def make_payload(payload, i):
    if payload == "number":
        return i
    if payload == "{id,name}":
        return {"id": i, "name": f"item {i}"}
    if not kept:
        kept.extend(kept_payloads(payload))
    return kept[i % len(kept)]


def kept_payloads(payload):
    if payload == "1 KB string":
        return [chr(65 + i) * 1024 for i in range(8)]
    if payload == "100 records":
        return [[{"id": i, "name": f"item {i}", "price": i * 1.5, "tags": ["a", "b"]} for i in range(100)]]
    size = int(MEBIBYTES[payload] * 2**20)
    return [bytes([i + 1]) * size for i in range(1 if size > 2**23 else 8)]  # several: Queue pickles later


def weight_of(message):
    if isinstance(message, int):
        return message
    if isinstance(message, dict):
        return message["id"] + len(message["name"])
    if isinstance(message, str):
        return len(message) + ord(message[0])
    if isinstance(message, list):
        return len(message) + message[-1]["id"]
    return len(message) + message[0] + message[-1]


kept = []
MEBIBYTES = {"64 KiB": 1 / 16, "1 MiB": 1, "64 MiB": 64}


def queue_many_to_one(params):
    context = mp.get_context("spawn")
    make = {"Queue": context.Queue, "SimpleQueue": context.SimpleQueue}[params["kind"]]
    queue, commands = make(), [context.SimpleQueue() for _ in range(params["members"])]
    members = [context.Process(target=produce_all, args=(command, queue)) for command in commands]
    for member in members:
        member.start()

    def fan_in(count):
        share = count // len(members)
        expected = sum(weight_of(make_payload(params["payload"], i)) for i in range(share)) * len(members)
        for command in commands:
            command.put((params["payload"], share))
        assert sum(weight_of(queue.get()) for _ in range(share * len(members))) == expected

    return measured_fan(params, fan_in, commands, members)


def produce_all(commands, queue):
    while (command := commands.get()) is not None:
        payload, count = command
        for i in range(count):
            queue.put(make_payload(payload, i))


def queue_one_to_many(params):
    context = mp.get_context("spawn")
    make = {"Queue": context.Queue, "SimpleQueue": context.SimpleQueue}[params["kind"]]
    queue, answers, commands = make(), context.SimpleQueue(), [context.SimpleQueue() for _ in range(params["members"])]
    members = [context.Process(target=consume_all, args=(command, queue, answers)) for command in commands]
    for member in members:
        member.start()

    def fan_out(count):
        for command in commands:
            command.put("next round")
        expected = 0
        for i in range(count):
            message = make_payload(params["payload"], i)
            expected += weight_of(message)
            queue.put(message)
        for _ in members:
            queue.put(None)
        assert sum(answers.get() for _ in members) == expected

    return measured_fan(params, fan_out, commands, members)


def consume_all(commands, queue, answers):
    while commands.get() is not None:
        total = 0
        while (message := queue.get()) is not None:
            total += weight_of(message)
        answers.put(total)


def measured_fan(params, run, commands, members):
    run(params["warmup"])
    start = time.perf_counter()
    run(params["messages"])
    seconds = time.perf_counter() - start
    for command in commands:
        command.put(None)
    for member in members:
        member.join()
    return rate_of(params["payload"], params["messages"], seconds)


def pipe_ping_pong(params):
    context = mp.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=echo_pipe, args=(theirs,))
    process.start()
    us = us_per_echo(params, ours.send, ours.recv)
    process.join()
    return us


def queue_ping_pong(params):
    context = mp.get_context("spawn")
    make = {"Queue": context.Queue, "SimpleQueue": context.SimpleQueue}[params["kind"]]
    there, back = make(), make()
    process = context.Process(target=echo_queue, args=(there, back))
    process.start()
    us = us_per_echo(params, there.put, back.get)
    process.join()
    return us


def socket_ping_pong(params):
    from multiprocessing.connection import Listener

    key = bytes(32)
    listener = Listener(family=params["family"], authkey=key)
    process = mp.get_context("spawn").Process(target=echo_socket, args=(listener.address, key))
    process.start()
    connection = listener.accept()
    us = us_per_echo(params, connection.send, connection.recv)
    process.join()
    connection.close()
    listener.close()
    return us


def echo_socket(address, key):
    from multiprocessing.connection import Client

    echo_pipe(Client(address, authkey=key))


def us_per_echo(params, send, receive):
    def bounce(count):
        for i in range(count):
            send(i)
            assert receive() == i

    us = us_per_round_trip(params, bounce)
    send(None)
    return us


def us_per_round_trip(params, bounce):
    bounce(params["warmup"])
    start = time.perf_counter()
    bounce(params["roundTrips"])
    return (time.perf_counter() - start) * 1e6 / params["roundTrips"]


def echo_pipe(connection):
    while (message := connection.recv()) is not None:
        connection.send(message)


def echo_queue(there, back):
    while (message := there.get()) is not None:
        back.put(message)


# Managers: methods of one object in the server

def manager_calls(params):
    context = mp.get_context("spawn")
    clients, calls, warmup = params["clients"], params["calls"], params["warmup"]
    value = bytes([7]) * params["bytes"] or 1
    run = (params["operation"], value)
    with context.Manager() as manager:
        target = managed_object(manager, *run)
        if clients == 1:
            call_all(target, *run, warmup)
            start = time.perf_counter()
            call_all(target, *run, calls)
            return calls / (time.perf_counter() - start)
        barrier = context.Barrier(clients + 1)
        args = (target, barrier, *run, calls // clients, warmup // clients)
        children = [context.Process(target=manager_client, args=args) for _ in range(clients)]
        for child in children:
            child.start()
        barrier.wait()
        start = time.perf_counter()
        barrier.wait()
        elapsed = time.perf_counter() - start
        for child in children:
            child.join()
        return calls / elapsed


def managed_object(manager, operation, value):
    if operation == "append":
        return manager.list()
    return manager.Namespace(key=value) if operation == "attribute" else manager.dict(key=value)


def manager_client(target, barrier, operation, value, calls, warmup):
    call_all(target, operation, value, warmup)
    barrier.wait()
    call_all(target, operation, value, calls)
    barrier.wait()


def call_all(target, operation, value, calls):
    for _ in range(calls):
        if operation == "get":
            target.get("key")
        elif operation == "set":
            target["key"] = value
        elif operation == "append":
            target.append(value)
        else:
            target.key


def main():
    import json
    import os
    import traceback

    name, params = sys.argv[1], json.loads(sys.argv[2])
    try:
        outcome = {"value": globals()[name](params)}
    except NotMeasured as reason:
        outcome = {"notMeasured": str(reason)}
    except BaseException:
        outcome = {"error": traceback.format_exc().strip().splitlines()[-1] + "\n" + traceback.format_exc()}
    os.write(3, (json.dumps(outcome) + "\n").encode())


if __name__ == "__main__":
    main()
