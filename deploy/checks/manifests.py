"""What must hold in a rendered set of manifests, whoever rendered it: each rule yields what is wrong, or nothing."""

GATE = "bearergate"
PROGRAM = "/usr/local/bin/bearergate"
ADMIN_PORT_RULE = "the admin port is open to more than one named namespace"


class Guarded:
    """The Deployment with the gate in it, and what belongs to it."""

    def __init__(self, objects):
        self.objects = objects
        found = [each for each in self.of("Deployment") if self.gates(each["spec"]["template"]["spec"])]
        if len(found) != 1:
            raise ValueError(f"{len(found)} Deployments have the gate, not 1")
        self.template = found[0]["spec"]["template"]
        self.pod = self.template["spec"]
        gates = self.gates(self.pod)
        if len(gates) != 1:
            raise ValueError(f"the gate is in the pod {len(gates)} times")
        self.list, self.gate = gates[0]
        self.upstreams = [each for each in self.pod["containers"] if each["name"] != GATE]

    def of(self, kind):
        return [each for each in self.objects if each["kind"] == kind]

    @staticmethod
    def gates(pod):
        lists = ("initContainers", "containers")
        return [(name, each) for name in lists for each in pod.get(name) or [] if each["name"] == GATE]

    def variables(self):
        """Every variable the gate gets: those of the ConfigMap, and over them its own."""
        found = {}
        for source in self.gate.get("envFrom", []):
            name = source["configMapRef"]["name"]
            maps = [each for each in self.of("ConfigMap") if each["metadata"]["name"] == name]
            found.update(maps[0]["data"] if maps else {f"(ConfigMap {name} is missing)": ""})
        found.update({each["name"]: each.get("value", "") for each in self.gate.get("env", [])})
        return found

    def upstream_port(self):
        return int(self.variables()["BEARERGATE_UPSTREAM_URL"].rsplit(":", 1)[1])

    def selected_by(self, selector):
        labels = self.template["metadata"]["labels"]
        return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def seconds(text):
    """`5s`, `2m`: as the manifests write them."""
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]


def place(guarded):
    native = guarded.list == "initContainers"
    if native != (guarded.gate.get("restartPolicy") == "Always"):
        yield "an init container that does not keep running, or a container with a restartPolicy"


def restricted(guarded):
    """PodSecurity `restricted`, as far as a pod like these can break it; the gate's root file system is read-only besides."""
    pod = guarded.pod
    security = pod.get("securityContext", {})
    yield from (f"{name} is on" for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name))
    kinds = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret", "name"}
    yield from (f"volume {each['name']} is of a forbidden kind" for each in pod.get("volumes", []) if set(each) - kinds)
    for each in pod["containers"] + pod.get("initContainers", []):
        own, name = each.get("securityContext", {}), each["name"]
        if own.get("allowPrivilegeEscalation") is not False:
            yield f"{name} may escalate privileges"
        if own.get("privileged") or any("hostPort" in port for port in each.get("ports", [])):
            yield f"{name} is privileged or has a host port"
        if not own.get("runAsNonRoot", security.get("runAsNonRoot")) or own.get("runAsUser", security.get("runAsUser")) == 0:
            yield f"{name} may run as root"
        if own.get("capabilities", {}).get("drop") != ["ALL"] or set(own["capabilities"].get("add", [])) - {"NET_BIND_SERVICE"}:
            yield f"{name} has capabilities"
        if own.get("seccompProfile", security.get("seccompProfile", {})).get("type") not in ("RuntimeDefault", "Localhost"):
            yield f"{name} has no seccomp profile"
    own = guarded.gate["securityContext"]
    if not own.get("readOnlyRootFilesystem") or own.get("runAsUser") != 65532 or own.get("runAsGroup") != 65532:
        yield "the gate's root file system can be written, or it is not uid and gid 65532"


def mounts(guarded):
    volumes = {each["name"]: each for each in guarded.pod["volumes"]}
    if "fsGroup" not in guarded.pod.get("securityContext", {}):
        yield "no fsGroup: uid 65532 cannot read its files"
    for mount in guarded.gate["volumeMounts"]:
        secret = volumes[mount["name"]]["secret"]
        if "subPath" in mount or "subPathExpr" in mount or not mount.get("readOnly"):
            yield f"{mount['name']} is mounted by subPath, or to be written"
        if secret.get("defaultMode") != 0o440:
            yield f"{mount['name']} has mode {secret.get('defaultMode')}"
    folders = {mount["mountPath"] for mount in guarded.gate["volumeMounts"]}
    for name, value in guarded.variables().items():
        if name.endswith(("_FILE", "_DIR")) and value not in folders and value.rsplit("/", 1)[0] not in folders:
            yield f"{name} names {value}, which is mounted nowhere"


