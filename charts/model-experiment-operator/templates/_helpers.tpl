{{- define "mexp.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 42 | trimSuffix "-" -}}
{{- end -}}

{{/* The StatefulSet's name may have 52 characters, or its pods cannot carry the label that Kubernetes makes of it. */}}
{{- define "mexp.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 42 | trimSuffix "-" -}}
{{- else if contains (include "mexp.name" .) .Release.Name -}}
{{- .Release.Name | trunc 42 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "mexp.name" .) | trunc 42 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Cluster-wide names carry the namespace: releases of the same name in two namespaces must not meet. */}}
{{- define "mexp.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "mexp.fullname" .) -}}
{{- end -}}

{{- define "mexp.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}

{{/* Labels that select pods; called with (list $ component). They may never change. */}}
{{- define "mexp.selector" -}}
{{- $root := first . -}}
app.kubernetes.io/name: {{ include "mexp.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end -}}

{{- define "mexp.labels" -}}
{{- $root := first . -}}
{{ include "mexp.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: model-experiment-operator
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What both pods have in common: Pod Security "restricted" and where they run. */}}
{{- define "mexp.pod" -}}
{{- $root := first . -}}
serviceAccountName: {{ include "mexp.fullname" $root }}-{{ last . }}
enableServiceLinks: false
terminationGracePeriodSeconds: 30
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
{{ toYaml . }}
{{- end }}
{{- with $root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $root.Values.nodeSelector }}
nodeSelector:
{{ toYaml . | indent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations:
{{ toYaml . }}
{{- end }}
{{- with $root.Values.affinity }}
affinity:
{{ toYaml . | indent 2 }}
{{- end }}
{{- end -}}

{{- define "mexp.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* The variable tells `mexp shadow diff` in the same container as well; called with (list database file). */}}
{{- define "mexp.database" -}}
{{- $database := first . -}}
env:
- name: MEXP_DATABASE
{{- if $database.secretName }}
  valueFrom:
    secretKeyRef: {name: {{ $database.secretName }}, key: {{ $database.secretKey }}}
{{- else }}
  value: sqlite:////data/{{ last . }}
{{- end }}
{{- end -}}

{{/* The first look may take a while: every kind is listed before the probes are answered. */}}
{{- define "mexp.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end -}}
