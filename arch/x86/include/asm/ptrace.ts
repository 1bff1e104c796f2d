// SPDX-License-Identifier: GPL-2.0
/*
 * What an entry into the kernel saves of the interrupted context.
 *
 * Upstream: arch/x86/include/asm/ptrace.h, segment.h. Programs are not machine code, so that only
 * a few registers mean something; ip is a symbol.
 */
export const __KERNEL_CS	= 0x10;
export const __USER_CS		= 0x33;

export const X86_EFLAGS_IF	= 0x00000200;
export const X86_EFLAGS_AC	= 0x00040000;

/* values of ip */
export const IP_NONE		= 0;
/** in a user copy: an exception table entry exists */
export const IP_UACCESS		= 1;
/** the fixup of that entry: the copy gives up */
export const IP_FIXUP		= 2;
/** behind SEAMCALL */
export const IP_SEAMCALL	= 4;
/** back at the system call instruction: it is issued again */
export const IP_RESTART		= 3;

export class struct_pt_regs {
	cs = 0;
	ip = IP_NONE;
	flags = 0;
	/** where an interrupted copy reads; -1: in the kernel */
	si = -1;
	/** number of the system call, -1 in other entries */
	orig_ax = -1;
	/** result of the system call */
	ax: number | bigint = 0;
}

export function user_mode(regs: struct_pt_regs): boolean {
	return (regs.cs & 3) !== 0;
}
