// SPDX-License-Identifier: GPL-2.0
/*
 * A TD's memory as KVM and the TDX module see it: large pages and their parts, what happens while
 * somebody else has the module's locks, what is left when commands fail.
 *
 * Port-only.
 */
import { expect, test } from "vitest";
import { kmsg_text } from "#linux/printk.ts";
import { memchk, memset, type guest_fn, type guest_program } from "#hw/isa_guest.ts";
import * as x from "#asm/tdx.ts";
import { EAGAIN, EINVAL, EIO } from "#linux/errno.ts";
import { KVM_CREATE_VM } from "#uapi/linux/kvm.ts";
import { KVM_X86_TDX_VM } from "#uapi-asm/kvm.ts";
import { close, errno, ioctl, open } from "#tools/include/nolibc/nolibc.ts";
import { O_RDWR } from "#uapi/asm-generic/fcntl.ts";
import { in_task } from "#tools/testing/kunit/kvm/mmu_env.ts";
import { td_accept, td_create, td_free, td_init_vm, td_long_mode, td_map_gpa, td_report,
	TD_FREE_GPA, TD_SHARED_BIT, TD_SHARED_VA } from
	"#tools/testing/selftests/kvm/include/x86_64/tdx.ts";
import { boot_tdx } from "./host.ts";
import { report_all, td_test } from "./td_env.ts";

boot_tdx();

const PAGE = 4096, HPAGE = 2 ** 21, DATA = TD_FREE_GPA;

/** A page in the middle of a large one, there and back; the rest keeps its contents. */
function* in_the_middle(): guest_program {
	const at = DATA + 5 * PAGE, rest = at + PAGE;

	yield* td_long_mode();
	yield* td_report(yield* td_accept(DATA, 1));
	yield* memset(DATA, 0x11, HPAGE);
	yield* td_report(Number(yield* td_map_gpa(at + TD_SHARED_BIT, PAGE)));
	yield* memset(TD_SHARED_VA + at, 0x22, PAGE);
	yield* td_report(Number(yield* memchk(DATA, 0x11, 5 * PAGE)));
	yield* td_report(Number(yield* memchk(rest, 0x11, DATA + HPAGE - rest)));
	yield* td_report(Number(yield* td_map_gpa(at, PAGE)));
	yield* td_report(yield* td_accept(at));
	yield* td_report(Number(yield* memchk(at, 0, PAGE)));
	yield* td_report(Number(yield* memchk(rest, 0x11, DATA + HPAGE - rest)));
	/* all of it */
	yield* td_report(Number(yield* td_map_gpa(DATA + TD_SHARED_BIT, HPAGE)));
}

const MIDDLE = [0, 0, 1, 1, 0, 0, 1, 1, 0];

td_test("a large page is one, until a part of it goes", "always", function* () {
	const td = td_create([in_the_middle]);
	x.seamcall_counts_reset();
	yield* report_all(td, MIDDLE);
	/* the large page, and the one that came back */
	expect(x.seamcall_counts[x.TDH_MEM_PAGE_AUG]).toBe(2);
	expect(x.seamcall_counts[x.TDH_MEM_PAGE_DEMOTE]).toBe(1);
	/* the one in the middle, and all at the end */
	expect(x.seamcall_counts[x.TDH_MEM_PAGE_REMOVE]).toBe(513);
	td_free(td);
});

/* small pages */
function* small(): guest_program {
	yield* td_long_mode();
	for (const at of [DATA, DATA + PAGE]) {
		yield* td_report(yield* td_accept(at));
		yield* memset(at, 0x33, PAGE);
	}
	yield* td_report(Number(yield* td_map_gpa(DATA + TD_SHARED_BIT, PAGE)));
	yield* td_report(Number(yield* memchk(DATA + PAGE, 0x33, PAGE)));
	yield* memset(TD_SHARED_VA + DATA, 0x44, PAGE);
	yield* td_report(Number(yield* td_map_gpa(DATA, PAGE)));
	yield* td_report(yield* td_accept(DATA));
	yield* td_report(Number(yield* memchk(DATA, 0, PAGE)));
}

