import { b as ngettext, d as count, f as duration, g as visible, h as size, v as fill, y as gettext } from "./model-5LMbrC-d.js";
// src/live/protocol.ts
function object(value) {
	return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
}
var text = (value) => typeof value === "string" ? value : value === null || value === void 0 ? "" : String(value);
var textOrNull = (value) => typeof value === "string" ? value : null;
var number = (value) => typeof value === "number" ? value : 0;
var numberOrNull = (value) => typeof value === "number" ? value : null;
var list = (value) => Array.isArray(value) ? value : [];
function parse(data) {
	try {
		return object(JSON.parse(data));
	} catch {
		return null;
	}
}
function readRun(value) {
	const it = object(value);
	if (!it) return null;
	const counts = {};
	for (const [state, n] of Object.entries(object(it["counts"]) ?? {})) counts[state] = number(n);
	return {
		id: text(it["id"]),
		workflow: text(it["workflow"]),
		version: numberOrNull(it["version"]),
		state: text(it["state"]),
		counts,
		created_at: text(it["created_at"]),
		started_at: textOrNull(it["started_at"]),
		finished_at: textOrNull(it["finished_at"]),
		priority: number(it["priority"])
	};
}
function readError(value) {
	const it = object(value);
	return it && {
		class: text(it["class"]),
		message: text(it["message"]),
		line: numberOrNull(it["line"])
	};
}
function readProgress(value) {
	const it = object(value);
	return it ? {
		fraction: numberOrNull(it["fraction"]),
		message: textOrNull(it["message"])
	} : null;
}
function readNode(value) {
	const it = object(value);
	if (!it) return null;
	const output = object(it["output"]);
	return {
		node: text(it["node"]),
		type: text(it["type"]),
		name: text(it["name"]) || text(it["node"]),
		state: text(it["state"]),
		reason: text(it["reason"]),
		attempt: number(it["attempt"]),
		started_at: textOrNull(it["started_at"]),
		finished_at: textOrNull(it["finished_at"]),
		expected: numberOrNull(it["expected"]),
		expected_from: text(it["expected_from"]) || "none",
		progress: readProgress(it["progress"]),
		error: readError(it["error"]),
		waiting_for: list(it["waiting_for"]).flatMap((entry) => {
			const one = object(entry);
			return one ? [{
				code: text(one["code"]),
				message: text(one["message"]),
				since: textOrNull(one["since"])
			}] : [];
		}),
		output: output && {
			kind: text(output["kind"]),
			row_count: numberOrNull(output["row_count"]),
			bytes: number(output["bytes"]),
			ports: list(output["ports"]).map(text)
		}
	};
}
function readLine(value) {
	const it = object(value);
	if (!it) return null;
	return {
		seq: number(it["seq"]),
		at: text(it["at"]),
		node: text(it["node"]),
		attempt: number(it["attempt"]),
		level: text(it["level"]),
		message: text(it["message"])
	};
}
function readEvent(value) {
	const it = object(value) ?? {};
	const base = {
		seq: number(it["seq"]),
		at: text(it["at"])
	};
	switch (it["type"]) {
		case "run": {
			const run = readRun(it["run"]);
			if (run) return {
				...base,
				type: "run",
				run
			};
			break;
		}
		case "node": {
			const node = readNode(it["node"]);
			if (node) return {
				...base,
				type: "node",
				node
			};
			break;
		}
		case "log": {
			const line = readLine(it["line"]);
			if (line) return {
				...base,
				type: "log",
				line
			};
			break;
		}
		case "progress": return {
			...base,
			type: "progress",
			node: text(it["node"]),
			progress: {
				fraction: numberOrNull(it["fraction"]),
				message: textOrNull(it["message"])
			}
		};
	}
	return {
		...base,
		type: "other"
	};
}
/** A message about one run, or null when it is none that this page knows (samples, later kinds). */
function readRunMessage(message) {
	if (message["type"] === "snapshot") {
		const run = readRun(message["run"]);
		if (!run) return null;
		const nodes = /* @__PURE__ */ new Map();
		for (const [id, value] of Object.entries(object(message["nodes"]) ?? {})) {
			const node = readNode(value);
			if (node) nodes.set(id, node);
		}
		return {
			type: "snapshot",
			seq: number(message["seq"]),
			run,
			nodes
		};
	}
	if (message["type"] === "events") return {
		type: "events",
		first: number(message["first"]),
		seq: number(message["seq"]),
		events: list(message["events"]).map(readEvent)
	};
	return null;
}
/** The samples of a message, or null when it is another one. */
function readSamples(message) {
	if (message["type"] !== "samples") return null;
	return list(message["samples"]).flatMap((value) => {
		const it = object(value);
		if (!it) return [];
		return [{
			node: text(it["node"]),
			attempt: number(it["attempt"]),
			at: text(it["at"]),
			cpu: numberOrNull(it["cpu_percent"]),
			memory: numberOrNull(it["memory_bytes"])
		}];
	});
}
/** A page of steps of a run, oldest first, and the number before which earlier ones are asked for; null: there are none. */
function readSteps(body) {
	return {
		steps: list(body["results"]).flatMap((value) => {
			const it = object(value);
			if (!it) return [];
			return [{
				seq: number(it["seq"]),
				at: text(it["at"]),
				node: text(it["node"]),
				from: textOrNull(it["from"]),
				to: text(it["to"]),
				attempt: number(it["attempt"]),
				reason: text(it["reason"]),
				error: readError(it["error"])
			}];
		}),
		before: numberOrNull(body["before"])
	};
}
function readOverviewMessage(message) {
	const type = message["type"];
	if (type !== "snapshot" && type !== "changes") return null;
	return {
		type,
		counters: object(message["counters"]),
		runs: Array.isArray(message["runs"]) ? message["runs"].flatMap((value) => readRun(value) ?? []) : null
	};
}
// src/run/fact.ts
var LINE_MAX = 240;
function firstLine(text) {
	const line = text.split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/).map((part) => part.trim()).find((part) => part !== "") ?? "";
	return line.length <= LINE_MAX ? line : `${line.slice(0, 239)}…`;
}
function cause(error) {
	const kind = error.class || gettext("Error");
	const head = error.line ? fill(gettext("{kind} in line {line}"), {
		kind,
		line: error.line
	}) : kind;
	const said = firstLine(error.message);
	return said ? `${head}, ${said}` : head;
}
function reason(code) {
	switch (code) {
		case "": return "";
		case "run_stopped": return gettext("not started, for the run had failed");
		case "run_timeout": return gettext("the run passed its time limit");
		case "not_asked": return gettext("not asked for");
		case "branch_not_taken": return gettext("the branch was not taken");
		case "cancelled": return gettext("stopped with the run");
		case "cancelled_by_person": return gettext("stopped by a person");
		case "skipped_by_person": return gettext("skipped by a person");
		default: return code.replaceAll("_", " ");
	}
}
/** Whether a node runs longer than twice what is expected of it, and 5 s where that is only learned; `now` by the
* server's clock, in ms. engine/policy.py says the same. */
function stuck(node, now) {
	if (node.state !== "running" || node.expected === null || node.expected_from === "none" || !node.started_at) return false;
	const limit = node.expected_from === "author" ? 2 * node.expected : Math.max(2 * node.expected, 5);
	return (now - Date.parse(node.started_at)) / 1e3 > limit;
}
function fact(node) {
	return visible(said(node));
}
function said(node) {
	if (node.error && (node.state === "failed" || node.state === "timed_out" || node.state === "retrying")) return cause(node.error);
	if (node.state === "running") {
		if (node.progress?.message) return node.progress.message;
		return node.expected ? fill(gettext("usually {span}"), { span: duration(node.expected) }) : "";
	}
	const waiting = node.waiting_for[0];
	if (waiting) return waiting.message;
	if (node.output && node.state === "succeeded") {
		const ports = node.output.ports.filter((port) => port !== "out");
		const taken = ports.length ? `${fill(gettext("took {port}"), { port: ports.join(", ") })} · ` : "";
		const rows = node.output.row_count;
		if (rows !== null) return taken + fill(ngettext("{n} row", "{n} rows", rows), { n: count(rows) });
		return node.output.bytes > 4 || taken ? taken + size(node.output.bytes) : "";
	}
	return reason(node.reason);
}
export { parse as a, readSamples as c, stuck as i, readSteps as l, fact as n, readOverviewMessage as o, reason as r, readRunMessage as s, cause as t };
