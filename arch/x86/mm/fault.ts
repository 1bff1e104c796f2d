// SPDX-License-Identifier: GPL-2.0
/*
 * Page faults of the host.
 *
 * Upstream: arch/x86/mm/fault.c. Left out: vmalloc and vsyscall faults, protection keys, errata,
 * kprobes, kmmio, KFENCE, the vDSO's fixups, 32 bits.
 *
 * A fault ends in one of three ways: resolved (the access is retried), a signal for the task (the
 * access is retried when a handler returns), or, in a user copy, its fixup.
 */
import { CONFIG_MEMORY_FAILURE } from "#generated/autoconf.ts";
import { BUG, WARN_ON_ONCE } from "#linux/bug.ts";
import { find_vma, expand_stack, handle_mm_fault, vma_is_accessible } from "#linux/mm.ts";
import { FAULT_FLAG_DEFAULT, FAULT_FLAG_INSTRUCTION, FAULT_FLAG_TRIED, FAULT_FLAG_USER,
	FAULT_FLAG_WRITE, VM_FAULT_COMPLETED, VM_FAULT_ERROR, VM_FAULT_HINDEX_MASK,
	VM_FAULT_HWPOISON, VM_FAULT_HWPOISON_LARGE, VM_FAULT_OOM, VM_FAULT_RETRY,
	VM_FAULT_SIGBUS, VM_FAULT_SIGSEGV, VM_GROWSDOWN, VM_WRITE } from "#linux/mm.const.ts";
import type { struct_vm_area_struct, vm_fault_t } from "#linux/mm_types.ts";
import { hstate_index_to_shift } from "#linux/hugetlb.ts";
import { local_irq_disable, local_irq_enable } from "#linux/irqflags.ts";
import { mmap_read_lock, mmap_read_trylock, mmap_read_unlock } from "#linux/mmap_lock.ts";
import { pagefault_out_of_memory } from "#linux/oom.ts";
import { KERN_DEFAULT, KERN_EMERG, KERN_INFO, pr_alert, pr_err, printk, printk_ratelimit } from
	"#linux/printk.ts";
import { current, might_sleep, task_pid_nr, type struct_task_struct } from "#linux/sched.ts";
import { fatal_signal_pending, fault_signal_pending, force_sig_fault, force_sig_mceerr,
	unhandled_signal } from "#linux/sched/signal.ts";
import { faulthandler_disabled } from "#linux/uaccess.ts";
import { BUS_ADRERR, BUS_MCEERR_AR, SEGV_ACCERR, SEGV_MAPERR } from
	"#uapi/asm-generic/siginfo.ts";
import { SIGBUS, SIGSEGV } from "#uapi/asm-generic/signal.ts";
import { fixup_exception, search_exception_tables } from "#asm/extable.ts";
import { arch_vma_access_permitted } from "#asm/mmu_context.ts";
import { PAGE_SHIFT, TASK_SIZE_MAX } from "#asm/page_types.ts";
import { type struct_pt_regs, user_mode, X86_EFLAGS_IF } from "#asm/ptrace.ts";
import { X86_PF_INSTR, X86_PF_PK, X86_PF_PROT, X86_PF_RSVD, X86_PF_SGX, X86_PF_USER, X86_PF_WRITE,
	X86_TRAP_PF } from "#asm/trapnr.ts";

/** An oops over a bad kernel access, thrown to the entry code, which prints it. */
class page_fault_error extends Error {}

function show_fault_oops(regs: struct_pt_regs, error_code: number, address: number): void {
	pr_alert("BUG: unable to handle page fault for address: %px\n", address);
	pr_alert("#PF: %s %s in %s mode\n",
		(error_code & X86_PF_USER) !== 0 ? "user" : "supervisor",
		(error_code & X86_PF_INSTR) !== 0 ? "instruction fetch" :
		(error_code & X86_PF_WRITE) !== 0 ? "write access" : "read access",
		user_mode(regs) ? "user" : "kernel");
	pr_alert("#PF: error_code(0x%04lx) - %s\n", error_code,
		(error_code & X86_PF_PROT) === 0 ? "not-present page" :
		(error_code & X86_PF_RSVD) !== 0 ? "reserved bit violation" : "permissions violation");
}

function pgtable_bad(_regs: struct_pt_regs, error_code: number, address: number): never {
	printk(KERN_DEFAULT + "%s: Corrupted page table at address %lx\n", current.comm, address);
	throw new page_fault_error(`Bad pagetable: error code ${error_code}`);
}

/* which half of the address space it is shall not show */
function sanitize_error_code(address: number, error_code: number): number {
	return address >= TASK_SIZE_MAX ? error_code | X86_PF_PROT : error_code;
}

function set_signal_archinfo(address: number, error_code: number): void {
	const tsk = current;

	tsk.thread.trap_nr = X86_TRAP_PF;
	tsk.thread.error_code = error_code | X86_PF_USER;
	tsk.thread.cr2 = address;
}

