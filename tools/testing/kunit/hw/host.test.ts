// SPDX-License-Identifier: GPL-2.0
/*
 * The host's memory as programs and the kernel see it: fault signals, user copies, system call
 * arguments, and TLBs that are stale when a flush is missing.
 *
 * Port-only.
 */
import "#generated/vmlinux.ts";
import { beforeAll, describe, expect, test } from "vitest";
import { ALIGN } from "#asm-generic/bits.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { __u32, __u64 } from "#asm-generic/struct.ts";
import { ref } from "#asm-generic/types.ts";
import { EFAULT, EINTR, ENOSYS, ERESTARTSYS } from "#linux/errno.ts";
import type { struct_mm_struct } from "#linux/mm_types.ts";
import { oops_count, panic_reset, warn_count } from "#linux/panic.ts";
import { kmsg_text, log_buf_clear } from "#linux/printk.ts";
import { TIF_SIGPENDING, current, set_thread_flag } from "#linux/sched.ts";
import {
	__copy_from_user_inatomic, __copy_to_user_inatomic, check_zeroed_user, clear_user,
	copy_from_user, copy_struct_from_user, copy_to_user, get_user, pagefault_disable,
	pagefault_enable, put_user, strncpy_from_user, strnlen_user,
} from "#linux/uaccess.ts";
import {
	p4d_offset, pgd_offset, pmd_offset, pte_clear, pte_offset_map, pte_pfn, pte_present,
	ptep_get, ptep_set_wrprotect, pud_offset, __swp_entry_hi, __swp_entry_lo, __swp_offset,
	__swp_type, __pte, pfn_pte, pte_modify, set_pte, PAGE_NONE, PAGE_SHARED, PAGE_READONLY,
	pte_write,
} from "#linux/pgtable.ts";
import type { pfn_nr } from "#asm-generic/types.ts";
import { enter_lazy_tlb, switch_mm_irqs_off } from "#asm/mmu_context.ts";
import { cpu_tlbstate, flush_tlb_mm } from "#asm/tlbflush.ts";
import { init_mm } from "#linux/mm.ts";
import { boot, run_init } from "#arch/x86/entry/boot.ts";
import { set_user_runtime, syscall, syscall_ret64 } from "#arch/x86/entry/syscall_64.ts";
import {
	__NR_madvise, __NR_getppid, __NR_kill, __NR_getpid, __NR_memfd_create, __NR_mmap,
	__NR_mprotect, __NR_munmap, __NR_rt_sigaction, __NR_rt_sigprocmask, __NR_ftruncate,
	__NR_pread64, __NR_pwrite64,
} from "#uapi-asm/unistd_64.ts";
import { cpus, set_this_cpu, this_cpu, X86_PF_PROT, X86_PF_USER, X86_PF_WRITE } from "#hw/cpu.ts";
import { tlb_maps_frame } from "#hw/tlb.ts";
import { clock_read } from "#hw/clock.ts";
import {
	user_fetch, user_load64n, user_load8, user_store64n, user_store8, user_write,
} from "#hw/isa.ts";

type prog = Generator<void, number, void>;

/* system calls of the test's own, under numbers whose calls do not exist */
const __NR_tuxcall = 184, __NR_security = 185;
let in_kernel: () => number | bigint = () => 0;
SYSCALL_DEFINE("tuxcall", [], () => in_kernel());
let seen: unknown[] = [];
SYSCALL_DEFINE("security", ["int", "uint", "ptr", "ulong", "long", "int"], (...args) => {
	seen = args;
	return 0;
});

/** What @fn returns in kernel mode, in the middle of a system call. */
function kernel<T extends number | bigint>(fn: () => T): T {
	let r: T | undefined;
	in_kernel = (): number => {
		r = fn();
		return 0;
	};
	expect(syscall(__NR_tuxcall)).toBe(0);
	return r!;
}

