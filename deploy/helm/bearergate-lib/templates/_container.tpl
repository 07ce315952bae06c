{{/* The gate as a plain container. */}}
{{- define "bearergate-lib.container" -}}
{{- $gate := include "bearergate-lib.settings" . | fromYaml -}}
name: bearergate
image: {{ printf "%s:%v" $gate.image.repository $gate.image.tag | quote }}
imagePullPolicy: {{ $gate.image.pullPolicy }}
envFrom:
  - configMapRef:
      name: {{ $gate.configMap }}
env:
  {{- if $gate.keysSecret }}
  - name: BEARERGATE_TOKEN_KEYS_DIR
    value: /etc/bearergate/keys
  {{- else }}
  - name: BEARERGATE_TOKEN_KEY_FILE
    value: /etc/bearergate/secret/token.key
  {{- end }}
  - name: BEARERGATE_CLIENTS_FILE
    value: /etc/bearergate/secret/clients.json
  {{- if $gate.tlsSecret }}
  - name: BEARERGATE_TLS_CERT_FILE
    value: /etc/bearergate/tls/tls.crt
  - name: BEARERGATE_TLS_KEY_FILE
    value: /etc/bearergate/tls/tls.key
  {{- end }}
  {{- if $gate.adminPort }}
  - name: BEARERGATE_ADMIN_LISTEN
    value: "0.0.0.0:{{ int $gate.adminPort }}"
  {{- end }}
  - name: BEARERGATE_DRAIN_DELAY
    value: "{{ int $gate.drain.delaySeconds }}s"
  - name: BEARERGATE_DRAIN_TIMEOUT
    value: "{{ int $gate.drain.timeoutSeconds }}s"
ports:
  - name: gate
    containerPort: 8443
    protocol: TCP
  {{- if $gate.adminPort }}
  - name: admin
    containerPort: {{ int $gate.adminPort }}
    protocol: TCP
  {{- end }}
{{ include "bearergate-lib.probes" . }}
lifecycle:
  preStop:
    exec:
      command: [/usr/local/bin/bearergate, drain]
resources:
  {{- toYaml $gate.resources | nindent 2 }}
securityContext:
  {{- include "bearergate-lib.containerSecurity" . | nindent 2 }}
volumeMounts:
  - name: bearergate-secret
    mountPath: /etc/bearergate/secret
    readOnly: true
  {{- if $gate.keysSecret }}
  - name: bearergate-keys
    mountPath: /etc/bearergate/keys
    readOnly: true
  {{- end }}
  {{- if $gate.tlsSecret }}
  - name: bearergate-tls
    mountPath: /etc/bearergate/tls
    readOnly: true
  {{- end }}
{{- end -}}

{{/* The gate as an init container that keeps running: up before the API, and ended after it. */}}
{{- define "bearergate-lib.nativeSidecar" -}}
{{ include "bearergate-lib.container" . }}
restartPolicy: Always
{{- end -}}

{{/*
By exec, so that the admin listener may stay on loopback. Readiness needs the API, which a native sidecar starts before: so startup asks only
whether the gate is alive.
*/}}
{{- define "bearergate-lib.probes" -}}
startupProbe:
  exec:
    command: [/usr/local/bin/bearergate, health, --live]
  periodSeconds: 1
  timeoutSeconds: 2
  failureThreshold: 30
livenessProbe:
  exec:
    command: [/usr/local/bin/bearergate, health, --live]
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  exec:
    command: [/usr/local/bin/bearergate, health]
  periodSeconds: 5
  timeoutSeconds: 4
  failureThreshold: 2
{{- end -}}
