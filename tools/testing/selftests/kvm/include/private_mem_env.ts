// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM with a private and a plain slot, and the ioctls on it: see lib/private_mem_env.ts.
 *
 * Port-only.
 */
export {
	attr, env, FREE_GPA, FREE_SLOT, inaccessible, map, modify, PAGE, PAGES, PLAIN_GPA,
	PLAIN_SLOT, PRIV_GPA, PRIV_SLOT, type region, set, SHARED_GPA, SHARED_SIZE, SIZE,
} from "../lib/private_mem_env.ts";
