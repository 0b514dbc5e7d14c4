const WRAP_ROW_GAP = 18;
/** A layer up to this high is never wrapped. */
const ROWS_LEAST = 14;
/** Width to height that wrapping aims at. */
const ASPECT = 2.1;
const SWEEPS = 6;
/** Layer of each node: the number of edges on the longest way to it. A node on a cycle stays at what was known. */
function layers({ size, sources, targets }) {
	const { start, ends } = neighbours(size, sources, targets);
	const missing = new Int32Array(size);
	for (const target of targets) missing[target] = (missing[target] ?? 0) + 1;
	const layer = new Int32Array(size);
	const queue = new Int32Array(size);
	let filled = 0;
	for (let node = 0; node < size; node += 1) if (!missing[node]) queue[filled++] = node;
	for (let at = 0; at < filled; at += 1) {
		const node = queue[at] ?? 0;
		const next = (layer[node] ?? 0) + 1;
		for (let place = start[node] ?? 0; place < (start[node + 1] ?? 0); place += 1) {
			const target = ends[place] ?? 0;
			if ((layer[target] ?? 0) < next) layer[target] = next;
			const left = (missing[target] ?? 0) - 1;
			missing[target] = left;
			if (!left) queue[filled++] = target;
		}
	}
	return layer;
}
function neighbours(size, from, to) {
	const start = new Int32Array(size + 1);
	for (const node of from) start[node + 1] = (start[node + 1] ?? 0) + 1;
	for (let at = 0; at < size; at += 1) start[at + 1] = (start[at + 1] ?? 0) + (start[at] ?? 0);
	const next = start.slice();
	const ends = new Int32Array(from.length);
	for (let edge = 0; edge < from.length; edge += 1) {
		const node = from[edge] ?? 0;
		const place = next[node] ?? 0;
		ends[place] = to[edge] ?? 0;
		next[node] = place + 1;
	}
	return {
		start,
		ends
	};
}
function layered(input) {
	const { size, sources, targets } = input;
	const out = new Float64Array(2 * size);
	if (!size) return out;
	const layer = layers(input);
	pullSources(input, layer);
	const rows = [];
	for (let node = 0; node < size; node += 1) {
		const at = layer[node] ?? 0;
		while (rows.length <= at) rows.push([]);
		rows[at]?.push(node);
	}
	const up = neighbours(size, targets, sources);
	const down = neighbours(size, sources, targets);
	order(rows, size, up, down);
	place(rows, size, up, down, out);
	return out;
}
/** A node without upstream stands right before the first that needs it, not far to the left of it. */
function pullSources({ size, sources, targets }, layer) {
	const nearest = new Int32Array(size).fill(-1);
	const hasUpstream = new Uint8Array(size);
	for (const target of targets) hasUpstream[target] = 1;
	for (let edge = 0; edge < sources.length; edge += 1) {
		const source = sources[edge] ?? 0;
		if (hasUpstream[source]) continue;
		const at = layer[targets[edge] ?? 0] ?? 0;
		const known = nearest[source] ?? -1;
		if (known < 0 || at < known) nearest[source] = at;
	}
	for (let node = 0; node < size; node += 1) {
		const at = nearest[node] ?? -1;
		if (at > 1) layer[node] = at - 1;
	}
}
/** Orders each layer: barycentres of the neighbours on one side, swept to the right and back. Ties keep their order. */
function order(rows, size, up, down) {
	const at = new Float64Array(size);
	const number = (row) => {
		const middle = (row.length - 1) / 2;
		row.forEach((node, index) => at[node] = index - middle);
	};
	for (const row of rows) number(row);
	const key = new Float64Array(size);
	for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
		const forward = sweep % 2 === 0;
		const side = forward ? up : down;
		for (let step = 1; step < rows.length; step += 1) {
			const row = rows[forward ? step : rows.length - 1 - step] ?? [];
			if (row.length < 2) continue;
			for (const node of row) key[node] = barycentre(side, node, at);
			row.sort((a, b) => (key[a] ?? 0) - (key[b] ?? 0) || (at[a] ?? 0) - (at[b] ?? 0));
			number(row);
		}
	}
}
function barycentre({ start, ends }, node, at) {
	const first = start[node] ?? 0;
	const last = start[node + 1] ?? 0;
	if (first === last) return at[node] ?? 0;
	let sum = 0;
	for (let place = first; place < last; place += 1) sum += at[ends[place] ?? 0] ?? 0;
	return sum / (last - first);
}
/** Rows of a column so that the whole is about ASPECT times as wide as high. */
function rowsOfColumn(lengths) {
	const longest = Math.max(...lengths, 1);
	if (longest <= ROWS_LEAST) return longest;
	let rows = ROWS_LEAST;
	for (; rows < longest; rows = Math.ceil(rows * 1.15)) {
		let columns = 0;
		for (const length of lengths) columns += Math.ceil(length / rows);
		if (columns * 250 <= ASPECT * rows * 72) break;
	}
	return Math.min(rows, longest);
}
function place(rows, size, up, down, out) {
	const high = rowsOfColumn(rows.map((row) => row.length));
	const pitch = 54 + (rows.some((row) => row.length > 42) ? WRAP_ROW_GAP : 34);
	let x = 0;
	const wrapped = [];
	const y = new Float64Array(size);
	for (const row of rows) {
		const columns = Math.ceil(row.length / high);
		wrapped.push(columns > 1);
		const filled = Math.ceil(row.length / columns);
		row.forEach((node, index) => {
			const column = Math.floor(index / filled);
			const inColumn = Math.min(filled, row.length - column * filled);
			out[2 * node] = x + column * 250;
			y[node] = (index % filled - (columns > 1 ? filled - 1 : inColumn - 1) / 2) * pitch;
		});
		x += (columns - 1) * 250 + 188 + 78;
	}
	for (const side of [
		up,
		down,
		up
	]) {
		const forward = side === up;
		for (let step = 0; step < rows.length; step += 1) {
			const which = forward ? step : rows.length - 1 - step;
			const row = rows[which] ?? [];
			if (wrapped[which]) continue;
			level(row, side, y, pitch);
		}
	}
	let top = Infinity;
	for (const value of y) top = Math.min(top, value);
	for (let node = 0; node < size; node += 1) out[2 * node + 1] = Math.round((y[node] ?? 0) - top);
}
/** Moves the nodes of a layer to their barycentres as near as their order and `pitch` between them allow. */
function level(row, side, y, pitch) {
	const sums = [];
	const counts = [];
	row.forEach((node, index) => {
		let sum = barycentre(side, node, y) - index * pitch;
		let count = 1;
		while (sums.length) {
			const lastSum = sums[sums.length - 1] ?? 0;
			const lastCount = counts[counts.length - 1] ?? 1;
			if (lastSum / lastCount <= sum / count) break;
			sums.pop();
			counts.pop();
			sum += lastSum;
			count += lastCount;
		}
		sums.push(sum);
		counts.push(count);
	});
	let index = 0;
	sums.forEach((sum, pool) => {
		const count = counts[pool] ?? 1;
		for (let inPool = 0; inPool < count; inPool += 1, index += 1) {
			const node = row[index];
			if (node !== void 0) y[node] = sum / count + index * pitch;
		}
	});
}
// src/graph/layout.worker.ts
/** The plain layered layout in a worker of its own, so that the page stays quick meanwhile. */
const worker = self;
worker.onmessage = (event) => {
	const positions = layered(event.data);
	worker.postMessage(positions, [positions.buffer]);
};
