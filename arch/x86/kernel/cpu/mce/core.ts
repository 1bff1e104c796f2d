// SPDX-License-Identifier: GPL-2.0
/*
 * The handler of machine checks.
 *
 * Upstream: arch/x86/kernel/cpu/mce/core.c. Left out: AMD, Zhaoxin and what is older; quirks of
 * single models; polling by timer; injected and fake machine checks; sysfs, /dev/mcelog; boot
 * options.
 *
 * Kernel code is atomic here, so that the other CPUs of a broadcast machine check can't wait for
 * each other. The Monarch, in its own waits, makes each of them go through the same steps in its
 * place (mce_subjects); nothing else differs. There is no irq_work either: records are handed to
 * the work queue at once.
 *
 * The branch for SEAM non-root mode is of Linux 6.10 (commit 7911f145de5f); see severity.ts.
 */
import { ref, pfn_nr } from "#asm-generic/types.ts";
import { EHWPOISON, EINVAL, EOPNOTSUPP } from "#linux/errno.ts";
import { container_of } from "#asm-generic/owner.ts";
import { type struct_llist_node, llist_for_each_entry } from "#linux/llist.ts";
import { BUG_ON, WARN_ON, WARN_ON_ONCE } from "#linux/bug.ts";
import { MF_ACTION_REQUIRED, MF_MUST_KILL, memory_failure } from "#linux/mm.ts";
import { pfn_to_online_page } from "#linux/mmzone.ts";
import { NOTIFY_DONE, NOTIFY_OK, type struct_notifier_block, struct_notifier_head,
	blocking_notifier_chain_register, blocking_notifier_chain_unregister } from
	"#linux/notifier.ts";
import { SetPageHWPoison } from "#linux/page-flags.ts";
import { LOCKDEP_NOW_UNRELIABLE, TAINT_MACHINE_CHECK, add_taint, panic, save_stack_trace,
	stack_frames } from "#linux/panic.ts";
import { DEFINE_PER_CPU, per_cpu, this_cpu_inc, this_cpu_ptr, this_cpu_read, this_cpu_write } from
	"#linux/percpu.ts";
import { nmi_enter, nmi_exit } from "#linux/preempt.ts";
import { pr_cont, pr_emerg, pr_err, pr_info, pr_warn } from "#linux/printk.ts";
import type { struct_callback_head } from "#linux/rcupdate_types.ts";
import { current, struct_task_struct } from "#linux/sched.ts";
import { force_sig } from "#linux/sched/signal.ts";
import { nmi_call_on_cpu, nr_cpu_ids, smp_processor_id } from "#linux/smp.ts";
import { TWA_RESUME, task_work_add } from "#linux/task_work.ts";
import { ktime_get_real_seconds } from "#linux/timekeeping.ts";
import { INIT_WORK, schedule_work } from "#linux/workqueue.ts";
import { struct_work_struct } from "#linux/workqueue_types.ts";
import { SIGBUS } from "#uapi/asm-generic/signal.ts";
import { X86_TRAP_MC, cpus } from "#hw/cpu.ts";
import { cpu_has } from "#asm/cpufeature.ts";
import { X86_FEATURE_MCA, X86_FEATURE_MCE } from "#asm/cpufeatures.ts";
import { cpuid_eax } from "#asm/cpuid.ts";
import { fixup_exception } from "#asm/extable.ts";
import {
	MAX_NR_BANKS, MCE_HANDLED_UC, MCE_IN_KERNEL_COPYIN, MCE_IN_KERNEL_RECOV, MCE_PRIO_EARLY,
	MCE_PRIO_HIGHEST, MCE_PRIO_LOWEST, MCE_PRIO_UC, MCG_BANKCNT_MASK, MCG_CTL_P, MCG_SER_P,
	MCG_STATUS_EIPV, MCG_STATUS_LMCES, MCG_STATUS_MCIP, MCG_STATUS_RIPV, MCG_STATUS_SEAM_NR,
	MCI_MISC_ADDR_LSB, MCI_MISC_ADDR_MODE, MCI_MISC_ADDR_PHYS, MCI_STATUS_ADDRV, MCI_STATUS_EN,
	MCI_STATUS_MISCV, MCI_STATUS_PCC, MCI_STATUS_S, MCI_STATUS_UC, MCI_STATUS_VAL,
	MCP_DONTLOG, MCP_QUEUE_LOG, MCP_TIMESTAMP, MCP_UC, mce_intel_feature_init, struct_mce,
} from "#asm/mce.ts";
import { MSR_IA32_MCG_CAP, MSR_IA32_MCG_CTL, MSR_IA32_MCG_STATUS, MSR_IA32_UCODE_REV } from
	"#asm/msr-index.ts";
