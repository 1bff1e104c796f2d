// SPDX-License-Identifier: GPL-2.0
/*
 * Machine checks on a running host: who is told, and what becomes of the page.
 *
 * Port-only. Poison is put into memory behind everybody's back, or comes from the engine.
 */
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ref } from "#asm-generic/types.ts";
import { EFAULT, EIO, EPERM } from "#linux/errno.ts";
import { page_count } from "#linux/mm.ts";
import { PageHWPoison } from "#linux/page-flags.ts";
import { TAINT_MACHINE_CHECK, oops_count, test_taint, warn_count } from "#linux/panic.ts";
import { kmsg_text, log_buf_clear } from "#linux/printk.ts";
import { num_poisoned_pages_read } from "#linux/swapops.ts";
import { set_next_child, syscall } from "#arch/x86/entry/syscall_64.ts";
import { mce_severity } from "#arch/x86/kernel/cpu/mce/severity.ts";
import {
	MCE_AO_SEVERITY, MCE_AR_SEVERITY, MCE_KEEP_SEVERITY, MCE_NO_SEVERITY, MCE_PANIC_SEVERITY,
	MCE_UCNA_SEVERITY,
} from "#arch/x86/kernel/cpu/mce/internal_types.h.ts";
import { kvm_machine_check } from "#arch/x86/kvm/x86.h.ts";
import {
	MCG_STATUS_EIPV, MCG_STATUS_MCIP, MCG_STATUS_RIPV, MCG_STATUS_SEAM_NR, MCI_STATUS_ADDRV,
	MCI_STATUS_AR, MCI_STATUS_EN, MCI_STATUS_MISCV, MCI_STATUS_OVER, MCI_STATUS_PCC,
	MCI_STATUS_S, MCI_STATUS_UC, MCI_STATUS_VAL, struct_mce,
} from "#asm/mce.ts";
import { clear_page, memcpy_from_page } from "#asm/page.ts";
import { IP_NONE, IP_UACCESS, __KERNEL_CS, __USER_CS, struct_pt_regs } from "#asm/ptrace.ts";
import {
	__NR_fork, __NR_ftruncate, __NR_madvise, __NR_munmap, __NR_pread64, __NR_pwrite64,
	__NR_setresuid, __NR_wait4,
} from "#uapi-asm/unistd_64.ts";
import { cpus, this_cpu } from "#hw/cpu.ts";
import { user_fetch, user_load8, user_store8, user_write } from "#hw/isa.ts";
import { mce_seamret, mce_td } from "#hw/mce.ts";
import * as tme from "#hw/tme.ts";
import { MAP_SHARED, boot_host, give_to_td, kernel, memfd, mmap, page_at, poison, type prog,
	run_program, scratch, sigbus_of } from "./host.ts";

const MADV_HWPOISON = 100;

/** Runs @body as a program; its exceptions are the test's. */
function run(body: () => Generator<void, void, void> | void): number {
	let thrown: unknown = null;
	const status = run_program(function* () {
		try {
			const rest = body();
			if (rest !== undefined)
				yield* rest;
		} catch (e) {
			if (!(e instanceof Error) || e.name === "AssertionError")
				thrown = e;
			else
				throw e;
		}
	});
	if (thrown !== null)
		throw thrown;
	expect([warn_count, oops_count]).toEqual([0, 0]);
	return status;
}

beforeAll(() => { boot_host("emca2=off"); });
beforeEach(() => { log_buf_clear(); });

