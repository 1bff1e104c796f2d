// SPDX-License-Identifier: GPL-2.0
/*
 * Exceptions.
 *
 * Upstream: arch/x86/kernel/{traps,idt}.c, the exc_*() entries of asm/idtentry.h. Only what an
 * access to memory can raise.
 */
import { CONFIG_X86_MCE } from "#generated/autoconf.ts";
import { HOT_IRQS, pcpu_hot } from "#asm/current.ts";
import { local_irq_disable, local_save_flags } from "#linux/irqflags.ts";
import { current } from "#linux/sched.ts";
import { force_sig } from "#linux/sched/signal.ts";
import { SIGSEGV } from "#uapi/asm-generic/signal.ts";
import { type struct_cpu, X86_PF_USER, X86_TRAP_GP, X86_TRAP_MC, X86_TRAP_PF, load_idt } from
	"#hw/cpu.ts";
import { mce_at_seamcall } from "#hw/mce.ts";
import { set_uaccess_si, uaccess_end, uaccess_ip, uaccess_si } from "#asm/extable.ts";
import { exc_machine_check } from "#asm/mce.ts";
import { IP_FIXUP, IP_NONE, IP_SEAMCALL, X86_EFLAGS_IF, __KERNEL_CS, __USER_CS,
	struct_pt_regs } from "#asm/ptrace.ts";
import { exception_enter_user, exception_exit_user } from "#asm/entry-common.ts";
import { oops, syscall_init } from "#asm/syscall.ts";
import { exc_page_fault } from "#asm/traps.ts";

/* registers of nested kernel-mode exceptions */
const kernel_regs: struct_pt_regs[] = [];
let kernel_depth = 0;

function kernel_page_fault(error_code: number, address: number): boolean {
	const irqs = local_save_flags();
	const depth = kernel_depth++;
	const regs = kernel_regs[depth] ?? (kernel_regs[depth] = new struct_pt_regs());

	regs.cs = __KERNEL_CS;
	regs.ip = uaccess_ip;
	regs.flags = irqs === 0 ? X86_EFLAGS_IF : 0;
	/* the handler's own accesses are not the interrupted copy's */
	uaccess_end(IP_NONE);
	const ip = regs.ip;
	local_irq_disable();
	try {
		exc_page_fault(regs, error_code, address);
	} finally {
		pcpu_hot[HOT_IRQS] = irqs;
		uaccess_end(ip);
		kernel_depth--;
	}
	return regs.ip !== IP_FIXUP;
}

function user_page_fault(error_code: number, address: number): boolean {
	const regs = exception_enter_user();

	try {
		regs.cs = __USER_CS;
		regs.flags = X86_EFLAGS_IF;
		local_irq_disable();
		exc_page_fault(regs, error_code, address);
		pcpu_hot[HOT_IRQS] = 0;
	} catch (e) {
		oops(e);
	}
	exception_exit_user();
	return true;
}

/** asm_exc_page_fault */
function asm_exc_page_fault(_cpu: struct_cpu, error_code: number, address: number): boolean {
	if ((error_code & X86_PF_USER) !== 0)
		return user_page_fault(error_code, address);
	return kernel_page_fault(error_code, address);
}

/** DEFINE_IDTENTRY_ERRORCODE(exc_general_protection): an address that is not canonical. */
function asm_exc_general_protection(_cpu: struct_cpu, error_code: number): boolean {
	const t = current;

	exception_enter_user();
	try {
		t.thread.error_code = error_code;
		t.thread.trap_nr = X86_TRAP_GP;
		force_sig(SIGSEGV);
	} catch (e) {
		oops(e);
	}
	exception_exit_user();
	return true;
}

/** asm_exc_machine_check */
function asm_exc_machine_check(cpu: struct_cpu): boolean {
	if (cpu.interrupted_cpl === 3) {
		const regs = exception_enter_user();
		try {
			regs.cs = __USER_CS;
			regs.flags = X86_EFLAGS_IF;
			local_irq_disable();
			exc_machine_check(regs);
			pcpu_hot[HOT_IRQS] = 0;
		} catch (e) {
			oops(e);
		}
		exception_exit_user();
		return true;
	}

	const irqs = local_save_flags();
	const regs = new struct_pt_regs();
	const ip = uaccess_ip;

	regs.cs = __KERNEL_CS;
	regs.ip = mce_at_seamcall ? IP_SEAMCALL : ip;
	regs.si = uaccess_si;
	regs.flags = irqs === 0 ? X86_EFLAGS_IF : 0;
	uaccess_end(IP_NONE);
	local_irq_disable();
	exc_machine_check(regs);
	pcpu_hot[HOT_IRQS] = irqs;
	uaccess_end(ip);
	return regs.ip !== IP_FIXUP;
}

/** arch/x86/kernel/traps.c:trap_init(), with cpu_init()'s entry points. */
export function trap_init(): void {
	kernel_depth = 0;
	uaccess_end(IP_NONE);
	set_uaccess_si(-1);
	load_idt(X86_TRAP_GP, asm_exc_general_protection);
	load_idt(X86_TRAP_PF, asm_exc_page_fault);
	if (CONFIG_X86_MCE)
		load_idt(X86_TRAP_MC, asm_exc_machine_check);
	syscall_init();
}
