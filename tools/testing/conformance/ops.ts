// SPDX-License-Identifier: GPL-2.0
/*
 * The operations of recorded steps on files and mappings, through nolibc.
 *
 * Port-only. Each takes the process state and the step and returns the outcome in the recorder's
 * own terms. Groups with operations of their own add them with add_ops().
 */
import { O_TMPFILE } from "#uapi/linux/fcntl.ts";
import { MREMAP_FIXED } from "#uapi/linux/mman.ts";
import * as libc from "#tools/include/nolibc/nolibc.ts";
import { decode, encode, integer, num, type addr_text, type fd_text, type outcome, type step } from
	"./format.ts";

/* What a process of a case knows. Copied by fork. */
export class process_state {
	fds = new Map<string, number>();
	maps = new Map<string, number>();

	copy(): process_state {
		const p = new process_state();
		p.fds = new Map(this.fds);
		p.maps = new Map(this.maps);
		return p;
	}
}

/** An operation that may have to wait, or a plain one. */
export type op_result = outcome | Generator<void, outcome, void>;
export type op_fn = (p: process_state, s: step) => op_result;

/** Where mappings without an address go: areas 32 GiB apart, never used twice. */
let next_hint = 0x10000000000;
const HINT_STEP = 32 * 2 ** 30;

/** A handle of the step is not bound: it did not run there either. */
export class unbound extends Error {}

export function fd_of(p: process_state, f: fd_text): number {
	if (f === null)
		return -1;
	if (typeof f !== "string")
		return Number(BigInt.asIntN(32, num(f.raw)));
	const fd = p.fds.get(f);
	if (fd === undefined)
		throw new unbound(f);
	return fd;
}

export function map_of(p: process_state, m: string): number {
	const at = p.maps.get(m);
	if (at === undefined)
		throw new unbound(m);
	return at;
}

export function addr_of(p: process_state, a: addr_text | undefined): bigint {
	if (a === null || a === undefined)
		return 0n;
	if ("raw" in a)
		return num(a.raw);
	return BigInt(map_of(p, a.map)) + num(a.off ?? 0);
}

/** Outcome of a call that returned @r (-1: errno). */
export function result(r: number | bigint): outcome {
	return r < 0 ? { err: libc.errno_name(libc.errno()) } : { ret: integer(r) };
}

/** Outcome of a call that makes a descriptor, bound as the step says. */
export function bind_fd(p: process_state, s: step, fd: number): outcome {
	if (fd < 0)
		return result(fd);
	if (s.as === undefined)
		return { ret: fd };
	p.fds.set(s.as, fd);
	p.maps.delete(s.as);
	return { ret: `@${s.as}` };
}

function bind_map(p: process_state, s: step, at: number): outcome {
	if (at < 0)
		return result(at);
	p.maps.set(s.as!, at);
	p.fds.delete(s.as!);
	return { ret: `@${s.as!}` };
}

/** read and pread: into a given address, or into scratch memory that is then shown. */
function reading(p: process_state, s: step, call: (buf: bigint | number, len: bigint) => number):
	outcome {
	const len = num(s["len"]);
	if (s["buf"] !== undefined)
		return result(call(addr_of(p, s["buf"]), len));
	/* a length in range gets a buffer of its size: the kernel checks the whole of it */
	const room = Number(len < 1n << 31n ? len : 1n << 22n);
	const buf = libc.malloc(room);
	const r = call(buf, len);
	const out = result(r);
	if (r >= 0)
		out.data = r === 0 ? { hex: "" } : encode(libc.peek(buf, r));
	libc.free(buf);
	return out;
}

function writing(p: process_state, s: step, call: (buf: bigint | number, len: bigint | number) =>
	number): outcome {
	if (s["data"] === undefined)
		return result(call(addr_of(p, s["buf"]), num(s["len"])));
	const bytes = decode(s["data"]);
	const buf = libc.malloc(bytes.length);
	libc.poke(buf, bytes);
	const out = result(call(buf, bytes.length));
	libc.free(buf);
	return out;
}

const CODES: Record<string, Record<number, string>> = {
	SIGBUS: { 1: "BUS_ADRALN", 2: "BUS_ADRERR", 3: "BUS_OBJERR", 4: "BUS_MCEERR_AR" },
	SIGSEGV: { 1: "SEGV_MAPERR", 2: "SEGV_ACCERR", 3: "SEGV_BNDERR", 4: "SEGV_PKUERR" },
};
const SIGBUS = 7, SIGSEGV = 11;

