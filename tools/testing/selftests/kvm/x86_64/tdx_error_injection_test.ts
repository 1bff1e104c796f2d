// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each SEAMCALL of KVM's fails, with each completion code that the TDX module has for it: at which
 * ioctl user space hears of it, and what; whether the ioctl can be repeated, or the VM is dead; and
 * that nothing is lost but what cannot be given back: then it is lost for good, and counted.
 *
 * Port-only. A call that is made to fail has no effect. One life of a TD comes by all leaves: made
 * step by step, with no code at the reset vector, so that its vCPU ends in a triple fault; a page
 * of it is converted; and it goes.
 */
import { cli, iret, ld64, st64, sti, type guest_program } from "#hw/isa_guest.ts";
import { EAGAIN, EFAULT, EINVAL, EIO } from "#uapi/asm-generic/errno-base.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from "#uapi/linux/falloc.ts";
import { KVM_EXIT_INTERNAL_ERROR, KVM_EXIT_SHUTDOWN, KVM_MEMORY_ENCRYPT_REG_REGION,
	KVM_MEMORY_ENCRYPT_UNREG_REGION, struct_kvm_enc_region } from "#uapi/linux/kvm.ts";
import { MFD_INACCESSIBLE } from "#uapi/linux/memfd.ts";
import { KVM_TDX_FINALIZE_VM, KVM_TDX_INIT_VCPU } from "#uapi-asm/kvm.ts";
import { errno, fallocate, ftruncate, ioctl, memfd_create, sched_setaffinity, usleep,
	write_file } from "#tools/include/nolibc/nolibc.ts";
import type { wait } from "../include/kvm_util.ts";
import { TEST_ASSERT } from "../include/test_util.ts";
import { TDVMCALL_HLT, TD_FREE_GPA, td_accept, td_add_page, td_cmd, td_create, td_free, td_init_vm,
	td_long_mode, td_map_memory, td_new_vcpu, td_new_vm, td_report, td_run,
	td_run_until_report, td_set_slot, td_vmcall, type struct_td } from
	"../include/x86_64/tdx.ts";
import * as d from "../include/x86_64/tdx_debug.ts";
import * as s from "../include/x86_64/tdx_status.ts";

const PAGE = 4096, HPAGE = 2 ** 21;
/* below the reset vector */
const BASE = 2 ** 32 - HPAGE;
const HUGE = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
const TDVMCALL_WRMSR = 32n, X2APIC_SPIV = 0x80fn, X2APIC_ICR = 0x830n;
const PERIOD = "/sys/module/kvm/parameters/nx_huge_pages_recovery_period_ms";
const RATIO = "/sys/module/kvm/parameters/nx_huge_pages_recovery_ratio";

/* A life. */

interface life_options {
	/** Memory is one large page, nothing is added before the TD runs. */
	large?: boolean;
	/** Nothing is added. */
	empty?: boolean;
	/** All memory is converted, its table goes, too. */
	whole?: boolean;
	/** Large; the part that is converted comes back, and the page is put together again. */
	merge?: boolean;
}

/** What user space heard. */
class outcome {
	/** The first step that failed, its errno and completion code, and errno of a second try. */
	step = "";
	errno = 0;
	status = 0n;
	again = 0;
	/** RAX of an exit that was none; of the first one */
	exit = 0n;
	/** The VM is dead. */
	dead = false;
}

interface result {
	r: number;
	status: bigint;
}

/** One step, and once more if it failed. */
function attempt(o: outcome, step: string, fn: () => result): boolean {
	const first = fn();

	if (first.r === 0)
		return true;
	o.step = step;
	o.errno = errno();
	o.status = first.status;
	const second = fn();
	o.again = second.r === 0 ? 0 : errno();
	o.dead ||= o.again === EIO;
	return second.r === 0;
}

const no_status = (r: number): result => ({ r, status: 0n });

function add_memory(td: struct_td): void {
	td.mem_size = HPAGE;
	td_map_memory(td);
	td.private_fd = memfd_create("td", MFD_INACCESSIBLE);
	TEST_ASSERT(ftruncate(td.private_fd, HPAGE) === 0, "ftruncate()");
	td_set_slot(td, 0, BASE, HPAGE, td.hva, 0);
}

/** A vCPU; another one if the first will never run. */
function init_vcpu(o: outcome, td: struct_td): boolean {
	const init = (): result => td_cmd(td.vcpus[0]!.fd, KVM_TDX_INIT_VCPU);

	td_new_vcpu(td);
	if (attempt(o, "INIT_VCPU", init))
		return true;
	td.vcpus.unshift(td_new_vcpu(td));
	td.vcpus.pop();
	return init().r === 0;
}

