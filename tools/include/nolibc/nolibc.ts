// SPDX-License-Identifier: GPL-2.0
/*
 * Everything a program needs, by its libc names.
 *
 * Port-only in form; the idea is tools/include/nolibc.
 */
export * from "./arch.ts";
export * from "./errno.ts";
export * from "./getopt.ts";
export * from "./mman.ts";
export * from "./process.ts";
export * from "./pthread.ts";
export * from "./signal.ts";
export * from "./stack.ts";
export * from "./stdio.ts";
export * from "./string.ts";
export * from "./struct.ts";
export * from "./sys.ts";