function page_fault_oops(regs: struct_pt_regs, error_code: number, address: number): never {
	show_fault_oops(regs, error_code, address);
	throw new page_fault_error(`page fault at 0x${address.toString(16)}`);
}

function kernelmode_fixup_or_oops(regs: struct_pt_regs, error_code: number, address: number,
	_signal: number, _si_code: number): void {
	WARN_ON_ONCE(user_mode(regs));

	/* a fault the exception table has an entry for */
	if (fixup_exception(regs, X86_TRAP_PF, error_code, address))
		return;

	page_fault_oops(regs, error_code, address);
}

/* subject to the sysctl show_unhandled_signals */
function show_signal_msg(_regs: struct_pt_regs, error_code: number, address: number,
	tsk: struct_task_struct): void {
	const loglvl = task_pid_nr(tsk) > 1 ? KERN_INFO : KERN_EMERG;

	if (!unhandled_signal(tsk, SIGSEGV))
		return;
	if (!printk_ratelimit())
		return;

	printk(loglvl + "%s[%d]: segfault at %lx ip %px sp %px error %lx\n", tsk.comm,
		task_pid_nr(tsk), address, 0, 0, error_code);
}

export let show_unhandled_signals = 1;

export function set_show_unhandled_signals(on: number): void {
	show_unhandled_signals = on;
}

function __bad_area_nosemaphore(regs: struct_pt_regs, error_code: number, address: number,
	si_code: number): void {
	const tsk = current;

	if (!user_mode(regs)) {
		kernelmode_fixup_or_oops(regs, error_code, address, SIGSEGV, si_code);
		return;
	}

	if ((error_code & X86_PF_USER) === 0)
		page_fault_oops(regs, error_code, address);

	/* from user mode: the task gets a signal, nothing else */
	local_irq_enable();

	error_code = sanitize_error_code(address, error_code);

	if (show_unhandled_signals)
		show_signal_msg(regs, error_code, address, tsk);

	set_signal_archinfo(address, error_code);

	force_sig_fault(SIGSEGV, si_code, address);

	local_irq_disable();
}

function bad_area_nosemaphore(regs: struct_pt_regs, error_code: number, address: number): void {
	__bad_area_nosemaphore(regs, error_code, address, SEGV_MAPERR);
}

function __bad_area(regs: struct_pt_regs, error_code: number, address: number,
	si_code: number): void {
	const mm = current.mm!;

	mmap_read_unlock(mm);

	__bad_area_nosemaphore(regs, error_code, address, si_code);
}

function bad_area(regs: struct_pt_regs, error_code: number, address: number): void {
	__bad_area(regs, error_code, address, SEGV_MAPERR);
}

function bad_area_access_error(regs: struct_pt_regs, error_code: number, address: number,
	_vma: struct_vm_area_struct): void {
	__bad_area(regs, error_code, address, SEGV_ACCERR);
}

function do_sigbus(regs: struct_pt_regs, error_code: number, address: number,
	fault: vm_fault_t): void {
	/* in kernel mode the exception table decides */
	if (!user_mode(regs)) {
		kernelmode_fixup_or_oops(regs, error_code, address, SIGBUS, BUS_ADRERR);
		return;
	}

	error_code = sanitize_error_code(address, error_code);

	set_signal_archinfo(address, error_code);

	if (CONFIG_MEMORY_FAILURE &&
	    (fault & (VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE)) !== 0) {
		const tsk = current;
		let lsb = 0;

		pr_err("MCE: Killing %s:%d due to hardware memory corruption fault at %lx\n",
			tsk.comm, tsk.pid, address);
		if ((fault & VM_FAULT_HWPOISON_LARGE) !== 0)
			lsb = hstate_index_to_shift((fault & VM_FAULT_HINDEX_MASK) >> 16);
		if ((fault & VM_FAULT_HWPOISON) !== 0)
			lsb = PAGE_SHIFT;
		force_sig_mceerr(BUS_MCEERR_AR, address, lsb);
		return;
	}
	force_sig_fault(SIGBUS, BUS_ADRERR, address);
}

function access_error(error_code: number, vma: struct_vm_area_struct): boolean {
	/* the fault is always in the mm of the running task */
	const foreign = false;

	if ((error_code & X86_PF_PK) !== 0)
		return true;

	if ((error_code & X86_PF_SGX) !== 0)
		return true;

	if (!arch_vma_access_permitted(vma, (error_code & X86_PF_WRITE) !== 0,
				       (error_code & X86_PF_INSTR) !== 0, foreign))
		return true;

	if ((error_code & X86_PF_WRITE) !== 0) {
		/* whether the page is present makes no difference to a write */
		return (vma.vm_flags & VM_WRITE) === 0;
	}

	/* read, present */
	if ((error_code & X86_PF_PROT) !== 0)
		return true;

	/* read, not present */
	return !vma_is_accessible(vma);
}

export function fault_in_kernel_space(address: number): boolean {
	return address >= TASK_SIZE_MAX;
}