/** KVM_RUN, until the vCPU shuts down; and once more, for it to be disabled. */
function* run(o: outcome, td: struct_td): wait<boolean> {
	const { run: r } = td.vcpus[0]!;

	for (let tries = 0; tries < 3; tries++) {
		if ((yield* td_run(td)) !== 0) {
			const e = errno();
			if (o.step === "") {
				o.step = "RUN";
				o.errno = e;
				o.again = (yield* td_run(td)) === 0 ? 0 : errno();
			}
			o.dead ||= e === EIO;
			return false;
		}
		if (r.exit_reason === KVM_EXIT_SHUTDOWN)
			return true;
		TEST_ASSERT(r.exit_reason === KVM_EXIT_INTERNAL_ERROR, "exit %d", r.exit_reason);
		if (o.exit === 0n)
			o.exit = r.internal.data[0]!;
	}
	return false;
}

/** Memory is shared from now on; @keep: what it was stays in the file. */
function convert(o: outcome, td: struct_td, gpa: number, size: number, keep = false): void {
	const region = struct_kvm_enc_region.alloc();

	region.addr = BigInt(gpa);
	region.size = BigInt(size);
	attempt(o, "UNREG_REGION", () =>
		no_status(ioctl(td.fd, KVM_MEMORY_ENCRYPT_UNREG_REGION, region.bytes)));
	if (keep)
		attempt(o, "REG_REGION", () =>
			no_status(ioctl(td.fd, KVM_MEMORY_ENCRYPT_REG_REGION, region.bytes)));
	else
		TEST_ASSERT(fallocate(td.private_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			gpa - BASE, size) === 0, "fallocate()");
}

/** The page at the reset vector is shared, and back again; the second vCPU has it mapped. */
function* split_and_merge(o: outcome, td: struct_td): wait {
	convert(o, td, BASE + HPAGE - PAGE, PAGE, true);
	td.vcpus.reverse();
	if (!(yield* run(o, td)))
		return;
	/* it is the kernel's to find out what can be put together */
	TEST_ASSERT(write_file(PERIOD, "1\n") === 0 && write_file(RATIO, "1\n") === 0, "%s", PERIOD);
	for (let i = 0; i < 5; i++)
		yield* usleep(1000);
	TEST_ASSERT(write_file(PERIOD, "0\n") === 0 && write_file(RATIO, "0\n") === 0, "%s", PERIOD);
}

function* steps(o: outcome, td: struct_td, options: life_options): wait {
	const { merge = false, large = merge, empty = large, whole = false } = options;

	if (!attempt(o, "INIT_VM", () => td_init_vm(td.kvm, td.fd, 0n)))
		return;
	add_memory(td);
	if (!init_vcpu(o, td))
		return;
	if (merge && td_cmd(td_new_vcpu(td).fd, KVM_TDX_INIT_VCPU).r !== 0)
		return;
	for (const gpa of empty ? [] : [BASE, BASE + PAGE])
		if (!attempt(o, "INIT_MEM_REGION", () => td_add_page(td, gpa, new Uint8Array(8),
			gpa === BASE)))
			return;
	if (!attempt(o, "FINALIZE_VM", () => td_cmd(td.fd, KVM_TDX_FINALIZE_VM)))
		return;
	if (!(yield* run(o, td)))
		return;
	if (merge)
		yield* split_and_merge(o, td);
	else if (whole)
		convert(o, td, BASE, HPAGE);
	else
		convert(o, td, BASE + (large ? 5 * PAGE : 0), PAGE);
	/* the vCPU is disabled, unless it does not come so far */
	const seen = o.exit;
	yield* run(o, td);
	o.exit = seen;
}

function* live(options: life_options = {}): wait<outcome> {
	const o = new outcome(), td = td_new_vm();

	yield* steps(o, td, options);
	td_free(td);
	return o;
}

/* Pages that a TD has in the end, when nothing went wrong: root, TDCS, vCPU, tables, memory. */
const TD_PAGES = 1 + 4 + 6 + 3 + 2;

/* What is expected. */

interface expectation {
	/** The step that fails, "" for none; errno; and of its second try, 0: it works */
	step?: string;
	errno?: number;
	again?: number;
	/** The step tells the completion code; of another leaf, which fails then. */
	status?: boolean | bigint;
	/** An exit tells it. */
	exit?: boolean;
	dead?: boolean;
	/** The KeyID, and all pages, are lost. */
	lost?: boolean;
	/** So many pages are lost, and so many of those are still the TD's. */
	leaked?: number;
	owned?: number;
}

interface error_case extends life_options {
	name: string;
	leaf: number;
	/** bits 63:32 and 31:0 */
	codes: readonly (readonly [number, number])[];
	want: expectation;
	times?: number;
	skip?: number;
}

/* What was lost so far. */
const lost = { keyids: 0, leaked: 0, owned: 0 };