const SMALL = [0, 0, 0, 1, 0, 0, 1];
const BUSY: readonly [string, number, guest_fn, readonly number[]][] = [
	["SEPT.ADD", x.TDH_MEM_SEPT_ADD, small, SMALL],
	["PAGE.AUG", x.TDH_MEM_PAGE_AUG, small, SMALL],
	["RANGE.BLOCK", x.TDH_MEM_RANGE_BLOCK, small, SMALL],
	["TRACK", x.TDH_MEM_TRACK, small, SMALL],
	["PAGE.REMOVE", x.TDH_MEM_PAGE_REMOVE, small, SMALL],
	["PAGE.WBINVD", x.TDH_PHYMEM_PAGE_WBINVD, small, SMALL],
	["VP.ENTER", x.TDH_VP_ENTER, small, SMALL],
	["PAGE.ADD", x.TDH_MEM_PAGE_ADD, small, SMALL],
	["PAGE.DEMOTE", x.TDH_MEM_PAGE_DEMOTE, in_the_middle, MIDDLE],
	["VP.FLUSH", x.TDH_VP_FLUSH, small, SMALL],
	["VPFLUSHDONE", x.TDH_MNG_VPFLUSHDONE, small, SMALL],
	["CACHE.WB", x.TDH_PHYMEM_CACHE_WB, small, SMALL],
	["KEY.FREEID", x.TDH_MNG_KEY_FREEID, small, SMALL],
	["PAGE.RECLAIM", x.TDH_PHYMEM_PAGE_RECLAIM, small, SMALL],
];

for (const [name, leaf, script, want] of BUSY)
	td_test(`${name} finds a lock taken, three times`,
		script === in_the_middle ? "always" : "never", function* () {
		x.seamcall_fail(leaf, x.TDX_OPERAND_BUSY, x.OPERAND_RCX, 3);
		const td = td_create([script]);
		yield* report_all(td, want);
		td_free(td);
		/* it was called at least once more than it failed */
		expect(x.seamcall_counts[leaf]).toBeGreaterThan(3);
		x.seamcall_fail(leaf, 0, 0, 0);
	});

td_test("interruptions: CACHE.WB is resumed, PAGE.DEMOTE is begun anew", "always", function* () {
	const td = td_create([in_the_middle]);
	x.seamcall_fail(x.TDH_MEM_PAGE_DEMOTE, x.TDX_INTERRUPTED_RESTARTABLE, 0, 2);
	yield* report_all(td, MIDDLE);
	expect(x.seamcall_counts[x.TDH_MEM_PAGE_DEMOTE]).toBe(3);
	td_free(td);
});

/* KVM_TDX_INIT_VM */
const INIT: readonly [string, number, number, number, number][] = [
	["MNG.CREATE", x.TDH_MNG_CREATE, x.TDX_HKID_NOT_FREE, x.OPERAND_RDX, EIO],
	["MNG.KEY.CONFIG", x.TDH_MNG_KEY_CONFIG, x.TDX_RND_NO_ENTROPY, 0, EAGAIN],
	["MNG.ADDCX", x.TDH_MNG_ADDCX, x.TDX_PAGE_METADATA_INCORRECT, x.OPERAND_RCX, EIO],
	["MNG.INIT", x.TDH_MNG_INIT, x.TDX_OPERAND_INVALID, x.OPERAND_XFAM, EINVAL],
	["MNG.INIT", x.TDH_MNG_INIT, x.TDX_TDCX_NUM_INCORRECT, 0, EIO],
];

for (const [name, leaf, code, details, error] of INIT)
	td_test(`KVM_TDX_INIT_VM fails at ${name}: errno ${error}, and nothing is left`, "never", function* () {
		const kvm = open("/dev/kvm", O_RDWR), vm = ioctl(kvm, KVM_CREATE_VM, KVM_X86_TDX_VM);

		x.seamcall_fail(leaf, code, details);
		const { r, status } = td_init_vm(kvm, vm, 0n);
		expect([r, errno()]).toEqual([-1, error]);
		expect(status).toBe(BigInt(code) << 32n | BigInt(details));
		/* once more, and it works */
		expect(td_init_vm(kvm, vm, 0n).r).toBe(0);
		expect([td_init_vm(kvm, vm, 0n).r, errno()]).toEqual([-1, EINVAL]);
		close(vm);
		close(kvm);
		yield;
	});

test("bad keys are made anew", () => {
	in_task(() => {
		const kvm = open("/dev/kvm", O_RDWR), vm = ioctl(kvm, KVM_CREATE_VM, KVM_X86_TDX_VM);

		x.seamcall_fail(x.TDH_MNG_KEY_CONFIG, x.TDX_KEY_GENERATION_FAILED, 0, 3);
		expect(td_init_vm(kvm, vm, 0n).r).toBe(0);
		close(vm);
		close(kvm);
	});
	expect(kmsg_text().filter((l) => l.includes("leaked"))).toEqual([]);
});
