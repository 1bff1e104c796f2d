// SPDX-License-Identifier: GPL-2.0
/*
 * The lock validator.
 *
 * Upstream: kernel/locking/lockdep.c. Kept: classes and subclasses, the held-lock stack, the
 * dependency graph with shared and recursive-read edges, chain cache, recursion and cycle checks,
 * nest locks, usage in and with enabled interrupts by class, the checks at exit and at return to
 * user mode. Left out: interrupt-safety across dependencies, wait types beyond printing, locks in
 * freed memory, statistics, /proc files.
 *
 * In C a 64-bit hash of the held classes names a chain; here a chain is a node of a tree, found by
 * (chain so far, class and kind), so that a chain that was validated once costs one look-up. What
 * upstream reports as a WARNING and then ignores is reported in the same words and is a BUG.
 */
import { HOT_IRQS, HOT_LOCK_CHAIN, HOT_LOCK_DEPTH, HOT_LOCK_MERGED, HOT_PREEMPT, IRQS_OFF,
	pcpu_hot } from "#asm/current.ts";
import { MAX_LOCKDEP_CHAINS, MAX_LOCKDEP_KEYS, MAX_LOCKDEP_SUBCLASSES, MAX_LOCK_DEPTH,
	LD_WAIT_CONFIG, LD_WAIT_SLEEP, lock_class_name, lock_class_wait_type, lockdep_key,
	type lockdep_map, type struct_lock_class_key } from "#linux/lockdep_types.ts";
import { HELD_MERGED, current, held_before, held_lock, held_refs, task_held_before, task_hot,
	type struct_task_struct } from "#linux/sched_types.ts";
import { HARDIRQ_MASK, LOCKDEP_RECURSION_OFFSET, NMI_MASK, PREEMPT_MASK, SOFTIRQ_MASK,
	SOFTIRQ_OFFSET } from "#linux/preempt.const.ts";
import { KERN_CONT, pr_warn, printk } from "#linux/printk.ts";
import { dump_stack, kernel_bug, print_kernel_ident, save_stack_trace, stack_trace_lines } from
	"#linux/panic.ts";

/* what an acquisition is: class and subclass, and above them its kind; 16 bits, and the context */
const HLOCK_CLASS_MASK	= MAX_LOCKDEP_KEYS * MAX_LOCKDEP_SUBCLASSES - 1;
/** shared, not recursive (rwsem, rwlock outside interrupts) */
export const HLOCK_READ			= 1 << 12;
/** shared and recursive (rwlock in interrupts) */
export const HLOCK_READ_RECURSIVE	= 2 << 12;
/** likewise, and of no interest for the order (SRCU) */
export const HLOCK_NOCHECK		= 3 << 12;
const HLOCK_READ_MASK	= 3 << 12;
export const HLOCK_TRYLOCK	= 1 << 14;
const HLOCK_IRQS_OFF	= IRQS_OFF;
const HLOCK_SOFTIRQ	= 1 << 16;
const HLOCK_HARDIRQ	= 1 << 17;
const HLOCK_CTX_MASK	= HLOCK_SOFTIRQ | HLOCK_HARDIRQ;
/* not acquired: it was held before, and became shared */
const HLOCK_DOWNGRADED	= 1 << 18;

/* usage bits of a class; the _READ form is one to the left */
const LOCK_USED_IN_HARDIRQ	= 1 << 0;
const LOCK_ENABLED_HARDIRQ	= 1 << 2;
const LOCK_USED_IN_SOFTIRQ	= 1 << 4;
const LOCK_ENABLED_SOFTIRQ	= 1 << 6;

const IRQ_CONTEXT_MASK		= HARDIRQ_MASK | NMI_MASK | SOFTIRQ_OFFSET;

export let debug_locks = true;

export function debug_locks_off(): boolean {
	const was = debug_locks;
	debug_locks = false;
	return was;
}

/* for kunit: after a report that was expected */
export function debug_locks_on(): void {
	debug_locks = true;
}

/* ---- chains --------------------------------------------------------------------------------- */

/*
 * A chain is known by a number, of which HOT_LOCK_CHAIN and held_before are the upper half. Those
 * whose last lock was taken with interrupts off have numbers of their own, above IRQS_OFF_CHAINS.
 */
const IRQS_OFF_CHAINS		= MAX_LOCKDEP_CHAINS >> 1;
const CHAIN_SHIFT		= 16;
let nr_chains = 1;
let nr_irqs_off_chains = IRQS_OFF_CHAINS + 1;
/* what was acquired last, by chain */
const chain_key = new Int32Array(MAX_LOCKDEP_CHAINS);

/* four words a slot: the chain before, what was acquired, the chain after; -1: free */
let chain_bits = 14;
let chain_shift = 32 - chain_bits;
let chain_table = new Int32Array(4 << chain_bits).fill(-1);
let nr_lock_chains = 0;

