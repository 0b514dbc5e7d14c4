import { d as count, t as edgesAt } from "./model-5LMbrC-d.js";
var BACK = 24;
/** Corners of the edge from a node at (ax, ay) to one at (bx, by), upper left corners given. Writes into `out` and
* gives the number of values written: 4 (straight), 8, or 12 (an edge that leads back). */
function way(ax, ay, bx, by, out) {
	const x1 = ax + 188;
	const y1 = ay + 27;
	const x2 = bx;
	const y2 = by + 27;
	const gap = x2 - x1;
	if (y1 === y2 && gap > 0) {
		out[0] = x1;
		out[1] = y1;
		out[2] = x2;
		out[3] = y2;
		return 4;
	}
	if (gap >= 24) {
		const m = gap >= 78 ? x2 - 39 : (x1 + x2) / 2;
		out[0] = x1;
		out[1] = y1;
		out[2] = m;
		out[3] = y1;
		out[4] = m;
		out[5] = y2;
		out[6] = x2;
		out[7] = y2;
		return 8;
	}
	const between = Math.abs(y2 - y1) > 70 ? (y1 + y2) / 2 : Math.max(y1, y2) + 27 + 17;
	out[0] = x1;
	out[1] = y1;
	out[2] = x1 + BACK;
	out[3] = y1;
	out[4] = x1 + BACK;
	out[5] = between;
	out[6] = x2 - BACK;
	out[7] = between;
	out[8] = x2 - BACK;
	out[9] = y2;
	out[10] = x2;
	out[11] = y2;
	return 12;
}
/** Draws a way with cut corners. */
function bevelled(points, from, length, pen) {
	pen.moveTo(points[from] ?? 0, points[from + 1] ?? 0);
	const last = from + length - 2;
	for (let at = from + 2; at < last; at += 2) {
		const x = points[at] ?? 0;
		const y = points[at + 1] ?? 0;
		const inX = x - (points[at - 2] ?? 0);
		const inY = y - (points[at - 1] ?? 0);
		const outX = (points[at + 2] ?? 0) - x;
		const outY = (points[at + 3] ?? 0) - y;
		const before = Math.abs(inX) + Math.abs(inY);
		const after = Math.abs(outX) + Math.abs(outY);
		const cut = Math.min(14, at === from + 2 ? before : before / 2, at === last - 2 ? after : after / 2);
		pen.lineTo(x - Math.sign(inX) * cut, y - Math.sign(inY) * cut);
		pen.lineTo(x + Math.sign(outX) * cut, y + Math.sign(outY) * cut);
	}
	pen.lineTo(points[last] ?? 0, points[last + 1] ?? 0);
}
/** `routed`: corners of edges for which a layout gave its own. */
function waysOf(sources, targets, at, routed = /* @__PURE__ */ new Map()) {
	const edges = sources.length;
	const start = new Int32Array(edges + 1);
	let points = new Float64Array(8 * edges + 64);
	const one = /* @__PURE__ */ new Float64Array(12);
	const boxes = new Float64Array(4 * edges);
	let filled = 0;
	for (let edge = 0; edge < edges; edge += 1) {
		const own = routed.get(edge);
		const source = sources[edge] ?? 0;
		const target = targets[edge] ?? 0;
		const length = own ? own.length : way(at[2 * source] ?? 0, at[2 * source + 1] ?? 0, at[2 * target] ?? 0, at[2 * target + 1] ?? 0, one);
		const from = own ?? one;
		if (filled + length > points.length) {
			const wider = new Float64Array(2 * points.length + length);
			wider.set(points);
			points = wider;
		}
		let left = Infinity;
		let top = Infinity;
		let right = -Infinity;
		let bottom = -Infinity;
		for (let place = 0; place < length; place += 2) {
			const x = from[place] ?? 0;
			const y = from[place + 1] ?? 0;
			points[filled + place] = x;
			points[filled + place + 1] = y;
			if (x < left) left = x;
			if (x > right) right = x;
			if (y < top) top = y;
			if (y > bottom) bottom = y;
		}
		boxes[4 * edge] = left;
		boxes[4 * edge + 1] = top;
		boxes[4 * edge + 2] = right;
		boxes[4 * edge + 3] = bottom;
		filled += length;
		start[edge + 1] = filled;
	}
	return {
		start,
		points,
		boxes
	};
}
// src/graph/grid.ts
/** A spatial index of equal boxes: a grid of cells that lists the nodes whose upper left corner lies in each. Pure. */
var CELL_WIDTH = 752;
var CELL_HEIGHT = 432;
/** Positions far apart must not make more cells than memory. */
var CELLS_MAX = 65536;
var Grid = class {
	at;
	size;
	bounds;
	columns;
	rows;
	cellWidth;
	cellHeight;
	start;
	nodes;
	/** `at`: x, y of each node's upper left corner. */
	constructor(at, size) {
		this.at = at;
		this.size = size;
		let left = Infinity;
		let top = Infinity;
		let right = -Infinity;
		let bottom = -Infinity;
		for (let node = 0; node < size; node += 1) {
			const x = at[2 * node] ?? 0;
			const y = at[2 * node + 1] ?? 0;
			if (x < left) left = x;
			if (y < top) top = y;
			if (x > right) right = x;
			if (y > bottom) bottom = y;
		}
		this.bounds = size ? {
			left,
			top,
			right: right + 188,
			bottom: bottom + 54
		} : {
			left: 0,
			top: 0,
			right: 0,
			bottom: 0
		};
		let wide = CELL_WIDTH;
		let high = CELL_HEIGHT;
		const cells = () => (Math.floor((right - left) / wide) + 1) * (Math.floor((bottom - top) / high) + 1);
		while (size && cells() > CELLS_MAX) {
			wide *= 2;
			high *= 2;
		}
		this.cellWidth = wide;
		this.cellHeight = high;
		this.columns = size ? Math.floor((right - left) / wide) + 1 : 1;
		this.rows = size ? Math.floor((bottom - top) / high) + 1 : 1;
		const start = new Int32Array(this.columns * this.rows + 1);
		for (let node = 0; node < size; node += 1) {
			const cell = this.cell(node) + 1;
			start[cell] = (start[cell] ?? 0) + 1;
		}
		for (let cell = 0; cell < this.columns * this.rows; cell += 1) start[cell + 1] = (start[cell + 1] ?? 0) + (start[cell] ?? 0);
		const next = start.slice();
		const nodes = new Int32Array(size);
		for (let node = 0; node < size; node += 1) {
			const cell = this.cell(node);
			const place = next[cell] ?? 0;
			nodes[place] = node;
			next[cell] = place + 1;
		}
		this.start = start;
		this.nodes = nodes;
	}
	column(x) {
		return Math.floor((x - this.bounds.left) / this.cellWidth);
	}
	row(y) {
		return Math.floor((y - this.bounds.top) / this.cellHeight);
	}
	cell(node) {
		return this.row(this.at[2 * node + 1] ?? 0) * this.columns + this.column(this.at[2 * node] ?? 0);
	}
	/** Calls `found` for each node of which something lies in the box. */
	within(box, found) {
		if (!this.size) return;
		const left = box.left - 188;
		const top = box.top - 54;
		const firstColumn = Math.max(0, this.column(left));
		const lastColumn = Math.min(this.columns - 1, this.column(box.right));
		const firstRow = Math.max(0, this.row(top));
		const lastRow = Math.min(this.rows - 1, this.row(box.bottom));
		for (let row = firstRow; row <= lastRow; row += 1) for (let column = firstColumn; column <= lastColumn; column += 1) {
			const cell = row * this.columns + column;
			const end = this.start[cell + 1] ?? 0;
			for (let place = this.start[cell] ?? 0; place < end; place += 1) {
				const node = this.nodes[place] ?? 0;
				const x = this.at[2 * node] ?? 0;
				const y = this.at[2 * node + 1] ?? 0;
				if (x >= left && x <= box.right && y >= top && y <= box.bottom) found(node);
			}
		}
	}
	/** The node at a point, the last one in document order where several lie there; -1: none. */
	hit(x, y) {
		let hit = -1;
		this.within({
			left: x,
			top: y,
			right: x,
			bottom: y
		}, (node) => {
			if (node > hit) hit = node;
		});
		return hit;
	}
};
// src/canvas/scene.ts
/** What the canvas shows: where nodes and edges lie, and the state of each, in flat arrays that painting can walk. Pure. */
/** States of a node run by number. */
var STATES = [
	"pending",
	"ready",
	"running",
	"waiting",
	"retrying",
	"succeeded",
	"failed",
	"timed_out",
	"cancelled",
	"skipped",
	"upstream_failed"
];
var CODES = new Map(STATES.map((state, code) => [state, code]));
/** How an edge is drawn. */
var Track = {
	/** Its source has not ended, or nothing will pass. */
	blocked: 0,
	/** Set, and not yet passed. */
	idle: 1,
	done: 2,
	/** Its target failed for its source's sake. */
	bad: 3,
	/** Its target runs. */
	live: 4
};
var PASSED = /* @__PURE__ */ new Set([
	"succeeded",
	"failed",
	"timed_out",
	"retrying",
	"waiting"
]);
var FAILED = /* @__PURE__ */ new Set([
	"failed",
	"timed_out",
	"upstream_failed"
]);
function track(source, target, port) {
	if (!source || !target) return Track.blocked;
	const passed = PASSED.has(target.state) || target.state === "cancelled" && target.attempt > 0;
	if (source.state === "succeeded") {
		const ports = source.output?.ports ?? [];
		if (ports.length && !ports.includes(port)) return Track.blocked;
		if (target.state === "running") return Track.live;
		if (passed) return Track.done;
		return target.state === "pending" || target.state === "ready" ? Track.idle : Track.blocked;
	}
	if (FAILED.has(source.state)) {
		if (target.state === "upstream_failed") return Track.bad;
		if (target.state === "running") return Track.live;
		return passed ? Track.done : Track.blocked;
	}
	return Track.blocked;
}
var Scene = class {
	graph;
	at;
	ways;
	grid;
	/** Number of each node's state in STATES. */
	states;
	/** 1: stuck. */
	stuck;
	/** Number of each edge's Track. */
	tracks;
	labels = /* @__PURE__ */ new Map();
	/** Edges whose target runs. */
	live = /* @__PURE__ */ new Set();
	constructor(graph, arranged) {
		this.graph = graph;
		this.at = arranged.at;
		this.ways = waysOf(graph.sources, graph.targets, arranged.at, arranged.routed);
		this.grid = new Grid(arranged.at, graph.size);
		this.states = new Uint8Array(graph.size);
		this.stuck = new Uint8Array(graph.size);
		this.tracks = new Uint8Array(graph.edges);
	}
	/** Takes the states of some nodes, given by id; unknown ids are passed over. Gives the numbers of those nodes. */
	update(nodes, ids, stuck) {
		const changed = [];
		const edges = /* @__PURE__ */ new Set();
		for (const id of ids) {
			const node = this.graph.index.get(id);
			if (node === void 0) continue;
			const run = nodes.get(id);
			changed.push(node);
			this.states[node] = CODES.get(run?.state ?? "pending") ?? 0;
			this.stuck[node] = stuck.has(id) ? 1 : 0;
			for (const edge of edgesAt(this.graph.into, node)) edges.add(edge);
			for (const edge of edgesAt(this.graph.outOf, node)) edges.add(edge);
			this.label(node, run);
		}
		for (const edge of edges) {
			const kind = track(nodes.get(this.graph.ids[this.graph.sources[edge] ?? 0] ?? ""), nodes.get(this.graph.ids[this.graph.targets[edge] ?? 0] ?? ""), this.graph.ports[edge] ?? "out");
			this.tracks[edge] = kind;
			if (kind === Track.live) this.live.add(edge);
			else this.live.delete(edge);
		}
		return changed;
	}
	label(node, run) {
		const rows = run?.state === "succeeded" ? run.output?.row_count ?? null : null;
		if (rows === null) {
			this.labels.delete(node);
			return;
		}
		const text = count(rows);
		const known = this.labels.get(node);
		const place = known ?? this.labelPlace(node);
		if (place && known?.text !== text) this.labels.set(node, {
			...place,
			text
		});
	}
	/** On the straight edge out of a node where there is one, else on the first run of its first edge. */
	labelPlace(node) {
		const { start, points } = this.ways;
		let first = null;
		for (const edge of edgesAt(this.graph.outOf, node)) {
			const from = start[edge] ?? 0;
			const straight = (start[edge + 1] ?? 0) - from === 4;
			const x1 = points[from] ?? 0;
			const run = (points[from + 2] ?? 0) - x1;
			const place = {
				x: x1 + (straight ? run / 2 : Math.max(26, run / 2)),
				y: points[from + 1] ?? 0
			};
			if (straight) return run > 564 ? {
				x: x1 + 60,
				y: place.y
			} : place;
			first ??= place;
		}
		return first;
	}
	box(node) {
		const left = this.at[2 * node] ?? 0;
		const top = this.at[2 * node + 1] ?? 0;
		return {
			left,
			top,
			right: left + 188,
			bottom: top + 54
		};
	}
};
// src/canvas/theme.ts
/** The colours of the tokens as the painter needs them, read once for each theme. */
var TOKENS = {
	ground: "var(--ground)",
	surface: "var(--surface)",
	line: "var(--line)",
	lineStrong: "var(--line-strong)",
	ink: "var(--ink)",
	ink2: "var(--ink-2)",
	ink3: "var(--ink-3)",
	accent: "var(--accent)",
	accentSoft: "color-mix(in srgb, var(--accent) 22%, transparent)",
	stuck: "var(--stuck)",
	stuckSoft: "var(--stuck-soft)",
	done: "color-mix(in srgb, var(--succeeded) 55%, var(--line-strong))",
	live: "var(--running)",
	bad: "var(--upstream)"
};
var NAMES = {
	timed_out: "timed-out",
	upstream_failed: "upstream"
};
function readTheme(host) {
	const probe = document.createElement("span");
	probe.hidden = true;
	host.append(probe);
	const style = getComputedStyle(probe);
	const read = (value) => {
		probe.style.color = value;
		return style.color;
	};
	const tokens = Object.fromEntries(Object.entries(TOKENS).map(([name, value]) => [name, read(value)]));
	const states = STATES.map((state) => read(`var(--${NAMES[state] ?? state})`));
	const quiet = read("color-mix(in srgb, var(--line-strong) 80%, var(--ground))");
	const blocks = STATES.map((state, code) => state === "pending" || state === "skipped" ? quiet : states[code] ?? quiet);
	const family = style.fontFamily;
	probe.remove();
	return {
		...tokens,
		states,
		blocks,
		family
	};
}
/** Calls `changed` when the theme may look otherwise; gives what ends that. */
function watchTheme(changed) {
	const dark = matchMedia("(prefers-color-scheme: dark)");
	dark.addEventListener("change", changed);
	const observer = new MutationObserver(changed);
	observer.observe(document.documentElement, {
		attributes: true,
		attributeFilter: ["data-theme"]
	});
	return () => {
		dark.removeEventListener("change", changed);
		observer.disconnect();
	};
}
export { Track as a, Scene as i, watchTheme as n, bevelled as o, STATES as r, readTheme as t };
