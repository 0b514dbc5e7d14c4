/** Limits and retries: the fields of a node's policy with their help. */

import { isObject, type Json } from "../../json";
import type { ReactNode } from "react";
import type { Path } from "../../document/changes";

import { fill, gettext, ngettext } from "../../words/i18n";
import { duration } from "../../words/words";
import { ChoiceField, NumberField, SecondsField, TextField } from "./controls";
import { Field } from "./field";
import { ChipsField } from "./lists";
import { MIXED, useMedianDuration, useFieldProblems, useScope, useSurroundings, useValue } from "./scope";

/** Policy fields of the Retries tab; Limits shows all others. */
const RETRY_FIELDS: ReadonlySet<string> = new Set([
  "retries",
  "lost_retries",
  "retry_delay",
  "retry_backoff",
  "retry_max_delay",
  "retry_on",
  "trigger_rule",
]);
const LIMIT_FIELDS: ReadonlySet<string> = new Set([
  "soft_timeout",
  "hard_timeout",
  "expected_duration",
  "pool",
  "slots",
  "priority",
  "memory_mb",
]);

export const tabOf = (path: Path): "config" | "limits" | "retries" | "notes" =>
  path[0] === "notes"
    ? "notes"
    : path[0] !== "policy"
      ? "config"
      : RETRY_FIELDS.has(String(path[1]))
        ? "retries"
        : "limits";

const at = (name: string): Path => ["policy", name];
const PATHS = Object.fromEntries([...RETRY_FIELDS, ...LIMIT_FIELDS].map((name) => [name, at(name)])) as Record<
  string,
  Path
>;
const path = (name: string): Path => PATHS[name] ?? at(name);

export function PoolField({ short = false }: { short?: boolean }): ReactNode {
  const { editing } = useSurroundings();
  const pools = [...editing.facts.pools];
  const help =
    pools.length || short ? undefined : (
      <>
        {gettext("No pools yet.")}{" "}
        <a className="text" href="/resources/">
          {gettext("Create one under Resources")}
        </a>
      </>
    );
  return (
    <ChoiceField
      path={path("pool")}
      label={gettext("Pool")}
      help={help}
      clean={(value) => value ?? undefined}
      unset={gettext("None")}
      // Always a list: the labels are long, because each contains the slots of its pool.
      options={pools.map(([name, slots]) => ({
        value: name,
        label: fill(ngettext("{name} ({n} slot)", "{name} ({n} slots)", slots), { name, n: slots }),
      }))}
      list
    />
  );
}

export function PriorityField({ short = false }: { short?: boolean }): ReactNode {
  const { editing } = useSurroundings();
  const settings = editing.store.doc["settings"] as Json | undefined;
  const own = isObject(settings) && typeof settings["priority"] === "number" ? settings["priority"] : 5;
  return (
    <ChoiceField
      path={path("priority")}
      label={gettext("Priority")}
      help={
        short
          ? undefined
          : gettext("1 starts first, 9 last. A 9 waits at most 8 minutes behind nodes that became ready later.")
      }
      clean={(value) => value ?? undefined}
      unset={fill(gettext("{n} (run's)"), { n: own })}
      options={[1, 2, 3, 4, 5, 6, 7, 8, 9].map((value) => ({ value, label: String(value) }))}
    />
  );
}

export function ExpectedField(): ReactNode {
  const median = useMedianDuration();
  return (
    <SecondsField
      path={path("expected_duration")}
      label={gettext("Expected duration")}
      help={gettext("Flagged as stuck after twice this time.")}
      placeholder={
        median === null
          ? gettext("learned from its runs")
          : fill(gettext("learned: {duration}"), { duration: duration(median) })
      }
    />
  );
}

export function Limits(): ReactNode {
  const soft = useValue(path("soft_timeout"));
  const pool = useValue(path("pool"));
  const slots = useValue(path("slots"));
  const hardDefault = Math.max(600, 2 * (typeof soft === "number" ? soft : 300));
  return (
    <div className="fields">
      <SecondsField
        path={path("soft_timeout")}
        label={gettext("Soft time limit")}
        none={gettext("No limit")}
        placeholder={fill(gettext("{n} (default)"), { n: 300 })}
        help={gettext(
          "The code is then asked to save its progress and stop, and the attempt ends as timed out. Only running time counts.",
        )}
      />
      <SecondsField
        path={path("hard_timeout")}
        label={gettext("Hard time limit")}
        none={gettext("No limit")}
        placeholder={fill(gettext("{n} (default)"), { n: hardDefault })}
        help={gettext("The process and all its children are then killed.")}
      />
      <ExpectedField />
      <PoolField />
      {(typeof pool === "string" || slots !== undefined) && (
        <NumberField
          path={path("slots")}
          label={gettext("Slots")}
          whole
          placeholder="1"
          help={gettext("Slots of the pool that the node uses while it runs.")}
        />
      )}
      <PriorityField />
      <NumberField
        path={path("memory_mb")}
        label={gettext("Memory")}
        whole
        unit="MB"
        placeholder={gettext("no limit")}
        help={gettext("Above this, the node is stopped with a memory error.")}
      />
      <Others shown={LIMIT_FIELDS} hidden={RETRY_FIELDS} />
    </div>
  );
}