const usage_mask = new Uint8Array(HLOCK_CLASS_MASK + 1);

function chain_hash(parent: number, key: number): number {
	return (Math.imul(parent, 0x61c88647) ^ Math.imul(key, 0x9e3779b1 | 0)) >>> chain_shift;
}

/* index of the slot of (parent, key), or of a free one */
function chain_slot(parent: number, key: number): number {
	const mask = chain_table.length - 1;
	let i = chain_hash(parent, key) << 2;
	while (chain_table[i]! >= 0 && (chain_table[i] !== parent || chain_table[i + 1] !== key))
		i = (i + 4) & mask;
	return i;
}

function put_chain(parent: number, key: number, node: number): void {
	const i = chain_slot(parent, key);
	chain_table[i] = parent;
	chain_table[i + 1] = key;
	chain_table[i + 2] = node;
}

function chain_grow(): void {
	const old = chain_table;
	chain_bits++;
	chain_shift = 32 - chain_bits;
	chain_table = new Int32Array(4 << chain_bits).fill(-1);
	for (let i = 0; i < old.length; i += 4) {
		if (old[i]! >= 0)
			put_chain(old[i]!, old[i + 1]!, old[i + 2]!);
	}
}

function new_chain(key: number): number {
	const node = (key & HLOCK_IRQS_OFF) === 0 ? nr_chains++ : nr_irqs_off_chains++;

	if (node === IRQS_OFF_CHAINS || node === MAX_LOCKDEP_CHAINS)
		max_lockdep_chains();
	chain_key[node] = key;
	return node;
}

function add_chain(parent: number, key: number): number {
	const node = new_chain(key);

	if (++nr_lock_chains * 8 >= chain_table.length)
		chain_grow();
	put_chain(parent, key, node);
	return node;
}

/*
 * In front of it, for acquisitions in task context of which nothing is left to learn: usage marked,
 * chain known. Direct-mapped: chain before and what is acquired, as one number; HOT_LOCK_CHAIN
 * after it, beside it in the same cache line.
 */
const FRONT_BITS	= 13;
const front = new Int32Array(2 << FRONT_BITS).fill(-1);

const FRONT_SHIFT	= 31 - FRONT_BITS;
const FRONT_HASH	= 0x61c88647;

/* ---- acquire and release -------------------------------------------------------------------- */

/*
 * kernel/locking/lockdep.c:lock_acquire(). @lock: its lock_id, @cls: number of class and subclass,
 * @kind: HLOCK_*. Inlined wherever a lock is taken: each byte of it is one less for what else is to
 * be inlined there.
 */
export function lock_acquire(lock: number, cls: number, kind: number): void {
	const hot = pcpu_hot;
	const chain = hot[HOT_LOCK_CHAIN]!;
	const tag = cls | kind | hot[HOT_IRQS]! | chain;
	const i = Math.imul(tag, FRONT_HASH) >>> FRONT_SHIFT & ~1;

	if (front[i] !== tag || (hot[HOT_PREEMPT]! & ~PREEMPT_MASK) !== 0) {
		__lock_acquire(lock, cls | kind);
		return;
	}
	/* a chain as long as can be is followed by none */
	const depth = (hot[HOT_LOCK_DEPTH]! + 1) | 0;
	hot[HOT_LOCK_DEPTH] = depth;
	held_lock[depth] = lock;
	held_before[depth] = chain;
	hot[HOT_LOCK_CHAIN] = front[i + 1]!;
}

function usage_needed(pc: number, kind: number): number {
	let need = 0;

	if (pcpu_hot[HOT_IRQS] === 0) {
		need = (pc & SOFTIRQ_MASK) !== 0 ? LOCK_ENABLED_HARDIRQ :
			LOCK_ENABLED_HARDIRQ | LOCK_ENABLED_SOFTIRQ;
	}
	if ((pc & IRQ_CONTEXT_MASK) !== 0 && (kind & HLOCK_TRYLOCK) === 0) {
		need |= (pc & (HARDIRQ_MASK | NMI_MASK)) !== 0 ? LOCK_USED_IN_HARDIRQ :
			LOCK_USED_IN_SOFTIRQ;
	}
	return (kind & HLOCK_READ_MASK) !== 0 ? need << 1 : need;
}