import { rdmsrl, rdtsc, wrmsrl } from "#asm/msr.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";
import { X86_VENDOR_INTEL, boot_cpu_data, type struct_cpuinfo_x86 } from "#asm/processor.ts";
import { X86_EFLAGS_IF, __KERNEL_CS, __USER_CS, struct_pt_regs, user_mode } from "#asm/ptrace.ts";
import {
	MCA_ADDR, MCA_CTL, MCA_MISC, MCA_STATUS, MCE_AO_SEVERITY, MCE_AR_SEVERITY,
	MCE_DEFERRED_SEVERITY, MCE_KEEP_SEVERITY, MCE_NO_SEVERITY, MCE_PANIC_SEVERITY,
	MCE_UCNA_SEVERITY, type mca_config, mca_msr_reg, mce_cmp, mce_gen_pool_add,
	mce_gen_pool_empty, mce_gen_pool_init, mce_gen_pool_prepare_records, mce_gen_pool_process,
	mce_severity, struct_mce_evt_llist,
} from "#arch/x86/kernel/cpu/mce/internal.h.ts";

const HW_ERR = "[Hardware Error]: ";

const mce_exception_count = DEFINE_PER_CPU(() => 0);
export const mce_num_banks = DEFINE_PER_CPU(() => 0);

/* a bank's CTL register: what is set up to be reported */
class struct_mce_bank {
	ctl = 0n;
	init = false;
}

const mce_banks_array = DEFINE_PER_CPU(() =>
	Array.from({ length: MAX_NR_BANKS }, () => new struct_mce_bank()));

const mca_cfg_default: mca_config = {
	lmce_disabled: false, disabled: false, ser: false, initialized: false, cmci_disabled: false,
	print_all: false, monarch_timeout: -1, panic_timeout: 0, bootlog: -1,
};

export const mca_cfg: mca_config = { ...mca_cfg_default };

/** What the Monarch is to see of each CPU. */
const mces_seen = DEFINE_PER_CPU(() => new struct_mce());
let mce_need_notify = false;

/** Banks without CMCI, or not set up for it yet. */
export const mce_poll_banks = DEFINE_PER_CPU(() =>
	new Set<number>(Array.from({ length: MAX_NR_BANKS }, (_, i) => i)));

/** Banks whose corrected errors firmware handles. */
export const mce_banks_ce_disabled = new Set<number>();

const mce_work = new struct_work_struct(null);

export const x86_mce_decoder_chain = new struct_notifier_head();

/** The function that was interrupted: the innermost that is not of the machine or of this file. */
function interrupted_symbol(): string {
	const limit = Error.stackTraceLimit;

	Error.stackTraceLimit = 40;
	const frames = stack_frames(save_stack_trace());
	Error.stackTraceLimit = limit;
	const f = frames.find((s) =>
		!/^(include\/linux\/panic|arch\/x86\/(hw|kernel\/(cpu\/mce|traps)))/.test(s.file));

	return f === undefined ? "?" : f.fn;
}

/** arch/x86/kernel/cpu/mce/core.c:mce_setup() */
export function mce_setup(m: struct_mce): void {
	Object.assign(m, new struct_mce());
	m.extcpu = smp_processor_id();
	m.time = BigInt(ktime_get_real_seconds());
	m.cpuvendor = boot_cpu_data.x86_vendor;
	m.cpuid = cpuid_eax(1);
	m.apicid = smp_processor_id();
	m.mcgcap = rdmsrl(MSR_IA32_MCG_CAP);
	m.microcode = Number(rdmsrl(MSR_IA32_UCODE_REV) >> 32n);
}

/** arch/x86/kernel/cpu/mce/core.c:mce_log() */
export function mce_log(m: struct_mce): void {
	if (!mce_gen_pool_add(m))
		mce_schedule_work();
}

export function mce_register_decode_chain(nb: struct_notifier_block): void {
	if (WARN_ON(nb.priority < MCE_PRIO_LOWEST ||
		    nb.priority > MCE_PRIO_HIGHEST))
		return;

	blocking_notifier_chain_register(x86_mce_decoder_chain, nb);
}

export function mce_unregister_decode_chain(nb: struct_notifier_block): void {
	blocking_notifier_chain_unregister(x86_mce_decoder_chain, nb);
}