/* no kernel mapping exists, so none of these faults is spurious */
function do_kern_addr_fault(regs: struct_pt_regs, hw_error_code: number,
	address: number): void {
	WARN_ON_ONCE((hw_error_code & X86_PF_PK) !== 0);

	bad_area_nosemaphore(regs, hw_error_code, address);
}

/** arch/x86/mm/fault.c:do_user_addr_fault(). X86_PF_USER means user mode; user copies lack it. */
function do_user_addr_fault(regs: struct_pt_regs, error_code: number, address: number): void {
	const tsk = current;
	const mm = tsk.mm;
	let flags = FAULT_FLAG_DEFAULT;

	/* kernel code does not run from user memory */
	if ((error_code & (X86_PF_USER | X86_PF_INSTR)) === X86_PF_INSTR)
		page_fault_oops(regs, error_code, address);

	/* reserved bits are never expected in the user half */
	if ((error_code & X86_PF_RSVD) !== 0)
		pgtable_bad(regs, error_code, address);

	/* SMAP: only user copies may touch user memory */
	if ((error_code & X86_PF_USER) === 0 && !search_exception_tables(regs.ip))
		page_fault_oops(regs, error_code, address);

	/* in atomic context, without user memory, or with page faults off: no handling */
	if (faulthandler_disabled() || mm === null) {
		bad_area_nosemaphore(regs, error_code, address);
		return;
	}

	if (user_mode(regs)) {
		local_irq_enable();
		flags |= FAULT_FLAG_USER;
	} else {
		if ((regs.flags & X86_EFLAGS_IF) !== 0)
			local_irq_enable();
	}

	if ((error_code & X86_PF_WRITE) !== 0)
		flags |= FAULT_FLAG_WRITE;
	if ((error_code & X86_PF_INSTR) !== 0)
		flags |= FAULT_FLAG_INSTRUCTION;

	if (!mmap_read_trylock(mm)) {
		if (!user_mode(regs) && !search_exception_tables(regs.ip)) {
			bad_area_nosemaphore(regs, error_code, address);
			return;
		}
		mmap_read_lock(mm);
	} else {
		/* trylock has no might_sleep() of its own */
		might_sleep();
	}

retry:	for (;;) {
		const vma = find_vma(mm, address);
		if (vma === null) {
			bad_area(regs, error_code, address);
			return;
		}
		if (vma.vm_start > address) {
			if ((vma.vm_flags & VM_GROWSDOWN) === 0) {
				bad_area(regs, error_code, address);
				return;
			}
			if (expand_stack(vma, address)) {
				bad_area(regs, error_code, address);
				return;
			}
		}

		/* good_area: */
		if (access_error(error_code, vma)) {
			bad_area_access_error(regs, error_code, address, vma);
			return;
		}

		const fault = handle_mm_fault(vma, address, flags, regs);

		if (fault_signal_pending(fault, user_mode(regs))) {
			/* handle_mm_fault() has unlocked the mm */
			if (!user_mode(regs))
				kernelmode_fixup_or_oops(regs, error_code, address, SIGBUS,
					BUS_ADRERR);
			return;
		}

		/* done, mmap_lock released */
		if ((fault & VM_FAULT_COMPLETED) !== 0)
			return;

		if ((fault & VM_FAULT_RETRY) !== 0) {
			flags |= FAULT_FLAG_TRIED;
			mmap_read_lock(mm);
			continue retry;
		}

		mmap_read_unlock(mm);
		if ((fault & VM_FAULT_ERROR) === 0)
			return;

		mm_fault_error(regs, error_code, address, fault);
		return;
	}
}

/* the tail of do_user_addr_fault() */
function mm_fault_error(regs: struct_pt_regs, error_code: number, address: number,
	fault: vm_fault_t): void {
	if (fatal_signal_pending(current) && !user_mode(regs)) {
		kernelmode_fixup_or_oops(regs, error_code, address, 0, 0);
		return;
	}

	if ((fault & VM_FAULT_OOM) !== 0) {
		/* in kernel mode the exception table decides */
		if (!user_mode(regs)) {
			kernelmode_fixup_or_oops(regs, error_code, address, SIGSEGV, SEGV_MAPERR);
			return;
		}

		/* the fault is retried, unless the OOM killer chose this task */
		pagefault_out_of_memory();
	} else {
		if ((fault & (VM_FAULT_SIGBUS | VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE)) !== 0)
			do_sigbus(regs, error_code, address, fault);
		else if ((fault & VM_FAULT_SIGSEGV) !== 0)
			bad_area_nosemaphore(regs, error_code, address);
		else
			BUG();
	}
}

/** DEFINE_IDTENTRY_RAW_ERRORCODE(exc_page_fault); interrupts are off on entry and on return. */
export function exc_page_fault(regs: struct_pt_regs, error_code: number, address: number): void {
	/* was the fault on the kernel's part of the address space? */
	if (fault_in_kernel_space(address)) {
		do_kern_addr_fault(regs, error_code, address);
	} else {
		do_user_addr_fault(regs, error_code, address);
		local_irq_disable();
	}
}