/* kernel/locking/lockdep.c:__lock_acquire(). @key: class, subclass and kind. */
function __lock_acquire(lock: number, key: number): void {
	const curr = current;
	const pc = pcpu_hot[HOT_PREEMPT]!;
	const cls = key & HLOCK_CLASS_MASK;

	if (pc >= LOCKDEP_RECURSION_OFFSET)
		return;
	const need = usage_needed(pc, key);
	if ((usage_mask[cls]! & need) !== need && (key & HLOCK_READ_MASK) !== HLOCK_NOCHECK)
		mark_usage(curr, cls, need, key);
	key |= pcpu_hot[HOT_IRQS]!;
	if ((pc & IRQ_CONTEXT_MASK) !== 0)
		key |= (pc & (HARDIRQ_MASK | NMI_MASK)) !== 0 ? HLOCK_HARDIRQ : HLOCK_SOFTIRQ;

	const parent = parent_chain(key);
	const node = lookup_chain(curr, lock, parent, key);

	if (pcpu_hot[HOT_LOCK_DEPTH] === MAX_LOCK_DEPTH)
		max_lock_depth(curr);
	put_held_lock(lock, node);
	if ((pc & ~PREEMPT_MASK) === 0) {
		const tag = parent << CHAIN_SHIFT | key;
		const i = Math.imul(tag, FRONT_HASH) >>> FRONT_SHIFT & ~1;
		front[i] = tag;
		front[i + 1] = node << CHAIN_SHIFT;
	}
}

/* the chain that @key goes on from: that of the locks held, unless they are of another context */
function parent_chain(key: number): number {
	const chain = pcpu_hot[HOT_LOCK_CHAIN]! >>> CHAIN_SHIFT;

	return ((chain_key[chain]! ^ key) & HLOCK_CTX_MASK) === 0 ? chain : 0;
}

function put_held_lock(lock: number, node: number): void {
	const depth = pcpu_hot[HOT_LOCK_DEPTH]! + 1;

	held_lock[depth] = lock;
	held_before[depth] = pcpu_hot[HOT_LOCK_CHAIN]!;
	pcpu_hot[HOT_LOCK_CHAIN] = node << CHAIN_SHIFT;
	pcpu_hot[HOT_LOCK_DEPTH] = depth;
}

function lookup_chain(curr: struct_task_struct, lock: number, parent: number, key: number): number {
	const i = chain_slot(parent, key);
	if (chain_table[i] === parent)
		return chain_table[i + 2]!;
	if ((key & HLOCK_CLASS_MASK) < MAX_LOCKDEP_SUBCLASSES)
		register_lock_class_bug();
	if ((key & (HLOCK_TRYLOCK | HLOCK_DOWNGRADED)) === 0 &&
	    (key & HLOCK_READ_MASK) !== HLOCK_NOCHECK) {
		check_deadlock(curr, key, lock);
		check_prevs_add(curr, key);
	}
	return add_chain(parent, key);
}

/** What the current task holds, by number: the same one for the same classes in the same way. */
export function lockdep_chain(): number {
	return pcpu_hot[HOT_LOCK_CHAIN]! >>> CHAIN_SHIFT;
}

/* what is held at @i, from 1 on: class, kind and context, as it was acquired */
function held_key(i: number): number {
	const chain = i === pcpu_hot[HOT_LOCK_DEPTH] ? pcpu_hot[HOT_LOCK_CHAIN]! :
		held_before[i + 1]!;

	return chain_key[chain >>> CHAIN_SHIFT]!;
}

/*
 * With a nest lock: any number of locks of the class merge into one entry, in any order.
 * kernel/locking/lockdep.c:__lock_acquire() with nest_lock.
 */
export function lock_acquire_nest(lock: number, cls: number, kind: number, nest_lock: lockdep_map):
	void {
	const top = pcpu_hot[HOT_LOCK_DEPTH]!;

	if (pcpu_hot[HOT_PREEMPT]! >= LOCKDEP_RECURSION_OFFSET)
		return;
	if (!lock_is_held(nest_lock))
		print_lock_nested_lock_not_held(current, cls);
	if (top !== 0 && (held_key(top) & HLOCK_CLASS_MASK) === cls) {
		if (held_refs[top] === 0) {
			held_refs[top] = 1;
			pcpu_hot[HOT_LOCK_MERGED]!++;
		}
		held_refs[top]!++;
		held_lock[top] = HELD_MERGED;
		return;
	}
	if (holds_class(cls)) {
		/* check_deadlock() answers 2 under the nest lock: no dependency to add */
		lock_acquire(lock, cls, kind | HLOCK_TRYLOCK);
		return;
	}
	lock_acquire(lock, cls, kind);
}

function holds_class(cls: number): boolean {
	for (let i = pcpu_hot[HOT_LOCK_DEPTH]!; i > 0; i--) {
		if ((held_key(i) & HLOCK_CLASS_MASK) === cls)
			return true;
	}
	return false;
}

/** kernel/locking/lockdep.c:lock_release() */
export function lock_release(lock: number, dep: number): void {
	const hot = pcpu_hot;
	const top = hot[HOT_LOCK_DEPTH]!;

	/* at index 0 there is none */
	if (held_lock[top] !== lock) {
		__lock_release(lock, dep);
		return;
	}
	hot[HOT_LOCK_DEPTH] = top - 1;
	hot[HOT_LOCK_CHAIN] = held_before[top]!;
}

