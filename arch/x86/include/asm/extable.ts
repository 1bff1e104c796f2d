// SPDX-License-Identifier: GPL-2.0
/*
 * Exception table of user copies.
 *
 * Upstream: arch/x86/include/asm/extable.h.
 */
export { fixup_exception, search_exception_tables, uaccess_begin, uaccess_end, uaccess_ip } from
	"#arch/x86/mm/extable.ts";