/** Runs @access; the signal that ended it, with the address relative to @base, or null. */
export function catching(base: number, access: () => void): outcome | null {
	const env = new libc.sigjmp_buf();
	let caught: outcome | null = null;
	const on_signal = (signo: number, info: libc.siginfo): void => {
		const signal = signo === SIGBUS ? "SIGBUS" : "SIGSEGV";
		caught = { signal, code: CODES[signal]![info.code] ?? String(info.code),
			at: info.addr - base };
		libc.siglongjmp(env, 1);
	};
	libc.sigaction(SIGBUS, on_signal);
	libc.sigaction(SIGSEGV, on_signal);
	libc.sigsetjmp(env, access);
	libc.sigaction(SIGBUS, libc.SIG_DFL);
	libc.sigaction(SIGSEGV, libc.SIG_DFL);
	return caught;
}

function op_mmap(p: process_state, s: step): outcome {
	let addr: bigint;
	if (s["addr"] !== undefined) {
		addr = addr_of(p, s["addr"]);
	} else {
		addr = BigInt(next_hint);
		next_hint += HINT_STEP;
	}
	const at = libc.mmap(addr, num(s["len"]), Number(BigInt.asIntN(32, num(s["prot"]))),
		Number(BigInt.asIntN(32, num(s["flags"]))), fd_of(p, s["fd"] ?? null),
		num(s["off"] ?? 0));
	const out = bind_map(p, s, at);
	if (at >= 0 && s["addr"] !== undefined)
		out.at_addr = BigInt(at) === addr;
	return out;
}

function op_mremap(p: process_state, s: step): outcome {
	const old = BigInt(map_of(p, s["map"])) + num(s["off"] ?? 0);
	const flags = Number(num(s["flags"] ?? 0));
	const at = libc.mremap(old, num(s["old_len"]), num(s["new_len"]), flags,
		flags & MREMAP_FIXED ? addr_of(p, s["new_addr"]) : 0);
	const out = bind_map(p, s, at);
	if (at >= 0)
		out.moved = BigInt(at) !== old;
	return out;
}

function op_load(p: process_state, s: step): outcome {
	const base = map_of(p, s["map"]);
	const at = base + Number(num(s["off"]));
	let bytes = new Uint8Array(0);
	const fault = catching(base, () => {
		bytes = libc.peek(at, Number(num(s["len"]))) as Uint8Array<ArrayBuffer>;
	});
	return fault ?? { data: bytes.length === 0 ? { hex: "" } : encode(bytes) };
}

function op_store(p: process_state, s: step): outcome {
	const base = map_of(p, s["map"]);
	const at = base + Number(num(s["off"]));
	return catching(base, () => libc.poke(at, decode(s["data"]))) ?? { ok: true };
}

const TYPES: Record<number, string> = {
	0o100000: "reg", 0o020000: "chr", 0o010000: "fifo", 0o040000: "dir", 0: "none",
};

function op_fstat(p: process_state, s: step): outcome {
	const st = libc.fstat(fd_of(p, s["fd"]));
	if (st === null)
		return result(-1);
	const all: Record<string, number | string> = {
		size: integer(st.st_size),
		blocks: integer(st.st_blocks),
		type: TYPES[st.st_mode & 0o170000] ?? "other",
		perm: "0" + (st.st_mode & 0o7777).toString(8),
		nlink: integer(st.st_nlink),
		blksize: integer(st.st_blksize),
	};
	const fields: string[] = s["fields"] ?? ["size", "blocks"];
	return { ret: 0, st: Object.fromEntries(fields.map((f) => [f, all[f]!])) };
}

function op_mincore(p: process_state, s: step): outcome {
	const len = num(s["len"]);
	const vec = libc.malloc(1 << 16);
	const r = libc.mincore(BigInt(map_of(p, s["map"])) + num(s["off"] ?? 0), len, vec);
	const out = result(r);
	if (r === 0) {
		const n = Number((len + 4095n) / 4096n);
		out.vec = Array.from(libc.peek(vec, n), (b) => b & 1);
	}
	libc.free(vec);
	return out;
}

/** Address and length of a step on a part of a mapping. */
const range = (p: process_state, s: step): [bigint, bigint] =>
	[BigInt(map_of(p, s["map"])) + num(s["off"] ?? 0), num(s["len"])];

const int = (x: number | string | undefined): number =>
	Number(BigInt.asIntN(32, num(x ?? 0)));

