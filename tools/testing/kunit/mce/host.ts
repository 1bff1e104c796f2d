// SPDX-License-Identifier: GPL-2.0
/*
 * A host with machine checks, and a program on it that meets poison: for the tests here.
 *
 * Port-only. No test library: scenarios.ts runs without one.
 */
import "#generated/vmlinux.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { get_user_pages_fast, put_page } from "#linux/mm.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { log_buf_clear } from "#linux/printk.ts";
import { boot, run_init } from "#arch/x86/entry/boot.ts";
import { set_user_runtime, syscall } from "#arch/x86/entry/syscall_64.ts";
import { __NR_memfd_create, __NR_mmap, __NR_rt_sigaction } from "#uapi-asm/unistd_64.ts";
import { user_store8, user_write } from "#hw/isa.ts";
import { tme_poison_line, tme_write_line } from "#hw/tme.ts";
import { complete, parse_host } from "#tools/testing/host/config.ts";

export type prog = Generator<void, number, void>;
type handler = (signo: number, info: Uint8Array) => void;
class jump extends Error {}

export const TD = 17, MAP_SHARED = 1;
const MAP_PRIVATE_ANON = 0x22;
const __NR_tuxcall = 184;
let in_kernel: () => void = () => {};
SYSCALL_DEFINE("tuxcall", [], () => {
	in_kernel();
	return 0;
});

function must(x: number): number {
	if (x < 0)
		throw new Error(`system call: ${x}`);
	return x;
}

/** Runs @fn in the middle of a system call. */
export function kernel(fn: () => void): void {
	in_kernel = fn;
	must(syscall(__NR_tuxcall));
}

const handlers: handler[] = [];
/** A page of the program. */
export let scratch = 0;

export function mmap(len: number, flags = MAP_PRIVATE_ANON, fd = -1): number {
	return must(syscall(__NR_mmap, 0, len, 7, flags, fd, 0));
}

export function memfd(): number {
	user_write(scratch, new Uint8Array([120, 0]));
	return must(syscall(__NR_memfd_create, scratch, 0));
}

function sigaction(signo: number, fn: handler): void {
	const sa = new DataView(new ArrayBuffer(32));
	sa.setBigUint64(0, BigInt(0x400000 + handlers.push(fn) - 1), true);
	sa.setBigUint64(8, BigInt(0x44000004), true);
	user_write(scratch, new Uint8Array(sa.buffer));
	must(syscall(__NR_rt_sigaction, signo, scratch, 0, 8));
}

/** si_code, address relative to @base and si_addr_lsb of the SIGBUS that @fn causes, or null. */
export function sigbus_of(base: number, fn: () => void): number[] | null {
	let got: number[] | null = null;
	sigaction(7, (_, info) => {
		const dv = new DataView(info.buffer, info.byteOffset);
		got = [dv.getInt32(8, true), Number(dv.getBigUint64(16, true)) - base,
			dv.getInt16(24, true)];
		throw new jump();
	});
	try {
		fn();
	} catch (e) {
		if (!(e instanceof jump))
			throw e;
	}
	return got;
}

/** @options: the host runner's, beside tdx=on. @runtime: signals are for sigbus_of(). */
export function boot_host(options: string, runtime = true, cmdline = ""): void {
	boot(complete({ ...parse_host(`memory=1G cpus=3 tdx=on ${options}`), cmdline }));
	log_buf_clear();
	if (runtime)
		set_user_runtime({
			deliver: (addr, signo, info) => handlers[addr - 0x400000]!(signo, info),
		});
}

/** Runs @body as a program; its status word. */
export function run_program(body: () => Generator<void, void, void> | void): number {
	return run_init((function* (): prog {
		scratch = mmap(4096);
		user_store8(scratch, 0);
		const rest = body();
		if (rest !== undefined)
			yield* rest;
		return 0;
	})(), "test");
}

/** The page that the program has at @va. */
export function page_at(va: number): struct_page {
	const pages: struct_page[] = [];
	kernel(() => {
		if (get_user_pages_fast(va as never, 1, 1, pages) !== 1)
			throw new Error("no page there");
		put_page(pages[0]!);
	});
	return pages[0]!;
}

export const poison = (page: struct_page, at = 0): void =>
	tme_poison_line(page.pfn * 4096 + at);

/** Makes all of the page the TD's. */
export function give_to_td(page: struct_page): void {
	const line = new Uint8Array(64).fill(0x5a);

	for (let at = 0; at < 4096; at += 64)
		tme_write_line(page.pfn * 4096 + at, TD, line);
}
