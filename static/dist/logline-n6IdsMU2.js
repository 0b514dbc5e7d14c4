import { C as element, E as setAttribute, O as setText, _ as written, c as DISGUISES, v as fill, y as gettext } from "./model-5LMbrC-d.js";
// src/api/client.ts
var ApiError = class extends Error {
	status;
	code;
	body;
	constructor(status, code, message, body) {
		super(message);
		this.status = status;
		this.code = code;
		this.body = body;
	}
};
function csrf() {
	return document.querySelector("meta[name=\"csrf-token\"]")?.content ?? "";
}
/** Raises ApiError with the problem's code and detail, and TypeError when the host cannot be reached. */
async function call(method, path, body, headers = {}) {
	const init = {
		method,
		headers: {
			Accept: "application/json",
			"X-CSRFToken": csrf(),
			...headers
		},
		credentials: "same-origin"
	};
	if (body !== void 0) {
		init.body = JSON.stringify(body);
		init.headers = {
			...init.headers,
			"Content-Type": "application/json"
		};
	}
	const response = await fetch(path, init);
	const text = await response.text();
	let read = null;
	try {
		read = text ? JSON.parse(text) : null;
	} catch {
		read = null;
	}
	const shape = typeof read === "object" && read !== null && !Array.isArray(read) ? read : {};
	if (!response.ok) {
		const code = typeof shape["code"] === "string" ? shape["code"] : "";
		const detail = typeof shape["detail"] === "string" ? shape["detail"] : `${response.status} ${response.statusText}`;
		throw new ApiError(response.status, code, detail, shape);
	}
	return {
		status: response.status,
		etag: response.headers.get("ETag"),
		body: shape
	};
}
// src/words/ansi.ts
/** Log lines with the colours that programs write, safely: SGR sequences become classes, all else is text.
*
* What a terminal would obey (cursor movement, titles, links) and what would disguise the text (control and
* bidirectional characters) is shown written out, never obeyed.
*/
var SGR$1 = /\u001b\[([0-9;]*)m/g;
function pieces(line) {
	const out = [];
	const pen = {
		colour: null,
		bold: false,
		dim: false,
		underline: false
	};
	let at = 0;
	for (const match of line.matchAll(SGR$1)) {
		plain$1(line.slice(at, match.index), pen, out);
		obey(match[1] ?? "", pen);
		at = match.index + match[0].length;
	}
	plain$1(line.slice(at), pen, out);
	return out;
}
function plain$1(text, pen, out) {
	if (!text) return;
	const style = styleOf(pen);
	let at = 0;
	for (const match of text.matchAll(DISGUISES)) {
		if (match.index > at) out.push({
			text: text.slice(at, match.index),
			style
		});
		out.push({
			text: written(match[0]),
			style: "ctl"
		});
		at = match.index + match[0].length;
	}
	if (at < text.length) out.push({
		text: text.slice(at),
		style
	});
}
function styleOf(pen) {
	const styles = [];
	if (pen.colour !== null) styles.push(`ansi-${pen.colour}`);
	if (pen.bold) styles.push("ansi-b");
	if (pen.dim) styles.push("ansi-d");
	if (pen.underline) styles.push("ansi-u");
	return styles.join(" ");
}
function obey(codes, pen) {
	const list = codes === "" ? [0] : codes.split(";").map(Number);
	for (let i = 0; i < list.length; i += 1) {
		const code = list[i] ?? 0;
		if (code === 0) {
			pen.colour = null;
			pen.bold = pen.dim = pen.underline = false;
		} else if (code === 1) pen.bold = true;
		else if (code === 2) pen.dim = true;
		else if (code === 4) pen.underline = true;
		else if (code === 22) pen.bold = pen.dim = false;
		else if (code === 24) pen.underline = false;
		else if (code === 39) pen.colour = null;
		else if (code >= 30 && code <= 37) pen.colour = code - 30;
		else if (code >= 90 && code <= 97) pen.colour = code - 90;
		else if (code === 38 || code === 48) i += list[i + 1] === 5 ? 2 : 4;
	}
}
// src/run/ranges.ts
/** Numbers of lines as ranges: a million numbers in a few arrays, the nth of them and the place of any in a few steps. Pure. */
var SeqRanges = class {
	size = 0;
	firsts = /* @__PURE__ */ new Float64Array(64);
	/** How many numbers come before each range. */
	befores = /* @__PURE__ */ new Float64Array(64);
	/** How many numbers there are. */
	count = 0;
	/** The last number; 0: none yet. */
	last = 0;
	/** Adds `count` numbers from `first` on; those that are not above the last one are left out. */
	push(first, count = 1) {
		const from = Math.max(first, this.last + 1);
		const added = first + count - from;
		if (added <= 0) return;
		if (this.size === 0 || from !== this.last + 1) {
			if (this.size === this.firsts.length) this.grow();
			this.firsts[this.size] = from;
			this.befores[this.size] = this.count;
			this.size += 1;
		}
		this.count += added;
		this.last = first + count - 1;
	}
	/** The number at place `n`, from 0; beyond the end 0. */
	at(n) {
		if (n < 0 || n >= this.count) return 0;
		const range = this.search(this.befores, n);
		return (this.firsts[range] ?? 0) + n - (this.befores[range] ?? 0);
	}
	/** How many numbers are below `seq`: the place of `seq`, or of the first one after it. */
	place(seq) {
		const range = this.search(this.firsts, seq);
		if (range < 0) return 0;
		const before = this.befores[range] ?? 0;
		const end = range + 1 < this.size ? this.befores[range + 1] ?? 0 : this.count;
		return Math.min(before + seq - (this.firsts[range] ?? 0), end);
	}
	has(seq) {
		return seq > 0 && this.at(this.place(seq)) === seq;
	}
	/** The last range that begins at or below `value`; -1: none. */
	search(sorted, value) {
		let low = 0;
		let high = this.size;
		while (low < high) {
			const middle = low + high >>> 1;
			if ((sorted[middle] ?? 0) <= value) low = middle + 1;
			else high = middle;
		}
		return low - 1;
	}
	grow() {
		const firsts = new Float64Array(this.firsts.length * 2);
		const befores = new Float64Array(this.firsts.length * 2);
		firsts.set(this.firsts);
		befores.set(this.befores);
		this.firsts = firsts;
		this.befores = befores;
	}
};
/** Sorted numbers as the text that the server reads: `1-200,405`. */
function said(seqs, rangesMax) {
	const parts = [];
	for (let i = 0; i < seqs.length && parts.length < rangesMax; i += 1) {
		const first = seqs[i] ?? 0;
		while (seqs[i + 1] === (seqs[i] ?? 0) + 1) i += 1;
		parts.push(seqs[i] === first ? `${first}` : `${first}-${seqs[i]}`);
	}
	return parts.join(",");
}
// src/run/search.ts
/** A search of a log: the numbers of all lines that fit, which the server looks for in parts, also among new lines. */
var Search = class {
	run;
	query;
	moved;
	hits = new SeqRanges();
	/** Up to where was looked. */
	seen = 0;
	/** Whether all that was there when it was last asked for has been looked through. */
	done = false;
	asked = 0;
	running = false;
	stop = new AbortController();
	constructor(run, query, moved) {
		this.run = run;
		this.query = query;
		this.moved = moved;
	}
	cancel() {
		this.stop.abort();
	}
	/** Looks on until `seq`. */
	async until(seq) {
		this.asked = Math.max(this.asked, seq);
		if (this.running) return;
		this.running = true;
		try {
			while ((!this.done || this.seen < this.asked) && !this.stop.signal.aborted) {
				this.done = false;
				const upto = this.asked;
				await this.step();
				if (this.done) this.seen = Math.max(this.seen, upto);
				this.moved(this);
			}
		} catch {} finally {
			this.running = false;
		}
	}
	async step() {
		const { node, level, text } = this.query;
		const query = new URLSearchParams({ after: String(this.seen) });
		if (node) query.set("node", node);
		if (level) query.set("level", level);
		if (text) query.set("q", text);
		const body = (await call("GET", `/runs/${this.run}/logs/search/?${query.toString()}`)).body;
		if (this.stop.signal.aborted) return;
		const ranges = Array.isArray(body["ranges"]) ? body["ranges"] : [];
		for (let i = 0; i + 1 < ranges.length; i += 2) this.hits.push(Number(ranges[i]), Number(ranges[i + 1]));
		this.done = body["done"] === true;
		const seen = typeof body["seen"] === "number" ? body["seen"] : 0;
		if (!this.done && seen <= this.seen) throw new Error("The search does not move.");
		this.seen = Math.max(this.seen, seen);
	}
};
/** The place among the hits that comes after or before `seq`, round the ends; -1: there are none. */
function following(hits, seq, direction) {
	if (!hits.count) return -1;
	const place = hits.place(seq);
	if (direction < 0) return place > 0 ? place - 1 : hits.count - 1;
	const next = hits.at(place) === seq ? place + 1 : place;
	return next < hits.count ? next : 0;
}
/** Where a text is in another whatever the case of both: begin and end of each hit, in order, without overlap. */
function occurrences(text, wanted) {
	if (!wanted) return [];
	const needle = wanted.toLowerCase();
	const folded = text.toLowerCase();
	const found = [];
	if (folded.length === text.length && needle.length === wanted.length) {
		for (let at = folded.indexOf(needle); at >= 0; at = folded.indexOf(needle, at + needle.length)) found.push([at, at + needle.length]);
		return found;
	}
	const places = [];
	let at = 0;
	for (const char of text) {
		for (let n = 0; n < char.toLowerCase().length; n += 1) places.push(at);
		at += char.length;
	}
	places.push(at);
	const whole = [...text].map((char) => char.toLowerCase()).join("");
	for (let from = whole.indexOf(needle); from >= 0; from = whole.indexOf(needle, from + needle.length)) found.push([places[from] ?? 0, places[from + needle.length] ?? text.length]);
	return found;
}
var STEP = 250;
var AROUND = 200;
/** What the supervisor writes where an attempt wrote more than is kept; engine/executors/capture.py. */
var DROPPED = /^([\d,]+) lines \(([\d,.]+) MiB\) were dropped here: an attempt keeps its first and last ([\d,]+) lines, at most 64 MiB\.$/;
var SGR = /\u001b\[[0-9;]*m/g;
function emptyRow() {
	return element("div", "line", element("span", "at"), element("span", "lv"), element("span", "nd"), element("span", "msg"));
}
function fillRow(row, line, shown) {
	const [at, level, node, message] = [...row.children];
	if (!line || !(message instanceof HTMLElement)) {
		row.className = "line wanted";
		for (const part of row.children) part.replaceChildren();
		return;
	}
	const dropped = DROPPED.exec(line.message);
	const grave = line.level === "warning" || line.level === "error" ? ` ${line.level}` : "";
	row.className = `line${dropped ? " dropped" : grave}`;
	setText(at ?? null, clock(line.at));
	setText(level ?? null, line.level);
	setText(node ?? null, line.node);
	setAttribute(node ?? null, "title", fill(gettext("{node}, attempt {n}"), {
		node: line.node,
		n: line.attempt
	}));
	message.style.paddingLeft = message.style.paddingRight = "";
	if (dropped) {
		setText(message, fill(gettext("{n} lines ({size} MiB) were dropped here: an attempt keeps its first and last {kept} lines, at most 64 MiB."), {
			n: dropped[1] ?? "",
			size: dropped[2] ?? "",
			kept: dropped[3] ?? ""
		}));
		return;
	}
	const { read, long } = reading(line);
	const parts = marked(read, shown.text);
	if (!long) {
		message.replaceChildren(...parts.map(node_));
		return;
	}
	const { first, last, length } = part(parts, shown);
	message.style.paddingLeft = `${first}ch`;
	message.style.paddingRight = `${Math.max(0, length - last)}ch`;
	message.replaceChildren(...slice(parts, first, last).map(node_));
}
var readings = /* @__PURE__ */ new WeakMap();
function reading(line) {
	let found = readings.get(line);
	if (!found) {
		const text = line.message.replace(/[\r\n]+$/, "");
		found = {
			read: pieces(text),
			long: text.length > 1500 && /^[\u0020-\u007e\u001b]*$/.test(text)
		};
		if (text.length > 1500) readings.set(line, found);
	}
	return found;
}
/** Whether what is laid out of long lines differs between two places. */
function moved(before, after) {
	return Math.floor(before.left / STEP) !== Math.floor(after.left / STEP);
}
function part(parts, shown) {
	const length = parts.reduce((sum, one) => sum + one.text.length, 0);
	const from = Math.floor(shown.left / STEP) * STEP;
	return {
		first: Math.min(length, Math.max(0, from - AROUND)),
		last: Math.min(length, from + STEP + shown.width + AROUND),
		length
	};
}
function slice(parts, first, last) {
	const found = [];
	let at = 0;
	for (const one of parts) {
		const begin = Math.max(first - at, 0);
		const end = Math.min(last - at, one.text.length);
		if (begin < end) found.push(begin === 0 && end === one.text.length ? one : {
			...one,
			text: one.text.slice(begin, end)
		});
		at += one.text.length;
		if (at >= last) break;
	}
	return found;
}
/** Pieces cut where hits of the search begin and end, also hits that colours cut in parts. */
function marked(parts, text) {
	const hits = text ? occurrences(parts.map((one) => one.text).join(""), text) : [];
	const found = [];
	let at = 0;
	let next = 0;
	for (const one of parts) {
		const end = at + one.text.length;
		let from = at;
		while (next < hits.length && (hits[next]?.[0] ?? end) < end) {
			const [begin, stop] = hits[next] ?? [end, end];
			if (begin > from) found.push({
				text: one.text.slice(from - at, begin - at),
				style: one.style,
				hit: false
			});
			found.push({
				text: one.text.slice(Math.max(begin, from) - at, Math.min(stop, end) - at),
				style: one.style,
				hit: true
			});
			from = Math.min(stop, end);
			if (stop > end) break;
			next += 1;
		}
		if (from < end) found.push({
			text: one.text.slice(from - at),
			style: one.style,
			hit: false
		});
		at = end;
	}
	return found;
}
function node_(one) {
	if (!one.hit && !one.style) return document.createTextNode(one.text);
	const made = element(one.hit ? "mark" : "span", one.style);
	made.textContent = one.text;
	return made;
}
/** A line as plain text: time, level, node, message without colours. */
function plain(line) {
	return `${line.at} ${line.level.padEnd(7)} ${line.node} ${line.message.replace(SGR, "").replace(/[\r\n]+$/, "")}`;
}
function clock(iso) {
	const at = new Date(iso);
	if (Number.isNaN(at.getTime())) return "";
	const two = (n) => String(n).padStart(2, "0");
	return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}
export { plain as a, SeqRanges as c, call as d, csrf as f, moved as i, said as l, emptyRow as n, Search as o, fillRow as r, following as s, clock as t, ApiError as u };