function check(o: outcome, want: expectation, status: bigint, what: string): void {
	const { step = "", errno: e = 0, again = 0, dead = again === EIO } = want;

	TEST_ASSERT(o.step === step && o.errno === e && o.again === again,
		"%s: \"%s\" failed, errno %d, again %d; expected \"%s\", %d, %d", what, o.step,
		o.errno, o.again, step, e, again);
	TEST_ASSERT(o.dead === dead, "%s: the VM is%s dead", what, o.dead ? "" : " not");
	const told = want.status === undefined || want.status === false ? 0n :
		want.status === true ? status : want.status;
	TEST_ASSERT(o.status === told, "%s: completion code 0x%lx instead of 0x%lx", what, o.status,
		told);
	const exit = want.exit === true ? status : 0n;
	TEST_ASSERT(o.exit === exit, "%s: exit 0x%lx instead of 0x%lx", what, o.exit, exit);

	lost.keyids += Number(want.lost ?? false);
	lost.leaked += want.lost === true ? TD_PAGES : want.leaked ?? 0;
	lost.owned += want.lost === true ? TD_PAGES : want.owned ?? 0;
	d.td_assert_left(lost.keyids, lost.leaked, lost.owned, what);
}

function* run_case(c: error_case): wait {
	if (c.large === true || c.merge === true)
		write_file(HUGE, "always");
	for (const [code, details] of c.codes) {
		const status = BigInt(code) << 32n | BigInt(details);
		const what = `${c.name}, 0x${status.toString(16)}, after ${c.skip ?? 0}`;
		d.td_fail(c.leaf, code, details, c.times ?? 1, c.skip ?? 0);
		const o = yield* live(c);
		TEST_ASSERT(d.td_fail_left() === 0, "%s: not called", what);
		check(o, c.want, status, what);
	}
	d.td_fail_off();
	write_file(HUGE, "never");
}

/* Cases. */

type codes = readonly (readonly [number, number])[];
const bare = (...list: number[]): codes => list.map((code) => [code, 0] as const);

/** A page that is an operand. */
const page = (operand: number): codes => [[s.TDX_OPERAND_INVALID, operand],
	[s.TDX_OPERAND_ADDR_RANGE_ERROR, operand], [s.TDX_PAGE_METADATA_INCORRECT, operand]];
/** The module as a whole. */
const SYS: codes = [[s.TDX_SYS_NOT_READY, 0], [s.TDX_SYS_LP_INIT_NOT_DONE, 0],
	[s.TDX_SYS_SHUTDOWN, 0], [s.TDX_SEAMCALL_VMFAILINVALID, 0xffff0000]];
/** The TD's states. */
const FATAL: codes = bare(s.TDX_TD_FATAL);
const TD: codes = bare(s.TDX_TD_KEYS_NOT_CONFIGURED, s.TDX_TDCS_NOT_ALLOCATED,
	s.TDX_OP_STATE_INCORRECT);
const RCX = s.OPERAND_RCX, RDX = s.OPERAND_RDX, R8 = s.OPERAND_R8, R9 = s.OPERAND_R9;
/** An entry of secure EPT that is to be new. */
const NEW_ENTRY: codes = [[s.TDX_OPERAND_INVALID, RCX], [s.TDX_EPT_WALK_FAILED, RCX],
	[s.TDX_EPT_ENTRY_NOT_FREE, RCX], [s.TDX_GPA_RANGE_BLOCKED, RCX]];
/** One that is there. */
const ENTRY: codes = [[s.TDX_OPERAND_INVALID, RCX], [s.TDX_EPT_WALK_FAILED, RCX],
	[s.TDX_EPT_ENTRY_FREE, RCX]];
const BLOCKED_ENTRY: codes = [...ENTRY, [s.TDX_EPT_ENTRY_NOT_LEAF, RCX],
	[s.TDX_GPA_RANGE_NOT_BLOCKED, RCX], [s.TDX_TLB_TRACKING_NOT_DONE, RCX]];

const FINE: expectation = {};
const INIT_VM: expectation = { step: "INIT_VM", errno: EIO, status: true };
const INIT_VCPU: expectation = { step: "INIT_VCPU", errno: EIO, status: true };
/* the first half is the module's already */
const INIT_VCPU_ONCE: expectation = { ...INIT_VCPU, again: EINVAL };
const MEM_REGION: expectation = { step: "INIT_MEM_REGION", errno: EFAULT, again: EIO };
const RUN: expectation = { step: "RUN", errno: EIO, again: EIO };
/* the page is still the TD's, and so its root is; the VM is dead behind the ioctl's back */
const KEPT: expectation = { step: "RUN", errno: EIO, again: EIO, leaked: 2, owned: 2 };
const LOST: expectation = { lost: true };