/* classes of one lock, whatever their subclasses */
function same_key(key: number, dep: number): boolean {
	return ((key & HLOCK_CLASS_MASK) ^ dep) < MAX_LOCKDEP_SUBCLASSES;
}

/** Index of @lock among those that the current task holds, or 0; merged entries aside. */
export function find_lock(lock: number): number {
	const top = pcpu_hot[HOT_LOCK_DEPTH]!;

	return held_lock[top] === lock ? top : find_lock_below(lock, top);
}

function find_lock_below(lock: number, top: number): number {
	let i = top - 1;

	while (i > 0 && held_lock[i] !== lock)
		i--;
	return i > 0 ? i : 0;
}

function find_held_lock(lock: number, dep: number): number {
	const found = find_lock(lock);

	return found !== 0 || pcpu_hot[HOT_LOCK_MERGED] === 0 ? found : find_merged(dep);
}

function find_merged(dep: number): number {
	let i = pcpu_hot[HOT_LOCK_DEPTH]!;

	while (i > 0 && (held_refs[i] === 0 || !same_key(held_key(i), dep)))
		i--;
	return i;
}

/* out of order, or a merged entry: what stands above is acquired anew */
function __lock_release(lock: number, dep: number): void {
	const curr = current;

	if (pcpu_hot[HOT_PREEMPT]! >= LOCKDEP_RECURSION_OFFSET)
		return;
	const i = find_held_lock(lock, dep);
	if (i === 0) {
		print_unlock_imbalance_bug(curr, dep);
		return;
	}
	if (held_refs[i] !== 0) {
		if (--held_refs[i]! > 0)
			return;
		pcpu_hot[HOT_LOCK_MERGED]!--;
	}
	reacquire_held_locks(curr, i, i + 1, 0);
}

/*
 * Of the locks held, those from @from on move down to @to, and make new chains. @read: the first of
 * them becomes one of that kind; 0: it stays what it is.
 */
function reacquire_held_locks(curr: struct_task_struct, to: number, from: number,
	read: number): void {
	const depth = pcpu_hot[HOT_LOCK_DEPTH]!;
	const keys: number[] = [];

	for (let i = from; i <= depth; i++)
		keys.push(held_key(i) & ~HLOCK_DOWNGRADED);
	if (read !== 0)
		keys[0] = (keys[0]! & ~HLOCK_READ_MASK) | read;
	pcpu_hot[HOT_LOCK_DEPTH] = to - 1;
	pcpu_hot[HOT_LOCK_CHAIN] = held_before[to]!;
	for (const key of keys) {
		const lock = held_lock[from]!, refs = held_refs[from]!;

		held_refs[from++] = 0;
		/* a downgrade of a lock that others depend on is no new order */
		reacquire_held_lock(curr, lock, read === 0 ? key : key | HLOCK_DOWNGRADED, refs);
	}
}

function reacquire_held_lock(curr: struct_task_struct, lock: number, key: number,
	refs: number): void {
	put_held_lock(lock, lookup_chain(curr, lock, parent_chain(key), key));
	held_refs[pcpu_hot[HOT_LOCK_DEPTH]!] = refs;
}

/** kernel/locking/lockdep.c:lock_downgrade(): what was exclusive is now shared. */
export function lock_downgrade(lock: lockdep_map): void {
	const curr = current;
	const i = find_held_lock(lock.lock_id, lock.dep);

	if (i === 0) {
		print_unlock_imbalance_bug(curr, lock.dep);
		return;
	}
	reacquire_held_locks(curr, i, i, HLOCK_READ);
}

/** Whether @lock itself is held (by a merged entry: a lock of its class). */
export function lock_is_held(lock: lockdep_map): boolean {
	return lock_id_is_held(lock.lock_id, lock.dep);
}

/** The same, for callers who know the kind of the lock: to lock_is_held() come all kinds. */
export function lock_id_is_held(lock_id: number, dep: number): boolean {
	return held_lock[pcpu_hot[HOT_LOCK_DEPTH]!] === lock_id ||
		find_held_lock(lock_id, dep) !== 0;
}

/** @read: -1 any, 0 exclusive, 1 shared */
export function lock_is_held_type(lock: lockdep_map, read: number): boolean {
	/* the last one, most often */
	if (read >= 0 && held_lock[pcpu_hot[HOT_LOCK_DEPTH]!] === lock.lock_id)
		return ((chain_key[pcpu_hot[HOT_LOCK_CHAIN]! >>> CHAIN_SHIFT]! &
			HLOCK_READ_MASK) !== 0) === (read !== 0);
	const i = find_held_lock(lock.lock_id, lock.dep);
	if (i === 0)
		return false;
	return read < 0 || ((held_key(i) & HLOCK_READ_MASK) !== 0) === (read !== 0);
}

/* ---- the graph ------------------------------------------------------------------------------ */