class jump extends Error {}
type handler = (signo: number, info: Uint8Array) => void;
const handlers: handler[] = [];
const PROT_RW = 3, MAP_PRIVATE_ANON = 0x22, MAP_SHARED = 1, MADV_NOHUGEPAGE = 15;

function mmap(len: number, prot = PROT_RW, flags = MAP_PRIVATE_ANON, fd = -1): number {
	const p = syscall(__NR_mmap, 0, len, prot, flags, fd, 0);
	expect(p).toBeGreaterThan(0);
	return p;
}

let scratch = 0;

function sigaction(signo: number, fn: handler, flags = 0x40000000): void {
	const sa = new DataView(new ArrayBuffer(32));
	sa.setBigUint64(0, BigInt(0x400000 + handlers.push(fn) - 1), true);
	sa.setBigUint64(8, BigInt(flags | 0x04000004), true);
	user_write(scratch, new Uint8Array(sa.buffer));
	expect(syscall(__NR_rt_sigaction, signo, scratch, 0, 8)).toBe(0);
}

/** "SIGSEGV 2 +0": signal, si_code and address relative to @base; or null. */
function signal_of(base: number, fn: () => void): string | null {
	let got: string | null = null;
	for (const [name, signo] of [["SIGSEGV", 11], ["SIGBUS", 7]] as const)
		sigaction(signo, (_, info) => {
			const dv = new DataView(info.buffer, info.byteOffset);
			const at = Number(dv.getBigUint64(16, true)) - base;
			got = `${name} ${dv.getInt32(8, true)} ${at < 0 ? at : `+${at}`}`;
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

/** Runs @body as a program; its exceptions are the test's. */
function run(body: () => void): void {
	let thrown: unknown = null;
	const init = function* (): prog {
		scratch = mmap(4096);
		user_store8(scratch, 0);
		try {
			body();
		} catch (e) {
			thrown = e;
		}
		return 0;
	};
	const status = run_init(init(), "test");
	if (thrown !== null)
		throw thrown;
	expect(status).toBe(0);
	expect(warn_count).toBe(0);
}

/** Address of the last-level entry for @va. */
function entry(mm: struct_mm_struct, va: number): number {
	const pud = pud_offset(p4d_offset(pgd_offset(mm, va), va), va);
	return pte_offset_map(pmd_offset(pud, va), va);
}

beforeAll(() => {
	boot({ memory: 2 ** 31, cpus: 3, vendor: "intel", seed: 1, cmdline: "" });
	set_user_runtime({
		deliver: (addr, signo, info) => handlers[addr - 0x400000]!(signo, info),
	});
});

describe("signals of accesses", () => {
	test("codes and addresses", () => run(() => {
		const p = mmap(3 * 4096);
		expect(signal_of(p, () => user_store8(p + 5, 1))).toBe(null);
		syscall(__NR_munmap, p + 4096, 4096);
		expect(signal_of(p, () => user_load8(p + 4100))).toBe("SIGSEGV 1 +4100");
		syscall(__NR_mprotect, p, 4096, 1);
		expect(signal_of(p, () => user_load8(p + 5))).toBe(null);
		expect(signal_of(p, () => user_store8(p + 5, 1))).toBe("SIGSEGV 2 +5");
		expect(current.thread.error_code).toBe(X86_PF_USER | X86_PF_WRITE | X86_PF_PROT);
		expect(signal_of(p, () => user_fetch(p))).toBe("SIGSEGV 2 +0");
		syscall(__NR_mprotect, p, 4096, 0);
		expect(signal_of(p, () => user_load8(p))).toBe("SIGSEGV 2 +0");
		expect(signal_of(0, () => user_load8(0))).toBe("SIGSEGV 1 +0");
		/*
		 * between the halves: #GP, SI_KERNEL, no address; the kernel's half: a protection
		 * fault
		 */
		expect(signal_of(0, () => user_load8(2 ** 47))).toBe("SIGSEGV 128 +0");
		expect(signal_of(2 ** 64 - 8192, () => user_load8(2 ** 64 - 4096)))
			.toBe("SIGSEGV 1 +4096");
		/* the bytes before the faulting one are stored */
		const q = mmap(8192);
		syscall(__NR_munmap, q + 4096, 4096);
		expect(signal_of(q, () => user_write(q + 4094, new Uint8Array(4).fill(9))))
			.toBe("SIGSEGV 1 +4096");
		expect(user_load8(q + 4095)).toBe(9);
	}));
	test("beyond the end of a file", () => run(() => {
		user_write(scratch, new Uint8Array([120, 0]));
		const fd = syscall(__NR_memfd_create, scratch, 0);
		syscall(__NR_ftruncate, fd, 4096);
		const p = mmap(8192, PROT_RW, MAP_SHARED, fd);
		user_store8(p + 4095, 1);
		expect(signal_of(p, () => user_load8(p + 4096))).toBe("SIGBUS 2 +4096");
		syscall(__NR_ftruncate, fd, 0);
		expect(signal_of(p, () => user_load8(p))).toBe("SIGBUS 2 +0");
	}));
	test("a handler that mends the cause and returns", () => run(() => {
		const p = mmap(4096, 1);
		let n = 0;
		sigaction(11, () => {
			n++;
			syscall(__NR_mprotect, p, 4096, PROT_RW);
		}, 0);
		user_store8(p, 7);
		expect([n, user_load8(p)]).toEqual([1, 7]);
	}));
	test("the default action ends the program", () => {
		log_buf_clear();
		expect(run_init((function* (): prog {
			user_store8(0x1000, 1);
			yield;
			return 0;
		})(), "test")).toBe(11);
		expect(kmsg_text().join("\n")).toMatch(/segfault at 1000 .* error 6/);
	});
});

describe("handlers", () => {
	test("several at once: the last set up runs first, each mask comes back", () => run(() => {
		const order: number[] = [];
		const mask = new Uint8Array(16);
		const blocked = (): number => {
			syscall(__NR_rt_sigprocmask, 0, 0, scratch + 16, 8);
			return user_load64n(scratch + 16);
		};
		sigaction(10, (s) => order.push(s, blocked()), 0);
		sigaction(12, (s) => order.push(s, blocked()), 0);
		new DataView(mask.buffer).setBigUint64(0, (1n << 9n) | (1n << 11n), true);
		user_write(scratch, mask);
		syscall(__NR_rt_sigprocmask, 0, scratch, 0, 8);
		const pid = syscall(__NR_getpid);
		syscall(__NR_kill, pid, 10);
		syscall(__NR_kill, pid, 12);
		expect(order).toEqual([]);
		expect(syscall(__NR_rt_sigprocmask, 1, scratch, 0, 8)).toBe(0);
		/* 10 is set up first, then 12 on top of it with both blocked */
		expect(order).toEqual([12, (1 << 9) | (1 << 11), 10, 1 << 9]);
		expect(blocked()).toBe(0);
	}));
	test("a call that was interrupted: EINTR, or again with SA_RESTART", () => run(() => {
		const pid = syscall(__NR_getpid);
		let calls = 0;
		let n = 0;
		sigaction(10, () => n++, 0);
		block(10);
		syscall(__NR_kill, pid, 10);
		/* unblocked inside the call, as sigsuspend() does */
		in_kernel = (): number => {
			if (calls++ !== 0)
				return 42;
			current.blocked.lo = 0;
			set_thread_flag(TIF_SIGPENDING);
			return -ERESTARTSYS;
		};
		expect(syscall(__NR_tuxcall)).toBe(-EINTR);
		expect([n, calls]).toEqual([1, 1]);
		calls = 0;
		sigaction(10, () => n++, 0x10000000);
		block(10);
		syscall(__NR_kill, pid, 10);
		expect(syscall(__NR_tuxcall)).toBe(42);
		expect([n, calls]).toEqual([2, 2]);
	}));
});

function block(signo: number): void {
	const mask = new Uint8Array(8);
	new DataView(mask.buffer).setBigUint64(0, 1n << BigInt(signo - 1), true);
	user_write(scratch, mask);
	syscall(__NR_rt_sigprocmask, 0, scratch, 0, 8);
}

describe("system calls", () => {
	test("arguments by their C types", () => run(() => {
		syscall(__NR_security, -1, -1, -1, -1, -1, 2 ** 32 + 5);
		expect(seen).toEqual([-1, 0xffffffff, 2 ** 64, 2n ** 64n - 1n, -1n, 5]);
		syscall(__NR_security, 2n ** 64n - 2n, 2n ** 32n + 7n, 0x7fff00000000n, 5n,
			2n ** 63n, 0);
		expect(seen).toEqual([-2, 7, 0x7fff00000000, 5n, -(2n ** 63n), 0]);
	}));
	test("unknown numbers, and values of 64 bits", () => run(() => {
		expect([syscall(9999), syscall(-1), syscall(183)])
			.toEqual([-ENOSYS, -ENOSYS, -ENOSYS]);
		in_kernel = (): bigint => 0x123456789abcdef1n;
		expect(syscall_ret64(__NR_tuxcall)).toBe(0x123456789abcdef1n);
		const before = clock_read();
		syscall(__NR_getppid);
		expect(clock_read()).toBeGreaterThan(before);
	}));
	test("an exception in kernel code is an oops and ends the task", () => {
		log_buf_clear();
		expect(run_init((function* (): prog {
			in_kernel = (): number => (null as unknown as { x: number }).x;
			syscall(__NR_tuxcall);
			yield;
			return 0;
		})(), "test")).toBe(11);
		expect(oops_count).toBe(1);
		expect(kmsg_text().join("\n")).toMatch(/BUG: kernel NULL pointer dereference/);
		panic_reset();
		/* the host goes on */
		run(() => expect(syscall(__NR_getppid)).toBe(0));
	});
});

describe("user copies", () => {
	test("partial, at the edge of a mapping", () => run(() => {
		const p = mmap(8192);
		syscall(__NR_munmap, p + 4096, 4096);
		user_write(p + 4088, new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]));
		const to = new Uint8Array(16).fill(0xee);
		expect(kernel(() => copy_from_user(to, p + 4090, 16))).toBe(10);
		expect([...to]).toEqual([3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
		to.fill(0xaa);
		expect(kernel(() => copy_to_user(p + 4092, to, 8))).toBe(4);
		expect(user_load8(p + 4095)).toBe(0xaa);
		expect(kernel(() => clear_user(p + 4094, 100))).toBe(98);
		expect(kernel(() => copy_from_user(to, 2 ** 47, 1))).toBe(1);
		expect(kernel(() => copy_from_user(to, 2 ** 64, 1))).toBe(1);
		expect(kernel(() => copy_to_user(2 ** 47 - 4096, to, 1))).toBe(1);
		const x = new ref(5n);
		expect(kernel(() => get_user(x, __u64, p + 4092))).toBe(-EFAULT);
		expect(x.v).toBe(0n);
		expect(kernel(() => put_user(__u32, 0x01020304, p + 8))).toBe(0);
		expect(user_load64n(p + 8)).toBe(0x01020304);
		expect(kernel(() => put_user(__u32, 1, 0))).toBe(-EFAULT);
	}));
	test("strings and structs", () => run(() => {
		const p = mmap(8192);
		syscall(__NR_munmap, p + 4096, 4096);
		user_write(p + 4090, new TextEncoder().encode("abcde\0"));
		expect(kernel(() => strnlen_user(p + 4090, 100))).toBe(6);
		expect(kernel(() => strnlen_user(p + 4090, 3))).toBe(4);
		user_store8(p + 4095, 0x66);
		expect(kernel(() => strnlen_user(p + 4090, 100))).toBe(0);
		const dst = new Uint8Array(8);
		expect(kernel(() => strncpy_from_user(dst, p + 4090, 100))).toBe(-EFAULT);
		expect(kernel(() => strncpy_from_user(dst, p + 4090, 4))).toBe(4);
		expect(kernel(() => strncpy_from_user(dst, 0x10, 4))).toBe(-EFAULT);
		expect(kernel(() => copy_struct_from_user(dst, 8, p + 4090, 2))).toBe(0);
		expect([...dst]).toEqual([0x61, 0x62, 0, 0, 0, 0, 0, 0]);
		expect(kernel(() => copy_struct_from_user(dst, 2, p, 100))).toBe(0);
		expect(kernel(() => copy_struct_from_user(dst, 2, p + 4088, 8))).toBe(-7);
		expect(kernel(() => check_zeroed_user(p + 4000, 90))).toBe(1);
		expect(kernel(() => check_zeroed_user(p + 4000, 97))).toBe(0);
	}));
	test("write protection holds for the kernel; copy on write works from it", () => run(() => {
		const p = mmap(4096, 1);
		expect(kernel(() => copy_to_user(p, new Uint8Array(4), 4))).toBe(4);
		expect(user_load8(p)).toBe(0);
		syscall(__NR_mprotect, p, 4096, PROT_RW);
		/* the page of zeroes is mapped; the store copies it */
		expect(kernel(() => copy_to_user(p, new Uint8Array(4).fill(3), 4))).toBe(0);
		expect(user_load8(p + 3)).toBe(3);
	}));
	test("with page faults off nothing is faulted in", () => run(() => {
		const p = mmap(4096);
		const buf = new Uint8Array(4);
		const inatomic = (): number => {
			pagefault_disable();
			const left = __copy_from_user_inatomic(buf, p, 4) +
				__copy_to_user_inatomic(p, buf, 4);
			pagefault_enable();
			return left;
		};
		expect(kernel(inatomic)).toBe(8);
		user_store8(p, 1);
		expect(kernel(inatomic)).toBe(0);
	}));
	test("a bad buffer fails the call without a signal", () => run(() => {
		user_write(scratch, new Uint8Array([120, 0]));
		const fd = syscall(__NR_memfd_create, scratch, 0);
		expect(syscall(__NR_pwrite64, fd, scratch, 8, 0)).toBe(8);
		expect(syscall(__NR_pread64, fd, 0x1000, 8, 0)).toBe(-EFAULT);
		expect(syscall(__NR_memfd_create, 0x1000, 0)).toBe(-EFAULT);
	}));
});

describe("stale translations", () => {
	test("a missing flush shows the old frame; the flush ends it", () => run(() => {
		const p = mmap(4096);
		user_store64n(p, 1234);
		const mm = current.mm!;
		const ptep = entry(mm, p);
		const old = ptep_get(ptep);
		expect(pte_present(old)).toBe(true);
		/* what a forgotten flush looks like */
		pte_clear(mm, p, ptep);
		expect(user_load64n(p)).toBe(1234);
		expect(tlb_maps_frame(this_cpu.tlb, pte_pfn(old), 1)).toBe(true);
		kernel(() => (flush_tlb_mm(mm), 0));
		expect(tlb_maps_frame(this_cpu.tlb, pte_pfn(old), 1)).toBe(false);
		expect(user_load64n(p)).toBe(0);
		/* map it again, or it is lost; the page of zeroes that the load has mapped goes */
		set_pte(ptep, old);
		kernel(() => (flush_tlb_mm(mm), 0));
		expect(user_load64n(p)).toBe(1234);
	}));
	test("write protection without a flush is not seen", () => run(() => {
		const p = mmap(4096);
		user_store64n(p, 1);
		const ptep = entry(current.mm!, p);
		ptep_set_wrprotect(current.mm!, p, ptep);
		user_store64n(p, 2);
		expect(pte_write(ptep_get(ptep))).toBe(false);
		kernel(() => (flush_tlb_mm(current.mm!), 0));
		/* a spurious write fault: the page is the program's alone and becomes writable */
		user_store64n(p, 3);
		expect(pte_write(ptep_get(ptep))).toBe(true);
		expect(user_load64n(p)).toBe(3);
	}));
	test("munmap and mprotect flush the other CPUs of the mm; lazy ones catch up", () => run(() => {
		const p = mmap(4 * 4096);
		for (let i = 0; i < 4; i++)
			user_store64n(p + i * 4096, i);
		const here = this_cpu, mm = current.mm!;
		const other = cpus.find((c) => c !== here)!;
		const loaded = cpu_tlbstate[other.id]!.loaded_mm!;
		const on_other = <T>(fn: () => T): T => {
			set_this_cpu(other);
			other.cpl = 3;
			const r = fn();
			set_this_cpu(here);
			return r;
		};
		const touch = (): void => {
			for (let i = 0; i < 4; i++)
				user_load8(p + i * 4096);
		};
		const frame = pte_pfn(ptep_get(entry(mm, p)));
		const knows = (): boolean => tlb_maps_frame(other.tlb, frame, 1);
		on_other(() => switch_mm_irqs_off(null, mm, null));
		on_other(touch);
		expect([knows(), mm.cpu_bitmap]).toEqual([true, (1 << here.id) | (1 << other.id)]);
		let ipis = other.nr_ipis;
		syscall(__NR_mprotect, p, 4096, 1);
		expect([knows(), other.nr_ipis]).toEqual([false, ipis + 1]);
		/* more rights are flushed too: it spares spurious faults */
		on_other(touch);
		syscall(__NR_mprotect, p, 4096, PROT_RW);
		expect(other.nr_ipis).toBe(ipis + 2);

		/* lazy: no IPI for pages, but no use of the mm before it has caught up */
		on_other(touch);
		on_other(() => enter_lazy_tlb(mm, current));
		ipis = other.nr_ipis;
		syscall(__NR_mprotect, p, 4096, 1);
		expect([knows(), other.nr_ipis]).toEqual([true, ipis]);
		on_other(() => switch_mm_irqs_off(mm, mm, null));
		expect(knows()).toBe(false);

		/* freed page tables: lazy CPUs leave the mm */
		on_other(touch);
		on_other(() => enter_lazy_tlb(mm, current));
		const q = mmap(2 ** 22);
		syscall(__NR_madvise, q, 2 ** 22, MADV_NOHUGEPAGE);
		user_store8(ALIGN(q, 2 ** 21), 1);
		syscall(__NR_munmap, q, 2 ** 22);
		expect(cpu_tlbstate[other.id]!.loaded_mm === init_mm).toBe(true);
		expect(mm.cpu_bitmap).toBe(1 << here.id);

		if (loaded !== init_mm)
			on_other(() => switch_mm_irqs_off(null, loaded, null));
		other.cpl = 0;
	}));
});

describe("entries", () => {
	test("swap encoding", () => {
		for (const type of [0, 5, 31])
			for (const at of [0, 1, 0x7fffff, 0x800000, 2 ** 32 + 17, 2 ** 46 - 1]) {
				const lo = __swp_entry_lo(type, at), hi = __swp_entry_hi(type, at);
				const pte = __pte(lo, hi);
				expect([__swp_type(pte), __swp_offset(pte), pte_present(pte)])
					.toEqual([type, at, false]);
			}
	});
	test("frame numbers, inverted without access", () => {
		for (const pfn of [1, 0x12345, 2 ** 20, 2 ** 28, 2 ** 31 - 1]) {
			const shared = pfn_pte(pfn as pfn_nr, PAGE_SHARED);
			const none = pte_modify(shared, PAGE_NONE);
			expect(pte_pfn(shared)).toBe(pfn);
			expect(pte_pfn(none)).toBe(pfn);
			expect(none.hi & 0xfffff).toBe(~shared.hi & 0xfffff);
			expect(pte_present(none)).toBe(true);
			const back = pte_modify(none, PAGE_READONLY);
			expect([pte_pfn(back), pte_write(back)]).toEqual([pfn, false]);
			expect(pte_pfn(pfn_pte(pfn as pfn_nr, PAGE_NONE))).toBe(pfn);
		}
	});
});