describe("grading", () => {
	const V = MCI_STATUS_VAL | MCI_STATUS_UC | MCI_STATUS_EN;
	const SRAR = V | MCI_STATUS_S | MCI_STATUS_AR | MCI_STATUS_MISCV | MCI_STATUS_ADDRV;
	const GOOD = MCG_STATUS_RIPV | MCG_STATUS_EIPV | MCG_STATUS_MCIP;

	function grade(status: bigint, mcgstatus: bigint, cs: number, ip = IP_NONE,
		si = -1): [number, string] {
		const m = new struct_mce(), regs = new struct_pt_regs(), msg = new ref("");
		Object.assign(m, { status, mcgstatus, cs, ip });
		Object.assign(regs, { cs, ip, si });
		return [mce_severity(m, regs, msg, true), msg.v];
	}
	test.each([
		["not valid", 0n, GOOD, __USER_CS, MCE_NO_SEVERITY, "Invalid"],
		["PCC", SRAR | MCI_STATUS_PCC | 0x134n, GOOD, __USER_CS, MCE_PANIC_SEVERITY,
			"Processor context corrupt"],
		["UCNA", V | MCI_STATUS_ADDRV | 0x9fn, GOOD, __USER_CS, MCE_UCNA_SEVERITY,
			"Uncorrected no action required"],
		["UCNA that overflowed", V | MCI_STATUS_OVER | 0x9fn, GOOD, __USER_CS,
			MCE_UCNA_SEVERITY, "Uncorrected no action required"],
		["scrubbing", V | MCI_STATUS_S | 0xc1n, GOOD, __USER_CS, MCE_AO_SEVERITY,
			"Action optional: memory scrubbing error"],
		["data, user", SRAR | 0x134n, GOOD, __USER_CS, MCE_AR_SEVERITY,
			"Action required: data load error in a user process"],
		["data, KVM's registers", SRAR | 0x134n, GOOD, 3, MCE_AR_SEVERITY,
			"Action required: data load error in a user process"],
		["fetch, user", SRAR | 0x150n, GOOD, __USER_CS, MCE_AR_SEVERITY,
			"Action required: instruction fetch error in a user process"],
		["data, kernel", SRAR | 0x134n, GOOD, __KERNEL_CS, MCE_PANIC_SEVERITY,
			"Data load in unrecoverable area of kernel"],
		["fetch, kernel", SRAR | 0x150n, GOOD, __KERNEL_CS, MCE_PANIC_SEVERITY,
			"Instruction fetch error in kernel"],
		["data, seemingly kernel", SRAR | 0x134n, GOOD | MCG_STATUS_SEAM_NR, __KERNEL_CS,
			MCE_AR_SEVERITY, "Data load error in SEAM non-root mode"],
		["fetch, seemingly kernel", SRAR | 0x150n, GOOD | MCG_STATUS_SEAM_NR, __KERNEL_CS,
			MCE_AR_SEVERITY, "Instruction fetch error in SEAM non-root mode"],
		["another CPU's", SRAR | 0x134n, MCG_STATUS_RIPV | MCG_STATUS_MCIP, __USER_CS,
			MCE_KEEP_SEVERITY, "Action required but unaffected thread is continuable"],
		["lost events", SRAR | MCI_STATUS_OVER | 0x134n, GOOD, __USER_CS,
			MCE_PANIC_SEVERITY, "Action required with lost events"],
		["unknown code", SRAR | 0x1n, GOOD, __USER_CS, MCE_PANIC_SEVERITY,
			"Action required: unknown MCACOD"],
		["MCIP clear", SRAR | 0x134n, 3n, __USER_CS, MCE_PANIC_SEVERITY,
			"MCIP not set in MCA handler"],
		["no way back", SRAR | 0x134n, MCG_STATUS_MCIP, __USER_CS, MCE_PANIC_SEVERITY,
			"Neither restart nor error IP"],
	])("%s", (_name, status, mcg, cs, sev, msg) => {
		expect(grade(status, mcg, cs)).toEqual([sev, msg]);
	});
	test("user copies: only those that read there", () => {
		run(() => {
			kernel(() => {
				const at = (si: number): [number, string] =>
					grade(SRAR | 0x134n, GOOD, __KERNEL_CS, IP_UACCESS, si);
				expect(at(0x1000)).toEqual([MCE_AR_SEVERITY, "Action required: " +
					"data load in error recoverable area of kernel"]);
				for (const si of [-1, 2 ** 47])
					expect(at(si)[0]).toBe(MCE_PANIC_SEVERITY);
			});
		});
	});
});