/* kinds of an edge: S or E, shared-recursive or exclusive at its start; R or N at its end */
const DEP_SR = 1, DEP_ER = 2, DEP_SN = 4, DEP_EN = 8;

class struct_lock_list {
	readonly cls: number;
	readonly links_to: number;
	dep: number;
	trace: Error;
	/* of the last search */
	parent: struct_lock_list | null = null;
	only_xr = false;
	constructor(cls: number, links_to: number, dep: number, trace: Error) {
		this.cls = cls;
		this.links_to = links_to;
		this.dep = dep;
		this.trace = trace;
	}
}

const locks_after = new Map<number, struct_lock_list[]>();

function calc_dep(prev_key: number, next_key: number): number {
	const start_s = (prev_key & HLOCK_READ_MASK) === HLOCK_READ_RECURSIVE;
	const end_r = (next_key & HLOCK_READ_MASK) === HLOCK_READ_RECURSIVE;
	return start_s ? (end_r ? DEP_SR : DEP_SN) : (end_r ? DEP_ER : DEP_EN);
}

/*
 * Breadth first over strong paths: never an edge into a recursive reader followed by one out of a
 * reader. Answers the last edge of a path from @from (held as @from_key) to @target.
 */
function find_path(from_key: number, target: number, target_ok: (e: struct_lock_list) => boolean):
	struct_lock_list | null {
	const seen = new Set<number>();
	const root = new struct_lock_list(from_key & HLOCK_CLASS_MASK, 0, 0, NO_TRACE);
	root.only_xr = (from_key & HLOCK_READ_MASK) === HLOCK_READ_RECURSIVE;
	const queue: struct_lock_list[] = [root];

	for (let i = 0; i < queue.length; i++) {
		const at = queue[i]!;
		for (const edge of locks_after.get(at.cls) ?? []) {
			let dep = edge.dep;
			if (at.only_xr)
				dep &= ~(DEP_SR | DEP_SN);
			if (dep === 0)
				continue;
			const only_xr = (dep & (DEP_SN | DEP_EN)) === 0;
			const mark = edge.cls * 2 + (only_xr ? 1 : 0);
			if (seen.has(mark))
				continue;
			seen.add(mark);
			const entry = new struct_lock_list(edge.cls, at.cls, edge.dep, edge.trace);
			entry.parent = at;
			entry.only_xr = only_xr;
			if (entry.cls === target && target_ok(entry))
				return entry;
			queue.push(entry);
		}
	}
	return null;
}

const NO_TRACE = new Error("no trace");

/*
 * kernel/locking/lockdep.c:check_deadlock(). A class that is held is refused, unless both are
 * recursive readers. Under a nest lock nothing is asked: lock_acquire_nest().
 */
function check_deadlock(curr: struct_task_struct, next_key: number, lock: number): void {
	const depth = pcpu_hot[HOT_LOCK_DEPTH]!;

	for (let i = 1; i <= depth; i++) {
		const prev = held_key(i);
		if (((prev ^ next_key) & HLOCK_CLASS_MASK) !== 0)
			continue;
		if ((next_key & HLOCK_READ_MASK) === HLOCK_READ_RECURSIVE &&
		    (prev & HLOCK_READ_MASK) !== 0)
			continue;
		if ((prev & HLOCK_READ_MASK) === HLOCK_NOCHECK && held_lock[i] !== lock)
			continue;
		print_deadlock_bug(curr, prev, next_key);
	}
}

/* kernel/locking/lockdep.c:check_prevs_add(): back to the first lock that was not a trylock */
function check_prevs_add(curr: struct_task_struct, next_key: number): void {
	for (let i = pcpu_hot[HOT_LOCK_DEPTH]!; i > 0; i--) {
		const prev = held_key(i);
		if (((prev ^ next_key) & HLOCK_CTX_MASK) !== 0)
			return;
		if ((prev & HLOCK_READ_MASK) !== HLOCK_NOCHECK) {
			check_prev_add(curr, prev, next_key);
			if ((prev & HLOCK_TRYLOCK) === 0)
				return;
		}
	}
}

function check_prev_add(curr: struct_task_struct, prev: number, next: number): void {
	const prev_cls = prev & HLOCK_CLASS_MASK, next_cls = next & HLOCK_CLASS_MASK;
	const dep = calc_dep(prev, next);

	if (prev_cls === next_cls)
		return;
	const cycle = find_path(next, prev_cls, (entry) =>
		(prev & HLOCK_READ_MASK) === 0 || !entry.only_xr);
	if (cycle !== null)
		print_circular_bug(curr, cycle, next, prev);

	let after = locks_after.get(prev_cls);
	if (after === undefined) {
		after = [];
		locks_after.set(prev_cls, after);
	}
	for (const edge of after) {
		if (edge.cls === next_cls) {
			edge.dep |= dep;
			return;
		}
	}
	after.push(new struct_lock_list(next_cls, prev_cls, dep, save_stack_trace()));
}

