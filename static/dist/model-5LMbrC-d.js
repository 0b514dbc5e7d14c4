// src/dom.ts
/** Small helpers over the DOM. User text goes in as text only; nothing here parses markup from a string. */
function one(selector, root = document) {
	return root.querySelector(selector);
}
function all(selector, root = document) {
	return [...root.querySelectorAll(selector)];
}
/** Sets text only when it differs, so that nothing is laid out again for nothing. */
function setText(element, text) {
	if (element && element.textContent !== text) element.textContent = text;
}
function setAttribute(element, name, value) {
	if (element && element.getAttribute(name) !== value) element.setAttribute(name, value);
}
function setHidden(element, hidden) {
	if (element && element.hidden !== hidden) element.hidden = hidden;
}
var SVG = "http://www.w3.org/2000/svg";
/** An icon of the sprite. */
function icon(name, small = false) {
	const svg = document.createElementNS(SVG, "svg");
	svg.setAttribute("class", small ? "i s" : "i");
	svg.setAttribute("viewBox", "0 0 24 24");
	svg.setAttribute("aria-hidden", "true");
	const use = document.createElementNS(SVG, "use");
	use.setAttribute("href", `#i-${name}`);
	svg.append(use);
	return svg;
}
function element(tag, className = "", ...children) {
	const made = document.createElement(tag);
	if (className) made.className = className;
	made.append(...children);
	return made;
}
/** Whether keys typed now belong to a field. */
function typing(target) {
	return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
/** Calls `run` at most once in `ms`, the last call always. */
function throttled(ms, run) {
	let timer = 0;
	let last = -Infinity;
	return () => {
		if (timer) return;
		const wait = Math.max(0, last + ms - performance.now());
		timer = window.setTimeout(() => {
			timer = 0;
			last = performance.now();
			run();
		}, wait);
	};
}
/** Calls `run` when no call has come for `ms`. */
function debounced(ms, run) {
	let timer = 0;
	return () => {
		window.clearTimeout(timer);
		timer = window.setTimeout(run, ms);
	};
}
// src/words/i18n.ts
function gettext(message) {
	return window.django?.gettext?.(message) ?? message;
}
function ngettext(singular, plural, count) {
	return window.django?.ngettext?.(singular, plural, count) ?? (count === 1 ? singular : plural);
}
/** Puts values into the `{name}` places of a translated text. */
function fill(text, values) {
	return text.replace(/\{(\w+)\}/g, (whole, name) => name in values ? String(values[name]) : whole);
}
// src/words/words.ts
/** How durations, counts, sizes and states are said; dashboard/presenters.py says the same (see said.json). */
function duration(seconds) {
	if (seconds === null || Number.isNaN(seconds)) return "–";
	const span = Math.max(0, seconds);
	if (span < 9.95) {
		if (span > 0 && span < .05) return fill(gettext("{ms} ms"), { ms: Math.max(1, Math.floor(span * 1e3 + .5)) });
		return fill(gettext("{s} s"), { s: (Math.floor(span * 10 + .5) / 10).toFixed(1).replace(/\.0$/, "") });
	}
	const whole = Math.floor(span + .5);
	if (whole < 60) return fill(gettext("{s} s"), { s: whole });
	const minutes = Math.floor(whole / 60);
	if (minutes < 60) {
		const s = whole % 60;
		return s ? fill(gettext("{m} m {s} s"), {
			m: minutes,
			s
		}) : fill(gettext("{m} m"), { m: minutes });
	}
	const hours = Math.floor(minutes / 60);
	if (hours < 24) {
		const m = minutes % 60;
		return m ? fill(gettext("{h} h {m} m"), {
			h: hours,
			m
		}) : fill(gettext("{h} h"), { h: hours });
	}
	const days = Math.floor(hours / 24);
	const h = hours % 24;
	return h ? fill(gettext("{d} d {h} h"), {
		d: days,
		h
	}) : fill(gettext("{d} d"), { d: days });
}
/** Seconds between two times of the API, to the microsecond: Date keeps milliseconds only. */
function secondsBetween(from, to) {
	return seconds(to) - seconds(from);
}
function seconds(iso) {
	const fraction = /\.(\d+)/.exec(iso)?.[1] ?? "";
	return Math.floor(Date.parse(iso) / 1e3) + Number(`0.${fraction || "0"}`);
}
function count(number) {
	return Math.trunc(number).toString().replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}
function size(bytes) {
	if (bytes < 1024) return `${Math.trunc(bytes)} B`;
	let value = bytes;
	let unit = "";
	for (unit of [
		"KiB",
		"MiB",
		"GiB",
		"TiB"
	]) {
		value /= 1024;
		if (value < 1024) break;
	}
	return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
}
function ago(seconds) {
	if (seconds < 45) return gettext("just now");
	if (seconds < 3600) return fill(gettext("{n} min ago"), { n: Math.max(1, Math.round(seconds / 60)) });
	if (seconds < 86400) return fill(gettext("{n} h ago"), { n: Math.round(seconds / 3600) });
	return fill(gettext("{n} d ago"), { n: Math.round(seconds / 86400) });
}
/** Icon and word of a state of a run, node run or attempt. */
function look(state) {
	switch (state) {
		case "queued": return {
			icon: "clock",
			word: gettext("Queued")
		};
		case "running": return {
			icon: "run",
			word: gettext("Running")
		};
		case "paused": return {
			icon: "wait",
			word: gettext("Paused")
		};
		case "succeeded": return {
			icon: "ok",
			word: gettext("Succeeded")
		};
		case "failed": return {
			icon: "bad",
			word: gettext("Failed")
		};
		case "cancelled": return {
			icon: "stop",
			word: gettext("Cancelled")
		};
		case "timed_out": return {
			icon: "timer",
			word: gettext("Timed out")
		};
		case "pending": return {
			icon: "hollow",
			word: gettext("Pending")
		};
		case "ready": return {
			icon: "clock",
			word: gettext("Ready")
		};
		case "waiting": return {
			icon: "wait",
			word: gettext("Waiting")
		};
		case "retrying": return {
			icon: "retry",
			word: gettext("Retrying")
		};
		case "skipped": return {
			icon: "skip",
			word: gettext("Skipped")
		};
		case "upstream_failed": return {
			icon: "upstream",
			word: gettext("Upstream failed")
		};
		case "lost": return {
			icon: "bad",
			word: gettext("Lost")
		};
		default: return {
			icon: "dot",
			word: state
		};
	}
}
var NODE_ENDED = /* @__PURE__ */ new Set([
	"succeeded",
	"failed",
	"timed_out",
	"cancelled",
	"skipped",
	"upstream_failed"
]);
var RUN_ENDED = /* @__PURE__ */ new Set([
	"succeeded",
	"failed",
	"cancelled",
	"timed_out"
]);
var DISGUISES = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ue000-\uf8ff]/g;
function written(char) {
	return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
/** `text` with what could disguise it written out. */
function visible(text) {
	return text.replace(DISGUISES, written);
}
// src/behaviours/clock.ts
/** Times and durations of a page, kept current.
*
*   <time datetime="2026-11-24T09:41:07Z" data-form="time|day|ago">   set in the reader's zone
*   <span data-since="2026-11-24T09:41:07Z">                          counts up while it stands
*   <span data-until="2026-11-24T09:46:07Z">                          counts down, to 0
*
* Spans count from the server's clock: the page says when it was made, and that difference is kept.
*/
var skewMs = 0;
/** Milliseconds since 1970 by the server's clock. */
function serverNow() {
	return Date.now() - skewMs;
}
function readServerTime() {
	const said = document.querySelector("meta[name=\"server-time\"]")?.content;
	const at = said ? Date.parse(said) : NaN;
	const timing = performance.getEntriesByType("navigation")[0];
	const received = timing ? performance.timeOrigin + timing.responseStart : Date.now();
	if (!Number.isNaN(at)) skewMs = received - at;
}
function language() {
	return document.documentElement.lang || "en";
}
var formats = null;
function formatOf(name) {
	formats ??= {
		time: new Intl.DateTimeFormat(language(), {
			hour: "2-digit",
			minute: "2-digit",
			second: "2-digit",
			hourCycle: "h23"
		}),
		day: new Intl.DateTimeFormat(language(), {
			day: "numeric",
			month: "short",
			hour: "2-digit",
			minute: "2-digit",
			hourCycle: "h23"
		}),
		year: new Intl.DateTimeFormat(language(), {
			day: "numeric",
			month: "short",
			year: "numeric"
		}),
		full: new Intl.DateTimeFormat(language(), {
			dateStyle: "medium",
			timeStyle: "long",
			hourCycle: "h23"
		})
	};
	return formats[name];
}
function said(iso, form, now) {
	const at = new Date(iso);
	if (Number.isNaN(at.getTime())) return iso;
	if (form === "ago") return ago((now - at.getTime()) / 1e3);
	const today = new Date(now);
	if (form === "time" && now - at.getTime() < 864e5 && at.getDate() === today.getDate()) return formatOf("time").format(at);
	if (at.toDateString() === today.toDateString()) return `${gettext("today")} ${formatOf("time").format(at).slice(0, 5)}`;
	if (now - at.getTime() > 2592e7) return formatOf("year").format(at);
	return formatOf("day").format(at);
}
/** Brings the times below `root` up to date. */
function refreshTimes(root = document) {
	const now = serverNow();
	for (const element of root.querySelectorAll("time[data-form]")) {
		setText(element, said(element.dateTime, element.dataset["form"] ?? "day", now));
		if (!element.dataset["full"]) {
			element.dataset["full"] = "1";
			setAttribute(element, "title", formatOf("full").format(new Date(element.dateTime)));
		}
	}
	for (const element of root.querySelectorAll("[data-since]")) {
		const since = element.dataset["since"];
		if (since) setText(element, duration(Math.max(0, (now - Date.parse(since)) / 1e3)));
	}
	for (const element of root.querySelectorAll("[data-until]")) {
		const until = element.dataset["until"];
		if (until) setText(element, duration(Math.max(0, (Date.parse(until) - now) / 1e3)));
	}
}
function keepTime() {
	readServerTime();
	refreshTimes();
	window.setInterval(() => {
		if (!document.hidden) refreshTimes();
	}, 1e3);
	document.addEventListener("visibilitychange", () => {
		document.documentElement.classList.toggle("resting", document.hidden);
		if (!document.hidden) refreshTimes();
	});
}
// src/graph/model.ts
function links(size, ends) {
	const start = new Int32Array(size + 1);
	for (const end of ends) start[end + 1] = (start[end + 1] ?? 0) + 1;
	for (let at = 0; at < size; at += 1) start[at + 1] = (start[at + 1] ?? 0) + (start[at] ?? 0);
	const next = start.slice();
	const edges = new Int32Array(ends.length);
	for (let edge = 0; edge < ends.length; edge += 1) {
		const end = ends[edge] ?? 0;
		const place = next[end] ?? 0;
		edges[place] = edge;
		next[end] = place + 1;
	}
	return {
		start,
		edges
	};
}
function edgesAt(of, node) {
	return of.edges.subarray(of.start[node] ?? 0, of.start[node + 1] ?? 0);
}
/** `edges`: source and target as numbers of nodes, and the port at the source. */
function makeGraph(nodes, edges, icons = /* @__PURE__ */ new Map()) {
	const size = nodes.length;
	const sources = Int32Array.from(edges, (edge) => edge[0]);
	const targets = Int32Array.from(edges, (edge) => edge[1]);
	const placed = new Float64Array(2 * size).fill(NaN);
	nodes.forEach((node, at) => {
		if (node.x === void 0 || node.y === void 0) return;
		placed[2 * at] = node.x;
		placed[2 * at + 1] = node.y;
	});
	return {
		size,
		ids: nodes.map((node) => node.id),
		names: nodes.map((node) => node.name ?? node.id),
		types: nodes.map((node) => node.type ?? ""),
		icons,
		index: new Map(nodes.map((node, at) => [node.id, at])),
		placed,
		edges: edges.length,
		sources,
		targets,
		ports: edges.map((edge) => edge[2] ?? "out"),
		into: links(size, targets),
		outOf: links(size, sources)
	};
}
/** Reads what the server sent; null when it is no graph. */
function readGraph(value) {
	const { nodes, edges, icons } = value;
	if (!Array.isArray(nodes) || !Array.isArray(edges)) return null;
	const read = [];
	for (const node of nodes) {
		if (!Array.isArray(node)) return null;
		const [id, name, type, x, y] = node;
		if (typeof id !== "string" || typeof name !== "string" || typeof type !== "string") return null;
		read.push(typeof x === "number" && typeof y === "number" ? {
			id,
			name,
			type,
			x,
			y
		} : {
			id,
			name,
			type
		});
	}
	const lines = [];
	const known = (at) => typeof at === "number" && Number.isInteger(at) && at >= 0 && at < read.length;
	for (const edge of edges) {
		if (!Array.isArray(edge)) return null;
		const [source, target, port] = edge;
		if (!known(source) || !known(target)) return null;
		lines.push([
			source,
			target,
			typeof port === "string" ? port : "out"
		]);
	}
	const named = typeof icons === "object" && icons !== null && !Array.isArray(icons) ? Object.entries(icons) : [];
	return makeGraph(read, lines, new Map(named.flatMap(([type, icon]) => typeof icon === "string" ? [[type, icon]] : [])));
}
/** Whether the author placed any node: positions that are missing, or all at one point, say nothing. */
function isPlaced(graph) {
	for (let at = 0; at < graph.size; at += 1) {
		const x = graph.placed[2 * at] ?? NaN;
		const y = graph.placed[2 * at + 1] ?? NaN;
		if (!Number.isNaN(x) && (x !== 0 || y !== 0)) return true;
	}
	return graph.size === 1 && !Number.isNaN(graph.placed[0] ?? NaN);
}
export { typing as A, element as C, setHidden as D, setAttribute as E, setText as O, debounced as S, one as T, written as _, refreshTimes as a, ngettext as b, DISGUISES as c, count as d, duration as f, visible as g, size as h, keepTime as i, throttled as k, NODE_ENDED as l, secondsBetween as m, isPlaced as n, said as o, look as p, readGraph as r, serverNow as s, edgesAt as t, RUN_ENDED as u, fill as v, icon as w, all as x, gettext as y };
