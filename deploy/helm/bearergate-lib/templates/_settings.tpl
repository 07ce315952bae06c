{{/*
Every template of this library takes the settings of the gate, a map such as `.Values.gate`. What it leaves out is as here:

    initContainers: [{{ include "bearergate-lib.nativeSidecar" .Values.gate | nindent 6 }}]

mode              native (an init container that keeps running, Kubernetes 1.29 or newer) or plain
image             repository, tag, pullPolicy
configMap         name of the ConfigMap with the BEARERGATE_ variables
secret            name of an existing Secret with token.key and clients.json
keysSecret        name of an existing Secret with one signing key in each entry, in place of token.key; empty for none
tlsSecret         name of an existing Secret with tls.crt and tls.key; empty for none (TLS=off, self-signed)
adminPort         0 keeps the admin listener on loopback
drain             delaySeconds, timeoutSeconds
upstream          sleepBy: action (Kubernetes 1.30 or newer) or exec (needs `sleep` in the API's image);
                  shutdownSeconds: what the API may take for itself after its SIGTERM
resources         of the gate
*/}}
{{- define "bearergate-lib.settings" -}}
{{- $defaults := dict
  "mode" "native"
  "image" (dict "repository" "bearergate" "tag" "0.1.0" "pullPolicy" "IfNotPresent")
  "configMap" "bearergate"
  "secret" "bearergate"
  "keysSecret" ""
  "tlsSecret" "bearergate-tls"
  "adminPort" 0
  "drain" (dict "delaySeconds" 5 "timeoutSeconds" 30)
  "upstream" (dict "sleepBy" "action" "shutdownSeconds" 24)
  "resources" (dict "requests" (dict "cpu" "50m" "memory" "32Mi") "limits" (dict "cpu" "1" "memory" "64Mi"))
-}}
{{- mustMergeOverwrite $defaults (deepCopy (. | default dict)) | toYaml -}}
{{- end -}}

{{/* The API's sleep: a second longer than the longest drain. */}}
{{- define "bearergate-lib.sleepSeconds" -}}
{{- $gate := include "bearergate-lib.settings" . | fromYaml -}}
{{- add $gate.drain.delaySeconds $gate.drain.timeoutSeconds 1 -}}
{{- end -}}

{{/* terminationGracePeriodSeconds of the pod: the API's sleep, and its own end behind it. */}}
{{- define "bearergate-lib.gracePeriodSeconds" -}}
{{- $gate := include "bearergate-lib.settings" . | fromYaml -}}
{{- add (include "bearergate-lib.sleepSeconds" .) $gate.upstream.shutdownSeconds -}}
{{- end -}}

{{/*
`lifecycle` of the API's container. When a pod is deleted all hooks run at once, so the gate drains from second 0 on in both modes; without this
sleep the API would get SIGTERM then, while the gate still lets payments in. deploy/kustomize/common/upstream-sleep.yaml has the whole order.
*/}}
{{- define "bearergate-lib.upstreamLifecycle" -}}
{{- $gate := include "bearergate-lib.settings" . | fromYaml -}}
preStop:
  {{- if eq $gate.upstream.sleepBy "exec" }}
  exec:
    command: [sleep, {{ include "bearergate-lib.sleepSeconds" . | quote }}]
  {{- else }}
  sleep:
    seconds: {{ include "bearergate-lib.sleepSeconds" . }}
  {{- end }}
{{- end -}}
