"""Payments as the network makes them, at fixed rates, and what the gate takes for them: python3 deploy/checks/sizing.py PROGRAM [RATE ...]

Tokens come over kept connections, each delivery over a new TLS connection that is then left idle, until the gate closes it. The gate has
WORKERS=1 and the MAX_CONNECTIONS that a container of 64 MiB gives; the API is the example's. Memory is read from /proc: RSS with all file pages.
SECONDS_EACH says how long each rate lasts (90).
"""

import asyncio
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import time
from base64 import b64encode

import example

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
SECONDS = int(os.environ.get("SECONDS_EACH", "90"))
PAYMENT = b'{"amount":1000,"transactionid":"T%d","referencenumber":"FT1","content":"' + b"x" * 200 + b'"}'


def context():
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.options |= ssl.OP_NO_TICKET
    return made


class Network:
    def __init__(self, port, login):
        self.port, self.tls = port, context()
        self.basic = b64encode(":".join(login).encode()).decode()
        self.kept, self.idle, self.failed, self.done, self.slowest = [], set(), 0, 0, 0.0

    async def post(self, stream, path, authorization, body):
        reader, writer = stream
        head = f"POST /vqr{path} HTTP/1.1\r\nHost: pay.example.com\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        return int(answer.split(b" ")[1]), await reader.readexactly(length)

    async def connect(self):
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls)

    async def pay(self, number):
        began = time.monotonic()
        try:
            # One that the gate has closed meanwhile is not used again, as in every client's pool.
            self.kept = [each for each in self.kept if not each[0].at_eof()]
            stream = self.kept.pop() if self.kept else await self.connect()
            _, said = await self.post(stream, "/api/token_generate", f"Basic {self.basic}", b"{}")
            self.kept.append(stream)
            token = said.split(b'"')[3].decode()
            delivery = await self.connect()
            status, _ = await self.post(delivery, "/bank/api/transaction-sync", f"Bearer {token}", PAYMENT % number)
            self.failed += status != 200
            self.done += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.idle.add(asyncio.ensure_future(self.left(delivery)))
        except (OSError, asyncio.IncompleteReadError, IndexError) as fault:
            self.failed += 1
            print(f"payment {number}: {fault!r}", file=sys.stderr)

    async def left(self, delivery):
        """Never closed by us; gone when the gate closes it."""
        reader, writer = delivery
        try:
            await reader.read()
        except OSError:
            pass
        writer.transport.abort()
        self.idle.discard(asyncio.current_task())


def used(process):
    """CPU seconds and RSS in MiB so far."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    status = pathlib.Path(f"/proc/{process}/status").read_text()
    rss = int(status.split("VmRSS:")[1].split()[0])
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), rss / 1024


async def run(rate, port, login, process):
    network, loop = Network(port, login), asyncio.get_running_loop()
    before, idle_memory = used(process)
    began, tasks, most, peak = loop.time(), set(), 0, idle_memory
    for number in range(rate * SECONDS):
        await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
        task = asyncio.ensure_future(network.pay(number))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        if number % rate == 0:
            most, peak = max(most, len(network.idle)), max(peak, used(process)[1])
    await asyncio.gather(*tasks)
    took = loop.time() - began
    cpu = used(process)[0] - before
    print(f"{rate}/s asked, {network.done / took:.0f}/s made for {took:.0f} s: {network.failed} failed, slowest {network.slowest * 1000:.0f} ms, "
          f"{cpu / network.done * 1e6:.0f} µs of CPU each, {most} idle at most, RSS {idle_memory:.1f} MiB idle, {peak:.1f} MiB at most", flush=True)
    for task in list(network.idle):
        task.cancel()
    await asyncio.gather(*network.idle, return_exceptions=True)


def measure(program, rate, folder, login):
    upstream, listen, admin = example.free_port(), example.free_port(), example.free_port()
    env = {"UPSTREAM_URL": f"http://127.0.0.1:{upstream}", "LISTEN": f"127.0.0.1:{listen}", "ADMIN_LISTEN": f"127.0.0.1:{admin}"}
    env |= {"TLS": "self-signed", "BASE_PATH": "/vqr", "STRIP_BASE_PATH": "true", "WORKERS": "1", "MAX_CONNECTIONS": "1024"}
    env |= {"TOKEN_KEY_FILE": str(folder / "secret/token.key"), "CLIENTS_FILE": str(folder / "secret/clients.json")}
    env = {f"BEARERGATE_{name}": value for name, value in env.items()}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    api = subprocess.Popen([sys.executable, folder / "api/api.py", str(upstream)], **quiet)
    gate = subprocess.Popen([program], env=env, **quiet)
    try:
        if not example.wait_until_ready(program, env, gate):
            sys.exit("the gate is not ready")
        asyncio.run(run(rate, listen, login, gate.pid))
    finally:
        for each in (gate, api):
            each.kill()
            each.wait()


def main():
    program, rates = sys.argv[1], [int(each) for each in sys.argv[2:]] or [10, 50, 100]
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        source = DEPLOY / "kustomize/examples/legacy-api"
        (folder / "api").mkdir()
        (folder / "api/api.py").write_text((source / "api/api.py").read_text())
        (folder / "new-secret").write_text((source / "new-secret").read_text())
        said = subprocess.run(["sh", "./new-secret"], cwd=folder, capture_output=True, text=True, check=True, timeout=10).stdout
        login = tuple(line.split(": ", 1)[1].strip() for line in said.splitlines())
        for rate in rates:
            measure(program, rate, folder, login)


main()