const CASES: readonly error_case[] = [
	{ name: "MNG.CREATE", leaf: d.TDH_MNG_CREATE, want: INIT_VM, codes: [...page(RCX),
		[s.TDX_OPERAND_INVALID, RDX], [s.TDX_HKID_NOT_FREE, RDX], ...SYS] },
	{ name: "MNG.KEY.CONFIG", leaf: d.TDH_MNG_KEY_CONFIG, want: INIT_VM, codes: [...page(RCX),
		...FATAL, ...bare(s.TDX_LIFECYCLE_STATE_INCORRECT), ...SYS] },
	{ name: "MNG.KEY.CONFIG", leaf: d.TDH_MNG_KEY_CONFIG,
		want: { ...INIT_VM, errno: EAGAIN }, codes: bare(s.TDX_RND_NO_ENTROPY) },
	/* there are no keys after all */
	{ name: "MNG.KEY.CONFIG", leaf: d.TDH_MNG_KEY_CONFIG, codes: bare(s.TDX_KEY_CONFIGURED),
		want: { ...INIT_VM, status: BigInt(s.TDX_TD_KEYS_NOT_CONFIGURED) << 32n } },
	{ name: "MNG.KEY.CONFIG", leaf: d.TDH_MNG_KEY_CONFIG, times: 3, want: FINE,
		codes: bare(s.TDX_KEY_GENERATION_FAILED) },
	{ name: "MNG.ADDCX", leaf: d.TDH_MNG_ADDCX, want: INIT_VM, codes: [...page(RCX),
		...page(RDX), ...FATAL, ...bare(s.TDX_TD_KEYS_NOT_CONFIGURED,
			s.TDX_OP_STATE_INCORRECT, s.TDX_TDCX_NUM_INCORRECT), ...SYS] },
	{ name: "MNG.ADDCX", leaf: d.TDH_MNG_ADDCX, want: INIT_VM, codes: page(RCX), skip: 3 },
	{ name: "MNG.INIT", leaf: d.TDH_MNG_INIT, want: { ...INIT_VM, errno: EINVAL }, codes: [RCX,
		RDX, s.OPERAND_ATTRIBUTES, s.OPERAND_XFAM, s.OPERAND_EXEC_CONTROLS, s.OPERAND_EPTP,
		s.OPERAND_MAX_VCPUS, s.OPERAND_CPUID_CONFIG, s.OPERAND_TSC_FREQUENCY]
		.map((operand) => [s.TDX_OPERAND_INVALID, operand]) },
	{ name: "MNG.INIT", leaf: d.TDH_MNG_INIT, want: INIT_VM, codes: [
		[s.TDX_OPERAND_ADDR_RANGE_ERROR, RCX], [s.TDX_PAGE_METADATA_INCORRECT, RCX],
		...FATAL, ...TD, ...bare(s.TDX_TDCX_NUM_INCORRECT), ...SYS] },

	{ name: "VP.CREATE", leaf: d.TDH_VP_CREATE, want: INIT_VCPU, codes: [...page(RCX),
		...page(RDX), ...FATAL, ...TD, ...SYS] },
	{ name: "VP.ADDCX", leaf: d.TDH_VP_ADDCX, want: INIT_VCPU_ONCE, codes: [...page(RCX),
		...page(RDX), ...FATAL, ...TD, ...bare(s.TDX_VCPU_STATE_INCORRECT,
			s.TDX_TDCX_NUM_INCORRECT), ...SYS] },
	{ name: "VP.ADDCX", leaf: d.TDH_VP_ADDCX, want: INIT_VCPU_ONCE, codes: page(RCX), skip: 4 },
	{ name: "VP.INIT", leaf: d.TDH_VP_INIT, want: INIT_VCPU_ONCE, codes: [...page(RCX),
		...FATAL, ...TD, ...bare(s.TDX_VCPU_STATE_INCORRECT, s.TDX_TDCX_NUM_INCORRECT,
			s.TDX_MAX_VCPUS_EXCEEDED), ...SYS] },

	{ name: "SEPT.ADD", leaf: d.TDH_MEM_SEPT_ADD, want: MEM_REGION, codes: [...NEW_ENTRY,
		...page(RDX), ...page(R8), ...TD, ...SYS] },
	{ name: "SEPT.ADD", leaf: d.TDH_MEM_SEPT_ADD, want: MEM_REGION, codes: page(R8), skip: 2 },
	{ name: "SEPT.ADD, later", leaf: d.TDH_MEM_SEPT_ADD, want: RUN, codes: [...NEW_ENTRY,
		...page(R8)], empty: true },
	{ name: "SEPT.ADD", leaf: d.TDH_MEM_SEPT_ADD, want: FINE, codes: FATAL },
	{ name: "PAGE.ADD", leaf: d.TDH_MEM_PAGE_ADD, want: MEM_REGION, codes: [...NEW_ENTRY,
		...page(RDX), ...page(R8), [s.TDX_OPERAND_INVALID, R9], ...FATAL, ...TD, ...SYS] },
	{ name: "PAGE.ADD", leaf: d.TDH_MEM_PAGE_ADD, want: MEM_REGION, codes: page(R8), skip: 1 },
	{ name: "MR.EXTEND", leaf: d.TDH_MR_EXTEND, want: MEM_REGION, codes: [...page(RDX),
		[s.TDX_OPERAND_INVALID, RCX], [s.TDX_EPT_WALK_FAILED, RCX],
		[s.TDX_EPT_ENTRY_NOT_PRESENT, RCX], [s.TDX_EPT_ENTRY_NOT_LEAF, RCX], ...FATAL,
		...TD, ...SYS] },
	{ name: "MR.EXTEND", leaf: d.TDH_MR_EXTEND, want: MEM_REGION, codes: FATAL, skip: 15 },
	{ name: "MR.FINALIZE", leaf: d.TDH_MR_FINALIZE, codes: [...page(RCX), ...FATAL, ...TD,
		...bare(s.TDX_NO_VCPUS), ...SYS],
	want: { step: "FINALIZE_VM", errno: EIO, status: true } },
	/* a new epoch for what has yet to run */
	{ name: "TRACK", leaf: d.TDH_MEM_TRACK, want: RUN, codes: [...page(RCX), ...TD, ...SYS] },

	/* where interrupts are posted; the module has the vCPU by then */
	{ name: "VP.WR", leaf: d.TDH_VP_WR, want: INIT_VCPU_ONCE, codes: [...page(RCX),
		[s.TDX_OPERAND_INVALID, RDX], ...FATAL, ...TD, ...bare(s.TDX_FIELD_NOT_WRITABLE,
			s.TDX_VCPU_ASSOCIATED), ...SYS] },
	{ name: "VP.WR", leaf: d.TDH_VP_WR, want: INIT_VCPU_ONCE, codes: page(RCX), skip: 2 },
	/* the shared tables' root: when the first page is added, or when the vCPU runs */
	{ name: "VP.WR", leaf: d.TDH_VP_WR, want: MEM_REGION, codes: page(RCX), skip: 3 },
	{ name: "VP.WR", leaf: d.TDH_VP_WR, want: RUN, codes: [...page(RCX),
		[s.TDX_OPERAND_INVALID, RDX], [s.TDX_OPERAND_INVALID, R8], ...TD,
		...bare(s.TDX_FIELD_NOT_WRITABLE, s.TDX_VCPU_ASSOCIATED), ...SYS], empty: true,
	skip: 3 },
	{ name: "VP.WR", leaf: d.TDH_VP_WR, want: FINE, codes: FATAL, skip: 3 },
	{ name: "VP.ENTER", leaf: d.TDH_VP_ENTER, want: { exit: true }, codes: [...page(RCX),
		...FATAL, ...TD, ...bare(s.TDX_VCPU_STATE_INCORRECT, s.TDX_VCPU_ASSOCIATED,
			s.TDX_TSC_ROLLBACK), [s.TDX_NON_RECOVERABLE_VCPU, 33],
		[s.TDX_NON_RECOVERABLE_TD, 0x80000021],
		[s.TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE, 48], ...SYS] },
	/* a triple fault before the real one; an exit that KVM does not know */
	{ name: "VP.ENTER", leaf: d.TDH_VP_ENTER, want: FINE,
		codes: [[s.TDX_NON_RECOVERABLE_VCPU, 2]] },
	{ name: "VP.ENTER", leaf: d.TDH_VP_ENTER, want: { exit: true }, codes: [[0, 99]] },
	{ name: "PAGE.AUG", leaf: d.TDH_MEM_PAGE_AUG, want: RUN, codes: [...NEW_ENTRY,
		...page(RDX), ...page(R8), ...TD, ...SYS] },
	{ name: "PAGE.AUG, large", leaf: d.TDH_MEM_PAGE_AUG, want: RUN, codes: page(R8),
		large: true },
	{ name: "PAGE.AUG", leaf: d.TDH_MEM_PAGE_AUG, want: FINE, codes: FATAL },

	{ name: "RANGE.BLOCK", leaf: d.TDH_MEM_RANGE_BLOCK, want: KEPT, codes: [...ENTRY,
		[s.TDX_GPA_RANGE_ALREADY_BLOCKED, RCX], ...page(RDX), ...FATAL, ...TD, ...SYS] },
	{ name: "TRACK", leaf: d.TDH_MEM_TRACK, want: KEPT, codes: [...page(RCX), ...FATAL, ...TD,
		...SYS], skip: 1 },
	{ name: "PAGE.REMOVE", leaf: d.TDH_MEM_PAGE_REMOVE, want: KEPT, codes: [...BLOCKED_ENTRY,
		...page(RDX), ...TD, ...SYS] },
	/* it waits for the TD's end */
	{ name: "PAGE.REMOVE", leaf: d.TDH_MEM_PAGE_REMOVE, want: FINE, codes: FATAL },
	/* it is the TD's no more, but may be in a cache */
	{ name: "PAGE.WBINVD", leaf: d.TDH_PHYMEM_PAGE_WBINVD, want: { leaked: 1 },
		codes: [...page(RCX), ...SYS] },
	/* the rest of the page is not to be had without the part */
	{ name: "PAGE.DEMOTE", leaf: d.TDH_MEM_PAGE_DEMOTE, large: true,
		want: RUN, codes: [...BLOCKED_ENTRY, ...page(RDX), ...page(R8), ...TD, ...SYS] },
	{ name: "PAGE.DEMOTE", leaf: d.TDH_MEM_PAGE_DEMOTE, large: true, want: FINE, codes: FATAL },
	{ name: "PAGE.DEMOTE", leaf: d.TDH_MEM_PAGE_DEMOTE, large: true, want: FINE, times: 3,
		codes: bare(s.TDX_INTERRUPTED_RESTARTABLE) },

	/* the last pages of a table, and it */
	{ name: "SEPT.REMOVE", leaf: d.TDH_MEM_SEPT_REMOVE, want: KEPT, codes: [...ENTRY,
		[s.TDX_EPT_ENTRY_LEAF, RCX], [s.TDX_GPA_RANGE_NOT_BLOCKED, RCX],
		[s.TDX_TLB_TRACKING_NOT_DONE, RCX], [s.TDX_EPT_PAGE_NOT_FREE, RCX], ...page(RDX),
		...TD, ...SYS], whole: true },
	{ name: "SEPT.REMOVE", leaf: d.TDH_MEM_SEPT_REMOVE, want: FINE, codes: FATAL, whole: true },
	{ name: "PAGE.WBINVD of a table", leaf: d.TDH_PHYMEM_PAGE_WBINVD, want: { leaked: 1 },
		codes: page(RCX), skip: 3, whole: true },
	{ name: "PAGE.PROMOTE", leaf: d.TDH_MEM_PAGE_PROMOTE, merge: true, want: RUN,
		codes: [...ENTRY, [s.TDX_EPT_ENTRY_LEAF, RCX], [s.TDX_GPA_RANGE_NOT_BLOCKED, RCX],
			[s.TDX_TLB_TRACKING_NOT_DONE, RCX], ...page(RDX), ...TD, ...SYS] },
	{ name: "PAGE.PROMOTE", leaf: d.TDH_MEM_PAGE_PROMOTE, merge: true, want: FINE, codes: [
		...FATAL, [s.TDX_EPT_INVALID_PROMOTE_CONDITIONS, RCX]] },
	{ name: "PAGE.PROMOTE", leaf: d.TDH_MEM_PAGE_PROMOTE, merge: true, want: FINE, times: 3,
		codes: bare(s.TDX_INTERRUPTED_RESTARTABLE) },

	{ name: "VP.FLUSH", leaf: d.TDH_VP_FLUSH, want: LOST, codes: [...page(RCX),
		...bare(s.TDX_TD_KEYS_NOT_CONFIGURED, s.TDX_VCPU_NOT_ASSOCIATED), ...SYS] },
	{ name: "MNG.VPFLUSHDONE", leaf: d.TDH_MNG_VPFLUSHDONE, want: LOST, codes: [...page(RCX),
		...bare(s.TDX_LIFECYCLE_STATE_INCORRECT, s.TDX_FLUSHVP_NOT_DONE), ...SYS] },
	/* nothing was written back, nor is there anything to go on with, after all */
	{ name: "PHYMEM.CACHE.WB", leaf: d.TDH_PHYMEM_CACHE_WB, want: LOST, codes: [
		[s.TDX_OPERAND_INVALID, RCX], ...bare(s.TDX_WBCACHE_RESUME_ERROR,
			s.TDX_NO_HKID_READY_TO_WBCACHE, s.TDX_INTERRUPTED_RESUMABLE), ...SYS] },
	{ name: "MNG.KEY.FREEID", leaf: d.TDH_MNG_KEY_FREEID, want: LOST, codes: [...page(RCX),
		...bare(s.TDX_LIFECYCLE_STATE_INCORRECT, s.TDX_WBCACHE_NOT_COMPLETE), ...SYS] },
	/* a page, with it the root */
	{ name: "PHYMEM.PAGE.RECLAIM", leaf: d.TDH_PHYMEM_PAGE_RECLAIM,
		want: { leaked: 2, owned: 2 }, codes: [...page(RCX),
			...bare(s.TDX_LIFECYCLE_STATE_INCORRECT), ...SYS] },
	/* the root alone, which is the last */
	{ name: "PHYMEM.PAGE.RECLAIM", leaf: d.TDH_PHYMEM_PAGE_RECLAIM,
		want: { leaked: 1, owned: 1 }, codes: bare(s.TDX_TD_ASSOCIATED_PAGES_EXIST),
		skip: TD_PAGES - 1 },
	{ name: "PAGE.WBINVD of the root", leaf: d.TDH_PHYMEM_PAGE_WBINVD, want: { leaked: 1 },
		codes: page(RCX), skip: 1 },
];

