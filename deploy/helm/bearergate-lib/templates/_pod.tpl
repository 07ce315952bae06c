{{/* Items of the pod's `volumes`. Folders, never subPath: only a folder is brought up to date, and the gate loads changed files by itself. */}}
{{- define "bearergate-lib.volumes" -}}
{{- $gate := include "bearergate-lib.settings" . | fromYaml -}}
- name: bearergate-secret
  secret:
    secretName: {{ $gate.secret }}
    defaultMode: 0440
{{- if $gate.keysSecret }}
- name: bearergate-keys
  secret:
    secretName: {{ $gate.keysSecret }}
    defaultMode: 0440
{{- end }}
{{- if $gate.tlsSecret }}
- name: bearergate-tls
  secret:
    secretName: {{ $gate.tlsSecret }}
    defaultMode: 0440
{{- end }}
{{- end -}}

{{/* `securityContext` of the pod: PodSecurity `restricted`, and the group by which the gate reads its files. */}}
{{- define "bearergate-lib.podSecurity" -}}
runAsNonRoot: true
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* `securityContext` of the gate's container. */}}
{{- define "bearergate-lib.containerSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}
