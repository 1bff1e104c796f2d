// SPDX-License-Identifier: GPL-2.0
/*
 * What boot calls of the architecture.
 *
 * Upstream: arch/x86/include/asm/setup.h, and the prototypes that init/main.c sees.
 *
 * Order: the machine is powered on (hw), then setup_arch(), the page allocator and mem_init(),
 * sched_init(), trap_init() (the system call table is its part), initcalls.
 */
export { setup_arch } from "#arch/x86/kernel/setup.ts";
export { mem_init, paging_init } from "#arch/x86/mm/init_64.ts";
export { load_init_mm, tlb_init } from "#arch/x86/mm/tlb.ts";
export { trap_init } from "#asm/traps.ts";
export { syscall_init } from "#asm/syscall.ts";