/** Every page in turn is not given back. */
function* test_each_page(): wait {
	for (let skip = 0; skip < TD_PAGES - 1; skip++)
		yield* run_case({ name: "PHYMEM.PAGE.RECLAIM", leaf: d.TDH_PHYMEM_PAGE_RECLAIM,
			want: { leaked: 2, owned: 2 },
			codes: [[s.TDX_PAGE_METADATA_INCORRECT, RCX]], skip });
}

/** What could not be put together is not unblocked either. */
function* test_unblock(): wait {
	const dead: codes = [...ENTRY, [s.TDX_GPA_RANGE_NOT_BLOCKED, RCX],
		[s.TDX_TLB_TRACKING_NOT_DONE, RCX], ...page(RDX), ...TD, ...SYS];
	const unblock = { name: "RANGE.UNBLOCK", leaf: d.TDH_MEM_RANGE_UNBLOCK, merge: true };
	const refuse = (): void => {
		d.td_fail(d.TDH_MEM_PAGE_PROMOTE, s.TDX_EPT_INVALID_PROMOTE_CONDITIONS, RCX);
	};

	for (const code of dead) {
		refuse();
		yield* run_case({ ...unblock, want: RUN, codes: [code] });
	}
	refuse();
	yield* run_case({ ...unblock, want: FINE, codes: FATAL });
	refuse();
	yield* run_case({ ...unblock, want: FINE, times: 3, codes: [[s.TDX_OPERAND_BUSY, RCX]] });
}