/** For tools: every dependency that was seen, as "a -> b". */
export function lockdep_dependencies(): string[] {
	const out: string[] = [];
	for (const [from, edges] of locks_after) {
		for (const e of edges)
			out.push(`${__lock_name(from)} -> ${__lock_name(e.cls)}`);
	}
	return out;
}

/* ---- usage in interrupts -------------------------------------------------------------------- */

const OPPOSITE: [number, number, string, string][] = [
	[LOCK_USED_IN_HARDIRQ, LOCK_ENABLED_HARDIRQ, "IN-HARDIRQ-W", "HARDIRQ-ON-W"],
	[LOCK_USED_IN_SOFTIRQ, LOCK_ENABLED_SOFTIRQ, "IN-SOFTIRQ-W", "SOFTIRQ-ON-W"],
];

function mark_usage(curr: struct_task_struct, cls: number, need: number, kind: number): void {
	const had = usage_mask[cls]!;
	const has = had | need;

	for (const [used, enabled, used_name, enabled_name] of OPPOSITE) {
		/* a writer on one side, anything on the other; readers alone never wait */
		const bad = ((has & used) !== 0 && (has & (enabled | enabled << 1)) !== 0) ||
			((has & enabled) !== 0 && (has & (used | used << 1)) !== 0);
		if (!bad)
			continue;
		const now_used = (need & (used | used << 1)) !== 0;
		print_usage_bug(curr, cls, kind, now_used ? enabled_name : used_name,
			now_used ? used_name : enabled_name);
	}
	usage_mask[cls] = has;
}

/**
 * Interrupts go on: locks held now were held with interrupts enabled. What was taken while they
 * were enabled is marked already: what was taken last, then, if anything was not.
 */
export function lockdep_hardirqs_on(): void {
	/* its number is one above IRQS_OFF_CHAINS */
	if (pcpu_hot[HOT_LOCK_CHAIN]! < 0)
		mark_held_locks();
}

function mark_held_locks(): void {
	const curr = current;
	const depth = pcpu_hot[HOT_LOCK_DEPTH]!;

	for (let i = 1; i <= depth; i++) {
		const key = held_key(i);
		if ((key & HLOCK_IRQS_OFF) === 0 || (key & HLOCK_READ_MASK) === HLOCK_NOCHECK)
			continue;
		const need = (key & HLOCK_READ_MASK) !== 0 ? LOCK_ENABLED_HARDIRQ << 1 :
			LOCK_ENABLED_HARDIRQ;
		if ((usage_mask[key & HLOCK_CLASS_MASK]! & need) !== need)
			mark_usage(curr, key & HLOCK_CLASS_MASK, need, key);
	}
}

/* ---- reports -------------------------------------------------------------------------------- */

function __lock_name(cls: number): string {
	const sub = cls & (MAX_LOCKDEP_SUBCLASSES - 1);
	return lock_class_name(cls) + (sub !== 0 ? `/${sub}` : "");
}

function usage_char(cls: number, shift: number, read: number): string {
	const used = (usage_mask[cls]! & (1 << shift + read)) !== 0;
	const on = (usage_mask[cls]! & (4 << shift + read)) !== 0;
	return used ? (on ? "?" : "-") : (on ? "+" : ".");
}

function lock_name(cls: number): string {
	const w = lock_class_wait_type(cls);
	const usage = usage_char(cls, 0, 0) + usage_char(cls, 0, 1) + usage_char(cls, 4, 0) +
		usage_char(cls, 4, 1);
	return ` (${__lock_name(cls)}){${usage}}-{${w}:${w}}`;
}

function print_lock(key: number): void {
	printk(KERN_CONT + "%s\n", lock_name(key & HLOCK_CLASS_MASK));
}

function print_lock_trace(trace: Error, spaces: number): void {
	for (const line of stack_trace_lines(trace))
		printk("%s%s\n", " ".repeat(spaces), line);
}

/** kernel/locking/lockdep.c:lockdep_print_held_locks() */
export function lockdep_print_held_locks(p: struct_task_struct): void {
	const depth = task_hot(p)[HOT_LOCK_DEPTH]!;

	if (depth === 0)
		printk("no locks held by %s/%d.\n", p.comm, p.pid);
	else
		printk("%d lock%s held by %s/%d:\n", depth, depth > 1 ? "s" : "", p.comm, p.pid);
	for (let i = 0; i < depth; i++) {
		const chain = i === depth - 1 ? task_hot(p)[HOT_LOCK_CHAIN]! :
			task_held_before(p)[i + 2]!;
		printk(" #%d: ", i);
		print_lock(chain_key[chain >>> CHAIN_SHIFT]!);
	}
}

export const debug_show_held_locks = lockdep_print_held_locks;

