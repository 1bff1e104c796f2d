// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * Upstream: include/uapi/asm-generic/mman.h, arch/x86/include/uapi/asm/mman.h.
 */
export * from "./mman-common.ts";

export const MAP_GROWSDOWN	= 0x0100;
export const MAP_DENYWRITE	= 0x0800;
export const MAP_EXECUTABLE	= 0x1000;
export const MAP_LOCKED		= 0x2000;
export const MAP_NORESERVE	= 0x4000;
export const MAP_32BIT		= 0x40;

export const MCL_CURRENT	= 1;
export const MCL_FUTURE		= 2;
export const MCL_ONFAULT	= 4;
