// SPDX-License-Identifier: GPL-2.0
/*
 * The secure processor that keeps the keys of encrypted guests.
 *
 * Upstream: include/linux/psp-sev.h, drivers/crypto/ccp/sev-dev.c. There is no firmware and no
 * /dev/sev here: of a guest the handle, the policy, the state and the ASID are kept, and commands
 * need no file. Left out: keys, measurement, migration.
 */
import { EINVAL, ENODEV } from "#linux/errno.ts";
import type { ref } from "#asm-generic/types.ts";

/* what KVM_SEV_GUEST_STATUS reports */
export const SEV_STATE_INVALID		= 0;
export const SEV_STATE_LAUNCHING	= 1;
export const SEV_STATE_SECRET		= 2;
export const SEV_STATE_RUNNING		= 3;
export const SEV_STATE_RECEIVING	= 4;
export const SEV_STATE_SENDING		= 5;

/* sev_ret_code */
export const SEV_RET_SUCCESS			= 0;
export const SEV_RET_INVALID_GUEST_STATE	= 2;
export const SEV_RET_INVALID_ASID		= 12;
export const SEV_RET_INVALID_GUEST		= 16;

export const SEV_CMD_LAUNCH_START	= 0x030;
export const SEV_CMD_GUEST_STATUS	= 0x023;

export class struct_sev_data_launch_start {
	handle = 0;
	policy = 0;
}

export class struct_sev_data_activate {
	handle = 0;
	asid = 0;
}

export class struct_sev_data_deactivate {
	handle = 0;
}

export class struct_sev_data_decommission {
	handle = 0;
}

export class struct_sev_data_guest_status {
	handle = 0;
	policy = 0;
	asid = 0;
	state = 0;
}

interface sev_context {
	policy: number;
	state: number;
	/** 0: not active */
	asid: number;
}

let contexts: Map<number, sev_context> | null = null;
let last_handle = 0;

/** drivers/crypto/ccp/sev-dev.c:sev_platform_init() */
export function sev_platform_init(_error: ref<number>): number {
	contexts ??= new Map();
	return 0;
}

function context_of(handle: number, error: ref<number> | null): sev_context | null {
	const context = contexts?.get(handle) ?? null;

	if (error !== null)
		error.v = context === null ? SEV_RET_INVALID_GUEST : SEV_RET_SUCCESS;
	return context;
}

/**
 * drivers/crypto/ccp/sev-dev.c:sev_issue_cmd_external_user()
 *
 * 0, -ENODEV before sev_platform_init(), or -EINVAL for what the firmware refuses, which says why
 * in @error.
 */
export function sev_issue_cmd_external_user(id: number,
	data: struct_sev_data_launch_start | struct_sev_data_guest_status, error: ref<number>):
	number {
	if (contexts === null)
		return -ENODEV;
	switch (id) {
	case SEV_CMD_LAUNCH_START:
		/* a handle given would name a context whose key to share */
		if (data.handle !== 0 && context_of(data.handle, error) === null)
			return -EINVAL;
		data.handle = ++last_handle;
		contexts.set(data.handle, { policy: data.policy, state: SEV_STATE_LAUNCHING,
			asid: 0 });
		error.v = SEV_RET_SUCCESS;
		return 0;
	case SEV_CMD_GUEST_STATUS: {
		const status = data as struct_sev_data_guest_status;
		const context = context_of(status.handle, error);

		if (context === null)
			return -EINVAL;
		status.policy = context.policy;
		status.asid = context.asid;
		status.state = context.state;
		return 0;
	}
	default:
		return -EINVAL;
	}
}

/** drivers/crypto/ccp/sev-dev.c:sev_guest_activate() */
export function sev_guest_activate(data: struct_sev_data_activate, error: ref<number>): number {
	const context = context_of(data.handle, error);

	if (contexts === null)
		return -ENODEV;
	if (context === null)
		return -EINVAL;
	for (const other of contexts.values())
		if (other.asid === data.asid) {
			error.v = SEV_RET_INVALID_ASID;
			return -EINVAL;
		}
	context.asid = data.asid;
	return 0;
}

/** drivers/crypto/ccp/sev-dev.c:sev_guest_deactivate() */
export function sev_guest_deactivate(data: struct_sev_data_deactivate, error: ref<number> | null):
	number {
	const context = context_of(data.handle, error);

	if (context === null)
		return -EINVAL;
	context.asid = 0;
	return 0;
}

/** drivers/crypto/ccp/sev-dev.c:sev_guest_decommission() */
export function sev_guest_decommission(data: struct_sev_data_decommission,
	error: ref<number> | null): number {
	if (context_of(data.handle, error) === null)
		return -EINVAL;
	contexts!.delete(data.handle);
	return 0;
}

/** drivers/crypto/ccp/sev-dev.c:sev_guest_df_flush() */
export function sev_guest_df_flush(error: ref<number>): number {
	error.v = SEV_RET_SUCCESS;
	return contexts === null ? -ENODEV : 0;
}
