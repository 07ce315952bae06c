"""Makes what is missing in the gate's folder (a signing key, a client), and lets the gate's user read what is there.

What is there already is never changed, save for its group and mode. Runs as root in a container that ends at once.
"""

import hashlib
import json
import os
import secrets
import sys
from pathlib import Path

GATE = 65532
USERNAME = "vietqr-live"

folder = Path(sys.argv[1])
key, clients, password = (folder / name for name in ("token.key", "clients.json", "password"))


def write(path, text):
    """Whole or not at all: beside it first."""
    beside = path.with_name("." + path.name)
    beside.write_text(text)
    beside.rename(path)


if not key.exists():
    write(key, secrets.token_urlsafe(32) + "\n")
if not clients.exists():
    # 192 random bits: a digest is enough to keep for the gate. `bearergate new-client` makes the same.
    write(password, secrets.token_urlsafe(24) + "\n")
    digest = "sha256:" + hashlib.sha256(password.read_text().strip().encode()).hexdigest()
    write(clients, json.dumps({"clients": [{"name": USERNAME, "username": USERNAME, "passwords": [digest]}]}, indent=2) + "\n")

os.chown(folder, -1, GATE)
folder.chmod(0o750)
for path in folder.iterdir():
    # A link's target may lie elsewhere, and is whoever's it is.
    if path.is_file() and not path.is_symlink():
        for_gate = path != password
        os.chown(path, -1, GATE if for_gate else 0)
        path.chmod(0o640 if for_gate else 0o600)

if password.exists():
    url, secret = "https://localhost:" + os.environ.get("PORT", "8443"), password.read_text().strip()
    print(f"""
# a token, as the payment network asks for one before every delivery
curl -k -sS -X POST -u '{USERNAME}:{secret}' {url}/api/token_generate

# a delivery with it
TOKEN=$(curl -k -sS -X POST -u '{USERNAME}:{secret}' {url}/api/token_generate | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
curl -k -sS -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
     -d '{{"amount":1000,"transactionid":"T1","referencenumber":"FT1"}}' {url}/bank/api/transaction-sync

# without one: 401, and the API hears nothing of it
curl -k -sS -i -H 'Content-Type: application/json' -d '{{"amount":1000}}' {url}/bank/api/transaction-sync
""")
