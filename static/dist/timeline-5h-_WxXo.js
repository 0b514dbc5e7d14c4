import { n as watchTheme, r as STATES, t as readTheme } from "./theme-DuZA5Rcm.js";
import { d as call, t as clock } from "./logline-n6IdsMU2.js";
import { C as element, O as setText, f as duration, g as visible, p as look, s as serverNow, u as RUN_ENDED, v as fill, y as gettext } from "./model-5LMbrC-d.js";
// src/run/bars.ts
var ENDED = /* @__PURE__ */ new Set([
	"succeeded",
	"failed",
	"timed_out",
	"cancelled"
]);
var TO_COME = /* @__PURE__ */ new Set([
	"ready",
	"retrying",
	"waiting"
]);
var time = (value) => {
	const at = typeof value === "string" ? Date.parse(value) : NaN;
	return Number.isNaN(at) ? null : at;
};
/** When a bar begins: waiting counts. */
function begin(bar) {
	return bar.waitingFrom ?? bar.startedAt ?? Infinity;
}
var Bars = class {
	rows = [];
	byNode = /* @__PURE__ */ new Map();
	places = null;
	/** Begin and end of the run; null while it has none. */
	from = null;
	to = null;
	/** Place of a node's row; -1: it has none. */
	place(node) {
		this.places ??= new Map(this.rows.map((row, index) => [row.node, index]));
		return this.places.get(node) ?? -1;
	}
	of(node) {
		return this.byNode.get(node);
	}
	clear() {
		this.rows = [];
		this.byNode.clear();
		this.places = null;
		this.from = this.to = null;
	}
	/** Takes one answer of `timeline/`; its bars replace those known of the same nodes and attempts. */
	read(body) {
		this.from = time(body["from"]) ?? this.from;
		this.to = time(body["to"]);
		for (const value of Array.isArray(body["bars"]) ? body["bars"] : []) {
			if (typeof value !== "object" || value === null || Array.isArray(value)) continue;
			const it = value;
			this.set(String(it["node"]), {
				attempt: Number(it["attempt"]),
				state: String(it["state"]),
				waitingFrom: time(it["waiting_from"]),
				startedAt: time(it["started_at"]),
				finishedAt: time(it["finished_at"]),
				retryAt: time(it["retry_at"])
			});
		}
		this.sort();
	}
	/** A node is as an event says, at `now`. Returns whether a bar changed. */
	change(node, now) {
		const { attempt, state } = node;
		const started = time(node.started_at);
		const finished = time(node.finished_at);
		const known = this.bar(node.node, attempt);
		const before = this.byNode.get(node.node);
		if (state === "running") this.set(node.node, {
			attempt,
			state,
			waitingFrom: known?.waitingFrom ?? null,
			startedAt: started ?? known?.startedAt ?? now,
			finishedAt: null,
			retryAt: null
		});
		else if (TO_COME.has(state)) {
			if (known && known.startedAt !== null && known.finishedAt === null) this.set(node.node, {
				...known,
				state: state === "retrying" ? failure(node) : "lost",
				finishedAt: finished ?? now
			});
			const since = state === "retrying" ? finished ?? now : time(node.waiting_for[0]?.since ?? null) ?? now;
			const next = this.bar(node.node, attempt + 1);
			this.set(node.node, {
				attempt: attempt + 1,
				state,
				waitingFrom: next?.waitingFrom ?? since,
				startedAt: null,
				finishedAt: null,
				retryAt: null
			});
		} else if (ENDED.has(state) && known && known.startedAt !== null) {
			this.set(node.node, {
				...known,
				state,
				finishedAt: finished ?? known.finishedAt ?? now
			});
			this.drop(node.node, attempt);
		} else if (ENDED.has(state) && attempt > 0 && started !== null) {
			this.set(node.node, {
				attempt,
				state,
				waitingFrom: null,
				startedAt: started,
				finishedAt: finished ?? now,
				retryAt: null
			});
			this.drop(node.node, attempt);
		} else if (before) this.drop(node.node, attempt);
		else return false;
		if (!before) this.sort();
		return true;
	}
	bar(node, attempt) {
		return this.byNode.get(node)?.bars.find((bar) => bar.attempt === attempt);
	}
	set(node, bar) {
		let row = this.byNode.get(node);
		if (!row) {
			row = {
				node,
				bars: []
			};
			this.byNode.set(node, row);
			this.rows.push(row);
			this.places = null;
		}
		const at = row.bars.findIndex((one) => one.attempt >= bar.attempt);
		if (at < 0) row.bars.push(bar);
		else row.bars.splice(at, row.bars[at]?.attempt === bar.attempt ? 1 : 0, bar);
	}
	/** What was to come after `attempt` does not. */
	drop(node, attempt) {
		const row = this.byNode.get(node);
		if (!row) return;
		while ((row.bars.at(-1)?.attempt ?? 0) > attempt && row.bars.at(-1)?.startedAt === null) row.bars.pop();
	}
	sort() {
		this.rows = this.rows.filter((row) => row.bars.length > 0);
		const begins = new Map(this.rows.map((row) => [row, row.bars[0] ? begin(row.bars[0]) : Infinity]));
		this.rows.sort((a, b) => (begins.get(a) ?? 0) - (begins.get(b) ?? 0));
		this.places = null;
	}
};
function failure(node) {
	const kind = node.error?.class ?? "";
	return kind === "SoftTimeout" || kind === "HardTimeout" ? "timed_out" : "failed";
}
// src/run/timescale.ts
var STEPS = [
	1,
	2,
	5,
	10,
	20,
	50,
	100,
	200,
	500,
	1e3,
	2e3,
	5e3,
	1e4,
	15e3,
	3e4,
	6e4,
	12e4,
	3e5,
	6e5,
	9e5,
	18e5,
	36e5,
	72e5,
	108e5,
	216e5,
	432e5,
	864e5
];
var SPAN_MIN = 10;
/** The step between ticks that are at least `least` pixels apart. */
function step(span, width, least) {
	const wanted = (span.to - span.from) * least / Math.max(1, width);
	return STEPS.find((one) => one >= wanted) ?? Math.ceil(wanted / 864e5) * 864e5;
}
/** Times of ticks within the span, counted from `origin`. */
function ticks(span, origin, each) {
	const found = [];
	for (let n = Math.ceil((span.from - origin) / each); origin + n * each <= span.to; n += 1) found.push(origin + n * each);
	return found;
}
/** The span made smaller (factor below 1) or larger round `at`, within `whole`. */
function zoomed(span, whole, at, factor) {
	const length = Math.min(whole.to - whole.from, Math.max(SPAN_MIN, (span.to - span.from) * factor));
	const share = (at - span.from) / Math.max(1e-9, span.to - span.from);
	return within({
		from: at - share * length,
		to: at + (1 - share) * length
	}, whole);
}
function panned(span, whole, by) {
	return within({
		from: span.from + by,
		to: span.to + by
	}, whole);
}
function within(span, whole) {
	const length = span.to - span.from;
	const from = Math.max(whole.from, Math.min(span.from, whole.to - length));
	return {
		from,
		to: from + length
	};
}
/** A tick as time since the run began: the unit that the step needs. */
function label(ms, each) {
	const sign = ms < 0 ? "−" : "";
	const abs = Math.abs(ms);
	const two = (n) => String(n).padStart(2, "0");
	if (each < 1e3) return `${sign}${(abs / 1e3).toFixed(each < 10 ? 3 : each < 100 ? 2 : 1)} s`;
	const seconds = Math.round(abs / 1e3);
	if (seconds < 60) return `${sign}${seconds} s`;
	const hours = Math.floor(seconds / 3600);
	return `${sign}${`${hours ? `${hours}:${two(Math.floor(seconds / 60) % 60)}` : Math.floor(seconds / 60)}:${two(seconds % 60)}`}`;
}
var BAR = 12;
var LEAST = 3;
var NAME_MAX = 120;
var TimePainter = class {
	canvas;
	theme;
	pen;
	ratio = 1;
	patterns = /* @__PURE__ */ new Map();
	constructor(canvas, theme) {
		this.canvas = canvas;
		this.theme = theme;
		const pen = canvas.getContext("2d", { alpha: false });
		if (!pen) throw new Error("This browser gives no 2D canvas.");
		this.pen = pen;
	}
	retheme(theme) {
		this.theme = theme;
		this.patterns.clear();
	}
	resize(width, height) {
		this.ratio = Math.min(2, window.devicePixelRatio || 1);
		this.canvas.width = Math.max(1, Math.round(width * this.ratio));
		this.canvas.height = Math.max(1, Math.round(height * this.ratio));
		this.canvas.style.width = `${width}px`;
		this.canvas.style.height = `${height}px`;
		this.patterns.clear();
	}
	paint(frame) {
		const { pen, theme } = this;
		pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
		pen.fillStyle = theme.surface;
		pen.fillRect(0, 0, frame.width, frame.height);
		this.grid(frame);
		const first = Math.max(0, Math.floor(frame.top / 24));
		const last = Math.min(frame.rows.length, Math.ceil((frame.top + frame.height - 26) / 24));
		pen.save();
		pen.beginPath();
		pen.rect(0, 26, frame.width, frame.height - 26);
		pen.clip();
		for (let index = first; index < last; index += 1) {
			const row = frame.rows[index];
			if (row) this.row(frame, row, index, 26 + index * 24 - frame.top);
		}
		pen.restore();
		this.axis(frame);
	}
	x(frame, at) {
		const { from, to } = frame.span;
		return frame.side + (at - from) / Math.max(1e-9, to - from) * (frame.width - frame.side);
	}
	grid(frame) {
		const { pen, theme } = this;
		const each = step(frame.span, frame.width - frame.side, 84);
		pen.fillStyle = theme.line;
		for (const at of ticks(frame.span, frame.origin, each)) pen.fillRect(Math.round(this.x(frame, at)), 26, 1, frame.height - 26);
		if (frame.now !== null && frame.now <= frame.span.to && frame.now >= frame.span.from) {
			pen.fillStyle = theme.ink3;
			pen.fillRect(Math.round(this.x(frame, frame.now)), 21, 1, frame.height);
		}
	}
	axis(frame) {
		const { pen, theme } = this;
		pen.fillStyle = theme.surface;
		pen.fillRect(0, 0, frame.width, 26);
		pen.fillStyle = theme.line;
		pen.fillRect(0, 25, frame.width, 1);
		pen.fillRect(frame.side - 1, 0, 1, frame.height);
		pen.font = `12px ${theme.family}`;
		pen.textBaseline = "middle";
		pen.textAlign = "left";
		pen.fillStyle = theme.ink3;
		const each = step(frame.span, frame.width - frame.side, 84);
		for (const at of ticks(frame.span, frame.origin, each)) {
			const x = this.x(frame, at);
			if (x < frame.width - 30) pen.fillText(label(at - frame.origin, each), x + 4, 13);
		}
	}
	row(frame, row, index, y) {
		const { pen, theme } = this;
		if (row.node === frame.chosen) {
			pen.globalAlpha = .5;
			pen.fillStyle = theme.accentSoft;
			pen.fillRect(0, y, frame.width, 24);
			pen.globalAlpha = 1;
			pen.fillStyle = theme.accent;
			pen.fillRect(0, y, 3, 24);
		}
		if (index === frame.focused) {
			pen.strokeStyle = theme.accent;
			pen.lineWidth = 1;
			pen.strokeRect(.5, y + .5, frame.width - 1, 23);
		}
		const critical = frame.critical(row.node);
		pen.font = `${critical ? 600 : 400} 12px ${theme.family}`;
		pen.fillStyle = critical ? this.colour(critical) : theme.ink2;
		pen.textBaseline = "middle";
		const mark = critical === "" ? "" : critical === "stuck" ? "! " : "✕ ";
		pen.fillText(this.cut(mark + visible(frame.name(row.node).slice(0, NAME_MAX)), frame.side - 26), 14, y + 12);
		pen.save();
		pen.beginPath();
		pen.rect(frame.side, y, frame.width - frame.side, 24);
		pen.clip();
		let right = 0;
		let before = null;
		for (const bar of row.bars) {
			const top = y + 6;
			const until = bar.waitingFrom ?? bar.startedAt;
			if (before?.finishedAt && until !== null && until - before.finishedAt > 1) this.wait(true, this.x(frame, before.finishedAt), this.x(frame, until), top);
			right = Math.max(right, this.bar(frame, bar, top));
			before = bar;
		}
		const newest = row.bars.at(-1);
		if (newest && right > frame.side && right < frame.width - 40) {
			pen.fillStyle = theme.ink2;
			pen.font = `12px ${theme.family}`;
			pen.fillText(said(newest, frame.now), right + 6, y + 12);
		}
		pen.restore();
	}
	/** Returns where the bar ends. */
	bar(frame, bar, y) {
		const { pen } = this;
		const now = frame.now ?? frame.span.to;
		const ran = bar.startedAt;
		let right = 0;
		if (bar.waitingFrom !== null) {
			const until = ran ?? bar.finishedAt ?? now;
			const left = this.x(frame, bar.waitingFrom);
			right = this.x(frame, until);
			if (right - left > .5) right = this.wait(bar.state === "retrying", left, right, y);
		}
		if (ran !== null) {
			const left = this.x(frame, ran);
			const width = Math.max(LEAST, this.x(frame, bar.finishedAt ?? now) - left);
			if (left < frame.width && left + width > frame.side) {
				pen.fillStyle = this.fill(bar.state);
				pen.beginPath();
				pen.roundRect(left, y, width, BAR, Math.min(3, width / 2));
				pen.fill();
				if (bar.state !== "succeeded") {
					pen.strokeStyle = this.colour(bar.state);
					pen.lineWidth = 1;
					pen.stroke();
				}
			}
			right = left + width;
		}
		return right;
	}
	/** A line for time in which nothing ran: drawn for one that could have, dotted while the next attempt is not due. */
	wait(retrying, left, right, y) {
		const { pen } = this;
		pen.strokeStyle = this.colour(retrying ? "retrying" : "ready");
		pen.lineWidth = 2;
		pen.setLineDash(retrying ? [2, 4] : []);
		pen.beginPath();
		pen.moveTo(left, y + BAR / 2);
		pen.lineTo(Math.max(left + LEAST, right), y + BAR / 2);
		pen.stroke();
		pen.setLineDash([]);
		return Math.max(left + LEAST, right);
	}
	fill(state) {
		const colour = this.colour(state);
		switch (state) {
			case "succeeded": return colour;
			case "running": return this.pattern("rising", colour);
			case "failed": return this.pattern("cross", colour);
			case "timed_out": return this.pattern("posts", colour);
			default: return this.pattern("falling", colour);
		}
	}
	colour(state) {
		if (state === "stuck") return this.theme.stuck;
		if (state === "lost") return this.colour("failed");
		return this.theme.states[STATES.indexOf(state)] ?? this.theme.ink3;
	}
	/** The colour, and in it what tells the state without colour. */
	pattern(kind, colour) {
		const key = `${kind} ${colour}`;
		const known = this.patterns.get(key);
		if (known !== void 0) return known ?? colour;
		const size = 8;
		const tile = document.createElement("canvas");
		tile.width = tile.height = size * this.ratio;
		const pen = tile.getContext("2d");
		if (!pen) return colour;
		pen.scale(this.ratio, this.ratio);
		pen.globalAlpha = .45;
		pen.fillStyle = colour;
		pen.fillRect(0, 0, size, size);
		pen.globalAlpha = 1;
		pen.strokeStyle = colour;
		pen.lineWidth = 2;
		pen.beginPath();
		const slants = kind === "cross" ? [1, -1] : kind === "rising" ? [-1] : kind === "falling" ? [1] : [];
		for (const slant of slants) for (let from = -8; from <= size; from += size) {
			pen.moveTo(from, slant > 0 ? 0 : size);
			pen.lineTo(from + size, slant > 0 ? size : 0);
		}
		if (kind === "posts") {
			pen.moveTo(2, 0);
			pen.lineTo(2, size);
			pen.moveTo(6, 0);
			pen.lineTo(6, size);
		}
		if (slants.length || kind === "posts") pen.stroke();
		const made = this.pen.createPattern(tile, "repeat");
		made?.setTransform(new DOMMatrix().scale(1 / this.ratio));
		this.patterns.set(key, made);
		return made ?? colour;
	}
	cut(text, width) {
		if (this.pen.measureText(text).width <= width) return text;
		let low = 0;
		let high = text.length;
		while (low < high) {
			const middle = low + high + 1 >> 1;
			if (this.pen.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
			else high = middle - 1;
		}
		return `${text.slice(0, low)}…`;
	}
};
/** How long the bar ran, or waits. */
function said(bar, now) {
	const from = bar.startedAt ?? bar.waitingFrom;
	const to = bar.finishedAt ?? now;
	return from === null || to === null ? "" : duration((to - from) / 1e3);
}
// src/run/timeline.ts
/** The timeline of a run: when each attempt waited, ran and ended. One canvas over a scrolled list of rows; the table of
* nodes says the same in words. Keys: up and down choose a node, + - zoom, 0 the whole, left and right move. */
var LIVE_MS = 250;
var SIDE = 200;
var SIDE_NARROW = 110;
var ZOOM = 1.5;
/** Room for the buttons below the last row. */
var FOOT = 44;
var BAD = /* @__PURE__ */ new Set(["failed", "timed_out"]);
function mountTimeline(host, store) {
	new Timeline(host, store);
}
var Timeline = class {
	host;
	store;
	bars = new Bars();
	canvas = element("canvas", "tl-canvas");
	sizer = element("div", "tl-sizer");
	scroller = element("div", "tl-scroll", this.canvas, this.sizer);
	option = element("div", "sr");
	tip = element("div", "tl-tip");
	empty = element("div", "empty small");
	painter;
	/** What of the time is shown; null: all of it. */
	zoom = null;
	frame = 0;
	hovered = -1;
	pointer = null;
	reading = false;
	again = false;
	ready = false;
	constructor(host, store) {
		this.host = host;
		this.store = store;
		this.canvas.setAttribute("aria-hidden", "true");
		this.scroller.tabIndex = 0;
		this.scroller.setAttribute("role", "listbox");
		this.scroller.setAttribute("aria-label", gettext("Timeline of the attempts"));
		this.option.id = "timeline-at";
		this.option.setAttribute("role", "option");
		this.option.setAttribute("aria-selected", "false");
		this.scroller.append(this.option);
		this.tip.hidden = true;
		this.tip.setAttribute("aria-hidden", "true");
		this.empty.hidden = true;
		const buttons = element("div", "tl-tools");
		for (const [text, said, run] of [
			[
				"+",
				gettext("Zoom in"),
				() => this.zoomBy(1 / ZOOM)
			],
			[
				"−",
				gettext("Zoom out"),
				() => this.zoomBy(ZOOM)
			],
			[
				gettext("All"),
				gettext("Show the whole time"),
				() => this.show(null)
			]
		]) {
			const button = element("button", "btn small", text);
			button.type = "button";
			button.title = said;
			button.setAttribute("aria-label", said);
			button.addEventListener("click", run);
			buttons.append(button);
		}
		host.replaceChildren(this.scroller, buttons, this.empty, this.tip);
		this.painter = new TimePainter(this.canvas, readTheme(host));
		watchTheme(() => {
			this.painter.retheme(readTheme(host));
			this.later();
		});
		new ResizeObserver(() => this.resize()).observe(this.scroller);
		this.listen();
		store.listen((change) => {
			if (change.snapshot) this.read();
			else if (change.nodes.size) {
				let changed = false;
				const now = serverNow();
				for (const id of change.nodes) {
					const node = store.nodes.get(id);
					if (node && this.bars.change(node, now)) changed = true;
				}
				if (changed) this.later();
			}
			if (change.run) this.bounds();
			if (change.chosen) this.reveal();
			if (change.stuck.size || change.run) this.later();
		});
		this.read();
		window.setInterval(() => {
			if (this.live && !document.hidden && this.scroller.offsetParent) this.later();
		}, LIVE_MS);
	}
	get live() {
		return this.store.run !== null && !RUN_ENDED.has(this.store.run.state);
	}
	/** Reads all bars; what events said meanwhile is taken again from the store. */
	async read() {
		this.again = true;
		if (this.reading) return;
		this.reading = true;
		try {
			while (this.again) {
				this.again = false;
				let address = `/api/v1/runs/${this.store.id}/timeline/`;
				let first = true;
				while (address) {
					const body = (await call("GET", address)).body;
					if (first) this.bars.clear();
					first = false;
					this.bars.read(body);
					const next = body["next"];
					address = typeof next === "string" ? new URL(next, location.href).pathname + new URL(next, location.href).search : null;
				}
			}
			const now = serverNow();
			for (const node of this.store.nodes.values()) if (node.state !== "pending") this.bars.change(node, now);
			this.ready = true;
			this.bounds();
			this.reveal();
			this.later();
		} catch {} finally {
			this.reading = false;
		}
	}
	bounds() {
		const { run } = this.store;
		const parse = (at) => at ? Date.parse(at) : null;
		this.bars.from = parse(run?.started_at ?? run?.created_at ?? null) ?? this.bars.from;
		this.bars.to = run && RUN_ENDED.has(run.state) ? parse(run.finished_at) ?? this.bars.to : null;
	}
	/** From the run's begin, or that of its first bar, to its end or now, with some room. */
	get whole() {
		const first = this.bars.rows[0]?.bars[0];
		const from = Math.min(this.bars.from ?? Infinity, first?.waitingFrom ?? first?.startedAt ?? Infinity);
		const begin = Number.isFinite(from) ? from : serverNow();
		const to = Math.max(begin + 1, this.bars.to ?? serverNow());
		return {
			from: begin,
			to: to + (to - begin) * .06
		};
	}
	get side() {
		return this.scroller.clientWidth < 560 ? SIDE_NARROW : SIDE;
	}
	later() {
		this.frame ||= requestAnimationFrame(() => {
			this.frame = 0;
			this.draw();
		});
	}
	resize() {
		const { clientWidth, clientHeight } = this.scroller;
		if (!clientWidth || !clientHeight) return;
		this.painter.resize(clientWidth, clientHeight);
		this.draw();
	}
	draw() {
		const { rows } = this.bars;
		const height = `${26 + rows.length * 24 + FOOT}px`;
		if (this.sizer.style.height !== height) this.sizer.style.height = height;
		this.empty.hidden = !this.ready || rows.length > 0;
		if (!this.empty.hidden) setText(this.empty, this.live ? gettext("Nothing has begun yet. Bars appear here as nodes start.") : gettext("No node has begun."));
		const { store } = this;
		this.painter.paint({
			width: this.scroller.clientWidth,
			height: this.scroller.clientHeight,
			side: this.side,
			span: this.zoom ?? this.whole,
			origin: this.bars.from ?? this.whole.from,
			now: this.live ? serverNow() : null,
			top: this.scroller.scrollTop,
			rows,
			chosen: store.chosen,
			focused: this.hovered,
			name: (node) => store.nodes.get(node)?.name ?? node,
			critical: (node) => {
				const state = store.nodes.get(node)?.state ?? "";
				return BAD.has(state) ? state : store.stuck.has(node) ? "stuck" : "";
			}
		});
		this.host.dataset["bars"] = String(rows.length);
		this.host.dataset["drawn"] = String(store.seq);
		this.tell();
	}
	reveal() {
		const at = this.bars.place(this.store.chosen);
		if (at >= 0) {
			const { scrollTop, clientHeight } = this.scroller;
			const top = at * 24;
			if (top < scrollTop) this.scroller.scrollTop = top;
			else if (top + 24 + 26 + FOOT > scrollTop + clientHeight) this.scroller.scrollTop = top + 24 + 26 + FOOT - clientHeight;
		}
		this.later();
	}
	/** What is chosen, for who listens. */
	tell() {
		const at = this.bars.place(this.store.chosen);
		const row = this.bars.rows[at];
		const said = row ? this.words(row).join(" ") : "";
		if (this.option.dataset["said"] !== said) {
			this.option.dataset["said"] = said;
			this.option.setAttribute("aria-label", said || gettext("No node is chosen."));
			this.option.setAttribute("aria-selected", String(at >= 0));
			this.option.setAttribute("aria-posinset", String(at + 1));
			this.option.setAttribute("aria-setsize", String(this.bars.rows.length || -1));
			this.scroller.setAttribute("aria-activedescendant", this.option.id);
		}
	}
	/** A row in words: the node, then a sentence for each attempt. */
	words(row) {
		return [visible(this.store.nodes.get(row.node)?.name ?? row.node) + ".", ...row.bars.map((bar) => barWords(bar, this.bars.to ?? serverNow(), row.bars.length > 1))];
	}
	show(span) {
		const { whole } = this;
		this.zoom = span && span.to - span.from < (whole.to - whole.from) * .999 ? span : null;
		this.host.dataset["zoomed"] = String(this.zoom !== null);
		this.later();
	}
	zoomBy(factor, x) {
		const span = this.zoom ?? this.whole;
		const width = this.scroller.clientWidth - this.side;
		const at = span.from + (x === void 0 ? .5 : Math.max(0, Math.min(1, (x - this.side) / width))) * (span.to - span.from);
		this.show(zoomed(span, this.whole, at, factor));
	}
	pan(pixels) {
		if (!this.zoom) return;
		const width = Math.max(1, this.scroller.clientWidth - this.side);
		this.show(panned(this.zoom, this.whole, pixels / width * (this.zoom.to - this.zoom.from)));
	}
	listen() {
		const { scroller } = this;
		scroller.addEventListener("scroll", () => {
			this.hover();
			this.later();
		}, { passive: true });
		scroller.addEventListener("wheel", (event) => {
			const x = event.clientX - scroller.getBoundingClientRect().left;
			if (event.ctrlKey || event.metaKey) this.zoomBy(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 120), x);
			else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.pan(event.shiftKey ? event.deltaY : event.deltaX);
			else return;
			event.preventDefault();
		}, { passive: false });
		scroller.addEventListener("keydown", (event) => this.key(event));
		let dragged = null;
		scroller.addEventListener("pointerdown", (event) => {
			if (event.button === 0) dragged = {
				x: event.clientX,
				moved: false
			};
		});
		scroller.addEventListener("pointermove", (event) => {
			this.pointer = {
				x: event.clientX,
				y: event.clientY
			};
			if (dragged && event.buttons & 1 && event.pointerType !== "touch" && (dragged.moved || Math.abs(event.clientX - dragged.x) > 4)) {
				this.pan(dragged.x - event.clientX);
				dragged = {
					x: event.clientX,
					moved: true
				};
			}
			this.hover();
		});
		scroller.addEventListener("pointerleave", () => {
			this.pointer = null;
			this.hover();
		});
		scroller.addEventListener("click", (event) => {
			const row = this.bars.rows[this.rowAt(event.clientY)];
			if (row && !dragged?.moved) this.store.choose(row.node);
			dragged = null;
		});
	}
	key(event) {
		if (event.ctrlKey || event.metaKey || event.altKey) return;
		const { rows } = this.bars;
		const at = this.bars.place(this.store.chosen);
		const page = Math.max(1, Math.floor((this.scroller.clientHeight - 26) / 24) - 1);
		const to = {
			ArrowDown: at + 1,
			ArrowUp: at < 0 ? rows.length - 1 : at - 1,
			PageDown: at + page,
			PageUp: at - page,
			Home: 0,
			End: rows.length - 1
		}[event.key];
		if (to !== void 0) {
			const row = rows[Math.max(0, Math.min(rows.length - 1, to))];
			if (row) this.store.choose(row.node);
		} else if (event.key === "ArrowLeft" || event.key === "ArrowRight") this.pan(event.key === "ArrowLeft" ? -80 : 80);
		else if (event.key === "+" || event.key === "=") this.zoomBy(1 / ZOOM);
		else if (event.key === "-") this.zoomBy(ZOOM);
		else if (event.key === "0") this.show(null);
		else return;
		event.preventDefault();
		event.stopPropagation();
	}
	rowAt(clientY) {
		const y = clientY - this.scroller.getBoundingClientRect().top;
		return y < 26 ? -1 : Math.floor((y - 26 + this.scroller.scrollTop) / 24);
	}
	hover() {
		const at = this.pointer ? this.rowAt(this.pointer.y) : -1;
		const row = this.bars.rows[at];
		this.tip.hidden = !row;
		if (row && this.pointer) {
			const [name, ...bars] = this.words(row);
			this.tip.replaceChildren(element("b", "", name ?? ""), ...bars.slice(-8).map((said) => element("div", "", said)));
			const box = this.host.getBoundingClientRect();
			const x = Math.min(this.pointer.x - box.left + 14, box.width - this.tip.offsetWidth - 8);
			const below = this.pointer.y - box.top + 18;
			const y = below + this.tip.offsetHeight > box.height ? this.pointer.y - box.top - this.tip.offsetHeight - 10 : below;
			this.tip.style.left = `${Math.max(4, x)}px`;
			this.tip.style.top = `${Math.max(4, y)}px`;
		}
		if (at !== this.hovered) {
			this.hovered = row ? at : -1;
			this.later();
		}
	}
};
/** A bar in words. */
function barWords(bar, now, numbered) {
	const parts = [];
	const between = (from, to) => duration(Math.max(0, to - from) / 1e3);
	const said = (at) => clock(new Date(at).toISOString()).slice(0, 8);
	if (bar.startedAt === null) {
		const since = bar.waitingFrom ?? now;
		const span = between(since, now);
		if (bar.state === "retrying") parts.push(fill(gettext("waits {span} for its next attempt"), { span }));
		else parts.push(fill(gettext("waits for {span}, since {time}"), {
			span,
			time: said(since)
		}));
		if (bar.retryAt !== null) parts.push(fill(gettext("is due at {time}"), { time: said(bar.retryAt) }));
	} else {
		if (bar.waitingFrom !== null && bar.startedAt - bar.waitingFrom >= 1) parts.push(fill(gettext("waited {span}"), { span: between(bar.waitingFrom, bar.startedAt) }));
		if (bar.finishedAt === null) parts.push(fill(gettext("has run for {span}, since {time}"), {
			span: between(bar.startedAt, now),
			time: said(bar.startedAt)
		}));
		else {
			parts.push(fill(gettext("ran {span}, from {from} to {to}"), {
				span: between(bar.startedAt, bar.finishedAt),
				from: said(bar.startedAt),
				to: said(bar.finishedAt)
			}));
			parts.push(look(bar.state).word.toLowerCase());
		}
	}
	const sentence = `${parts.join(", ")}.`;
	return numbered ? fill(gettext("Attempt {n}: {said}"), {
		n: bar.attempt,
		said: sentence
	}) : sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
export { mountTimeline };
