"""The resources of other projects, which kubernetes-validate has no schema for: their required fields and the names they use."""

DURATION = r"[0-9]+(ms|s|m|h)"
KINDS = {
    ("cert-manager.io/v1", "Certificate"): {
        "required": ["secretName", "dnsNames", "issuerRef"],
        "known": {"secretName", "dnsNames", "issuerRef", "privateKey", "usages", "duration", "renewBefore"},
    },
    ("monitoring.coreos.com/v1", "PodMonitor"): {
        "required": ["selector", "podMetricsEndpoints"],
        "known": {"selector", "podMetricsEndpoints", "namespaceSelector", "jobLabel"},
    },
    ("monitoring.coreos.com/v1", "PrometheusRule"): {"required": ["groups"], "known": {"groups"}},
}


def is_custom(each):
    return (each["apiVersion"], each["kind"]) in KINDS


def faults(each):
    shape, spec = KINDS[(each["apiVersion"], each["kind"])], each["spec"]
    found = [f"no {name}" for name in shape["required"] if not spec.get(name)]
    found += [f"unknown field {name}" for name in set(spec) - shape["known"]]
    if set(each) - {"apiVersion", "kind", "metadata", "spec"}:
        found.append("a field beside spec")
    details = {"Certificate": certificate, "PodMonitor": pod_monitor, "PrometheusRule": prometheus_rule}[each["kind"]]
    return [f"{each['kind']}: {fault}" for fault in found or details(spec)]


def certificate(spec):
    if set(spec["issuerRef"]) - {"name", "kind", "group"} or not spec["issuerRef"].get("name"):
        yield "issuerRef names no issuer"
    key = spec.get("privateKey", {})
    if (key.get("algorithm"), key.get("size"), key.get("rotationPolicy")) != ("ECDSA", 256, "Always"):
        yield "the key is not a new P-256 one each time"
    if set(spec["usages"]) != {"digital signature", "server auth"}:
        yield "usages"


def pod_monitor(spec):
    if not spec["selector"].get("matchLabels"):
        yield "it selects every pod"
    for endpoint in spec["podMetricsEndpoints"]:
        if endpoint.get("port") != "admin" or endpoint.get("path") != "/metrics" or set(endpoint) - {"port", "path", "interval"}:
            yield f"endpoint {endpoint}"


def prometheus_rule(spec):
    for group in spec["groups"]:
        if set(group) != {"name", "rules"} or len(group["rules"]) < 15:
            yield f"group {group.get('name')} has {len(group.get('rules', []))} rules"
        for rule in group["rules"]:
            if set(rule) - {"for"} != {"alert", "expr", "labels", "annotations"}:
                yield f"rule {rule.get('alert')} has {sorted(rule)}"