const ERRORS = [
  "SoftTimeout",
  "HardTimeout",
  "MemoryLimit",
  "WorkerLost",
  "ExitCode",
  "SqlError",
  "ExpressionError",
  "BadOutput",
];

const RULES: readonly { value: string; label: () => string; help: () => string }[] = [
  {
    value: "all_success",
    label: () => gettext("All succeeded"),
    help: () =>
      gettext(
        "Runs when all upstream nodes succeeded. If one failed, it does not run; if one was skipped, it is skipped.",
      ),
  },
  {
    value: "all_done",
    label: () => gettext("All ended"),
    help: () => gettext("Runs when all upstream nodes have ended, in any state. Use it to clean up."),
  },
  {
    value: "one_success",
    label: () => gettext("One succeeded"),
    help: () => gettext("Runs as soon as one upstream node succeeds."),
  },
  {
    value: "all_failed",
    label: () => gettext("All failed"),
    help: () => gettext("Runs when all upstream nodes failed. Use it to send an alert."),
  },
  {
    value: "none_failed",
    label: () => gettext("None failed"),
    help: () => gettext("Runs when no upstream node failed, even if some were skipped. Use it where branches meet."),
  },
];

export function Retries(): ReactNode {
  const rule = useValue(path("trigger_rule"));
  const backoff = useValue(path("retry_backoff"));
  const chosen = RULES.find((one) => one.value === (rule ?? "all_success"));
  return (
    <div className="fields">
      <div className="two">
        <NumberField path={path("retries")} label={gettext("Retries")} whole placeholder="0" />
        <SecondsField path={path("retry_delay")} label={gettext("Delay")} placeholder="5" />
      </div>
      <ChoiceField
        path={path("retry_backoff")}
        label={gettext("Delays")}
        unset={gettext("Doubling")}
        clean={(value) => value ?? undefined}
        options={[
          { value: "linear", label: gettext("Growing") },
          { value: "fixed", label: gettext("Same") },
        ]}
        help={
          backoff === "linear"
            ? gettext("Each delay adds the first one: 5, 10, 15 s.")
            : backoff === "fixed"
              ? gettext("All delays are the same.")
              : gettext("Each delay is twice the one before: 5, 10, 20 s.")
        }
      />
      <SecondsField path={path("retry_max_delay")} label={gettext("Longest delay")} placeholder="300" />
      <ChipsField
        path={path("retry_on")}
        label={gettext("Retry on")}
        placeholder={gettext("every error")}
        suggestions={ERRORS}
        help={gettext("Error classes to retry, including your own. Other errors fail immediately.")}
      />
      <NumberField
        path={path("lost_retries")}
        label={gettext("Restarts after a lost worker")}
        whole
        placeholder="3"
        help={gettext("After a worker is killed or disconnected. Not counted as a retry.")}
      />
      <ChoiceField
        path={path("trigger_rule")}
        label={gettext("Starts when")}
        unset={RULES[0]?.label() ?? ""}
        clean={(value) => value ?? undefined}
        options={RULES.slice(1).map((one) => ({ value: one.value, label: one.label() }))}
        help={rule === MIXED ? undefined : chosen?.help()}
      />
    </div>
  );
}

/** Policy fields that are set but have no control here. */
function Others({ shown, hidden }: { shown: ReadonlySet<string>; hidden: ReadonlySet<string> }): ReactNode {
  const policy = useValue(POLICY);
  if (typeof policy === "symbol" || !isObject(policy)) return null;
  return Object.entries(policy)
    .filter(([name]) => !shown.has(name) && !hidden.has(name))
    .map(([name, value]) => <OtherField key={name} name={name} value={value} />);
}

function OtherField({ name, value }: { name: string; value: Json }): ReactNode {
  const scope = useScope();
  const repairable = useFieldProblems(at(name)).some((one) => one.fix);
  return (
    <Field path={at(name)} label={name} group>
      {() => (
        <div className="row">
          <code className="anywhere grow">{JSON.stringify(value)}</code>
          {!repairable && (
            <button
              type="button"
              className="btn small"
              onClick={(event) => {
                event.currentTarget.closest<HTMLElement>("[tabindex='-1']")?.focus();
                scope.write(at(name), undefined, name);
              }}
            >
              {gettext("Remove")}
            </button>
          )}
        </div>
      )}
    </Field>
  );
}

const POLICY: Path = ["policy"];
const NOTES: Path = ["notes"];

export function Notes(): ReactNode {
  return (
    <div className="fields">
      <TextField
        path={NOTES}
        label={gettext("Notes")}
        long
        rows={12}
        help={gettext("For the next person: why it works this way, where the data comes from, whom to ask.")}
      />
    </div>
  );
}
