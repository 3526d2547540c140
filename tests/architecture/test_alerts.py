"""The alert rules use only what the portal exports, and each leads to words that say what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from sqlalchemy import text

from portal import db
from portal.domain.audit import operations as audit
from portal.domain.audit import sealing
from portal.domain.permissions import system_actor
from portal.embedded import ClusterAccess
from portal.web.extensions import engine_of
from tests.architecture.documents import anchors_of
from tests.architecture.promql import read
from tests.conftest import TEMPLATE, copy_of, settings_for
from tests.web.probes import app_with

DOCS = Path(__file__).resolve().parents[2] / "docs"
RULES = [rule for group in yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
GIVEN_BY_PROMETHEUS = {"up"}
TOKEN = "a-token-for-the-collector"


def figures(app: Flask) -> list[Sample]:
    answer = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]


@pytest.fixture(scope="module")
def exported(
    cluster: ClusterAccess, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Sample]]:
    """The figures of a portal in which everything that is exported has happened once."""
    home = tmp_path_factory.mktemp("alerts")
    (home / "backups.json").write_text('{"taken_at": "2026-11-26T02:00:00+00:00"}')
    with copy_of(cluster, TEMPLATE, f"alerts_{worker_id}") as name:
        app = app_with(settings_for(cluster, name, home, metrics_token=TOKEN))
        _let_everything_happen()
        for address in ("/probe/page", "/probe/fault"):
            app.test_client().get(address)
        yield figures(app)
        engine_of(app).dispose()


def _let_everything_happen() -> None:
    with db.session_scope(), db.transaction() as session:
        audit.record(session, system_actor("test"), "room:open", ("rooms", "1"), at=datetime.now(UTC))
        session.flush()
        sealing.seal(session, at=datetime.now(UTC))
        session.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))


def problems_of(expression: str, exported: list[Sample]) -> list[str]:
    """Return what an expression reads that the portal does not export."""
    selectors, grouped = read(expression)
    found = []
    for selector in selectors:
        if selector.metric in GIVEN_BY_PROMETHEUS:
            continue
        samples = [sample for sample in exported if sample.name == selector.metric]
        if not samples:
            found.append(f"{selector.metric} is not exported")
            continue
        labels = set().union(*(sample.labels for sample in samples))
        for label, operator, value in selector.matchers:
            if label not in labels:
                found.append(f"{selector.metric} has no label {label}")
            elif operator in {"=", "=~"} and not any(
                _fits(operator, value, sample.labels[label]) for sample in samples
            ):
                found.append(f"{selector.metric} never has {label}{operator}{value}")
    known = set().union(*(sample.labels for sample in exported))
    return found + [f"nothing exported has the label {label}" for label in sorted(grouped - known)]


def _fits(operator: str, wanted: str, value: str) -> bool:
    fits = value == wanted if operator in {"=", "!="} else re.fullmatch(wanted, value) is not None
    return fits if operator in {"=", "=~"} else not fits


def test_every_rule_reads_only_what_is_exported(exported: list[Sample]) -> None:
    assert len(RULES) >= 12
    problems = {rule["alert"]: found for rule in RULES if (found := problems_of(rule["expr"], exported))}
    assert not problems


@pytest.mark.parametrize(
    "expression, problem",
    [
        ("portal_unready == 1", "portal_unready is not exported"),
        ('portal_jobs{queue="mail"} > 1', "portal_jobs has no label queue"),
        ('sum(rate(portal_jobs{state="lost"}[5m])) > 1', "portal_jobs never has state=lost"),
        ('http_requests_total{status=~"7.."} > 1', "http_requests_total never has status=~7.."),
        ("sum by (machine) (portal_ready)", "nothing exported has the label machine"),
    ],
)
def test_a_rule_that_reads_something_else_is_noticed(exported: list[Sample], expression: str, problem: str) -> None:
    assert problems_of(expression, exported) == [problem]


def test_what_nobody_understands_is_noticed() -> None:
    with pytest.raises(ValueError, match="not understood"):
        read("portal_ready == ?")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_rule_says_how_grave_it_is_what_it_means_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"].endswith(".")
    document, _, anchor = rule["annotations"]["todo"].partition("#")
    assert anchor in anchors_of((DOCS / document).read_text()), rule["annotations"]["todo"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_rule_is_shaped_as_prometheus_reads_it(rule: dict[str, Any]) -> None:
    assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}
    assert re.fullmatch(r"[0-9]+[smhd]", rule.get("for", "1m"))
    assert all(rule["expr"].count(opening) == rule["expr"].count(closing) for opening, closing in ("()", "[]", "{}"))


def test_the_operations_name_every_metric_and_no_other(exported: list[Sample]) -> None:
    samples = [sample for sample in exported if not sample.name.endswith("_created")]
    names = {re.sub(r"_(bucket|count|sum)$", "", sample.name) for sample in samples}
    ours = {name for name in names if name.startswith(("portal_", "http_", "db_"))}
    named = re.findall(r"`((?:portal|http|db)_[a-z_]+)`", (DOCS / "operations.md").read_text())
    assert set(named) == ours


def test_names_are_unique() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names))


def test_the_age_of_the_backup_is_the_one_that_the_home_remembers(exported: list[Sample]) -> None:
    (taken,) = (sample.value for sample in exported if sample.name == "portal_last_backup_timestamp_seconds")
    assert datetime.fromtimestamp(taken, UTC) - datetime(2026, 11, 26, 2, tzinfo=UTC) == timedelta()
