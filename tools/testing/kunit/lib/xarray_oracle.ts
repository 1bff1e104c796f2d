// SPDX-License-Identifier: GPL-2.0
/*
 * What an XArray should hold, kept the simple way: a list of ranges; and a checker of its nodes.
 */
import {
	struct_xa_node, type struct_xarray, xa_internal, xa_is_sibling, xa_marked, xa_to_sibling,
	XA_CHUNK_SIZE, XA_FLAGS_TRACK_FREE, XA_FREE_MARK, XA_MAX_MARKS, type xa_ptr, XA_ZERO_ENTRY,
} from "#linux/xarray.ts";

export interface range {
	first: number;
	last: number;
	/** null: reserved */
	entry: object | number | null;
	marks: number;
}

/* Ranges are aligned powers of two, so that any two are apart or one holds the other. */
export class oracle {
	/** by index */
	ranges: range[] = [];

	at(index: number): range | null {
		return this.ranges.find((r) => r.first <= index && index <= r.last) ?? null;
	}
	load(index: number): xa_ptr {
		return this.at(index)?.entry ?? null;
	}
	/** Entries that share an index with [first; last]. */
	overlap(first: number, last: number): range[] {
		return this.ranges.filter((r) => r.first <= last && first <= r.last);
	}
	/**
	 * Store to [first; last]: a larger entry around it takes the new value as a whole, smaller
	 * ones give way and leave their marks.
	 */
	store(first: number, last: number, entry: object | number | null, reserved = false): void {
		const old = this.overlap(first, last);
		const around = old.find((r) => r.first <= first && r.last >= last);

		if (entry === null && !reserved) {
			this.ranges = this.ranges.filter((r) => !old.includes(r));
			return;
		}
		if (around !== undefined) {
			around.entry = entry;
			return;
		}
		const marks = old.reduce((m, r) => m | r.marks, 0);
		this.ranges = this.ranges.filter((r) => !old.includes(r));
		this.ranges.push({ first, last, entry, marks });
		this.ranges.sort((a, b) => a.first - b.first);
	}
	/** Those that xa_for_each() shows from @start on: reserved ones are not. */
	from(start: number, max: number, mark = -1): range[] {
		return this.ranges
			.filter((r) => r.last >= start && r.first <= max && r.entry !== null &&
			(mark < 0 || (r.marks & (1 << mark)) !== 0));
	}
}

function assert(x: boolean, what: string): void {
	if (!x)
		throw new Error(`xarray: ${what}`);
}

function mark_of(node: struct_xa_node, offset: number, mark: number): boolean {
	return (node.marks[mark * 2 + (offset >> 5)]! & (1 << (offset & 31))) !== 0;
}

function any_mark(node: struct_xa_node): boolean {
	return node.marks.some((word) => word !== 0);
}

function check_child(node: struct_xa_node, child: struct_xa_node, offset: number): void {
	assert(node.shift > 0, "node below the last level");
	assert(child.parent === node && child.offset === offset, "parent");
	assert(child.shift === node.shift - 6, "shift");
	for (let m = 0; m < XA_MAX_MARKS; m++) {
		const any = (child.marks[m * 2]! | child.marks[m * 2 + 1]!) !== 0;

		assert(mark_of(node, offset, m) === any, `mark ${m} above a node`);
	}
}

/* what the sibling stands for */
function check_sibling(node: struct_xa_node, sibling: xa_ptr, offset: number): xa_ptr {
	const canon = node.slots[xa_to_sibling(sibling)]!;

	assert(node.has_siblings, "a sibling in a node that has none");
	assert(xa_to_sibling(sibling) < offset, "sibling points forward");
	assert(canon !== null && !(canon instanceof struct_xa_node) && !xa_is_sibling(canon),
		"sibling of nothing");
	return canon;
}

/** Checks counts, links, siblings and marks of all nodes; returns how many there are. */
export function check_nodes(xa: struct_xarray, may_have_empty_nodes = false): number {
	const free_mark = (xa.xa_flags & XA_FLAGS_TRACK_FREE) !== 0 ? XA_FREE_MARK : -1;
	let nodes = 0;

	const walk = (node: struct_xa_node): void => {
		const marked = any_mark(node);
		let count = 0, values = 0;

		nodes++;
		assert(node.array === xa, "array");
		for (let i = 0; i < XA_CHUNK_SIZE; i++) {
			let entry: xa_ptr = node.slots[i]!;

			if (entry !== null)
				count++;
			if (entry instanceof struct_xa_node) {
				check_child(node, entry, i);
				walk(entry);
				continue;
			}
			if (xa_is_sibling(entry)) {
				entry = check_sibling(node, entry, i);
				for (let m = 0; marked && m < XA_MAX_MARKS; m++)
					assert(m === free_mark || !mark_of(node, i, m), "mark on a sibling");
			} else if (entry === null) {
				for (let m = 0; (marked || free_mark >= 0) && m < XA_MAX_MARKS; m++)
					assert(mark_of(node, i, m) === (m === free_mark), "mark on an empty slot");
			}
			if (typeof entry === "number")
				values++;
			assert(!(entry instanceof xa_internal) || entry === XA_ZERO_ENTRY, "internal entry");
		}
		assert(node.count === count, `count ${node.count}, should be ${count}`);
		assert(node.nr_values === values, `nr_values ${node.nr_values}, not ${values}`);
		assert(count > 0 || may_have_empty_nodes, "empty node");
	};

	if (xa.xa_head instanceof struct_xa_node) {
		const head = xa.xa_head;

		assert(head.parent === null, "parent of the head");
		walk(head);
		for (let m = 0; m < XA_MAX_MARKS; m++) {
			const any = (head.marks[m * 2]! | head.marks[m * 2 + 1]!) !== 0;

			assert(xa_marked(xa, m) === any, `mark ${m} of the array`);
		}
	}
	return nodes;
}
