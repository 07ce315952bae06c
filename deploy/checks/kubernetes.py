"""What deploy/check-kubernetes.sh runs: one line a check, exit code 1 when one fails. See there for what it takes."""

import copy
import functools
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import kubernetes_validate
import kubernetes_validate.utils
import yaml

import charts
import custom_resources
import example
import manifests
import readme

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
OPTIONS = ("certificate", "disruption-budget", "monitoring", "signing-keys", "sleep-by-exec")
OLDEST = (1, 29)
# Each validation would read a schema of a megabyte anew.
kubernetes_validate.utils.schema_contents = functools.lru_cache(None)(kubernetes_validate.utils.schema_contents)


class Report:
    def __init__(self):
        self.failed = False

    def line(self, what, found):
        """`found` says what is wrong; of many faults the first five are shown."""
        found = list(found)
        print(f"{'FAIL' if found else 'ok  '} {what}", flush=True)
        for fault in found[:5]:
            print(f"     {fault}")
        self.failed |= bool(found)


def versions():
    pairs = sorted({tuple(int(part) for part in each.split(".")[:2]) for each in kubernetes_validate.utils.all_versions()})
    return [f"{major}.{minor}" for major, minor in pairs if (major, minor) >= OLDEST]


def overlay(folder, variant, options):
    """An overlay over the example's API, as an operator would write it."""
    config = {"BEARERGATE_UPSTREAM_URL": "http://127.0.0.1:8080", "BEARERGATE_TLS_CERT_FILE": "/etc/bearergate/tls/tls.crt"}
    config["BEARERGATE_TLS_KEY_FILE"] = "/etc/bearergate/tls/tls.key"
    root = f"{'../' * 2}kustomize"
    text = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "pay",
        "resources": [f"{root}/examples/legacy-api/api"],
        "components": [f"{root}/{variant}"] + [f"{root}/options/{option}" for option in options],
        "configMapGenerator": [{"name": "bearergate", "literals": [f"{name}={value}" for name, value in config.items()]}],
    }
    folder.mkdir(parents=True)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(text))
    return folder


def build(kubectl, folder):
    said = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, timeout=60)
    if said.returncode != 0:
        raise RuntimeError(f"{folder.name}: {said.stderr.strip()}")
    return said.stdout


def kustomize(report, copied, known):
    """Every combination of variant and options, and the example; by every kubectl that was named."""
    chosen = [options for size in range(len(OPTIONS) + 1) for options in itertools.combinations(OPTIONS, size)]
    both = itertools.product(("native", "plain"), chosen)
    folders = [overlay(copied / "overlays" / "-".join((variant, *options)), variant, options) for variant, options in both]
    folders.append(copied / "kustomize/examples/legacy-api")
    programs = os.environ.get("KUBECTL", "kubectl").split()
    sets, wrong = {}, []
    for folder in folders:
        try:
            built = [build(program, folder) for program in programs]
        except RuntimeError as fault:
            wrong.append(str(fault))
            continue
        if any(each != built[0] for each in built):
            wrong.append(f"{folder.name}: {' and '.join(programs)} differ")
        sets[folder.name] = [each for each in yaml.safe_load_all(built[0]) if each]
    count = sum(len(each) for each in sets.values())
    report.line(f"kustomize: {len(sets)} overlays built, {count} objects, by {', '.join(programs)}", wrong)
    found = [f"{name}: {fault}" for name, each in sets.items() for fault in manifests.faults(each, known)]
    report.line(f"kustomize: {len(sets)} overlays hold {len(manifests.RULES) + 1} rules", found)
    report.line("kustomize: native and plain differ in the list and restartPolicy alone", variants(sets))
    namespace = [each for each in sets["legacy-api"] if each["kind"] == "Namespace"][0]["metadata"]["labels"]
    told = [] if namespace.get("pod-security.kubernetes.io/enforce") == "restricted" else ["the example's namespace does not enforce restricted"]
    report.line("kustomize: the example's namespace enforces PodSecurity restricted", told)
    return sets


def variants(sets):
    native, plain = (copy.deepcopy(manifests.Guarded(sets[name]).gate) for name in ("native", "plain"))
    if native.pop("restartPolicy", None) != "Always" or native != plain:
        yield "they differ in more"


def validate(report, what, sets):
    """By the schemas of the API servers, strictly; custom resources by their fields. Equal objects are validated once."""
    objects = {json.dumps(each, sort_keys=True): each for objects in sets.values() for each in objects}
    custom = [each for each in objects.values() if custom_resources.is_custom(each)]
    own = [each for each in objects.values() if not custom_resources.is_custom(each)]
    wrong = [fault for version, each in itertools.product(versions(), own) for fault in by_schema(each, version)]
    shown = f"{versions()[0]} to {versions()[-1]}"
    report.line(f"{what}: kubernetes-validate --strict, {len(own)} different objects, {len(versions())} versions ({shown})", wrong)
    kinds = sorted({each["kind"] for each in custom})
    faults = [fault for each in custom for fault in custom_resources.faults(each)]
    report.line(f"{what}: {len(custom)} custom resources by their fields alone ({', '.join(kinds)})", faults)


def by_schema(each, version):
    try:
        kubernetes_validate.validate(each, version, strict=True)
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as fault:
        yield f"{version} {each['kind']} {each['metadata']['name']}: {fault.message}"