def ending(guarded):
    variables = guarded.variables()
    drain = seconds(variables["BEARERGATE_DRAIN_DELAY"]) + seconds(variables["BEARERGATE_DRAIN_TIMEOUT"])
    grace = guarded.pod.get("terminationGracePeriodSeconds", 30)
    if grace <= drain:
        yield f"{grace} s of grace do not cover {drain} s of drain"
    if guarded.gate.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command") != [PROGRAM, "drain"]:
        yield "the gate's hook is not its drain"
    if not guarded.upstreams:
        yield "there is no API in the pod"
    for each in guarded.upstreams:
        hook = each.get("lifecycle", {}).get("preStop", {})
        command = hook.get("exec", {}).get("command", [])
        slept = hook.get("sleep", {}).get("seconds") or (int(command[1]) if command[:1] == ["sleep"] else 0)
        if not drain < slept < grace:
            yield f"{each['name']} sleeps {slept} s: more than the drain's {drain} s and less than the grace of {grace} s is needed"


def probes(guarded):
    live, ready = [PROGRAM, "health", "--live"], [PROGRAM, "health"]
    for name, command in (("startupProbe", live), ("livenessProbe", live), ("readinessProbe", ready)):
        if guarded.gate.get(name, {}).get("exec", {}).get("command") != command:
            yield f"{name} is not {' '.join(command)}"
    if guarded.gate["readinessProbe"].get("timeoutSeconds", 1) <= 2:
        yield "readiness has no time for UPSTREAM_CONNECT_TIMEOUT"


def pod_settings(guarded):
    if guarded.pod.get("enableServiceLinks") is not False:
        yield "variables of Services come in"
    resources = guarded.gate.get("resources", {})
    for kind, names in (("requests", ("cpu", "memory")), ("limits", ("cpu", "memory"))):
        yield from (f"no {kind} of {name}" for name in names if name not in resources.get(kind, {}))


def network(guarded):
    to_gate, to_upstream = [], []
    for service in guarded.of("Service"):
        spec = service["spec"]
        if guarded.selected_by(spec["selector"]):
            for port in spec["ports"]:
                if port["targetPort"] == 8443:
                    to_gate.append(service)
                elif port["targetPort"] == guarded.upstream_port():
                    to_upstream.append(service)
                else:
                    yield f"Service {service['metadata']['name']} leads to {port['targetPort']}, where nobody listens"
    if not to_gate:
        yield "no Service leads to the gate"
    yield from ("the API's Service can be reached from outside" for each in to_upstream if each["spec"].get("type", "ClusterIP") != "ClusterIP")
    yield from policies(guarded)


def policies(guarded):
    chosen = [each for each in guarded.of("NetworkPolicy") if guarded.selected_by(each["spec"]["podSelector"].get("matchLabels", {}))]
    if len(chosen) != len(guarded.of("NetworkPolicy")):
        yield "a NetworkPolicy does not choose the guarded pod"
    rules = [rule for policy in chosen for rule in policy["spec"].get("ingress", [])]
    for rule in rules:
        for port in rule.get("ports") or [{"port": None}]:
            sources = rule.get("from") or []
            if port["port"] == 8443:
                continue
            if port["port"] == guarded.upstream_port():
                if not all(each.get("podSelector") or each.get("namespaceSelector") for each in sources) or not sources:
                    yield "the API's port is open to more than named users"
            elif not sources or not all(each.get("namespaceSelector", {}).get("matchLabels") for each in sources):
                yield ADMIN_PORT_RULE
    admin = guarded.variables().get("BEARERGATE_ADMIN_LISTEN", "127.0.0.1:9090")
    if chosen and 8443 not in [port["port"] for rule in rules for port in rule.get("ports", [])]:
        yield "no NetworkPolicy lets callers reach the gate"
    if not admin.startswith("127.") and "admin" not in [port["name"] for port in guarded.gate["ports"]]:
        yield "the admin listener is open, and nobody scrapes it"


def known_variables(guarded, known):
    variables = guarded.variables()
    yield from (f"{name} does not exist" for name in variables if name not in known)
    present = lambda *names: any(variables.get(name) for name in names)
    required = [("BEARERGATE_UPSTREAM_URL",), ("BEARERGATE_CLIENTS_FILE", "BEARERGATE_CLIENT_USERNAME")]
    required.append(("BEARERGATE_TOKEN_KEY_FILE", "BEARERGATE_TOKEN_KEYS_DIR"))
    tls = variables.get("BEARERGATE_TLS", "on")
    if tls == "on":
        required += [("BEARERGATE_TLS_CERT_FILE",), ("BEARERGATE_TLS_KEY_FILE",)]
    elif present("BEARERGATE_TLS_CERT_FILE", "BEARERGATE_TLS_KEY_FILE"):
        yield f"TLS is {tls}, and there are files of a certificate"
    yield from (f"{' or '.join(names)} is missing" for names in required if not present(*names))
    if present("BEARERGATE_TOKEN_KEY_FILE") and present("BEARERGATE_TOKEN_KEYS_DIR"):
        yield "one signing key and a folder of them"


RULES = (place, restricted, mounts, ending, probes, pod_settings, network)


def faults(objects, known):
    """Everything that is wrong with a rendered set."""
    try:
        guarded = Guarded(objects)
    except ValueError as fault:
        return [f"pod: {fault}"]
    found = [f"variables: {fault}" for fault in known_variables(guarded, known)]
    for rule in RULES:
        try:
            found += [f"{rule.__name__}: {fault}" for fault in rule(guarded)]
        except (KeyError, ValueError, IndexError) as fault:
            found.append(f"{rule.__name__}: {type(fault).__name__} {fault}")
    return found