describe("user mode", () => {

	test("SIGBUS for the consumer; the page is gone for good", () => {
		expect(run(() => {
			const p = mmap(8192), bad = num_poisoned_pages_read();
			user_store8(p, 1);
			user_store8(p + 4096, 2);
			const page = page_at(p);
			poison(page, 128);
			/* other lines of it are as good as ever */
			expect(user_load8(p)).toBe(1);
			expect(sigbus_of(p, () => user_load8(p + 129))).toEqual([4, 0, 12]);
			expect(PageHWPoison(page)).toBe(true);
			expect(page_count(page)).toBe(1);
			expect(num_poisoned_pages_read()).toBe(bad + 1);
			/* now it is the kernel that says so, whatever the line */
			expect(sigbus_of(p, () => user_load8(p + 1))).toEqual([4, 1, 12]);
			expect(user_load8(p + 4096)).toBe(2);
			expect(syscall(__NR_munmap, p, 8192)).toBe(0);
			expect(page_count(page)).toBe(1);
			expect(test_taint(TAINT_MACHINE_CHECK)).toBe(true);
			const q = mmap(4096);
			user_store8(q, 3);
			expect(page_at(q)).not.toBe(page);
		})).toBe(0);
		const log = kmsg_text().join("\n");
		expect(log).toMatch(
			/Uncorrected hardware memory error in user-access at [0-9a-f]+80/);
		expect(log).toMatch(/Sending SIGBUS to test:\d+ due to hardware memory corruption/);
		expect(log).toMatch(/recovery action for dirty LRU page: Recovered/);
		expect(log).toMatch(/Machine Check Exception: f Bank 1: bd80000000000134/);
	});
	test("stores and fetches consume, too", () => {
		run(() => {
			const p = mmap(8192);
			for (const [at, access] of [[0, (): void => user_store8(p, 1)],
				[4096, (): void => user_fetch(p + 4096)]] as const) {
				user_store8(p + at, 1);
				poison(page_at(p + at));
				expect(sigbus_of(p + at, access)).toEqual([4, 0, 12]);
			}
		});
	});
	test("without a handler it kills", () => {
		expect(run(() => {
			const p = mmap(4096);
			user_store8(p, 1);
			poison(page_at(p));
			user_load8(p);
		})).toBe(7);
	});
	test("a file's page stays, and reads of it fail", () => {
		run(() => {
			const fd = memfd();
			syscall(__NR_ftruncate, fd, 8192);
			const p = mmap(8192, MAP_SHARED, fd), other = mmap(8192, MAP_SHARED, fd);
			user_store8(p, 5);
			expect(user_load8(other)).toBe(5);
			const page = page_at(p);
			poison(page);
			expect(sigbus_of(p, () => user_load8(p))).toEqual([4, 0, 12]);
			expect(sigbus_of(other, () => user_load8(other + 9))).toEqual([4, 9, 12]);
			expect(syscall(__NR_pread64, fd, scratch, 8, 0)).toBe(-EIO);
			expect(syscall(__NR_pwrite64, fd, scratch, 8, 0)).toBe(-EIO);
			expect(syscall(__NR_pread64, fd, scratch, 8, 4096)).toBe(8);
			/* a hole in its place is sound */
			syscall(__NR_ftruncate, fd, 0);
			syscall(__NR_ftruncate, fd, 8192);
			expect(user_load8(p)).toBe(0);
			expect(page_at(p)).not.toBe(page);
		});
	});
	test("the same poison twice, the page being known", () => {
		run(() => {
			const p = mmap(4096);
			user_store8(p, 1);
			const page = page_at(p);
			expect(syscall(__NR_madvise, p, 4096, MADV_HWPOISON)).toBe(0);
			expect(PageHWPoison(page)).toBe(true);
			expect(tme.tme_page_plain(page.pfn * 4096)).toBe(true);
			expect(sigbus_of(p, () => user_load8(p))).toEqual([4, 0, 12]);
		});
		expect(kmsg_text().join("\n")).toMatch(
			/Injecting memory failure for pfn 0x[0-9a-f]+ at /);
	});
	test("MADV_HWPOISON is not for everybody", () => {
		run(() => {
			const p = mmap(4096);
			syscall(__NR_setresuid, 1000, 1000, 1000);
			expect(syscall(__NR_madvise, p, 4096, MADV_HWPOISON)).toBe(-EPERM);
		});
	});
	test("a child that shares the page is not bothered until it looks", () => {
		run(function* () {
			const p = mmap(4096);
			user_store8(p, 1);
			const page = page_at(p);
			let child: number[] | null = [];
			set_next_child(function* (): prog {
				yield;
				child = sigbus_of(p, () => user_load8(p));
				return 0;
			});
			expect(syscall(__NR_fork)).toBeGreaterThan(0);
			poison(page);
			expect(sigbus_of(p, () => user_load8(p))).toEqual([4, 0, 12]);
			expect(child).toEqual([]);
			while (syscall(__NR_wait4, -1, 0, 0, 0) < 0)
				yield;
			expect(child).toEqual([4, 0, 12]);
		});
	});
	test("broadcast: all CPUs come in, one has something to tell", () => {
		run(() => {
			for (const c of cpus)
				expect(c.msrs.get(0x4d0)).toBe(1n);
			this_cpu.msrs.set(0x4d0, 0n);
			const p = mmap(4096);
			user_store8(p, 1);
			poison(page_at(p));
			const ipis = cpus.map((c) => c.nr_ipis);
			expect(sigbus_of(p, () => user_load8(p))).toEqual([4, 0, 12]);
			expect(cpus.filter((c, i) => c.nr_ipis > ipis[i]!).length).toBe(2);
			expect(cpus.map((c) => c.msrs.get(0x17a))).toEqual([0n, 0n, 0n]);
			this_cpu.msrs.set(0x4d0, 1n);
		});
	});
});

