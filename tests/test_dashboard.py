"""The dashboard: its queries use metrics and labels that exist, and it is one that Grafana imports."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from etcd_factory import Attempt, Call, Connected, Delivered, Disconnected, LeaseLost, LeaseRenewed
from etcd_factory.integrations.prometheus import EtcdCollector

DASHBOARD = json.loads((Path(__file__).parent.parent / "docs" / "grafana.json").read_text())
PANELS = DASHBOARD["panels"]
METRIC = re.compile(r"\betcd_client_\w+")
GROUPED = re.compile(r"by \(([\w, ]+)\)")
MATCHED = re.compile(r"(\w+)(?:=~|!=|=)\"")
SHOWN = re.compile(r"{{(\w+)}}")
ACTIVITIES = (
    Call("KV", "Put", (Attempt("a:1", 0.0, 0.1), Attempt("a:1", 0.2, 0.1)), 0.3),
    *(Connected("watch", "a:1", again=True), Disconnected("watch", "a:1", None)),
    *(Delivered(1, 0.1), LeaseRenewed(1, 10, "a:1"), LeaseLost(1)),
)


def queries():
    """The query of each target, and of the variable."""
    found = {f"{panel['title']} {one['refId']}": one["expr"] for panel in PANELS for one in panel["targets"]}
    named = {one["name"]: one["definition"] for one in DASHBOARD["templating"]["list"] if one["type"] == "query"}
    return {**found, **named}


@pytest.fixture(scope="module")
def samples():
    """The samples that there are once everything has happened: their labels by name."""
    registry, collector = CollectorRegistry(), EtcdCollector()
    registry.register(collector)
    hook = collector.hook("x")
    for activity in ACTIVITIES:
        hook(activity)
    return {sample.name: set(sample.labels) for metric in registry.collect() for sample in metric.samples}


QUERIES = queries()


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_uses_metrics_and_labels_that_exist(name, samples):
    (metric,) = set(METRIC.findall(QUERIES[name]))
    assert metric in samples
    grouped = {label.strip() for group in GROUPED.findall(QUERIES[name]) for label in group.split(",")}
    assert grouped | set(MATCHED.findall(QUERIES[name])) <= samples[metric]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_legend_shows_labels_that_the_query_keeps(panel):
    for target in panel["targets"]:
        kept = {label.strip() for group in GROUPED.findall(target["expr"]) for label in group.split(",")}
        assert set(SHOWN.findall(target["legendFormat"])) <= kept


def test_every_metric_is_shown(samples):
    shown = {metric for query in QUERIES.values() for metric in METRIC.findall(query)}
    families = {name for name in samples if not name.endswith(("_created", "_bucket", "_count", "_sum"))}
    histograms = {name.removesuffix("_bucket") for name in samples if name.endswith("_bucket")}
    assert families <= shown
    assert all(f"{name}_bucket" in shown for name in histograms)


def test_panels_have_numbers_and_places_of_their_own():
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS}) == len(PANELS)