function report_head(title: string): void {
	const bar = title.length + 1;
	pcpu_hot[HOT_PREEMPT]! += LOCKDEP_RECURSION_OFFSET;
	pr_warn("\n");
	pr_warn("%s\n", "=".repeat(bar));
	pr_warn("%s\n", title);
	print_kernel_ident();
	pr_warn("%s\n", "-".repeat(bar));
}

function report_end(what: string): never {
	pr_warn("\nstack backtrace:\n");
	dump_stack();
	pcpu_hot[HOT_PREEMPT]! -= LOCKDEP_RECURSION_OFFSET;
	throw new kernel_bug(what);
}

function print_deadlock_bug(curr: struct_task_struct, prev: number, next: number): never {
	report_head("WARNING: possible recursive locking detected");
	pr_warn("%s/%d is trying to acquire lock:\n", curr.comm, curr.pid);
	print_lock(next);
	pr_warn("\nbut task is already holding lock:\n");
	print_lock(prev);
	pr_warn("\nother info that might help us debug this:\n");
	printk(" Possible unsafe locking scenario:\n\n");
	printk("       CPU0\n");
	printk("       ----\n");
	printk("  lock(%s);\n", __lock_name(prev & HLOCK_CLASS_MASK));
	printk("  lock(%s);\n", __lock_name(next & HLOCK_CLASS_MASK));
	printk("\n *** DEADLOCK ***\n\n");
	printk(" May be due to missing lock nesting notation\n\n");
	lockdep_print_held_locks(curr);
	report_end("possible recursive locking detected: " +
		__lock_name(next & HLOCK_CLASS_MASK));
}

function print_circular_bug(curr: struct_task_struct, target: struct_lock_list, src: number,
	tgt: number): never {
	const source = src & HLOCK_CLASS_MASK, held = tgt & HLOCK_CLASS_MASK;
	const here = save_stack_trace();
	let depth = 0;
	for (let e: struct_lock_list | null = target; e?.parent; e = e.parent)
		depth++;

	report_head("WARNING: possible circular locking dependency detected");
	pr_warn("%s/%d is trying to acquire lock:\n", curr.comm, curr.pid);
	print_lock(src);
	pr_warn("\nbut task is already holding lock:\n");
	print_lock(tgt);
	pr_warn("\nwhich lock already depends on the new lock.\n\n");
	pr_warn("\nthe existing dependency chain (in reverse order) is:\n");
	for (let e: struct_lock_list | null = target; e !== null; e = e.parent) {
		printk("\n-> #%d%s:\n", depth--, lock_name(e.cls));
		print_lock_trace(e.parent !== null ? e.trace : here, 6);
	}
	printk("\nother info that might help us debug this:\n\n");
	/* the lock before the one that is held, on the existing path */
	const parent = target.parent!.cls;
	if (parent !== source) {
		printk("Chain exists of:\n  %s --> %s --> %s\n\n", __lock_name(source),
			__lock_name(parent), __lock_name(held));
	}
	printk(" Possible unsafe locking scenario:\n\n");
	printk("       CPU0                    CPU1\n");
	printk("       ----                    ----\n");
	printk("  lock(%s);\n", __lock_name(held));
	printk("                               lock(%s);\n", __lock_name(parent));
	printk("                               lock(%s);\n", __lock_name(held));
	printk("  lock(%s);\n", __lock_name(source));
	printk("\n *** DEADLOCK ***\n\n");
	lockdep_print_held_locks(curr);
	report_end("possible circular locking dependency detected: " +
		`${__lock_name(held)} -> ${__lock_name(source)}`);
}

function print_usage_bug(curr: struct_task_struct, cls: number, kind: number, prev: string,
	new_: string): never {
	report_head("WARNING: inconsistent lock state");
	pr_warn("inconsistent {%s} -> {%s} usage.\n", prev, new_);
	pr_warn("%s/%d [HC%d:SC%d] takes:\n", curr.comm, curr.pid,
		(pcpu_hot[HOT_PREEMPT]! & HARDIRQ_MASK) !== 0 ? 1 : 0,
		(pcpu_hot[HOT_PREEMPT]! & SOFTIRQ_MASK) !== 0 ? 1 : 0);
	print_lock(cls | kind);
	pr_warn("\nother info that might help us debug this:\n");
	printk(" Possible unsafe locking scenario:\n\n");
	printk("       CPU0\n");
	printk("       ----\n");
	printk("  lock(%s);\n", __lock_name(cls));
	printk("  <Interrupt>\n");
	printk("    lock(%s);\n", __lock_name(cls));
	printk("\n *** DEADLOCK ***\n\n");
	lockdep_print_held_locks(curr);
	report_end(`inconsistent lock state: ${__lock_name(cls)}`);
}

function print_unlock_imbalance_bug(curr: struct_task_struct, dep: number): never {
	report_head("WARNING: bad unlock balance detected!");
	pr_warn("%s/%d is trying to release lock (%s) at:\n", curr.comm, curr.pid,
		__lock_name(dep));
	pr_warn("but there are no more locks to release!\n");
	pr_warn("\nother info that might help us debug this:\n");
	lockdep_print_held_locks(curr);
	report_end(`bad unlock balance detected: ${__lock_name(dep)}`);
}

