/** The names of the fields of a definition, as shown to users. */

import { isObject } from "../../json";
import type { NodeType } from "../../document/node-type";
import type { Path } from "../../document/changes";
import { type Doc, nameOf, nodeOf } from "../../document/document";
import { gettext } from "../../words/i18n";
import { visible } from "../../words/words";

/** The fields of nodes except `config`, and those of the workflow. */
function plainName(path: Path): string | null {
  switch (path.join(".")) {
    case "name":
      return gettext("name");
    case "notes":
      return gettext("notes");
    case "type":
      return gettext("type");
    case "position":
      return gettext("place");
    case "policy.retries":
      return gettext("retries");
    case "policy.lost_retries":
      return gettext("restarts after a lost worker");
    case "policy.retry_delay":
      return gettext("retry delay");
    case "policy.retry_backoff":
      return gettext("backoff");
    case "policy.retry_max_delay":
      return gettext("longest delay");
    case "policy.retry_on":
      return gettext("retried errors");
    case "policy.soft_timeout":
      return gettext("soft time limit");
    case "policy.hard_timeout":
      return gettext("hard time limit");
    case "policy.expected_duration":
      return gettext("expected duration");
    case "policy.pool":
      return gettext("pool");
    case "policy.slots":
      return gettext("slots");
    case "policy.priority":
    case "settings.priority":
      return gettext("priority");
    case "policy.queue":
      return gettext("queue");
    case "policy.memory_mb":
      return gettext("memory");
    case "policy.trigger_rule":
      return gettext("trigger rule");
    case "policy.cache":
      return gettext("cache");
    case "policy.checkpoint_interval":
      return gettext("checkpoint interval");
    case "settings.max_concurrent":
      return gettext("nodes at once");
    case "settings.max_runs":
      return gettext("runs at once");
    case "settings.timeout":
      return gettext("run time limit");
    case "settings.on_failure":
      return gettext("on failure");
    default:
      return null;
  }
}

/** Returns the name of a field of a node; for `config`, the label in the form of its type. */
export function fieldName(path: Path, type: NodeType | undefined): string {
  const plain = plainName(path);
  if (plain !== null) return plain;
  const properties = path[0] === "config" ? type?.config["properties"] : undefined;
  const schema = isObject(properties) ? properties[String(path[1])] : undefined;
  const title = isObject(schema) ? schema["title"] : undefined;
  return visible(typeof title === "string" && title ? title : path.slice(path.length > 1 ? 1 : 0).join("."));
}

export const nameIn = (doc: Doc, id: string): string => {
  const node = nodeOf(doc, id);
  return visible(node ? nameOf(node) : id);
};