/** arch/x86/kernel/cpu/mce/core.c:__print_mce() */
function __print_mce(m: struct_mce): void {
	pr_emerg("mce: " + HW_ERR + "CPU %d: Machine Check%s: %Lx Bank %d: %016Lx\n",
		m.extcpu,
		(m.mcgstatus & MCG_STATUS_MCIP) !== 0n ? " Exception" : "",
		m.mcgstatus, m.bank, m.status);

	if (m.ip || m.symbol) {
		pr_emerg("mce: " + HW_ERR + "RIP%s %02x:<%016Lx> ",
			(m.mcgstatus & MCG_STATUS_EIPV) === 0n ? " !INEXACT!" : "",
			m.cs, BigInt(m.ip));

		if (m.cs === __KERNEL_CS)
			pr_cont("{%s}", m.symbol);
		pr_cont("\n");
	}

	pr_emerg("mce: " + HW_ERR + "TSC %llx ", m.tsc);
	if (m.addr)
		pr_cont("ADDR %llx ", m.addr);
	if (m.misc)
		pr_cont("MISC %llx ", m.misc);
	if (m.ppin)
		pr_cont("PPIN %llx ", m.ppin);

	pr_cont("\n");

	pr_emerg("mce: " + HW_ERR + "PROCESSOR %u:%x TIME %llu SOCKET %u APIC %x microcode %x\n",
		m.cpuvendor, m.cpuid, m.time, m.socketid, m.apicid,
		m.microcode);
}

function print_mce(m: struct_mce): void {
	__print_mce(m);
	pr_emerg("mce: " + HW_ERR + "Run the above through 'mcelog --ascii'\n");
}

/** arch/x86/kernel/cpu/mce/core.c:mce_panic(). The record that decided it comes last. */
function mce_panic(msg: string, final: struct_mce | null, exp: string): never {
	const pending: struct_llist_node | null = mce_gen_pool_prepare_records();
	const all = [...llist_for_each_entry(pending, struct_mce_evt_llist, "llnode")];

	/* corrected ones first */
	for (const l of all) {
		const m = l.mce;
		if ((m.status & MCI_STATUS_UC) === 0n)
			print_mce(m);
	}
	for (const l of all) {
		const m = l.mce;
		if ((m.status & MCI_STATUS_UC) === 0n)
			continue;
		if (!final || mce_cmp(m, final))
			print_mce(m);
	}
	if (final)
		print_mce(final);
	if (exp)
		pr_emerg("mce: " + HW_ERR + "Machine check: %s\n", exp);
	panic("%s", msg);
}

/** arch/x86/kernel/cpu/mce/core.c:mce_rdmsrl(). The registers exist, or the CPU is broken. */
export function mce_rdmsrl(msr: number): bigint {
	return rdmsrl(msr);
}

function mce_wrmsrl(msr: number, v: bigint): void {
	wrmsrl(msr, v);
}

/** arch/x86/kernel/cpu/mce/core.c:mce_gather_info() */
function mce_gather_info(m: struct_mce, regs: struct_pt_regs | null): void {
	mce_setup(m);

	m.mcgstatus = mce_rdmsrl(MSR_IA32_MCG_STATUS);
	if (regs) {
		if ((m.mcgstatus & (MCG_STATUS_RIPV | MCG_STATUS_EIPV)) !== 0n) {
			m.ip = regs.ip;
			m.cs = regs.cs;
			if (!user_mode(regs))
				m.symbol = interrupted_symbol();
		}
	}
}

export function mce_available(c: struct_cpuinfo_x86): boolean {
	if (mca_cfg.disabled)
		return false;
	return cpu_has(c, X86_FEATURE_MCE) && cpu_has(c, X86_FEATURE_MCA);
}

function mce_schedule_work(): void {
	if (!mce_gen_pool_empty())
		schedule_work(mce_work);
}

/** arch/x86/kernel/cpu/mce/core.c:mce_usable_address(): a physical address of a page at most. */
export function mce_usable_address(m: struct_mce): boolean {
	if ((m.status & MCI_STATUS_ADDRV) === 0n)
		return false;

	if (boot_cpu_data.x86_vendor !== X86_VENDOR_INTEL)
		return true;

	if ((m.status & MCI_STATUS_MISCV) === 0n)
		return false;

	if (MCI_MISC_ADDR_LSB(m.misc) > PAGE_SHIFT)
		return false;

	if (MCI_MISC_ADDR_MODE(m.misc) !== MCI_MISC_ADDR_PHYS)
		return false;

	return true;
}

/**
 * arch/x86/kernel/cpu/mce/core.c:mce_is_memory_error(): by MCACOD, a memory error, one of a cache
 * hierarchy, or a generic one of such.
 */
export function mce_is_memory_error(m: struct_mce): boolean {
	switch (m.cpuvendor) {
	case X86_VENDOR_INTEL:
		return (m.status & 0xef80n) === 1n << 7n ||
		       (m.status & 0xef00n) === 1n << 8n ||
		       (m.status & 0xeffcn) === 0xcn;

	default:
		return false;
	}
}

export function mce_is_correctable(m: struct_mce): boolean {
	return (m.status & MCI_STATUS_UC) === 0n;
}

/** arch/x86/kernel/cpu/mce/core.c:mce_early_notifier() */
function mce_early_notifier(_nb: struct_notifier_block, _val: number, data: unknown): number {
	if (!data)
		return NOTIFY_DONE;

	mce_need_notify = true;

	mce_notify_irq();

	return NOTIFY_DONE;
}