function print_lock_nested_lock_not_held(curr: struct_task_struct, cls: number): never {
	report_head("WARNING: Nested lock was not taken");
	pr_warn("%s/%d is trying to lock:\n", curr.comm, curr.pid);
	print_lock(cls);
	lockdep_print_held_locks(curr);
	report_end(`Nested lock was not taken: ${__lock_name(cls)}`);
}

function register_lock_class_bug(): never {
	printk("INFO: trying to register non-static key.\n");
	printk("The code is fine but needs lockdep annotation, or maybe\n");
	printk("you didn't initialize this object before use?\n");
	printk("turning off the locking correctness validator.\n");
	dump_stack();
	throw new kernel_bug("trying to register non-static key");
}

function max_lock_depth(curr: struct_task_struct): never {
	printk("BUG: MAX_LOCK_DEPTH too low!\n");
	printk("depth: %i  max: %d!\n", pcpu_hot[HOT_LOCK_DEPTH], MAX_LOCK_DEPTH);
	lockdep_print_held_locks(curr);
	dump_stack();
	throw new kernel_bug("MAX_LOCK_DEPTH too low");
}

function max_lockdep_chains(): never {
	printk("BUG: MAX_LOCKDEP_CHAINS too low!\n");
	dump_stack();
	throw new kernel_bug("MAX_LOCKDEP_CHAINS too low");
}

/** kernel/locking/lockdep.c:debug_check_no_locks_held(), at do_exit(). */
export function debug_check_no_locks_held(): void {
	const curr = current;
	if (pcpu_hot[HOT_LOCK_DEPTH] === 0)
		return;
	report_head(`WARNING: ${curr.comm}/${curr.pid} still has locks held!`);
	lockdep_print_held_locks(curr);
	report_end("task still has locks held");
}

/** kernel/locking/lockdep.c:lockdep_sys_exit(), at return to user mode. */
export function lockdep_sys_exit(): void {
	if (pcpu_hot[HOT_LOCK_DEPTH] !== 0)
		print_sys_exit(current);
}

function print_sys_exit(curr: struct_task_struct): never {
	report_head("WARNING: lock held when returning to user space!");
	pr_warn("%s/%d is leaving the kernel with locks still held!\n", curr.comm, curr.pid);
	lockdep_print_held_locks(curr);
	report_end("lock held when returning to user space");
}

/** For a task that died in the kernel: what it held stays locked, unknown to us. */
export function lockdep_forget_held(): void {
	pcpu_hot[HOT_LOCK_DEPTH] = 0;
	pcpu_hot[HOT_LOCK_CHAIN] = 0;
	pcpu_hot[HOT_LOCK_MERGED] = 0;
	held_refs.fill(0);
}

/** kernel/locking/lockdep.c:lockdep_rcu_suspicious() */
export function lockdep_rcu_suspicious(s: string): never {
	const curr = current;
	report_head("WARNING: suspicious RCU usage");
	pr_warn("%s!\n", s);
	pr_warn("\nother info that might help us debug this:\n\n");
	pr_warn("\nrcu_scheduler_active = 2, debug_locks = %d\n", debug_locks ? 1 : 0);
	lockdep_print_held_locks(curr);
	report_end(s);
}

/* ---- classes -------------------------------------------------------------------------------- */

/** Gives @lock a class of its own (before it is used). */
export function lockdep_set_class(lock: lockdep_map & { readers?: number },
	key: struct_lock_class_key | string): void {
	lockdep_set_class_and_name(lock, key, typeof key === "string" ? key : key.name);
}

export function lockdep_set_class_and_name(lock: lockdep_map, _key: unknown, name: string): void {
	const wait = lock.dep !== 0 ? lock_class_wait_type(lock.dep) :
		"wait_list" in lock ? LD_WAIT_SLEEP : LD_WAIT_CONFIG;
	lock.dep = lockdep_key(name, wait);
}

/** All later plain acquisitions count as subclass @sub. */
export function lockdep_set_subclass(lock: lockdep_map, sub: number): void {
	lock.dep = (lock.dep & ~(MAX_LOCKDEP_SUBCLASSES - 1)) + sub;
}

/** Whether @lock has the class of @key. */
export function lockdep_match_class(lock: lockdep_map, key: struct_lock_class_key | string):
	boolean {
	return lock_class_name(lock.dep) === (typeof key === "string" ? key : key.name);
}

/** A map without a lock (fs_reclaim, srcu, memory that behaves like one). */
export function lockdep_init_map(map: lockdep_map, name: string, wait_type = LD_WAIT_SLEEP): void {
	map.dep = lockdep_key(name, wait_type);
}
