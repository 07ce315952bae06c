"""The Helm charts, by Helm's own engine (the Python package helm-python-sdk): lint, schema, render."""

import helm_python
import yaml

NAMESPACE = "pay"


def check(report, folder, known, manifests):
    """What every file of tests/values renders to, by its name."""
    chart_folder = folder / "bearergate"
    values = {each.stem: each for each in sorted((chart_folder / "tests/values").glob("*.yaml"))}
    version = helm_python.helm_sdk_version()
    report.line(f"helm {version}: lint --strict of 2 charts, with {len(values)} files of values", lint(folder, values.values()))
    rendered, wrong = {}, []
    with helm_python.Chart.load(chart_folder) as chart:
        for name, path in values.items():
            try:
                rendered[name] = render(chart, path)
            except helm_python.HelmError as fault:
                wrong.append(f"{name}: {fault}")
        count = sum(len(each) for each in rendered.values())
        report.line(f"helm: {len(rendered)} files of values pass the schema and render, {count} objects", wrong)
        refused = sorted((chart_folder / "tests/refused").glob("*.yaml"))
        report.line(f"helm: {len(refused)} files of bad values are refused, by name", refusals(chart, refused))
    found = [f"{name}: {fault}" for name, each in rendered.items() for fault in manifests.faults(each, known)]
    report.line(f"helm: {len(rendered)} renders hold {len(manifests.RULES) + 1} rules", found)
    secrets = [f"{name} renders a Secret" for name, each in rendered.items() if any(one["kind"] == "Secret" for one in each)]
    report.line("helm: no Secret is rendered, only named", secrets)
    return rendered


def lint(folder, values):
    told = []
    for chart, each in [(folder / "bearergate-lib", {})] + [(folder / "bearergate", yaml.safe_load(path.read_text())) for path in values]:
        report = helm_python.lint(chart, each, strict=True)
        # Severity 1 is information: that there is no icon.
        told += [one["error"] for one in report["messages"] if one["severity"] > 1] + report["errors"]
    return told


def render(chart, path):
    values = yaml.safe_load(path.read_text())
    chart.validate_schema(chart.merge_values(values))
    files = chart.render(values, name="demo", namespace=NAMESPACE)
    notes = [text for name, text in files.items() if name.endswith("NOTES.txt")]
    if len(notes) != 1 or NAMESPACE not in notes[0]:
        raise helm_python.HelmError(0, "there are no notes")
    return [each for name, text in files.items() if name.endswith(".yaml") for each in yaml.safe_load_all(text) if each]


def refusals(chart, paths):
    """The first line of each file is a comment with what the refusal must name."""
    for path in paths:
        text = path.read_text()
        named = text.splitlines()[0].lstrip("# ")
        try:
            chart.render(yaml.safe_load(text), name="demo", namespace=NAMESPACE)
            yield f"{path.stem} renders"
        except helm_python.HelmError as fault:
            said = str(fault).replace("/", ".")
            if named not in said:
                yield f"{path.stem} is refused without naming {named}: {said}"


def differences(manifests, by_helm, by_kustomize):
    """Both ways put the same gate into a pod: probes, hook, security, resources, mounts, grace."""
    helm, kustomize = manifests.Guarded(by_helm), manifests.Guarded(by_kustomize)
    for part in ("startupProbe", "livenessProbe", "readinessProbe", "lifecycle", "resources", "securityContext", "image", "volumeMounts", "ports"):
        if helm.gate[part] != kustomize.gate[part]:
            yield f"{part}: {helm.gate[part]} and {kustomize.gate[part]}"
    for part in ("terminationGracePeriodSeconds", "enableServiceLinks"):
        if helm.pod[part] != kustomize.pod[part]:
            yield part
    if helm.upstreams[0]["lifecycle"] != kustomize.upstreams[0]["lifecycle"]:
        yield "the API's sleep"
    if helm.variables() != kustomize.variables():
        yield f"variables: {helm.variables()} and {kustomize.variables()}"
