// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoints.
 *
 * Upstream: include/linux/tracepoint.h, trace_events.h, kernel/trace in spirit. One is
 *
 *	const __tracepoint_x = DEFINE_TRACE("kvm", "x", (gpa: gpa_t) => `gpa ${gpa.toString(16)}`);
 *	export function trace_x(gpa: gpa_t): void {
 *		if (__tracepoint_x.enabled)
 *			__tracepoint_x.fire(gpa);
 *	}
 *
 * and costs a load while it is off. The print function gives TP_printk's text. Imports nothing, so
 * that it is safe at the top level of any module.
 */

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type trace_args = any[];

export interface trace_event {
	readonly system: string;
	readonly name: string;
	/** TP_printk's text */
	readonly text: string;
	readonly args: readonly unknown[];
}

export type trace_sink = (event: trace_event) => void;

export class struct_tracepoint<A extends trace_args> {
	readonly system: string;
	readonly name: string;
	readonly print: (...args: A) => string;
	enabled = false;
	/** called beside the sink: register_trace_x() */
	probes: ((...args: A) => void)[] = [];
	/** whether the sink wants it */
	to_sink = false;

	constructor(system: string, name: string, print: (...args: A) => string) {
		this.system = system;
		this.name = name;
		this.print = print;
	}

	/** Only called while enabled. */
	fire(...args: A): void {
		if (this.to_sink && sink !== null)
			sink({ system: this.system, name: this.name,
				text: this.print(...args), args });
		for (const probe of this.probes)
			probe(...args);
	}
}

const tracepoints = new Map<string, struct_tracepoint<trace_args>>();
let sink: trace_sink | null = null;

export function DEFINE_TRACE<A extends trace_args>(system: string, name: string,
	print: (...args: A) => string): struct_tracepoint<A> {
	const tp = new struct_tracepoint(system, name, print);
	tracepoints.set(`${system}:${name}`, tp as unknown as struct_tracepoint<trace_args>);
	return tp;
}

export const TRACE_EVENT = DEFINE_TRACE;

const trace_enums = new Map<string, () => number>();

/** Tells readers of events what number @symbol is; asked later, when its module is loaded. */
export function TRACE_DEFINE_ENUM(symbol: string, value: () => number): void {
	trace_enums.set(symbol, value);
}

/** C: an event's eval map. */
export function trace_enum_value(symbol: string): number | null {
	return trace_enums.get(symbol)?.() ?? null;
}

/** kernel/trace/trace_output.c:trace_print_flags_seq(): names of the bits that are set. */
export function __print_flags(flags: number, delim: string,
	table: readonly (readonly [number, string])[]): string {
	const names: string[] = [];

	for (const [mask, name] of table) {
		if ((flags & mask) !== mask)
			continue;
		names.push(name);
		flags &= ~mask;
	}
	if (flags !== 0)
		names.push(`0x${(flags >>> 0).toString(16)}`);
	return names.join(delim);
}

/** Where enabled events go; null: nowhere. */
export function set_trace_sink(fn: trace_sink | null): void {
	sink = fn;
}

/** All of them, as "system:name". */
export function trace_events(): string[] {
	return [...tracepoints.keys()];
}

/** "system:name", "system:*" or "*:*"; how many there are. */
export function trace_set_event(pattern: string, on: boolean): number {
	const [system, name] = pattern.includes(":") ? pattern.split(":") : ["*", pattern];
	let n = 0;
	for (const tp of tracepoints.values()) {
		if ((system !== "*" && tp.system !== system) || (name !== "*" && tp.name !== name))
			continue;
		tp.to_sink = on;
		tp.enabled = on || tp.probes.length !== 0;
		n++;
	}
	return n;
}

export function tracepoint_probe_register<A extends trace_args>(tp: struct_tracepoint<A>,
	probe: (...args: A) => void): void {
	tp.probes.push(probe);
	tp.enabled = true;
}

export function tracepoint_probe_unregister<A extends trace_args>(tp: struct_tracepoint<A>,
	probe: (...args: A) => void): void {
	tp.probes = tp.probes.filter((p) => p !== probe);
	tp.enabled = tp.to_sink || tp.probes.length !== 0;
}

export function trace_event_names(): string[] {
	return [...tracepoints.keys()].sort();
}
