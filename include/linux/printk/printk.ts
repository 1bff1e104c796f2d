// SPDX-License-Identifier: GPL-2.0
/*
 * The message ring and the consoles.
 *
 * Upstream: kernel/printk/printk.c. Left out: syslog(2), devkmsg, deferred printing, sysctls; a
 * message reaches the consoles at once. Lines carry the virtual time.
 */
import { LOGLEVEL_DEBUG, LOGLEVEL_WARNING } from "#linux/kern_levels.ts";
import { vsprintf } from "#linux/kernel/vsprintf.ts";

export interface struct_console {
	name: string;
	/** @line: one line with its time stamp, without the newline */
	write(line: string, level: number): void;
}

export interface printk_record {
	/** ns */
	readonly ts: number;
	readonly level: number;
	readonly text: string;
}

const LOG_BUF_RECORDS	= 16384;

export let console_loglevel = 7;
const consoles: struct_console[] = [];
let log_buf: printk_record[] = [];
let log_dropped = 0;
let cont: { level: number; text: string } | null = null;
let clock: () => number = () => 0;

/** Timekeeping gives the time stamps once it is up. */
export function printk_set_clock(fn: () => number): void {
	clock = fn;
}

/** Lines already in the ring are replayed to a console that wants them. */
export function register_console(con: struct_console, replay = true): void {
	consoles.push(con);
	if (!replay)
		return;
	for (const r of log_buf) {
		if (r.level < console_loglevel)
			con.write(prefix(r.ts) + r.text, r.level);
	}
}

export function unregister_console(con: struct_console): void {
	const i = consoles.indexOf(con);
	if (i >= 0)
		consoles.splice(i, 1);
}

export function set_console_loglevel(level: number): void {
	console_loglevel = level;
}

function prefix(ts: number): string {
	const us = Math.floor(ts / 1000);
	const sec = Math.floor(us / 1000000);
	return `[${String(sec).padStart(5)}.${String(us % 1000000).padStart(6, "0")}] `;
}

function log_store(level: number, text: string): void {
	const r: printk_record = { ts: clock(), level, text };
	if (log_buf.length >= 2 * LOG_BUF_RECORDS) {
		log_dropped += log_buf.length - LOG_BUF_RECORDS;
		log_buf = log_buf.slice(-LOG_BUF_RECORDS);
	}
	log_buf.push(r);
	if (level >= console_loglevel)
		return;
	const line = prefix(r.ts) + text;
	for (const con of consoles)
		con.write(line, level);
}

/** kernel/printk/printk.c:vprintk_store() */
export function vprintk(fmt: string, args: readonly unknown[]): number {
	let text = vsprintf(fmt, args);
	let level = LOGLEVEL_WARNING;
	let is_cont = false;

	while (text.charCodeAt(0) === 1) {
		const c = text.charAt(1);
		if (c === "c")
			is_cont = true;
		else if (c >= "0" && c <= "7")
			level = c.charCodeAt(0) - 48;
		text = text.slice(2);
	}
	const len = text.length;
	if (cont !== null && is_cont) {
		level = cont.level;
		text = cont.text + text;
	} else if (cont !== null) {
		log_store(cont.level, cont.text);
	}
	cont = null;
	const lines = text.split("\n");
	const last = lines.pop()!;
	for (const line of lines)
		log_store(level, line);
	if (last !== "")
		cont = { level, text: last };
	return len;
}

/** A line that was begun and never ended. */
export function console_flush_on_panic(): void {
	if (cont !== null)
		log_store(cont.level, cont.text);
	cont = null;
}

/** What dmesg shows. */
export function kmsg_dump_get_buffer(): readonly printk_record[] {
	return log_buf;
}

export function kmsg_text(): string[] {
	return log_buf.map((r) => r.text);
}

export function kmsg_dropped(): number {
	return log_dropped;
}

/** For kunit and for a host that boots again. */
export function log_buf_clear(): void {
	console_flush_on_panic();
	log_buf = [];
	log_dropped = 0;
}

let ratelimit_sites: Map<string, number> | null = null;

/** Five a site and run, as upstream's burst; printk_ratelimited() and friends. */
export function __printk_ratelimit(site: string): boolean {
	ratelimit_sites ??= new Map();
	const n = (ratelimit_sites.get(site) ?? 0) + 1;
	ratelimit_sites.set(site, n);
	return n <= 10;
}

export { LOGLEVEL_DEBUG };