const early_nb: struct_notifier_block = {
	notifier_call: mce_early_notifier,
	priority: MCE_PRIO_EARLY,
};

/** arch/x86/kernel/cpu/mce/core.c:uc_decode_notifier() */
function uc_decode_notifier(_nb: struct_notifier_block, _val: number, data: unknown): number {
	const mce = data as struct_mce | null;

	if (!mce || !mce_usable_address(mce))
		return NOTIFY_DONE;

	if (mce.severity !== MCE_AO_SEVERITY &&
	    mce.severity !== MCE_DEFERRED_SEVERITY)
		return NOTIFY_DONE;

	if (!memory_failure(mce_pfn(mce.addr), 0))
		mce.kflags |= MCE_HANDLED_UC;

	return NOTIFY_OK;
}

const mce_uc_nb: struct_notifier_block = {
	notifier_call: uc_decode_notifier,
	priority: MCE_PRIO_UC,
};

/** arch/x86/kernel/cpu/mce/core.c:mce_default_notifier(): what nobody else cared for. */
function mce_default_notifier(_nb: struct_notifier_block, _val: number, data: unknown): number {
	const m = data as struct_mce | null;

	if (!m)
		return NOTIFY_DONE;

	if (mca_cfg.print_all || !m.kflags)
		__print_mce(m);

	return NOTIFY_DONE;
}

const mce_default_nb: struct_notifier_block = {
	notifier_call: mce_default_notifier,
	priority: MCE_PRIO_LOWEST,
};

const mce_pfn = (addr: bigint): pfn_nr => pfn_nr(Number(addr / BigInt(PAGE_SIZE)));

/** arch/x86/kernel/cpu/mce/core.c:mce_read_aux(): the address, as far as it is good. */
function mce_read_aux(m: struct_mce, i: number): void {
	if ((m.status & MCI_STATUS_MISCV) !== 0n)
		m.misc = mce_rdmsrl(mca_msr_reg(i, MCA_MISC));

	if ((m.status & MCI_STATUS_ADDRV) !== 0n) {
		m.addr = mce_rdmsrl(mca_msr_reg(i, MCA_ADDR));

		if (mca_cfg.ser && (m.status & MCI_STATUS_MISCV) !== 0n) {
			const shift = BigInt(MCI_MISC_ADDR_LSB(m.misc));
			m.addr >>= shift;
			m.addr <<= shift;
		}
	}
}

/**
 * arch/x86/kernel/cpu/mce/core.c:machine_check_poll(): logs what raised no exception, in the banks
 * of @b. True if there was something.
 */
export function machine_check_poll(flags: number, b: ReadonlySet<number>): boolean {
	const mce_banks = this_cpu_ptr(mce_banks_array);
	let error_seen = false;
	const m = new struct_mce();

	mce_gather_info(m, null);

	if (flags & MCP_TIMESTAMP)
		m.tsc = BigInt(rdtsc());

	for (let i = 0; i < this_cpu_read(mce_num_banks); i++) {
		if (!mce_banks[i]!.ctl || !b.has(i))
			continue;

		m.misc = 0n;
		m.addr = 0n;
		m.bank = i;

		m.status = mce_rdmsrl(mca_msr_reg(i, MCA_STATUS));

		if ((m.status & MCI_STATUS_VAL) === 0n)
			continue;

		log_it: {
			/* when a CPU comes up, or corrected: all of it */
			if ((flags & MCP_UC) || (m.status & MCI_STATUS_UC) === 0n)
				break log_it;

			/* with recovery, part of the others */
			if (!mca_cfg.ser) {
				if ((m.status & MCI_STATUS_UC) !== 0n)
					continue;
				break log_it;
			}

			if ((m.status & MCI_STATUS_EN) === 0n)
				break log_it;

			/* UCNA: no action required */
			if ((m.status & MCI_STATUS_PCC) === 0n && (m.status & MCI_STATUS_S) === 0n)
				break log_it;

			/* the rest is about to raise an exception: do_machine_check()'s */
			continue;
		}
		error_seen = true;

		if (!(flags & MCP_DONTLOG)) {
			mce_read_aux(m, i);
			m.severity = mce_severity(m, null, null, false);

			if (flags & MCP_QUEUE_LOG)
				mce_gen_pool_add(m);
			else
				mce_log(m);
		}

		mce_wrmsrl(mca_msr_reg(i, MCA_STATUS), 0n);
	}

	/* MCG_STATUS is of exceptions only */
	return error_seen;
}