def mutations():
    """Ways to break a set that is good, and the rule that must see it."""

    def gate(change):
        return lambda guarded: change(guarded.gate)

    yield "no drain", "ending", gate(lambda each: each.pop("lifecycle"))
    yield "a probe by HTTP", "probes", gate(lambda each: each.update(livenessProbe={"httpGet": {"path": "/livez", "port": 9090}}))
    yield "startup that needs the API", "probes", gate(lambda each: each["startupProbe"]["exec"]["command"].pop())
    yield "subPath", "mounts", gate(lambda each: each["volumeMounts"][0].update(subPath="token.key"))
    yield "an unknown variable", "variables", gate(lambda each: each["env"].append({"name": "BEARERGATE_" + "NOPE", "value": "1"}))
    yield "no key", "variables", gate(lambda each: each["env"].pop(0))
    yield "a longer drain", "ending", gate(lambda each: each["env"][-1].update(value="60s"))
    yield "a root file system to write to", "restricted", gate(lambda each: each["securityContext"].update(readOnlyRootFilesystem=False))
    yield "capabilities", "restricted", gate(lambda each: each["securityContext"].update(capabilities={}))
    yield "root", "restricted", gate(lambda each: each["securityContext"].update(runAsUser=0))
    yield "no restartPolicy", "place", gate(lambda each: each.pop("restartPolicy"))
    yield "no limit", "pod_settings", gate(lambda each: each["resources"].pop("limits"))
    yield "a file outside the mounts", "mounts", gate(lambda each: each["env"][0].update(value="/tmp/token.key"))
    yield "no sleep of the API", "ending", lambda guarded: guarded.upstreams[0].pop("lifecycle")
    yield "a short grace", "ending", lambda guarded: guarded.pod.update(terminationGracePeriodSeconds=35)
    yield "variables of Services", "pod_settings", lambda guarded: guarded.pod.pop("enableServiceLinks")
    yield "no group", "mounts", lambda guarded: guarded.pod["securityContext"].pop("fsGroup")
    yield "a secret for everybody", "mounts", lambda guarded: guarded.pod["volumes"][0]["secret"].update(defaultMode=0o444)
    yield "hostNetwork", "restricted", lambda guarded: guarded.pod.update(hostNetwork=True)
    yield "an open API", "network", lambda guarded: guarded.of("NetworkPolicy")[0]["spec"]["ingress"][1].pop("from")
    yield "a Service past the gate", "network", lambda guarded: guarded.of("Service")[1]["spec"].update(type="LoadBalancer")
    yield "a Service to nowhere", "network", lambda guarded: guarded.of("Service")[0]["spec"]["ports"][0].update(targetPort=443)
    yield "no ConfigMap", "variables", lambda guarded: guarded.objects.remove(guarded.of("ConfigMap")[0])
    yield "an open admin port", "network", lambda guarded: guarded.of("NetworkPolicy")[0]["spec"]["ingress"].append({"ports": [{"port": 9090}]})
    yield "the gate twice", "pod", lambda guarded: guarded.pod["containers"].append(guarded.gate)
    yield "no gate", "pod", lambda guarded: guarded.pod.pop("initContainers")


def rules_can_fail(report, good, known):
    unseen = []
    for name, rule, change in mutations():
        broken = copy.deepcopy(good)
        change(manifests.Guarded(broken))
        found = manifests.faults(broken, known)
        if not any(fault.startswith(f"{rule}: ") for fault in found):
            unseen.append(f"{name} is not seen by {rule}: {found}")
    report.line(f"rules: {len(list(mutations()))} broken manifests are seen", unseen)
    misspelled = copy.deepcopy(manifests.Guarded(good).of("Deployment")[0])
    misspelled["spec"]["template"]["spec"]["initContainers"][0]["restartPolcy"] = "Always"
    unseen = [version for version in versions() if not list(by_schema(misspelled, version))]
    report.line("rules: kubernetes-validate refuses a misspelled field, in each version", unseen)


def variables(program):
    """Every name the program knows, those of secrets in files too."""
    said = subprocess.run([program, "vars", "--format", "json"], capture_output=True, text=True, check=True, timeout=10)
    rows = json.loads(said.stdout)
    return {row["name"] for row in rows} | {f"{row['name']}_FILE" for row in rows if row["secret"]}


def main():
    program = sys.argv[1]
    known, report = variables(program), Report()
    with tempfile.TemporaryDirectory() as scratch:
        # A copy: the example's secret is made there, and overlays that are not in the tree.
        copied = pathlib.Path(scratch, "deploy")
        for part in ("kustomize", "monitoring"):
            shutil.copytree(DEPLOY / part, copied / part, ignore=shutil.ignore_patterns("secret"))
        login = example.new_secret(report, copied)
        sets = kustomize(report, copied, known)
        validate(report, "kustomize", sets)
        rules_can_fail(report, sets["legacy-api"], known)
        rendered = charts.check(report, DEPLOY / "helm", known, manifests)
        validate(report, "helm", rendered)
        report.line("helm and kustomize: the same gate", charts.differences(manifests, rendered["native"], sets["native"]))
        first = os.environ.get("KUBECTL", "kubectl").split()[0]
        readme.check(report, DEPLOY, copied, pathlib.Path(scratch), functools.partial(build, first), known, manifests)
        every = {**sets, **{f"helm {name}": each for name, each in rendered.items()}}
        example.judged_by_the_program(report, program, every, manifests, pathlib.Path(scratch))
        guarded = manifests.Guarded(sets["legacy-api"])
        example.delivers(report, program, guarded, login, copied)
        example.pod_ends(report, program, guarded, login, copied)
    sys.exit(1 if report.failed else 0)


main()
