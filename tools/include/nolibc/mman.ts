// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings, under their libc names.
 *
 * Port-only in form. mmap() and mremap() return MAP_FAILED (-1) with errno.
 */
import * as nr from "#uapi-asm/unistd_64.ts";
import { ret, syscall } from "./arch.ts";
import type { num } from "./sys.ts";

export function mmap(addr: num, len: num, prot: number, flags: number, fd: number,
	off: num): number {
	return ret(syscall(nr.__NR_mmap, addr, len, prot, flags, fd, off));
}

export function munmap(addr: num, len: num): number {
	return ret(syscall(nr.__NR_munmap, addr, len));
}

export function mprotect(addr: num, len: num, prot: number): number {
	return ret(syscall(nr.__NR_mprotect, addr, len, prot));
}

export function madvise(addr: num, len: num, advice: number): number {
	return ret(syscall(nr.__NR_madvise, addr, len, advice));
}

export function msync(addr: num, len: num, flags: number): number {
	return ret(syscall(nr.__NR_msync, addr, len, flags));
}

export function mlock(addr: num, len: num): number {
	return ret(syscall(nr.__NR_mlock, addr, len));
}

export function munlock(addr: num, len: num): number {
	return ret(syscall(nr.__NR_munlock, addr, len));
}

export function mincore(addr: num, len: num, vec: num): number {
	return ret(syscall(nr.__NR_mincore, addr, len, vec));
}

export function mremap(old: num, old_len: num, new_len: num, flags: number,
	new_addr: num = 0): number {
	return ret(syscall(nr.__NR_mremap, old, old_len, new_len, flags, new_addr));
}
