/** Why a node waits, from the code and parameters of its waiting condition. engine/admission/conditions.py has the same
 * templates and chooses alike; tests/unit/admission compares them. */

import type { Waiting } from "../live/protocol";
import { fill, gettext, gettext_noop } from "./i18n";

const TEMPLATES: Readonly<Record<string, string>> = {
  workflow_limit: gettext_noop("Waits for another run of this workflow to end: at most {max_runs} may run at once."),
  run_limit: gettext_noop("Waits for another node of this run to end: at most {max_concurrent} may run at once."),
  suspect: gettext_noop(
    "Was lost {losses} times: waits for another such node to end, because one of them may be the cause.",
  ),
  pool_missing: gettext_noop('Waits for pool "{pool}", which does not exist. Create it to continue.'),
  pool_too_small: gettext_noop(
    'Needs {slots} slots of pool "{pool}", which has {pool_slots}. Add slots to the pool, or cancel the node and retry it with fewer.',
  ),
  pool_line: gettext_noop('Waits for pool "{pool}": its free slots are reserved for a node ahead in the queue.'),
  pool: gettext_noop('Waits for {slots} slots of pool "{pool}": {in_use} of {pool_slots} are in use.'),
  "pool.one": gettext_noop('Waits for 1 slot of pool "{pool}": {in_use} of {pool_slots} are in use.'),
  queue: gettext_noop(
    'No worker serves the queue "{queue}". Start one with `celery -A engine worker -Q {queue}`, or give the node another queue.',
  ),
  worker: gettext_noop("Waits for a free node process."),
  "worker.counted": gettext_noop("Waits for a free node process; there are {processes}."),
  "worker.dispatched": gettext_noop("Dispatched to a node process that is finishing another short node."),
  upstream: gettext_noop("Waits for {names} to end."),
  "upstream.more": gettext_noop("Waits for {names} and {more} more to end."),
  "upstream.undecided": gettext_noop("Waits for its upstream nodes to be decided."),
  run_queued: gettext_noop("Waits for the scheduler to start the run."),
  retry_delay: gettext_noop("Retry {retry} of {retries} starts at {at}."),
};

function variant(code: string, params: NonNullable<Waiting["params"]>): string {
  if (code === "pool" && params["slots"] === 1) return "pool.one";
  if (code === "worker" && "dispatched" in params) return "worker.dispatched";
  if (code === "worker" && "processes" in params) return "worker.counted";
  if (code === "upstream" && !names(params).length) return "upstream.undecided";
  if (code === "upstream" && params["more"]) return "upstream.more";
  if (code === "run_queued" && params["max_runs"] !== null) return "workflow_limit";
  return code;
}

function names(params: NonNullable<Waiting["params"]>): readonly unknown[] {
  // Servers of earlier releases send ids only.
  const found = params["names"] ?? params["nodes"];
  return Array.isArray(found) ? found : [];
}

export function waitingWords(waiting: Waiting): string {
  const { code, params, message } = waiting;
  // Events of earlier releases have no parameters.
  const template = params ? TEMPLATES[variant(code, params)] : undefined;
  if (!params || template === undefined) return message;
  const values: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(params))
    if (typeof value === "string" || typeof value === "number") values[name] = value;
  values["names"] = names(params)
    .map((name) => `"${String(name)}"`)
    .join(", ");
  return fill(gettext(template), values);
}