/** The KeyID of a TD that is not even made yet is lost; the VM will not have another. */
function* test_lost_early(): wait {
	const what = "MNG.ADDCX, then MNG.KEY.FREEID";

	d.td_fail(d.TDH_MNG_ADDCX, s.TDX_PAGE_METADATA_INCORRECT, RCX, 1, 2);
	d.td_fail(d.TDH_MNG_KEY_FREEID, s.TDX_WBCACHE_NOT_COMPLETE);
	lost.keyids++;
	check(yield* live(), { step: "INIT_VM", errno: EIO, again: EINVAL, leaked: 3, owned: 3,
		status: BigInt(s.TDX_PAGE_METADATA_INCORRECT) << 32n | BigInt(RCX) }, 0n, what);
	d.td_fail_off();
}

/* The TD is fatal for good, from its first conversion on. */
function* test_fatal(large: boolean): wait {
	const what = `fatal${large ? ", large" : ""}`;

	write_file(HUGE, large ? "always" : "never");
	for (const leaf of [d.TDH_MEM_RANGE_BLOCK, d.TDH_MEM_PAGE_REMOVE, d.TDH_MEM_PAGE_DEMOTE])
		d.td_fail(leaf, s.TDX_TD_FATAL, 0, 1000);
	d.td_fail(d.TDH_MEM_TRACK, s.TDX_TD_FATAL, 0, 1000, 1);
	check(yield* live({ large }), FINE, 0n, what);
	d.td_fail_off();
	write_file(HUGE, "never");
}

