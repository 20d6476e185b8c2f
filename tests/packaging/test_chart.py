"""The chart says what it should, whatever the values; ``test_chart_on_control_plane`` asks a real API server."""

import json
from argparse import ArgumentParser
from itertools import chain

import pytest
import yaml
from gotpl import TemplateExecutionError

import chart
from model_experiment.collector.settings import CollectorSettings
from model_experiment.comparator.settings import ComparatorSettings
from model_experiment.controller.settings import ControllerSettings
from model_experiment.process import flags
from model_experiment.process.flags import host_and_port

LEAST = {"prometheus": {"url": "http://prometheus.monitoring.svc:9090"}}
NAMESPACED = {**LEAST, "watchNamespace": "shop"}
SHADOWED = {**LEAST, "comparator": {"enabled": True}}
EVERYTHING = {
    **NAMESPACED,
    "extraPolicyKinds": [{"group": "policies.example.org", "resource": "ratelimits"}],
    "crds": {"install": True, "keep": False},
    "image": {"repository": "registry.example.org/mexp", "tag": "1.2.3", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "fullnameOverride": "experiments",
    "commonLabels": {"team": "search"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "priorityClassName": "system-cluster-critical",
    "controller": {"logLevel": "DEBUG", "pollSeconds": 0.5, "slots": 4, "podAnnotations": {"a": "b"}},
    "collector": {"database": {"secretName": "postgres"}, "podAnnotations": {}},
    "comparator": {
        "enabled": True,
        "replicas": 3,
        "database": {"secretName": "postgres", "secretKey": "evidence-url"},
        "pairsPerSecond": 50,
        "pairsUnderWay": 32,
        "bodyBytes": 1e8,  # Helm hands all numbers to templates as floats
        "answerBytes": 2e6,
        "routesFrom": ["shop", "search"],
        "destinationRule": {"enabled": True},
        "podAnnotations": {},
    },
    "clusterDomain": "svc.example.org",
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "networkPolicy": {"egress": [{"ports": [{"port": 53, "protocol": "UDP"}]}]},
}
PLAIN = {
    **LEAST,
    "crds": {"install": False},
    "networkPolicy": {"enabled": False},
    "collector": {"persistence": {"storageClassName": "fast"}},
}
VOLATILE = {**LEAST, "collector": {"persistence": {"enabled": False}}}
ALL = [
    pytest.param(LEAST, id="least values"),
    pytest.param(NAMESPACED, id="one namespace"),
    pytest.param(SHADOWED, id="with a comparator"),
    pytest.param(EVERYTHING, id="everything set"),
    pytest.param(PLAIN, id="what can be off is off"),
    pytest.param(VOLATILE, id="without a volume"),
]

READ = ("get", "list", "watch")
STEER = ("get", "list", "watch", "create", "patch", "delete")
CONTROLLER = {
    ("modelexperiment.io", "modelexperiments"): ("get", "list", "watch", "patch"),
    ("modelexperiment.io", "modelexperiments/status"): ("patch",),
    ("gateway.networking.k8s.io", "httproutes"): STEER,
    ("gateway.envoyproxy.io", "backendtrafficpolicies"): STEER,
    ("gateway.envoyproxy.io", "securitypolicies"): STEER,
    ("gateway.envoyproxy.io", "envoyextensionpolicies"): STEER,
    ("networking.istio.io", "virtualservices"): STEER,
    ("networking.istio.io", "envoyfilters"): STEER,
    ("networking.istio.io", "gateways"): READ,
    ("serving.kserve.io", "inferenceservices"): READ,
    ("gateway.networking.k8s.io", "backendtlspolicies"): READ,
    ("gateway.networking.x-k8s.io", "xbackendtrafficpolicies"): READ,
    ("", "configmaps"): ("get", "create", "patch"),
    ("", "events"): ("create",),
}
DEFINITIONS = {("apiextensions.k8s.io", "customresourcedefinitions"): ("list",)}
COLLECTOR = COMPARATOR = {("modelexperiment.io", "modelexperiments"): READ}
EXTRA = {("policies.example.org", "ratelimits"): READ}


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that is given twice, as the API server's strict decoding does."""

    def construct_mapping(self, node, deep=False):  # noqa: FBT002 - as the base class has it
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key is given twice in {keys} {node.start_mark}"
        return super().construct_mapping(node, deep=deep)


def granted(values, kind, component):
    """{(group, resource): verbs} over all rules of the roles of a kind."""
    rules = chain.from_iterable(
        manifest["rules"]
        for manifest in chart.rendered_chart(values)
        if manifest["kind"] == kind and manifest["metadata"]["labels"]["app.kubernetes.io/component"] == component
    )
    return {
        (group, resource): tuple(rule["verbs"])
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def named(manifests, kind, ending=""):
    return next(entry for entry in manifests if entry["kind"] == kind and entry["metadata"]["name"].endswith(ending))


def pods(values):
    manifests = chart.rendered_chart(values)
    return [entry["spec"]["template"]["spec"] for entry in manifests if entry["kind"] in ("Deployment", "StatefulSet")]


@pytest.mark.parametrize(
    ("values", "kind", "component", "wanted"),
    [
        pytest.param(LEAST, "ClusterRole", "controller", CONTROLLER | DEFINITIONS, id="controller of a whole cluster"),
        pytest.param(LEAST, "ClusterRole", "collector", COLLECTOR, id="collector of a whole cluster"),
        pytest.param(LEAST, "Role", "controller", {}, id="no second role in a namespace"),
        pytest.param(NAMESPACED, "Role", "controller", CONTROLLER, id="controller of one namespace"),
        pytest.param(NAMESPACED, "ClusterRole", "controller", DEFINITIONS, id="which sees only definitions outside"),
        pytest.param(NAMESPACED, "Role", "collector", COLLECTOR, id="collector of one namespace"),
        pytest.param(NAMESPACED, "ClusterRole", "collector", {}, id="which sees nothing outside"),
        pytest.param(SHADOWED, "ClusterRole", "comparator", COMPARATOR, id="comparator of a whole cluster"),
        pytest.param(EVERYTHING, "Role", "comparator", COMPARATOR, id="comparator of one namespace"),
        pytest.param(EVERYTHING, "ClusterRole", "comparator", {}, id="which sees nothing outside either"),
        pytest.param(LEAST, "ClusterRole", "comparator", {}, id="no comparator by default"),
        pytest.param(EVERYTHING, "Role", "controller", CONTROLLER | EXTRA, id="with a further policy kind to watch"),
    ],
)
def test_exactly_the_needed_permissions_are_granted(values, kind, component, wanted):
    assert granted(values, kind, component) == wanted


@pytest.mark.parametrize("values", ALL)
def test_every_binding_joins_a_role_and_a_service_account_that_are_there(values):
    manifests = chart.rendered_chart(values)
    present = {(entry["kind"], entry["metadata"]["name"], entry["metadata"].get("namespace")) for entry in manifests}
    bindings = [entry for entry in manifests if entry["kind"].endswith("Binding")]
    assert len(bindings) == sum(entry["kind"] in ("Role", "ClusterRole") for entry in manifests)
    for binding in bindings:
        reference, subject = binding["roleRef"], binding["subjects"][0]
        assert (reference["kind"], reference["name"], binding["metadata"].get("namespace")) in present
        assert (subject["kind"], subject["name"], subject["namespace"]) in present


@pytest.mark.parametrize("values", ALL)
def test_nothing_is_said_twice(values):
    for name, text in chart.rendered_texts(values).items():
        if name == chart.NOTES:
            continue
        for manifest in yaml.load_all(text, StrictLoader):
            assert_no_doubles(manifest)


def assert_no_doubles(node):
    """Named entries of a list are unique, as server-side apply demands."""
    if isinstance(node, dict):
        for value in node.values():
            assert_no_doubles(value)
    if isinstance(node, list):
        names = [(entry.get("name"), entry.get("mountPath")) for entry in node if isinstance(entry, dict)]
        wanted = [name for name in names if name != (None, None)]
        assert len(wanted) == len(set(wanted))
        for entry in node:
            assert_no_doubles(entry)


@pytest.mark.parametrize("values", ALL)
def test_objects_have_unique_names_and_the_release_s_labels(values):
    manifests = [entry for entry in chart.rendered_chart(values) if entry["kind"] != "CustomResourceDefinition"]
    identities = [(entry["kind"], entry["metadata"]["name"]) for entry in manifests]
    assert len(identities) == len(set(identities))
    for manifest in manifests:
        assert manifest["metadata"]["labels"]["app.kubernetes.io/instance"] == chart.RELEASE
        assert manifest["metadata"]["labels"].items() >= values.get("commonLabels", {}).items()


def test_releases_of_the_same_name_in_two_namespaces_share_no_cluster_wide_name():
    def names(namespace):
        manifests = chart.rendered_chart(LEAST, namespace=namespace)
        return {entry["metadata"]["name"] for entry in manifests if entry["kind"].startswith("ClusterRole")}

    assert names("red") & names("blue") == set()


def test_names_leave_room_for_what_kubernetes_appends():
    manifests = chart.rendered_chart(LEAST, release="a" * 53)  # Helm's longest
    assert len(named(manifests, "StatefulSet")["metadata"]["name"]) <= 52


@pytest.mark.parametrize("values", ALL)
def test_pods_meet_the_restricted_pod_security_standard(values):
    for pod in pods(values):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 65532
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["readOnlyRootFilesystem"] is True
            assert security["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("values", ALL)
def test_containers_are_probed_and_have_resources_and_every_mount_a_volume(values):
    for manifest in chart.rendered_chart(values):
        if manifest["kind"] not in ("Deployment", "StatefulSet"):
            continue
        pod, claims = manifest["spec"]["template"]["spec"], manifest["spec"].get("volumeClaimTemplates", [])
        (container,) = pod["containers"]
        ports = {port["name"] for port in container["ports"]}
        assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
        assert container["readinessProbe"]["httpGet"]["port"] in ports
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]
        volumes = {volume["name"] for volume in pod["volumes"]} | {claim["metadata"]["name"] for claim in claims}
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_there_is_one_controller_and_it_is_replaced_before_the_next_one_starts():
    deployment = named(chart.rendered_chart(LEAST), "Deployment", "-controller")
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})


@pytest.mark.parametrize(
    ("values", "namespace", "poll"),
    [
        pytest.param(LEAST, None, 5.0, id="least values"),
        pytest.param(EVERYTHING, "shop", 0.5, id="everything set"),
    ],
)
def test_the_controller_understands_its_arguments(values, namespace, poll):
    (command, *arguments) = arguments_of(values, "controller")
    read = understood(ControllerSettings, arguments)
    assert (command, read.namespace, read.poll_seconds) == ("controller", namespace, poll)
    assert read.prometheus_url == LEAST["prometheus"]["url"]


def test_the_chart_s_defaults_are_the_controller_s_own():
    assert understood(ControllerSettings, arguments_of(LEAST, "controller")[1:]) == ControllerSettings(
        prometheus_url=LEAST["prometheus"]["url"]
    )


@pytest.mark.parametrize("values", [SHADOWED, EVERYTHING])
def test_the_controller_knows_the_service_of_the_comparator_which_outlives_the_release(values):
    service = named(chart.rendered_chart(values), "Service", "-comparator")
    place, mirror = service["metadata"], service["spec"]["ports"][0]
    read = understood(ControllerSettings, arguments_of(values, "controller")[1:])
    assert read.comparator == f"{place['namespace']}/{place['name']}:{mirror['port']}"
    assert read.cluster_domain == values.get("clusterDomain", "svc.cluster.local")
    assert place["annotations"] == {"helm.sh/resource-policy": "keep"}


@pytest.mark.parametrize("values", [SHADOWED, EVERYTHING])
def test_the_comparator_understands_its_arguments_and_its_service_reaches_both_ports(values):
    deployment = named(chart.rendered_chart(values), "Deployment", "-comparator")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    read = understood(ComparatorSettings, container["args"][1:])
    listening = {host_and_port(address)[1] for address in (read.mirror_address, read.http_address)}
    assert listening == {port["containerPort"] for port in container["ports"]} == {9203, 9204}
    service = named(chart.rendered_chart(values), "Service", "-comparator")
    assert {port["port"]: port["targetPort"] for port in service["spec"]["ports"]} == {9203: "mirror", 9204: "http"}
    assert (container["args"][0], read.namespace) == ("comparator", values.get("watchNamespace"))
    assert deployment["spec"]["replicas"] == values["comparator"].get("replicas", 1)


BOUNDS = ("pairs_per_second", "pairs_under_way", "body_bytes", "answer_bytes")


@pytest.mark.parametrize(
    ("values", "bounds"),
    [
        pytest.param(SHADOWED, [getattr(ComparatorSettings(), name) for name in BOUNDS], id="the comparator's own"),
        pytest.param(EVERYTHING, [50, 32, 100_000_000, 2_000_000], id="everything set"),
    ],
)
def test_the_comparator_has_the_bounds_that_the_chart_says(values, bounds):
    read = understood(ComparatorSettings, arguments_of(values, "comparator")[1:])
    assert [getattr(read, name) for name in BOUNDS] == bounds


DATABASES = [
    pytest.param(SHADOWED, "collector", "sqlite:////data/assignments.db", id="the collector's file"),
    pytest.param(VOLATILE, "collector", "sqlite:////data/assignments.db", id="the collector's, without a volume"),
    pytest.param(EVERYTHING, "collector", {"name": "postgres", "key": "url"}, id="the collector's PostgreSQL"),
    pytest.param(SHADOWED, "comparator", "sqlite:////data/evidence.db", id="the comparator's file"),
    pytest.param(EVERYTHING, "comparator", {"name": "postgres", "key": "evidence-url"}, id="its PostgreSQL"),
]


@pytest.mark.parametrize(("values", "component", "database"), DATABASES)
def test_a_database_is_a_file_on_a_volume_or_the_url_in_a_secret(values, component, database):
    kind = {"collector": "StatefulSet", "comparator": "Deployment"}[component]
    workload = named(chart.rendered_chart(values), kind, f"-{component}")
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    (variable,) = container["env"]
    is_file = isinstance(database, str)
    told = {"value": database} if is_file else {"valueFrom": {"secretKeyRef": database}}
    assert variable == {"name": "MEXP_DATABASE", **told}
    assert not [argument for argument in container["args"] if "database" in argument]
    assert ("/data" in {mount["mountPath"] for mount in container["volumeMounts"]}) == is_file


def test_a_log_in_a_secret_s_database_needs_no_volume_and_a_file_says_where_it_is_forgotten():
    def claims_and_warning(values):
        claims = named(chart.rendered_chart(values), "StatefulSet")["spec"].get("volumeClaimTemplates", [])
        return len(claims), "forgets who was met" in chart.rendered_texts(values)[chart.NOTES]

    assert [claims_and_warning(values) for values in (LEAST, VOLATILE, EVERYTHING)] == [
        (1, False),
        (0, True),
        (0, False),
    ]


@pytest.mark.parametrize(("values", "is_bounded"), [(SHADOWED, False), (EVERYTHING, True)])
def test_the_notes_say_where_evidence_is_read_and_what_istio_needs(values, is_bounded):
    notes = chart.rendered_texts(values)[chart.NOTES]
    deployment = named(chart.rendered_chart(values), "Deployment", "-comparator")["metadata"]
    place = f"kubectl -n {deployment['namespace']} exec deployment/{deployment['name']}"
    assert f"{place} -- mexp shadow diff NAME -n NAMESPACE" in notes
    assert ("set comparator.destinationRule.enabled=true" in notes) != is_bounded


def test_routes_of_the_named_namespaces_may_mirror_and_istio_holds_no_more_copies_than_it_is_told():
    manifests = chart.rendered_chart(EVERYTHING)
    service = named(manifests, "Service", "-comparator")["metadata"]
    grant, rule = named(manifests, "ReferenceGrant"), named(manifests, "DestinationRule")
    assert [(each["kind"], each["namespace"]) for each in grant["spec"]["from"]] == [
        ("HTTPRoute", "shop"),
        ("HTTPRoute", "search"),
    ]
    assert grant["spec"]["to"] == [{"group": "", "kind": "Service", "name": service["name"]}]
    assert grant["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert rule["spec"] == {
        "host": f"{service['name']}.{service['namespace']}.svc.example.org",
        "trafficPolicy": {
            "connectionPool": {
                "tcp": {"maxConnections": 128, "connectTimeout": "1s"},
                "http": {"http1MaxPendingRequests": 128, "http2MaxRequests": 256},
            }
        },
    }


def understood(kind, arguments):
    return flags.read(kind, ArgumentParser(), arguments, {})


def arguments_of(values, component):
    deployment = named(chart.rendered_chart(values), "Deployment", f"-{component}")
    return deployment["spec"]["template"]["spec"]["containers"][0]["args"]


@pytest.mark.parametrize("values", ALL)
def test_the_collector_understands_its_arguments_and_its_service_reaches_both_ports(values):
    manifests = chart.rendered_chart(values)
    (container,) = named(manifests, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    read = understood(CollectorSettings, container["args"][1:])
    listening = {host_and_port(address)[1] for address in (read.als_address, read.http_address)}
    assert listening == {port["containerPort"] for port in container["ports"]} == {9201, 9202}
    service = named(manifests, "Service", "-collector")
    assert {port["port"]: port["targetPort"] for port in service["spec"]["ports"]} == {9201: "access-log", 9202: "http"}
    assert read.namespace == values.get("watchNamespace")


@pytest.mark.parametrize(
    ("values", "kept"), [pytest.param(LEAST, True, id="kept"), pytest.param(EVERYTHING, False, id="not kept")]
)
def test_the_definition_is_the_one_in_crds(values, kept):
    definition = chart.rendered_chart(values)[0]
    annotations = definition["metadata"].pop("annotations", {})
    assert annotations == ({"helm.sh/resource-policy": "keep"} if kept else {})
    assert definition == yaml.safe_load((chart.CHART.parents[1] / "crds" / "modelexperiments.yaml").read_text())


@pytest.mark.parametrize(
    ("values", "kind", "count"),
    [
        pytest.param(LEAST, "NetworkPolicy", 2, id="network policies stand by default"),
        pytest.param(SHADOWED, "NetworkPolicy", 3, id="one more for a comparator"),
        pytest.param(LEAST, "Deployment", 1, id="no comparator by default"),
        pytest.param(SHADOWED, "Deployment", 2, id="one when asked for"),
        pytest.param(SHADOWED, "ReferenceGrant", 0, id="no grant to nobody"),
        pytest.param(SHADOWED, "DestinationRule", 0, id="nothing for Istio by default"),
        pytest.param(PLAIN, "NetworkPolicy", 0, id="and can be left out"),
        pytest.param(LEAST, "ServiceMonitor", 0, id="no service monitor by default"),
        pytest.param(EVERYTHING, "ServiceMonitor", 1, id="one when asked for"),
        pytest.param(PLAIN, "CustomResourceDefinition", 0, id="the definition can be left out"),
    ],
)
def test_optional_objects_come_and_go(values, kind, count):
    assert sum(manifest["kind"] == kind for manifest in chart.rendered_chart(values)) == count


@pytest.mark.parametrize(("component", "port"), [("collector", "access-log"), ("comparator", "mirror")])
def test_only_envoy_gateway_s_proxies_may_report_and_mirror_requests(component, port):
    policy = named(chart.rendered_chart(SHADOWED), "NetworkPolicy", f"-{component}")
    (rule,) = [rule for rule in policy["spec"]["ingress"] if rule["ports"][0]["port"] == port]
    assert rule["from"] == yaml.safe_load((chart.CHART / "values.yaml").read_text())["networkPolicy"]["gatewaysFrom"]
    assert policy["spec"]["policyTypes"] == ["Ingress"]


def test_an_address_of_prometheus_must_be_given_and_the_sentence_says_how():
    with pytest.raises(TemplateExecutionError, match=r"prometheus\.url must be the URL .*, found none; .*--set"):
        chart.rendered_chart({})


@pytest.mark.parametrize("values", ALL)
def test_the_notes_point_envoy_at_the_collector(values):
    notes = chart.rendered_texts(values)[chart.NOTES]
    snippet = notes[notes.index("     spec:") : notes.index("2. See that both run")]
    (setting,) = yaml.safe_load(snippet)["spec"]["telemetry"]["accessLog"]["settings"]
    (sink,) = setting["sinks"]
    service = named(chart.rendered_chart(values), "Service", "-collector")["metadata"]
    assert sink["als"]["backendRefs"] == [{"name": service["name"], "namespace": service["namespace"], "port": 9201}]
    assert sink["als"]["http"] == {"requestHeaders": ["x-user-id"], "responseHeaders": ["x-variant"]}


def test_the_chart_and_the_package_are_of_one_edition():
    described = yaml.safe_load((chart.CHART / "Chart.yaml").read_text())
    package = (chart.CHART.parents[1] / "pyproject.toml").read_text()
    assert f'version = "{described["appVersion"]}"' in package


def test_the_schema_names_every_value_and_no_other():
    def names(schema, values):
        known = schema.get("properties")
        if known is None:
            return
        assert known.keys() - {"global"} == values.keys()
        for key, value in values.items():
            if isinstance(value, dict):
                names(known[key], value)

    schema = json.loads((chart.CHART / "values.schema.json").read_text())
    names(schema, yaml.safe_load((chart.CHART / "values.yaml").read_text()))
