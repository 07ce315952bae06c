"""What deploy/README.md shows to copy, built as it stands there: the overlay for an API of one's own, and the chart that uses the library."""

import shutil

import helm_python
import yaml

CHART = {"apiVersion": "v2", "name": "own", "version": "0.1.0", "dependencies": [{"name": "bearergate-lib", "version": "0.1.0"}]}
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: own}
spec:
  selector: {matchLabels: {app: own}}
  template:
    metadata: {labels: {app: own}}
"""
CONFIG_MAP = """apiVersion: v1
kind: ConfigMap
metadata: {name: bearergate}
data: {BEARERGATE_UPSTREAM_URL: "http://127.0.0.1:8080"}
---
"""


def block(deploy, begins):
    """The only block of code that begins so."""
    blocks = [part for part in (deploy / "README.md").read_text().split("```")[1::2] if part.removeprefix("yaml\n").startswith(begins)]
    if len(blocks) != 1:
        raise ValueError(f"{len(blocks)} blocks of deploy/README.md begin with {begins!r}")
    return blocks[0].removeprefix("yaml\n")


def overlay(deploy, copied, scratch, build):
    """The overlay's objects; the example's API stands for one's own."""
    root = scratch / "readme"
    shutil.copytree(copied / "kustomize/examples/legacy-api/api", root / "my-api")
    for part in ("kustomize", "monitoring"):
        shutil.copytree(copied / part, root / "bearergate/deploy" / part)
    (root / "overlay").mkdir()
    (root / "overlay/kustomization.yaml").write_text(block(deploy, "apiVersion: kustomize"))
    return [each for each in yaml.safe_load_all(build(root / "overlay")) if each]


def own_chart(deploy, scratch):
    """The pod that a chart of one's own renders with the parts of the library, without any setting."""
    chart = scratch / "own"
    (chart / "templates").mkdir(parents=True)
    shutil.copytree(deploy / "helm/bearergate-lib", chart / "charts/bearergate-lib")
    (chart / "Chart.yaml").write_text(yaml.safe_dump(CHART))
    parts = "".join(f"    {line}\n" for line in block(deploy, "spec:\n  terminationGracePeriodSeconds").splitlines())
    # The README's indents count from the pod's own `spec:`; here it stands four columns further in.
    for columns in (8, 6, 4):
        parts = parts.replace(f"nindent {columns} ", f"nindent {columns + 4} ").replace(f" indent {columns} ", f" indent {columns + 4} ")
    (chart / "templates/deployment.yaml").write_text(CONFIG_MAP + DEPLOYMENT + parts)
    with helm_python.Chart.load(chart) as loaded:
        return list(yaml.safe_load_all(loaded.render({}, name="own", namespace="pay")["own/templates/deployment.yaml"]))


def check(report, deploy, copied, scratch, build, known, manifests):
    objects = overlay(deploy, copied, scratch, build)
    wrong = manifests.faults(objects, known)
    named = {each["kind"]: each for each in objects if each["metadata"]["name"] == "bearergate"}
    if named["Certificate"]["spec"]["dnsNames"] != ["pay.example.com"] or named["Service"]["spec"].get("type") != "LoadBalancer":
        wrong.append("its patches do not reach what they name")
    if manifests.Guarded(objects).gate["image"] != "my-registry/bearergate:0.1.0":
        wrong.append("its image is not the gate's")
    report.line(f"readme: the overlay for an API of one's own builds, {len(objects)} objects, and holds the rules", wrong)
    own, whole = manifests.Guarded(own_chart(deploy, scratch)), manifests.Guarded(objects)
    wrong = [fault for rule in (manifests.place, manifests.mounts, manifests.ending, manifests.probes, manifests.pod_settings) for fault in rule(own)]
    wrong += [part for part in ("lifecycle", "securityContext", "resources", "readinessProbe", "ports") if own.gate[part] != whole.gate[part]]
    report.line("readme: a chart of one's own renders the same gate by the library's parts", wrong)