/** arch/x86/kernel/cpu/mce/core.c:mce_no_way_out(): does any event require a panic? */
function mce_no_way_out(m: struct_mce, msg: ref<string>, validp: Set<number>,
	regs: struct_pt_regs): number {
	const tmp = new ref(msg.v);

	for (let i = 0; i < this_cpu_read(mce_num_banks); i++) {
		m.status = mce_rdmsrl(mca_msr_reg(i, MCA_STATUS));
		if ((m.status & MCI_STATUS_VAL) === 0n)
			continue;

		validp.add(i);

		m.bank = i;
		if (mce_severity(m, regs, tmp, true) >= MCE_PANIC_SEVERITY) {
			mce_read_aux(m, i);
			msg.v = tmp.v;
			return 1;
		}
	}
	return 0;
}

/** Order of CPUs on entry: the first one is the Monarch. */
let mce_callin = 0;
let global_nwo = 0;

/* A CPU in do_machine_check(): C's local variables. */
class struct_mce_context {
	readonly cpu: number;
	readonly regs: struct_pt_regs;
	readonly m = new struct_mce();
	final = new struct_mce();
	readonly valid_banks = new Set<number>();
	readonly toclear = new Set<number>();
	readonly msg = new ref("");
	worst = 0;
	order = -1;
	no_way_out = 0;
	kill_current_task = false;
	taint = 0;
	constructor(cpu: number, regs: struct_pt_regs) {
		this.cpu = cpu;
		this.regs = regs;
	}
}

/** The other CPUs of a broadcast machine check, in the order in which they entered. */
let mce_subjects: struct_mce_context[] = [];

/** arch/x86/kernel/cpu/mce/core.c:mce_reign(): the worst of all CPUs decides. */
function mce_reign(): void {
	let m: struct_mce | null = null;
	let global_worst = 0;
	const msg = new ref("");

	for (let cpu = 0; cpu < nr_cpu_ids; cpu++) {
		const mtmp = per_cpu(mces_seen, cpu);

		if (mtmp.severity > global_worst) {
			global_worst = mtmp.severity;
			m = mtmp;
		}
	}

	if (m && global_worst >= MCE_PANIC_SEVERITY) {
		/* once more, for the text */
		mce_severity(m, null, msg, true);
		mce_panic("Fatal machine check", m, msg.v);
	}

	/* short of that, whoever found it deals with it */

	if (global_worst <= MCE_KEEP_SEVERITY)
		mce_panic("Fatal machine check from unknown source", null, "");

	for (let cpu = 0; cpu < nr_cpu_ids; cpu++)
		Object.assign(per_cpu(mces_seen, cpu), new struct_mce());
}

/** arch/x86/kernel/cpu/mce/core.c:mce_start(): the Monarch waits until all have come in. */
function mce_start(c: struct_mce_context): number {
	if (!mca_cfg.monarch_timeout)
		return -1;

	global_nwo += c.no_way_out;
	const order = ++mce_callin;

	if (order === 1) {
		mce_subjects = [];
		for (const cpu of cpus) {
			if (cpu.id !== c.cpu && cpu.online)
				nmi_call_on_cpu(cpu.id, mce_subject_enter, null);
		}
	}

	c.no_way_out = global_nwo;

	return order;
}

/** arch/x86/kernel/cpu/mce/core.c:mce_end() */
function mce_end(order: number): number {
	let ret = -1;

	if (mca_cfg.monarch_timeout && order >= 0) {
		if (order === 1) {
			for (const c of mce_subjects)
				nmi_call_on_cpu(c.cpu, mce_subject_scan, c);

			mce_reign();
			ret = 0;
		} else {
			/* state is reset by the Monarch */
			return 0;
		}
	}

	global_nwo = 0;
	mce_callin = 0;

	const subjects = mce_subjects;
	mce_subjects = [];
	for (const c of subjects)
		nmi_call_on_cpu(c.cpu, mce_subject_leave, c);

	return ret;
}

/* do_machine_check() of another CPU: until it waits, until it waits again, and the rest. */

function mce_subject_enter(): void {
	const regs = new struct_pt_regs();

	/* what runs there is a program, or nothing */
	regs.cs = current.mm !== null ? __USER_CS : __KERNEL_CS;
	regs.flags = X86_EFLAGS_IF;
	const c = machine_check_enter(regs);
	mce_subjects.push(c);
	c.order = mce_start(c);
}

function mce_subject_scan(c: struct_mce_context): void {
	c.no_way_out = global_nwo;
	machine_check_scan(c);
	mce_end(c.order);
}

function mce_subject_leave(c: struct_mce_context): void {
	machine_check_leave(c);
}

function mce_clear_state(toclear: ReadonlySet<number>): void {
	for (let i = 0; i < this_cpu_read(mce_num_banks); i++) {
		if (toclear.has(i))
			mce_wrmsrl(mca_msr_reg(i, MCA_STATUS), 0n);
	}
}