/* Leaves that may find a lock taken, and what they say then. */
const BUSY: readonly (readonly [string, number, number, life_options?])[] = [
	["MNG.CREATE", d.TDH_MNG_CREATE, s.TDX_OPERAND_BUSY],
	["MNG.KEY.CONFIG", d.TDH_MNG_KEY_CONFIG, s.TDX_OPERAND_BUSY],
	["MNG.ADDCX", d.TDH_MNG_ADDCX, s.TDX_OPERAND_BUSY],
	["MNG.INIT", d.TDH_MNG_INIT, s.TDX_OPERAND_BUSY],
	["VP.CREATE", d.TDH_VP_CREATE, s.TDX_OPERAND_BUSY],
	["VP.ADDCX", d.TDH_VP_ADDCX, s.TDX_OPERAND_BUSY],
	["VP.INIT", d.TDH_VP_INIT, s.TDX_OPERAND_BUSY],
	["SEPT.ADD", d.TDH_MEM_SEPT_ADD, s.TDX_OPERAND_BUSY],
	["PAGE.ADD", d.TDH_MEM_PAGE_ADD, s.TDX_OPERAND_BUSY],
	["MR.EXTEND", d.TDH_MR_EXTEND, s.TDX_OPERAND_BUSY],
	["MR.FINALIZE", d.TDH_MR_FINALIZE, s.TDX_OPERAND_BUSY],
	["TRACK", d.TDH_MEM_TRACK, s.TDX_OPERAND_BUSY],
	["TRACK", d.TDH_MEM_TRACK, s.TDX_PREVIOUS_TLB_EPOCH_BUSY],
	["VP.WR", d.TDH_VP_WR, s.TDX_OPERAND_BUSY],
	["VP.ENTER", d.TDH_VP_ENTER, s.TDX_OPERAND_BUSY],
	["PAGE.AUG", d.TDH_MEM_PAGE_AUG, s.TDX_OPERAND_BUSY],
	["RANGE.BLOCK", d.TDH_MEM_RANGE_BLOCK, s.TDX_OPERAND_BUSY],
	["PAGE.REMOVE", d.TDH_MEM_PAGE_REMOVE, s.TDX_OPERAND_BUSY],
	["PAGE.WBINVD", d.TDH_PHYMEM_PAGE_WBINVD, s.TDX_OPERAND_BUSY],
	["PAGE.DEMOTE", d.TDH_MEM_PAGE_DEMOTE, s.TDX_OPERAND_BUSY, { large: true }],
	["PAGE.PROMOTE", d.TDH_MEM_PAGE_PROMOTE, s.TDX_OPERAND_BUSY, { merge: true }],
	["SEPT.REMOVE", d.TDH_MEM_SEPT_REMOVE, s.TDX_OPERAND_BUSY, { whole: true }],
	["VP.FLUSH", d.TDH_VP_FLUSH, s.TDX_OPERAND_BUSY],
	["MNG.VPFLUSHDONE", d.TDH_MNG_VPFLUSHDONE, s.TDX_OPERAND_BUSY],
	["PHYMEM.CACHE.WB", d.TDH_PHYMEM_CACHE_WB, s.TDX_OPERAND_BUSY],
	["MNG.KEY.FREEID", d.TDH_MNG_KEY_FREEID, s.TDX_OPERAND_BUSY],
	["PHYMEM.PAGE.RECLAIM", d.TDH_PHYMEM_PAGE_RECLAIM, s.TDX_OPERAND_BUSY],
	["VP.CREATE", d.TDH_VP_CREATE, s.TDX_SYS_BUSY],
	["MNG.KEY.FREEID", d.TDH_MNG_KEY_FREEID, s.TDX_SYS_BUSY],
];