const ops: Record<string, op_fn> = {
	memfd_create: (p, s) => {
		const name = s["name"] as string | null | addr_text;
		const flags = Number(BigInt.asUintN(32, num(s["flags"])));
		const arg = name === null || typeof name === "string" ? name : Number(addr_of(p,
			name));
		return bind_fd(p, s, libc.memfd_create(arg, flags));
	},
	tmpfile: (p, s) => bind_fd(p, s, libc.open("/dev/shm", O_TMPFILE | int(s["flags"]), 0o600)),
	eventfd: (p, s) => bind_fd(p, s, libc.eventfd(0, 0)),
	pipe: (p, s) => {
		const fds = libc.pipe();
		if (fds === null)
			return result(-1);
		p.fds.set(`${s.as!}.r`, fds[0]);
		p.fds.set(`${s.as!}.w`, fds[1]);
		return { ret: `@${s.as!}` };
	},
	reopen: (p, s) => bind_fd(p, s,
		libc.open(`/proc/self/fd/${fd_of(p, s["fd"])}`, int(s["flags"]))),
	dup: (p, s) => bind_fd(p, s, libc.dup(fd_of(p, s["fd"]))),
	close: (p, s) => result(libc.close(fd_of(p, s["fd"]))),
	fd_name: (p, s) => {
		const link = libc.readlink(`/proc/self/fd/${fd_of(p, s["fd"])}`);
		return link === null ? result(-1) : { ret: 0, link };
	},
	ftruncate: (p, s) => result(libc.ftruncate(fd_of(p, s["fd"]), num(s["len"]))),
	fallocate: (p, s) => result(libc.fallocate(fd_of(p, s["fd"]), int(s["mode"]),
		num(s["off"]), num(s["len"]))),
	read: (p, s) => reading(p, s, (buf, len) => libc.read(fd_of(p, s["fd"]), buf, len)),
	pread: (p, s) => reading(p, s,
		(buf, len) => libc.pread(fd_of(p, s["fd"]), buf, len, num(s["off"]))),
	write: (p, s) => writing(p, s, (buf, len) => libc.write(fd_of(p, s["fd"]), buf, len)),
	pwrite: (p, s) => writing(p, s,
		(buf, len) => libc.pwrite(fd_of(p, s["fd"]), buf, len, num(s["off"]))),
	lseek: (p, s) => result(libc.lseek(fd_of(p, s["fd"]), num(s["off"]), int(s["whence"]))),
	fstat: op_fstat,
	fsync: (p, s) => result(libc.fsync(fd_of(p, s["fd"]))),
	fcntl: (p, s) => {
		const r = libc.fcntl(fd_of(p, s["fd"]), int(s["cmd"]), num(s["arg"] ?? 0));
		return s.as === undefined ? result(r) : bind_fd(p, s, r);
	},
	sendfile: (p, s) => result(libc.sendfile(fd_of(p, s["out_fd"]), fd_of(p, s["in"]),
		s["in_off"] === null ? null : num(s["in_off"]), num(s["len"]))),
	copy_file_range: (p, s) => result(libc.copy_file_range(fd_of(p, s["in"]),
		s["in_off"] === null ? null : num(s["in_off"]), fd_of(p, s["out_fd"]),
		s["out_off"] === null ? null : num(s["out_off"]), num(s["len"]), int(s["flags"]))),
	ioctl: (p, s) => {
		const arg = s["arg"];
		const value = arg !== null && typeof arg === "object" ? addr_of(p,
			arg) : num(arg ?? 0);
		const req = Number(BigInt.asUintN(32, num(s["req"])));
		const r = libc.ioctl(fd_of(p, s["fd"]), req, value);
		return s.as === undefined ? result(r) : bind_fd(p, s, r);
	},
	mmap: op_mmap,
	munmap: (p, s) => result(libc.munmap(...range(p, s))),
	mprotect: (p, s) => result(libc.mprotect(...range(p, s), int(s["prot"]))),
	madvise: (p, s) => result(libc.madvise(...range(p, s), int(s["advice"]))),
	msync: (p, s) => result(libc.msync(...range(p, s), int(s["flags"]))),
	mlock: (p, s) => result(libc.mlock(...range(p, s))),
	munlock: (p, s) => result(libc.munlock(...range(p, s))),
	mincore: op_mincore,
	mremap: op_mremap,
	load: op_load,
	store: op_store,
};

/** Operations of further groups. */
export function add_ops(more: Record<string, op_fn>): void {
	Object.assign(ops, more);
}

/** Runs one step in the calling process. */
export function* run_op(p: process_state, s: step): Generator<void, outcome, void> {
	const fn = ops[s.op];
	if (fn === undefined)
		return { unsupported: s.op };
	try {
		const r = fn(p, s);
		return Symbol.iterator in r ? yield* r as Generator<void, outcome,
			void> : r as outcome;
	} catch (e) {
		if (e instanceof unbound)
			return { skipped: true };
		throw e;
	}
}
