// SPDX-License-Identifier: GPL-2.0
/*
 * Static keys: booleans that rarely change.
 *
 * Upstream: include/linux/jump_label.h.
 */

export class struct_static_key {
	enabled: number;
	constructor(enabled: boolean) {
		this.enabled = enabled ? 1 : 0;
	}
}

export function DEFINE_STATIC_KEY_FALSE(): struct_static_key {
	return new struct_static_key(false);
}

export function DEFINE_STATIC_KEY_TRUE(): struct_static_key {
	return new struct_static_key(true);
}

export function static_branch_unlikely(key: struct_static_key): boolean {
	return key.enabled > 0;
}

export const static_branch_likely = static_branch_unlikely;
export const static_key_enabled = static_branch_unlikely;
export const static_key_false = static_branch_unlikely;

export function static_branch_enable(key: struct_static_key): void {
	key.enabled = 1;
}

export function static_branch_disable(key: struct_static_key): void {
	key.enabled = 0;
}

export function static_branch_inc(key: struct_static_key): void {
	key.enabled++;
}

export function static_branch_dec(key: struct_static_key): void {
	key.enabled--;
}