/** arch/x86/kernel/cpu/mce/core.c:__mc_scan_banks() */
function __mc_scan_banks(c: struct_mce_context): number {
	const mce_banks = this_cpu_ptr(mce_banks_array);
	const { m, final, no_way_out } = c;
	let taint = 0;

	for (let i = 0; i < this_cpu_read(mce_num_banks); i++) {
		c.toclear.delete(i);
		if (!c.valid_banks.has(i))
			continue;

		if (!mce_banks[i]!.ctl)
			continue;

		m.misc = 0n;
		m.addr = 0n;
		m.bank = i;

		m.status = mce_rdmsrl(mca_msr_reg(i, MCA_STATUS));
		if ((m.status & MCI_STATUS_VAL) === 0n)
			continue;

		/* machine_check_poll()'s, unless this is the end */
		if ((m.status & (mca_cfg.ser ? MCI_STATUS_S : MCI_STATUS_UC)) === 0n &&
			!no_way_out)
			continue;

		taint++;

		const severity = mce_severity(m, c.regs, null, true);

		if ((severity === MCE_KEEP_SEVERITY ||
		     severity === MCE_UCNA_SEVERITY) && !no_way_out)
			continue;

		c.toclear.add(i);

		/* not enabled: cleared, and ignored */
		if (severity === MCE_NO_SEVERITY)
			continue;

		mce_read_aux(m, i);

		m.severity = severity;

		mce_log(m);

		if (severity > c.worst) {
			Object.assign(final, m);
			c.worst = severity;
		}
	}

	Object.assign(m, final);

	return taint;
}

/** arch/x86/kernel/cpu/mce/core.c:kill_me_now() */
function kill_me_now(ch: struct_callback_head): void {
	const p = container_of(ch, struct_task_struct, "mce_kill_me");

	p.mce_count = 0;
	force_sig(SIGBUS);
}

/** arch/x86/kernel/cpu/mce/core.c:kill_me_maybe() */
function kill_me_maybe(cb: struct_callback_head): void {
	const p = container_of(cb, struct_task_struct, "mce_kill_me");
	let flags = MF_ACTION_REQUIRED;

	p.mce_count = 0;
	pr_err("mce: Uncorrected hardware memory error in user-access at %llx", p.mce_addr);

	if (!p.mce_ripv)
		flags |= MF_MUST_KILL;

	const ret = memory_failure(mce_pfn(p.mce_addr), flags);
	if (!ret)
		return;

	/* the signal was sent already; the event was filtered */
	if (ret === -EHWPOISON || ret === -EOPNOTSUPP)
		return;

	pr_err("mce: Memory error not recovered");
	kill_me_now(cb);
}

/** arch/x86/kernel/cpu/mce/core.c:kill_me_never(): the kernel's copy has reported -EFAULT. */
function kill_me_never(cb: struct_callback_head): void {
	const p = container_of(cb, struct_task_struct, "mce_kill_me");

	p.mce_count = 0;
	pr_err("mce: Kernel accessed poison in user space at %llx\n", p.mce_addr);
	memory_failure(mce_pfn(p.mce_addr), 0);
}

/** arch/x86/kernel/cpu/mce/core.c:queue_task_work() */
function queue_task_work(m: struct_mce, msg: string,
	func: (cb: struct_callback_head) => void): void {
	const count = ++current.mce_count;

	if (count === 1) {
		current.mce_addr = m.addr;
		current.mce_ripv = (m.mcgstatus & MCG_STATUS_RIPV) !== 0n;
		current.mce_kill_me.func = func;
	}

	/* two are plenty before task work runs */
	if (count > 10)
		mce_panic("Too many consecutive machine checks while accessing user data", m, msg);

	if (count > 1 && mce_pfn(current.mce_addr) !== mce_pfn(m.addr))
		mce_panic("Consecutive machine checks to different user pages", m, msg);

	if (count > 1)
		return;

	task_work_add(current, current.mce_kill_me, TWA_RESUME);
}

/** arch/x86/kernel/cpu/mce/core.c:unexpected_machine_check() */
function unexpected_machine_check(_regs: struct_pt_regs): void {
	pr_err("mce: CPU#%d: Unexpected int18 (Machine Check)\n",
	       smp_processor_id());
}

/** do_machine_check() until the CPUs meet. */
function machine_check_enter(regs: struct_pt_regs): struct_mce_context {
	const c = new struct_mce_context(smp_processor_id(), regs);
	const m = c.m;

	this_cpu_inc(mce_exception_count);

	mce_gather_info(m, regs);
	m.tsc = BigInt(rdtsc());

	c.final = this_cpu_ptr(mces_seen);
	Object.assign(c.final, m);

	c.no_way_out = mce_no_way_out(m, c.msg, c.valid_banks, regs);

	/* forgotten again if the worst turns out to be MCE_AR_SEVERITY, and there are other ways */
	if ((m.mcgstatus & MCG_STATUS_RIPV) === 0n)
		c.kill_current_task = true;
	return c;
}

