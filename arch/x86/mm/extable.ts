// SPDX-License-Identifier: GPL-2.0
/*
 * Which kernel accesses may fault.
 *
 * Upstream: arch/x86/mm/extable.c. Instead of a table of instructions, code that touches user
 * memory says so for as long as it does: uaccess_begin() to uaccess_end(). A fault taken
 * meanwhile starts with a clean slate, so that other code does not inherit the permission.
 */
import { IP_FIXUP, IP_NONE, IP_UACCESS, type struct_pt_regs } from "#asm/ptrace.ts";

export const EX_TYPE_NONE		= 0;
export const EX_TYPE_DEFAULT		= 1;
export const EX_TYPE_FAULT		= 2;
export const EX_TYPE_UACCESS		= 3;
export const EX_TYPE_COPY		= 4;
export const EX_TYPE_DEFAULT_MCE_SAFE	= 14;
export const EX_TYPE_FAULT_MCE_SAFE	= 15;

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

/** Reading user memory at this address met poison; -1: something else did. */
export let uaccess_si = -1;

export function set_uaccess_si(addr: number): void {
	uaccess_si = addr;
}

/** What an entry for @ip is for, or 0. All there are belong to user copies. */
export function ex_get_fixup_type(ip: number): number {
	return ip === IP_UACCESS ? EX_TYPE_UACCESS : EX_TYPE_NONE;
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
