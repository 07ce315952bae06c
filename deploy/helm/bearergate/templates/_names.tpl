{{- define "bearergate.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "bearergate.selector" -}}
app.kubernetes.io/name: bearergate
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "bearergate.labels" -}}
{{ include "bearergate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* What the library takes: the gate's values, and what follows from others. */}}
{{- define "bearergate.gate" -}}
{{- $image := dict "tag" (.Values.gate.image.tag | default .Chart.AppVersion) -}}
{{- $follows := dict "image" $image "configMap" (include "bearergate.name" .) -}}
{{- if .Values.monitoring.enabled -}}
{{- if eq (int .Values.monitoring.port) (int .Values.upstream.port) -}}
{{- fail "monitoring.port is the port of the API: choose another" -}}
{{- end -}}
{{- $_ := set $follows "adminPort" .Values.monitoring.port -}}
{{- end -}}
{{- mustMergeOverwrite (omit .Values.gate "variables" | deepCopy) $follows | toYaml -}}
{{- end -}}