/** ... until they meet again */
function machine_check_scan(c: struct_mce_context): void {
	c.taint = __mc_scan_banks(c);

	if (!c.no_way_out)
		mce_clear_state(c.toclear);
}

/** ... and its end */
function machine_check_leave(c: struct_mce_context): void {
	const { m, regs } = c;

	if (c.taint)
		add_taint(TAINT_MACHINE_CHECK, LOCKDEP_NOW_UNRELIABLE);

	out: {
		if (c.worst !== MCE_AR_SEVERITY && !c.kill_current_task)
			break out;

		/* in user mode: the task has to be told */
		if ((m.cs & 3) === 3) {
			BUG_ON(!user_mode(regs));

			if (c.kill_current_task)
				queue_task_work(m, c.msg.v, kill_me_now);
			else
				queue_task_work(m, c.msg.v, kill_me_maybe);

		} else if ((m.mcgstatus & MCG_STATUS_SEAM_NR) !== 0n) {
			/*
			 * The kernel was not at fault, it only runs behind SEAMCALL by now; the TD
			 * is dead already. All that is left is the page.
			 */
			if (mce_usable_address(m)) {
				const p = pfn_to_online_page(mce_pfn(m.addr));

				if (p)
					SetPageHWPoison(p);
			}
		} else {
			if (m.kflags & MCE_IN_KERNEL_RECOV) {
				if (!fixup_exception(regs, X86_TRAP_MC, 0, 0))
					mce_panic("Failed kernel mode recovery", m, c.msg.v);
			}

			if (m.kflags & MCE_IN_KERNEL_COPYIN)
				queue_task_work(m, c.msg.v, kill_me_never);
		}
	}

	mce_wrmsrl(MSR_IA32_MCG_STATUS, 0n);
}

/**
 * arch/x86/kernel/cpu/mce/core.c:do_machine_check(). May interrupt anything: takes no locks but the
 * console's.
 */
export function do_machine_check(regs: struct_pt_regs): void {
	if (!mca_cfg.initialized || !this_cpu_read(mce_num_banks)) {
		unexpected_machine_check(regs);
		return;
	}

	const c = machine_check_enter(regs);
	const { m, msg } = c;
	const lmce = (m.mcgstatus & MCG_STATUS_LMCES) !== 0n;

	/* a local one may know already that this is the end */
	if (lmce) {
		if (c.no_way_out)
			mce_panic("Fatal local machine check", m, msg.v);
	} else {
		c.order = mce_start(c);
	}

	machine_check_scan(c);

	if (!lmce) {
		if (mce_end(c.order) < 0) {
			if (!c.no_way_out)
				c.no_way_out = c.worst >= MCE_PANIC_SEVERITY ? 1 : 0;

			if (c.no_way_out)
				mce_panic("Fatal machine check on current CPU", m, msg.v);
		}
	} else {
		/* the banks were read again since */
		if (c.worst >= MCE_PANIC_SEVERITY) {
			mce_severity(m, regs, msg, true);
			mce_panic("Local fatal machine check!", m, msg.v);
		}
	}

	machine_check_leave(c);
}

/** arch/x86/kernel/cpu/mce/core.c:mce_notify_irq() */
function mce_notify_irq(): boolean {
	if (mce_need_notify) {
		mce_need_notify = false;
		pr_info("mce: " + HW_ERR + "Machine check events logged\n");

		return true;
	}
	return false;
}

/** arch/x86/kernel/cpu/mce/core.c:__mcheck_cpu_mce_banks_init() */
function __mcheck_cpu_mce_banks_init(): void {
	const mce_banks = this_cpu_ptr(mce_banks_array);
	const n_banks = this_cpu_read(mce_num_banks);

	for (let i = 0; i < n_banks; i++) {
		const b = mce_banks[i]!;

		b.ctl = 0xffffffffffffffffn;
		b.init = true;
	}
}

/** arch/x86/kernel/cpu/mce/core.c:__mcheck_cpu_cap_init() */
function __mcheck_cpu_cap_init(): void {
	const cap = rdmsrl(MSR_IA32_MCG_CAP);

	let b = Number(cap & MCG_BANKCNT_MASK);

	if (b > MAX_NR_BANKS) {
		pr_warn("mce: CPU%d: Using only %u machine check banks out of %u\n",
			smp_processor_id(), MAX_NR_BANKS, b);
		b = MAX_NR_BANKS;
	}

	this_cpu_write(mce_num_banks, b);

	__mcheck_cpu_mce_banks_init();

	if ((cap & MCG_SER_P) !== 0n)
		mca_cfg.ser = true;
}

