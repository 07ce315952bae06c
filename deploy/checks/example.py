"""The manifests' variables before the program itself, and the example's API and gate as processes of this machine."""

import json
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode


def new_secret(report, copied):
    """User name and password that the example's script has shown."""
    folder = copied / "kustomize/examples/legacy-api"
    said = subprocess.run(["./new-secret", "vietqr-check"], cwd=folder, capture_output=True, text=True, timeout=10)
    again = subprocess.run(["./new-secret"], cwd=folder, capture_output=True, text=True, timeout=10)
    wrong = [said.stderr] if said.returncode else []
    if again.returncode != 1:
        wrong.append("it would write over a key that is there")
    report.line("example: ./new-secret makes key and client, and does so once", wrong)
    return tuple(line.split(": ", 1)[1].strip() for line in said.stdout.splitlines())


def certificate(folder):
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=pay.example.com"]
    made += ["-addext", "subjectAltName=DNS:pay.example.com", "-keyout", folder / "tls.key", "-out", folder / "tls.crt"]
    subprocess.run(made, check=True, capture_output=True, timeout=20)


def judged_by_the_program(report, program, sets, manifests, scratch):
    """`bearergate check` with each set's variables, whose paths lead to files made for this."""
    mounted = scratch / "mounted"
    for folder in ("secret", "tls", "keys"):
        (mounted / folder).mkdir(parents=True)
    key = subprocess.run([program, "new-key"], check=True, capture_output=True, text=True, timeout=10).stdout
    (mounted / "secret/token.key").write_text(key)
    (mounted / "keys/2026-10-01").write_text(key)
    client = {"name": "vietqr", "username": "vietqr", "passwords": ["sha256:" + "5a" * 32]}
    (mounted / "secret/clients.json").write_text(json.dumps({"clients": [client]}))
    certificate(mounted / "tls")
    wrong = []
    for name, objects in sets.items():
        variables = {key: value.replace("/etc/bearergate", str(mounted)) for key, value in manifests.Guarded(objects).variables().items()}
        said = subprocess.run([program, "check"], env=variables, capture_output=True, text=True, timeout=10)
        if said.returncode != 0:
            wrong.append(f"{name}: {said.stderr.strip()}")
    report.line(f"variables: `bearergate check` passes those of {len(sets)} sets", wrong)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def ask(url, **headers):
    """Status and JSON of a POST; the certificate is the example's own, and not verified."""
    body = json.dumps({"amount": 1000, "transactionid": "T1", "referencenumber": "FT1"}).encode()
    request = urllib.request.Request(url, data=body, method="POST", headers={"Content-Type": "application/json", **headers})
    context = ssl._create_unverified_context()
    try:
        with urllib.request.urlopen(request, timeout=5, context=context) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as answer:
        return answer.code, json.load(answer)


def wait_until_ready(program, env, gate):
    deadline = time.monotonic() + 20
    while subprocess.run([program, "health"], env=env, capture_output=True, timeout=10).returncode != 0:
        if gate.poll() is not None or time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


class Pod:
    """The example's API and gate as processes, with the manifest's variables and ports that are free here."""

    def __init__(self, program, guarded, copied, delay):
        folder = copied / "kustomize/examples/legacy-api"
        upstream, listen, admin = free_port(), free_port(), free_port()
        self.program, self.base = program, f"https://127.0.0.1:{listen}/vqr"
        self.env = {name: value.replace("/etc/bearergate/secret", str(folder / "secret")) for name, value in guarded.variables().items()}
        self.env |= {"BEARERGATE_UPSTREAM_URL": f"http://127.0.0.1:{upstream}", "BEARERGATE_LISTEN": f"127.0.0.1:{listen}"}
        self.env |= {"BEARERGATE_ADMIN_LISTEN": f"127.0.0.1:{admin}", "BEARERGATE_DRAIN_DELAY": delay}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.api = subprocess.Popen([sys.executable, folder / "api/api.py", str(upstream)], **quiet)
        self.gate = subprocess.Popen([program], env=self.env, **quiet)

    def __enter__(self):
        if not wait_until_ready(self.program, self.env, self.gate):
            raise RuntimeError("the gate is not ready")
        return self

    def __exit__(self, *_):
        for each in (self.gate, self.api):
            each.kill()
            each.wait()

    def hook(self):
        """The gate's preStop."""
        return subprocess.Popen([self.program, "drain", "--pid", str(self.gate.pid)], env=self.env, stderr=subprocess.DEVNULL)


def delivers(report, program, guarded, login, copied):
    """A token and a payment through the example's own API and variables; then the gate's hook and its SIGTERM, as the kubelet sends them."""
    with Pod(program, guarded, copied, "0s") as pod:
        report.line("example: a token, a payment with it, 401 without, as processes here", payments(pod.base, login))
        report.line("example: drain, then SIGTERM: the gate ends with 0", ends(pod))


def pod_ends(report, program, guarded, login, copied):
    """Payments come in while the pod ends, in the kubelet's order, as they do until every load balancer has heard of it."""
    lost = {}
    for sleeps in (True, False):
        with Pod(program, guarded, copied, "2s") as pod:
            lost[sleeps] = paid_while_ending(pod, login, sleeps)
    (good, bad), (without, lacking) = lost[True], lost[False]
    wrong = [] if good > 5 and bad == 0 else ["with the API's sleep payments are lost"]
    wrong += [] if lacking > 0 else ["without the API's sleep none is lost: this check sees nothing"]
    shown = f"{bad} of {good + bad} payments lost; without the API's sleep {lacking} of {without + lacking}"
    report.line(f"example: the pod's end in the kubelet's order, as processes here: {shown}", wrong)


def paid_while_ending(pod, login, sleeps):
    """How many payments were answered 200, and how many otherwise, until the gate took no more."""
    token = ask(f"{pod.base}/api/token_generate", Authorization=basic(login))[1]["access_token"]
    hook, good, bad = pod.hook(), 0, 0
    if not sleeps:
        pod.api.send_signal(signal.SIGTERM)
    while hook.poll() is None:
        try:
            status, _ = ask(f"{pod.base}/bank/api/transaction-sync", Authorization=f"Bearer {token}")
        except OSError:
            # The delay is over: no new connection. By then nobody is sent here any more.
            break
        good, bad = good + (status == 200), bad + (status != 200)
        time.sleep(0.02)
    hook.wait(timeout=40)
    return good, bad


def basic(login):
    return f"Basic {b64encode(':'.join(login).encode()).decode()}"


def payments(base, login):
    status, token = ask(f"{base}/api/token_generate", Authorization=basic(login))
    if status != 200:
        return [f"token: {status} {token}"]
    delivery = f"{base}/bank/api/transaction-sync"
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    wrong = []
    for what, expected, (status, said) in (
        ("delivery", 200, ask(delivery, **bearer)),
        ("the same again", 200, ask(delivery, **bearer)),
        ("no token", 401, ask(delivery)),
        ("another path", 403, ask(f"{base}/healthz", **bearer)),
    ):
        if status != expected or (status == 200 and (said["error"] or said["object"] != {"reftransactionid": "LEGACY-1"})):
            wrong.append(f"{what}: {status} {said}")
    return wrong


def ends(pod):
    code = pod.hook().wait(timeout=40)
    if code != 0 or pod.gate.poll() is not None:
        return [f"drain: {code}, and the gate: {pod.gate.poll()}"]
    pod.gate.send_signal(signal.SIGTERM)
    code = pod.gate.wait(timeout=10)
    return [] if code == 0 else [f"exit code {code}"]
