// SPDX-License-Identifier: GPL-2.0
/*
 * Exception table of user copies.
 *
 * Upstream: arch/x86/include/asm/extable.h.
 */
export {
	EX_TYPE_COPY, EX_TYPE_DEFAULT, EX_TYPE_DEFAULT_MCE_SAFE, EX_TYPE_FAULT,
	EX_TYPE_FAULT_MCE_SAFE, EX_TYPE_NONE, EX_TYPE_UACCESS, ex_get_fixup_type, fixup_exception,
	search_exception_tables, set_uaccess_si, uaccess_begin, uaccess_end, uaccess_ip, uaccess_si,
} from "#arch/x86/mm/extable.ts";