/** Then they are called again, as often as it takes, and nobody notices. */
function* test_busy(): wait {
	const TIMES = 3;

	for (const [name, leaf, code, options = {}] of BUSY) {
		const large = options.large === true || options.merge === true;
		write_file(HUGE, large ? "always" : "never");
		d.td_seamcalls_reset();
		yield* live(options);
		const usual = d.td_seamcalls();
		d.td_seamcalls_reset();
		d.td_fail(leaf, code, RCX, TIMES);
		check(yield* live(options), FINE, 0n, `${name} is busy`);
		TEST_ASSERT(usual[leaf]! > 0 && d.td_fail_left() === 0, "%s: not called", name);
		d.td_seamcalls().forEach((n, l) => {
			/* a fault is not begun again by KVM, but by the guest */
			const again = l === leaf ||
				(leaf === d.TDH_MEM_PAGE_AUG && l === d.TDH_VP_ENTER);
			const more = again ? TIMES : 0;
			TEST_ASSERT(n === usual[l]! + more, "%s is busy: %d calls of %d, not %d",
				name, n, l, usual[l]! + more);
		});
	}
	d.td_fail_off();
	write_file(HUGE, "never");
}

/* Functions that warn, each once: KVM_BUG_ON() stands for all that kill a VM. */
const WARN = ["KVM_BUG_ON", "handle_changed_private_spte", "tdx_reclaim_page"];

/**
 * A vCPU with an interrupt that came while it had them off, and that it takes up again as it halts:
 * KVM asks the module before the vCPU sleeps.
 */
function* test_busy_halted(): wait {
	const VECTOR = 0x51;
	const td = td_create([function* (): guest_program {
		yield* td_long_mode();
		yield* td_accept(TD_FREE_GPA);
		yield* cli();
		yield* td_vmcall(TDVMCALL_WRMSR, X2APIC_SPIV, 0x1ffn);
		yield* td_vmcall(TDVMCALL_WRMSR, X2APIC_ICR, BigInt(VECTOR));
		/* it is posted no more when this is over, but pending */
		yield* td_report(1);
		yield* sti();
		yield* td_vmcall(TDVMCALL_HLT, 0n);
		yield* td_report(yield* ld64(TD_FREE_GPA));
	}], { handlers: { [VECTOR]: function* () {
		yield* st64(TD_FREE_GPA, 2n);
		yield* iret();
	} } });

	TEST_ASSERT((yield* td_run_until_report(td)) === 1, "halted: start");
	d.td_fail(d.TDH_VP_RD, s.TDX_OPERAND_BUSY, RCX, 3);
	TEST_ASSERT((yield* td_run_until_report(td)) === 2, "halted: no interrupt");
	TEST_ASSERT(d.td_fail_left() === 0, "VP.RD: not called");
	d.td_fail_off();
	td_free(td);
	d.td_assert_left(lost.keyids, lost.leaked, lost.owned, "halted");
}

/** The host's problems but for those that had to be, and those that had to be and were not. */
export function problems(found: readonly string[], log: string): string[] {
	if (lost.leaked === 0)
		return [...found];
	const warned = [...log.matchAll(/WARNING: .* (\w+)$/gm)].map(([, fn]) => fn!).sort();
	const free = /leak: free (\d+) \(was (\d+)\)/.exec(found.join());
	const want = [`kernel: ${WARN.length} warnings`, `leak: keyids ${lost.keyids} (was 0)`,
		`leak: leaked ${lost.leaked} (was 0)`, `leak: owned ${lost.owned} (was 0)`,
		`leak: free ${Number(free?.[2]) - lost.leaked} (was ${free?.[2]})`];

	return [
		...found.filter((text) => !want.includes(text)),
		...want.filter((text) => !found.includes(text)).map((text) => `missing: ${text}`),
		...warned.join() === WARN.join() ? [] : [`warnings of ${warned.join(", ")}`],
	];
}

export function* main(): wait<number> {
	d.td_require_debug();

	/* VP.FLUSH is for the end */
	sched_setaffinity(0, [0]);
	write_file(HUGE, "never");
	check(yield* live(), FINE, 0n, "nothing fails");
	for (const c of CASES)
		yield* run_case(c);
	yield* test_each_page();
	yield* test_unblock();
	yield* test_lost_early();
	yield* test_fatal(false);
	yield* test_fatal(true);
	yield* test_busy();
	yield* test_busy_halted();
	check(yield* live(), FINE, 0n, "nothing fails any more");
	return 0;
}