/** arch/x86/kernel/cpu/mce/core.c:__mcheck_cpu_init_generic(): logs what a reset left behind. */
function __mcheck_cpu_init_generic(): void {
	let m_fl = 0;
	const all_banks = new Set<number>();

	if (!mca_cfg.bootlog)
		m_fl = MCP_DONTLOG;

	for (let i = 0; i < MAX_NR_BANKS; i++)
		all_banks.add(i);
	machine_check_poll(MCP_UC | MCP_QUEUE_LOG | m_fl, all_banks);

	const cap = rdmsrl(MSR_IA32_MCG_CAP);
	if ((cap & MCG_CTL_P) !== 0n)
		wrmsrl(MSR_IA32_MCG_CTL, 0xffffffffffffffffn);
}

/** arch/x86/kernel/cpu/mce/core.c:__mcheck_cpu_init_clear_banks() */
function __mcheck_cpu_init_clear_banks(): void {
	const mce_banks = this_cpu_ptr(mce_banks_array);

	for (let i = 0; i < this_cpu_read(mce_num_banks); i++) {
		const b = mce_banks[i]!;

		if (!b.init)
			continue;
		wrmsrl(mca_msr_reg(i, MCA_CTL), b.ctl);
		wrmsrl(mca_msr_reg(i, MCA_STATUS), 0n);
	}
}

/** arch/x86/kernel/cpu/mce/core.c:__mcheck_cpu_check_banks(): what reads as zero is unused. */
function __mcheck_cpu_check_banks(): void {
	const mce_banks = this_cpu_ptr(mce_banks_array);

	for (let i = 0; i < this_cpu_read(mce_num_banks); i++) {
		const b = mce_banks[i]!;

		if (!b.init)
			continue;

		b.init = rdmsrl(mca_msr_reg(i, MCA_CTL)) !== 0n;
	}
}

/** arch/x86/kernel/cpu/mce/core.c:__mcheck_cpu_apply_quirks(): Intel broadcasts. */
function __mcheck_cpu_apply_quirks(c: struct_cpuinfo_x86): number {
	const cfg = mca_cfg;

	if (c.x86_vendor < 0) {
		pr_info("mce: unknown CPU type - not enabling MCE support\n");
		return -EINVAL;
	}

	if (c.x86_vendor === X86_VENDOR_INTEL) {
		if ((c.x86 > 6 || (c.x86 === 6 && c.x86_model >= 0xe)) &&
			cfg.monarch_timeout < 0)
			cfg.monarch_timeout = 1000000;
	}

	if (cfg.monarch_timeout < 0)
		cfg.monarch_timeout = 0;
	if (cfg.bootlog !== 0)
		cfg.panic_timeout = 30;

	return 0;
}

function __mcheck_cpu_init_vendor(c: struct_cpuinfo_x86): void {
	if (c.x86_vendor === X86_VENDOR_INTEL)
		mce_intel_feature_init();
}

/** arch/x86/kernel/cpu/mce/core.c:exc_machine_check_kernel() */
function exc_machine_check_kernel(regs: struct_pt_regs): void {
	WARN_ON_ONCE(user_mode(regs));

	/* C: irqentry_nmi_enter() */
	nmi_enter();
	do_machine_check(regs);
	nmi_exit();
}

/** arch/x86/kernel/cpu/mce/core.c:DEFINE_IDTENTRY_MCE(exc_machine_check) */
export function exc_machine_check(regs: struct_pt_regs): void {
	if (user_mode(regs))
		do_machine_check(regs);
	else
		exc_machine_check_kernel(regs);
}

/** arch/x86/kernel/cpu/mce/core.c:mcheck_cpu_init(), on each CPU. */
export function mcheck_cpu_init(c: struct_cpuinfo_x86): void {
	if (mca_cfg.disabled)
		return;

	if (!mce_available(c))
		return;

	__mcheck_cpu_cap_init();

	if (__mcheck_cpu_apply_quirks(c) < 0) {
		mca_cfg.disabled = true;
		return;
	}

	if (mce_gen_pool_init()) {
		mca_cfg.disabled = true;
		pr_emerg("mce: Couldn't allocate MCE records pool!\n");
		return;
	}

	mca_cfg.initialized = true;

	__mcheck_cpu_init_generic();
	__mcheck_cpu_init_vendor(c);
	__mcheck_cpu_init_clear_banks();
	__mcheck_cpu_check_banks();
}

/** arch/x86/kernel/cpu/mce/core.c:mcheck_init(). Port-only: forgets what an earlier boot set. */
export function mcheck_init(): number {
	Object.assign(mca_cfg, mca_cfg_default);
	x86_mce_decoder_chain.blocks = [];
	mce_register_decode_chain(early_nb);
	mce_register_decode_chain(mce_uc_nb);
	mce_register_decode_chain(mce_default_nb);

	INIT_WORK(mce_work, mce_gen_pool_process);

	return 0;
}