describe("kernel mode", () => {

	test("a copy from user memory fails, and the page goes", () => {
		run(() => {
			const fd = memfd();
			const p = mmap(4096);
			user_write(p, new Uint8Array(200).fill(7));
			const page = page_at(p);
			poison(page, 128);
			expect(syscall(__NR_pwrite64, fd, p + 128, 8, 0)).toBe(-EFAULT);
			expect(PageHWPoison(page)).toBe(true);
			expect(sigbus_of(p, () => user_load8(p))).toEqual([4, 0, 12]);
		});
		expect(kmsg_text().join("\n")).toMatch(/Kernel accessed poison in user space at/);
	});
	test("... up to the line that is broken", () => {
		run(() => {
			const fd = memfd();
			const p = mmap(4096);
			user_write(p, new Uint8Array(200).fill(7));
			poison(page_at(p), 128);
			expect(syscall(__NR_pwrite64, fd, p, 200, 0)).toBe(128);
			expect(syscall(__NR_pread64, fd, scratch, 4096, 0)).toBe(128);
		});
	});
});

describe("memory of a TD", () => {
	test("programs and the kernel read zeros, and destroy what they write", () => {
		run(() => {
			const p = mmap(4096);
			user_store8(p, 1);
			const page = page_at(p), hpa = page.pfn * 4096;
			give_to_td(page);
			expect(user_load8(p)).toBe(0);
			kernel(() => {
				const buf = new Uint8Array(64);
				memcpy_from_page(buf, page, 64, 64);
				expect(buf.every((x) => x === 0)).toBe(true);
			});
			expect(tme.tme_page_owner(hpa).owner).toEqual([0xffffffff, 0xffffffff]);
			user_store8(p + 70, 9);
			expect(tme.tme_page_owner(hpa).owner).toEqual([0xfffffffd, 0xffffffff]);
			expect([user_load8(p + 70), user_load8(p + 71)]).toEqual([9, 0]);
			kernel(() => { clear_page(page); });
			expect(tme.tme_page_plain(hpa)).toBe(true);
		});
	});
	test("the TD consumes it: KVM's task is told", () => {
		run(() => {
			const p = mmap(4096);
			user_store8(p, 1);
			const page = page_at(p);
			poison(page);
			expect(sigbus_of(p, () => {
				kernel(() => {
					expect(mce_td(this_cpu, page.pfn * 4096)).toBe("mc");
					mce_seamret(this_cpu);
					kvm_machine_check();
				});
			})).toEqual([4, 0, 12]);
			expect(PageHWPoison(page)).toBe(true);
		});
	});
});
