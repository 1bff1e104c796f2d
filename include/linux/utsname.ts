// SPDX-License-Identifier: GPL-2.0
/*
 * What uname() and the kernel's reports say about this kernel.
 *
 * Upstream: include/linux/utsname.h.
 */

export interface new_utsname {
	readonly sysname: string;
	nodename: string;
	readonly release: string;
	readonly version: string;
	readonly machine: string;
	domainname: string;
}

const init_uts_ns: new_utsname = {
	sysname: "Linux",
	nodename: "(none)",
	release: "6.0.1-privmem",
	version: "#1 SMP PREEMPT_DYNAMIC",
	machine: "x86_64",
	domainname: "(none)",
};

export function init_utsname(): new_utsname {
	return init_uts_ns;
}

export function utsname(): new_utsname {
	return init_uts_ns;
}
