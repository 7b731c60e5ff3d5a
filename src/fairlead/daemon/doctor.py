"""Doctor: look at the settings, the policy and each CRM, and say what must be done."""

from __future__ import annotations

from typing import Any

from fairlead.core.policy import Policy
from fairlead.daemon.acceptance import read_acceptable
from fairlead.daemon.active_policy import wanted
from fairlead.daemon.channel_doctor import examine_channels
from fairlead.daemon.control_socket import ControlClient
from fairlead.daemon.finding import finding
from fairlead.errors import Ambiguous, ConfigError, FairleadError, NeedsOperator, RetryLater
from fairlead.settings import Settings
from fairlead.spi.connector import Direction, Wanted
from fairlead.spi.patience import patiently


def examine(settings: Settings) -> list[dict[str, Any]]:
    """Every finding as a JSON-safe dict: where, check, ok, detail, remedy, fatal.

    Never raises for what it finds: a CRM that refuses us is a finding like any other.
    """
    findings, policy = _policy(settings)
    findings += _daemon(settings, policy)
    if not settings.connectors:
        findings.append(
            finding("settings", "a CRM is configured", False, "none is",
                     "add a [salesforce] or [hubspot] table")
        )  # fmt: skip
    for name in settings.connectors:
        want = wanted(policy, name) if policy else Wanted()
        findings += _connector(settings, name, want)
    return findings + examine_channels(settings, policy)


def _policy(settings: Settings) -> tuple[list[dict[str, Any]], Policy | None]:
    """The finding about the policy, and the policy; before `init` its absence is only a note."""
    if not settings.policy.exists():
        remedy = "write one with: fairlead init"
        missing = f"{settings.policy} is not there yet"
        return [finding("policy", "reads well", False, missing, remedy, fatal=False)], None
    try:
        policy = read_acceptable(settings.policy).active.policy
    except ConfigError as e:
        return [finding("policy", "reads well", False, str(e), "run: fairlead check")], None
    return [finding("policy", "reads well", True, f"policy {policy.hash[:12]}")], policy


def _daemon(settings: Settings, policy: Policy | None) -> list[dict[str, Any]]:
    """Whether a daemon that runs here decides with this policy and these settings."""
    client = ControlClient(settings.socket_path, timeout=10)
    try:
        if not client.running():
            return []
        status = client.call("status")
    except FairleadError as e:
        return [finding("daemon", "answers", False, str(e), fatal=False)]
    found = []
    runs = str(status["policy"])[:12]
    if policy is not None and status["policy"] == policy.hash:
        found.append(finding("daemon", "runs the policy on disk", True, f"policy {runs}"))
    else:
        why = [f"{f['file']}: {f['message']}" for f in status.get("policy_refused", ())][:1]
        detail = "; ".join([f"it runs policy {runs}", *why])
        remedy = "run: fairlead reload"
        found.append(
            finding("daemon", "runs the policy on disk", False, detail, remedy, fatal=False)
        )
    for x in status.get("inactive_reps", ()):
        told = finding(
            x["crm"], "reps who left own no leads", False, x["says"], x["remedy"], fatal=False
        )
        found.append(told)
    for line in status.get("needs_restart", ()):
        found.append(finding("daemon", "runs with these settings", False, line, fatal=False))
    return found


def _connector(settings: Settings, name: str, want: Wanted) -> list[dict[str, Any]]:
    try:
        factory, model = settings.connector(name)
        connector = factory.build(model, Direction.READ, want)
    except ConfigError as e:
        return [finding(name, "configured", False, str(e))]
    try:
        probe = patiently(connector.probe)
    except (NeedsOperator, ConfigError) as e:
        return [finding(name, "log-in and rights", False, str(e), getattr(e, "remedy", ""))]
    except (RetryLater, Ambiguous) as e:
        return [finding(name, "reachable", False, str(e), "try again; see the CRM's status page")]
    finally:
        connector.close()
    found = [finding(name, "log-in and rights", True, probe.account)]
    for f in probe.findings:
        found.append(finding(name, f.check, f.ok, f.detail, f.remedy, fatal=f.fatal))
    return found
