// SPDX-License-Identifier: GPL-2.0
/*
 * Which kernel accesses may fault.
 *
 * Upstream: arch/x86/mm/extable.c. Instead of a table of instructions, code that touches user
 * memory says so for as long as it does: uaccess_begin() to uaccess_end(). A fault taken
 * meanwhile starts with a clean slate, so that other code does not inherit the permission.
 */
import { IP_FIXUP, IP_NONE, IP_UACCESS, type struct_pt_regs } from "#asm/ptrace.ts";

/** IP_UACCESS inside a user copy, else IP_NONE. */
export let uaccess_ip = IP_NONE;

/** Returns what uaccess_end() wants back. */
export function uaccess_begin(): number {
	const prev = uaccess_ip;
	uaccess_ip = IP_UACCESS;
	return prev;
}

export function uaccess_end(prev: number): void {
	uaccess_ip = prev;
}

export function search_exception_tables(ip: number): boolean {
	return ip === IP_UACCESS;
}

export function fixup_exception(regs: struct_pt_regs, _trapnr: number, _error_code: number,
	_fault_addr: number): boolean {
	if (!search_exception_tables(regs.ip))
		return false;
	regs.ip = IP_FIXUP;
	return true;
}
